"""The command line, ``jfnn``: what it reads, prints and writes, on the public library."""
