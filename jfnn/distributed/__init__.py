"""A sweep's tiles on other processes, near or far, through any executor of `concurrent.futures`.

`futures` sends segments to `jfnn.workers` and gathers what comes back, `attempts` says what is sent next,
`calls` is what runs in the other processes. The engine knows this room by its `Executor` protocol alone.
"""
