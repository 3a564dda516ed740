"""Write the benchmark's figures into a JSON file as they are measured, and read them to resume."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import first_call
from jfnn.core.store import files

SAME = ("versions", "processor", "cores", "quick")  # equal for all figures in a file

Figures = dict[str, Any]


def empty(environment: Mapping[str, Any]) -> Figures:
    """Return empty figures for an environment."""
    fresh: Figures = {kind: {} for kind in first_call.KINDS}
    return {"environment": dict(environment), "workloads": {}, **fresh}


def write(path: Path, figures: Figures) -> None:
    """Write figures atomically: if the process is killed, the old file remains."""
    text = json.dumps(plain(figures), indent=2, allow_nan=False) + "\n"
    with files.atomic_file(path) as file:
        file.write(text.encode())


def read(path: Path, environment: Mapping[str, Any]) -> Figures:
    """Return the figures of a file; ValueError if it has none or its environment differs."""
    try:
        figures: Figures = json.loads(path.read_text())
        found = figures["environment"]
        before, here = ({name: e[name] for name in SAME} for e in (found, environment))
    except (ValueError, LookupError, TypeError):
        raise ValueError(f"{path} has no figures of this script") from None
    before |= before.pop("versions")
    here |= here.pop("versions")
    different = [name for name in {**before, **here} if before.get(name) != here.get(name)]
    if different:
        texts = [f"{name} {before.get(name)}, here {here.get(name)}" for name in different]
        raise ValueError(f"{path} is of {'; '.join(texts)}")
    return empty(found) | figures


def plain(value: Any) -> Any:
    """Convert a value for JSON: numbers that are not finite become None, named tuples become mappings."""
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
