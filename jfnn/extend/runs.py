"""For those who read and write beside a run: its files, tables and archives, and what errors call them."""

from jfnn.core.experiment.refit import ROWS
from jfnn.core.search.predictions import check_rows
from jfnn.core.search.programs import programs_of
from jfnn.core.search.reading import keeps_network, read
from jfnn.core.search.result import NONE_RANKS, ProgramRun, combined, map_members, with_run
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
    read_checked_json,
    write_archive,
    write_checked_json,
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
    "combined",
    "describing",
    "device_kind_in",
    "directory_lock",
    "file_exists",
    "has_labels",
    "keeps_network",
    "leftover_file",
    "map_members",
    "named_array",
    "one_line",
    "pack_tree",
    "program_names",
    "programs_of",
    "read",
    "read_archive",
    "read_array",
    "read_checked_json",
    "unpack_tree",
    "with_run",
    "write_archive",
    "write_checked_json",
    "write_json",
    "write_table",
]
__dir__ = __all__.copy
