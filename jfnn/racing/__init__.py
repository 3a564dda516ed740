"""Races: which cell of a grid is best, at a stated error, with as few networks as possible."""
