"""What people ask for, checked once: options, axes, replicates."""
