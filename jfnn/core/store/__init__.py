"""Archives and checkpoints with checksums, the identity of a run, its environment."""
