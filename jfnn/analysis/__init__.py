"""What scores say: statistics, ranking, numbers in words."""
