"""The sweep engine: many members, trained side by side by one compiled program.

A member is one network of the sweep. It belongs to a cell (one combination of hyperparameters) and to a
replicate (one seed in one fold); a cohort is all members of a run, every cell in every replicate. A tile is
the members that one call of the program trains; a segment is one such call with all of its arguments.

Data flows one way: `loop` takes a `cohort` from evaluation to evaluation, and lets schedulers act on the
`state` in between; `trainer` cuts the cohort into segments (`layouts` and `plan` assign members to tiles),
which an executor runs with the compiled `program`. The engine depends on learners, arrays and devices only.
"""
