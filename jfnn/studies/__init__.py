"""Training as an object of study: derivatives of its end, growth of small differences, the role of width."""
