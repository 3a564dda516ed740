"""Races: find the best cell of a grid with few networks and a bounded probability of error."""
