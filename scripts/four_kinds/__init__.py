"""The kinds of networks that the notes name, a section a module; `kinds.py` runs them."""
