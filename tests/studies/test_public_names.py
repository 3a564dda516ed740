"""Satellites use the package as users can: by its public names, but for the modules that are listed here."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "jfnn"
# Names that other rooms export, and modules of the root and of the rooms below all, are public; imports of
# other modules are listed.
BASE = ("arguments", "numerics")
OFFENDERS = {
    "boltzmann": set(),
    "studies": {
        *("experiment.axes", "experiment.build", "experiment.experiment", "experiment.options"),
        *("search.keywords", "engine.program"),
        *("steps.epoch", "steps.source", "learners.traced"),
        *("layers.initializers", "layers.kind", "layers.scaled", "layers.sequence"),
    },
}


def imported_modules(path):
    """Modules ``room.module`` of other rooms that a file imports, relative to the package."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("jfnn."):
            yield node.module.removeprefix("jfnn.")


@pytest.mark.parametrize("room", OFFENDERS)
def test_a_satellite_imports_no_further_module_of_another_room(room):
    found = {name for path in (PACKAGE / room).glob("*.py") for name in imported_modules(path)}
    inner = {name for name in found if "." in name and not name.startswith((f"{room}.", *BASE))}
    assert inner == OFFENDERS[room]
