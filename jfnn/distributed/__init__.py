"""A sweep's tiles on other processes, near or far, through any executor of `concurrent.futures`.

`futures` chooses the next segments, sends them to `jfnn.experiment.workers` and gathers the answers; `calls`
runs in the other processes. The engine sees only the `Executor` protocol.
"""
