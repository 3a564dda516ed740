"""A sweep's tiles on other processes, near or far, through any executor of `concurrent.futures`.

`workers` asks a process whether it is as it must be; `futures` sends the next segments of a `queue` through a
`submitter`, `waiting` for the replies. In the other processes `calls` runs them, with the data that `tasks`
holds. The engine sees only the `Executor` protocol.
"""
