"""The command line, ``jfnn``: parsing, printing and writing around the public library."""
