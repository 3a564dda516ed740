"""Train a sweep's tiles in other processes, local or remote, by any executor of `concurrent.futures`.

`workers` checks that a process can compute the same bits; `futures` sends the next segments of a `queue` by a
`submitter`, while `waiting` for replies. In the other processes `calls` runs the segments, with the data
stored by `tasks`. The engine uses only the `Executor` protocol.
"""
