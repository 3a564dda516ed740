"""For those who read and write beside a run: its files, tables and archives, and what errors call them."""

from jfnn.core.experiment.refit import ROWS
from jfnn.core.search.predictions import check_rows
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
from jfnn.core.store.archives import array_names, named_array, one_line, read_array
from jfnn.core.store.environment import device_kind_in
from jfnn.core.store.files import (
    atomic_file,
    directory_lock,
    file_exists,
    leftover_file,
    read_archive,
    regular_file,
    write_archive,
    write_json,
)
from jfnn.core.store.trees import pack_tree, unpack_tree
from jfnn.layers.recurrent import STATES
from jfnn.learners.answers import has_labels

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "MODELS",
    "NONE_RANKS",
    "OUTCOMES",
    "REFIT",
    "RESULTS",
    "ROWS",
    "STATES",
    "TABLE",
    "ProgramRun",
    "array_names",
    "as_output_file",
    "atomic_file",
    "check_rows",
    "describing",
    "device_kind_in",
    "directory_lock",
    "file_exists",
    "has_labels",
    "keeps_network",
    "leftover_file",
    "named_array",
    "one_line",
    "pack_tree",
    "program_names",
    "read",
    "read_archive",
    "read_array",
    "regular_file",
    "unpack_tree",
    "write_archive",
    "write_json",
    "write_table",
]
__dir__ = __all__.copy
