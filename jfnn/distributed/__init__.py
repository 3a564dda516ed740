"""A sweep's tiles on other processes, near or far, through any executor of `concurrent.futures`.

`futures` sends segments to `jfnn.experiment.workers` and gathers the answers, `attempts` chooses the next
jobs, `calls` runs in the other processes. The engine knows this room by its `Executor` protocol alone.
"""
