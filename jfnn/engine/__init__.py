"""The sweep engine: many small networks trained by one compiled program.

Data flow one way. `sweep` is the door; `asked` turns its keywords into `records`, together a `job`;
`checkpoint` carries that out in memory or in a directory; `loop` takes it through its segments, for which
`trainer` sends tiles (`plan`: which member sits where) to the compiled `program` over a `layout`; out comes a
`result`.
"""
