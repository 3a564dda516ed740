"""Training as a function of its numbers: derivatives of its end, and how it amplifies small differences."""
