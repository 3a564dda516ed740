"""The sweep engine: many members trained by one compiled program.

The engine knows learners, arrays and devices. Data flows one way: `loop` takes a cohort from evaluation
to evaluation; `trainer` cuts it into `segment`s (`plan` says which member sits where), which an executor runs
by the compiled `program`; `acting` lets schedulers act on the `state` between calls.
"""
