"""The steps of an epoch in a compiled program: their rows and keys (`source`), and the loop (`epoch`)."""
