"""Famous pictures of small networks, one per module; `pictures.py` runs them."""
