"""Internals of a sweep, from its options to its result; only what `jfnn.extend` lists is public."""
