"""Identity of functions: their names in a registry (`naming`), their traces, or their code.

Functions that JAX compiles are compared by `traces`, functions that run on the host by `code`.
"""
