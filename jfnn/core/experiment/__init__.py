"""Options become an experiment: plain data, checked once."""
