"""The inside of a sweep, from options to the result: not public, but for what `jfnn.extend` lists."""
