"""The error for an unknown name in a module, with a suggestion: a name in any module, or a keyword."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from jfnn import losses, optimizers
from jfnn.activations import ACTIVATIONS
from jfnn.arguments import suggestions
from jfnn.layers import INITIALIZERS

PACKAGE = Path(__file__).parent
PUBLIC = re.compile(r"^__all__ = \[(.*?)\]", re.MULTILINE | re.DOTALL)


def unknown(module: str, name: str, names: Collection[str]) -> AttributeError:
    """Return the error for an unknown name in a module with these names."""
    advice = {other: f"{module}.{other}" for other in names}
    words: Mapping[str, Collection[str]] = {
        "activation": ACTIVATIONS,
        "init": INITIALIZERS,
        "loss": losses.LOSSES,
        "optimizer": optimizers.names(),
    }
    for keyword, known in words.items():
        advice = {word: f"{keyword}={word!r}" for word in known} | advice
    near = suggestions.nearest(name, advice)
    if near is None:
        advice = _elsewhere()
        near = suggestions.nearest(name, advice)
    meant = "" if near is None else f"; did you mean {advice[near]}?"
    return AttributeError(f"module {module!r} has no attribute {name!r}{meant}")


def _elsewhere() -> dict[str, str]:
    """Map public names of other modules to full names, from the source, since importing all takes seconds."""
    found = {}
    for path in sorted([*PACKAGE.glob("*/__init__.py"), *PACKAGE.glob("*.py")]):
        listed = PUBLIC.search(path.read_text())
        room = path.parent.name if path.stem == "__init__" else path.stem
        for name in re.findall(r'"(\w+)"', listed[1]) if listed else []:
            found[name] = f"jfnn.{room}.{name}"
    return found
