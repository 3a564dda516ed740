"""Arithmetic of compiled programs: precision and compiler options, sums, random permutations."""
