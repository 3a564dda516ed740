"""For those who read and write beside a run: its files, tables and archives, and what errors call them."""

from jfnn.core.experiment.refit import ROWS
from jfnn.core.search.reading import keeps_network, read
from jfnn.core.search.result import NONE_RANKS, ProgramRun
from jfnn.core.search.run_directory import (
    CHECKPOINT,
    CONFIG,
    MODELS,
    OUTCOMES,
    REFIT,
    RESULTS,
    TABLE,
    as_output_file,
    describing,
    program_names,
    write_table,
)
from jfnn.core.store import archives, files, trees
from jfnn.core.store.environment import kind_in
from jfnn.core.store.identity import Description
from jfnn.layers.recurrent import STATES
from jfnn.learners import answers
from jfnn.learners.learner import OTHER_METRICS

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "MODELS",
    "NONE_RANKS",
    "OTHER_METRICS",
    "OUTCOMES",
    "REFIT",
    "RESULTS",
    "ROWS",
    "STATES",
    "TABLE",
    "Description",
    "ProgramRun",
    "answers",
    "archives",
    "as_output_file",
    "describing",
    "files",
    "keeps_network",
    "kind_in",
    "program_names",
    "read",
    "trees",
    "write_table",
]
__dir__ = __all__.copy
