"""The sweep engine: many small networks trained by one compiled program.

Data flow one way: `sweep` (the door: keywords become `records`) -> `loop` (the host: segments, calls) ->
`plan` (which member sits where) and `program` (the compiled tile) over a `layout`; out comes a `result`.
"""
