"""Sweeps and training of one member: from options to results and run directories."""
