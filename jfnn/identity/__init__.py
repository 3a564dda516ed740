"""Identity of functions: the name under which a registry has them (`naming`), their trace, or their code.

Functions that JAX compiles are told apart by their `traces`, those that run on the host by their `code`.
"""
