"""Rules that read scores between calls and decide which members continue to train, and how."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from jfnn.arguments.unknown import suggest_names
from jfnn.schedulers.converged import Converged
from jfnn.schedulers.early_stopping import EarlyStopping
from jfnn.schedulers.halving import Halving
from jfnn.schedulers.hyperband import Hyperband
from jfnn.schedulers.scheduler import Actions, Report, Scheduler

#: Name in config.json -> scheduler.
SCHEDULERS: Mapping[str, type[Scheduler]] = MappingProxyType(
    {
        "halving": Halving,
        "hyperband": Hyperband,
        "early_stopping": EarlyStopping,
        "converged": Converged,
    }
)

__all__ = [
    "SCHEDULERS",
    "Actions",
    "Converged",
    "EarlyStopping",
    "Halving",
    "Hyperband",
    "Report",
    "Scheduler",
]
__dir__ = __all__.copy
if not TYPE_CHECKING:  # type checkers would accept every name
    __getattr__ = suggest_names(__name__, __all__)
