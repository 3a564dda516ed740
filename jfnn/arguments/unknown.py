"""Errors for unknown names in modules, which suggest a name of this module or of another one."""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NoReturn

from jfnn.arguments import suggestions

PACKAGE = Path(__file__).parents[1]
PUBLIC = re.compile(r"^__all__ = \[(.*?)\]", re.MULTILINE | re.DOTALL)


def suggest_names(module: str, names: Collection[str]) -> Callable[[str], NoReturn]:
    """Return the ``__getattr__`` of a module with these public names: AttributeError with a suggestion."""
    advice = {name: f"{module}.{name}" for name in names}

    def __getattr__(name: str) -> NoReturn:
        raise unknown_name(module, name, advice)

    return __getattr__


def unknown_name(module: str, name: str, advice: Mapping[str, str]) -> AttributeError:
    """Return the error for an unknown name; ``advice`` has known names -> how to write each."""
    message = f"module {module!r} has no attribute {name!r}"
    if name.startswith("_"):  # programs look up such names, readers do not misspell them
        return AttributeError(message)
    near = suggestions.nearest(name, advice)
    if near is None:
        advice = _elsewhere()
        near = suggestions.nearest(name, advice)
    meant = "" if near is None else f"; did you mean {advice[near]}?"
    return AttributeError(message + meant)


def _elsewhere() -> dict[str, str]:
    """Map public names of other modules to full names, from the source, since importing all takes seconds."""
    found = {}
    for path in sorted([*PACKAGE.glob("*/__init__.py"), *PACKAGE.glob("*.py")]):
        listed = PUBLIC.search(path.read_text())
        room = path.parent.name if path.stem == "__init__" else path.stem
        for name in re.findall(r'"(\w+)"', listed[1]) if listed else []:
            found[name] = f"jfnn.{room}.{name}"
    return found
