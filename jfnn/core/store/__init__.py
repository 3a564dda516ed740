"""Archives and checkpoints with checksums, and the identity and environment of a run."""
