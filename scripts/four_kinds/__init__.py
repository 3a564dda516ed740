"""The notes' kinds of networks, one section per module; `kinds.py` runs them."""
