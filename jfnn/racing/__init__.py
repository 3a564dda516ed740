"""Races: find the best cell of a grid, at a stated error, with as few networks as possible."""
