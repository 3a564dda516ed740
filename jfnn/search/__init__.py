"""The doors: sweep, train, groups; the run directory and the result."""
