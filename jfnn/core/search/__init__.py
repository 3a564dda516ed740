"""Sweep, train, groups of sweeps, ask and tell; the run directory and the result."""
