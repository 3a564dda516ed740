"""What is meant by a name that a module lacks: a word that a keyword takes, or a name in one of the rooms."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from jfnn import losses, optimizers
from jfnn.activations import ACTIVATIONS
from jfnn.arguments import checks
from jfnn.layers import INITIALIZERS

PACKAGE = Path(__file__).parent
# Names that a version before had -> what there is instead, where letters do not lead to it.
GONE = {
    "ask_tell": "jfnn.sweep(cells=[…]) trains what an optimizer asks for, see docs/recipes/search.md",
    "load_groups": "jfnn.load reads these too",
    "sweep_groups": "jfnn.sweep takes several networks and batch sizes",
    "History": "a result of jfnn.train has the history",
    "transfer": "jfnn.sweep over networks by width, with jfnn.maximal_update",
    "keep_programs": "programs are kept, where JFNN_PROGRAMS in the environment says",
}
PUBLIC = re.compile(r"^__all__ = \[(.*?)\]", re.MULTILINE | re.DOTALL)


def unknown(module: str, name: str, names: Collection[str]) -> AttributeError:
    """The error of a module, which has these names, for another one."""
    return AttributeError(f"module {module!r} has no attribute {name!r}{_meant(module, name, names)}")


def _meant(module: str, name: str, names: Collection[str]) -> str:
    if name in GONE and module == "jfnn":
        return f"; {GONE[name]}"
    words: dict[str, Collection[str]] = {
        "activation": ACTIVATIONS,
        "init": INITIALIZERS,
        "loss": losses.LOSSES,
        "optimizer": optimizers.names(),
    }
    for keyword, known in words.items():
        if name in known:
            return f"; say {keyword}={name!r}"
    for place, there in {module: names, **_rooms()}.items():
        near = checks.nearest(name, there)
        if near:
            return f"; did you mean {place}.{near}?"
    return ""


def _rooms() -> Mapping[str, list[str]]:
    """The modules that `import jfnn` gives, and their public names; read, as to import all takes seconds."""
    stub = (PACKAGE / "__init__.pyi").read_text()
    rooms = re.findall(r"^    (\w+),$", stub.partition(")")[0], re.MULTILINE)
    return {f"jfnn.{room}": _public(room) for room in rooms}


def _public(room: str) -> list[str]:
    path = PACKAGE / room / "__init__.py"
    text = (path if path.exists() else PACKAGE / f"{room}.py").read_text()
    listed = PUBLIC.search(text)
    return re.findall(r'"(\w+)"', listed[1]) if listed else []
