"""Famous pictures of small networks, one a module; `pictures.py` runs them."""
