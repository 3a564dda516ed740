"""Experiments: a sweep's options as plain data, checked once."""
