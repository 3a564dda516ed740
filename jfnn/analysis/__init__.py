"""Analysis of results: statistics, ranking, numbers as text."""
