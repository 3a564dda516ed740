"""What a function refers to by name, and whether code is the user's or that of an installed package."""

import dis
import functools
import importlib.util
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path

PYTHON = Path(sysconfig.get_path("stdlib"))
# Folders of installed packages: of this environment, of one that it extends, or of the user.
PACKAGES = {"site-packages", "dist-packages"}
IMPORT = dis.opmap["IMPORT_NAME"]


def names_read(function: types.FunctionType) -> list[dict[str, object]]:
    """Values that a user's function reads by name: captured, global, or attributes of the user's modules.

    Such a module is captured, global, an attribute of another one, or imported by the function where it
    runs; it counts by what is read of it, not as a value. Names are those anywhere in the code, so that
    attributes of other objects may add values which are not read.

    Returns:
        A dictionary for the closure, one for the globals, and one for each module.
    """
    codes = [*_codes(function.__code__)]
    names = sorted({name for code in codes for name in (*code.co_names, *code.co_freevars)})
    spaces: list[Mapping[str, object]] = [captured(function), function.__globals__]
    spaces += [vars(module) for code in codes for module in _imports(code, function.__globals__)]
    read = []
    for space in spaces:  # grows: modules are found in modules
        found = {name: space[name] for name in names if name in space}
        for value in found.values():
            if is_users_module(value) and not any(vars(value) is known for known in spaces):
                spaces.append(vars(value))
        read.append({name: value for name, value in found.items() if not is_users_module(value)})
    return read


def captured(function: types.FunctionType) -> dict[str, object]:
    """Values of a function's closure by name, less those that are not there yet."""
    values = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:
            continue
    return values


def is_users_module(value: object) -> bool:
    """Whether a value is a module of no installed package."""
    return isinstance(value, types.ModuleType) and not is_installed(value.__name__)


@functools.lru_cache(maxsize=1024)
def is_installed(module: str | None) -> bool:
    """Whether a module is of Python, of an installed package, or of this one."""
    name = module or ""
    top = name.partition(".")[0]
    if top in ("jfnn", "__main__", "__mp_main__"):  # wherever their files are
        return top == "jfnn"
    file = _file(name)
    if file is None:
        return top in sys.stdlib_module_names
    return Path(file).is_relative_to(PYTHON) or not PACKAGES.isdisjoint(Path(file).parts)


@functools.lru_cache(maxsize=1024)
def version(module: str | None) -> str:
    """The version of an installed package, where it tells one; "" for Python's modules and the user's."""
    top = (module or "").partition(".")[0]
    if top in sys.stdlib_module_names or not is_installed(module):
        return ""
    return str(getattr(sys.modules.get(top), "__version__", ""))


def _file(module: str) -> str | None:
    """The file of a module, or of the nearest package around it: modules within an extension have none."""
    name = module
    while name:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            return str(file)
        name = name.rpartition(".")[0]
    top = module.partition(".")[0]
    spec = importlib.util.find_spec(top) if top and top not in sys.modules else None
    return spec.origin if spec is not None and spec.has_location else None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function, and of functions and classes within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _imports(code: types.CodeType, namespace: dict[str, object]) -> Iterator[types.ModuleType]:
    """The user's modules that code imports where it runs; they are imported now, as the code will do."""
    if IMPORT not in code.co_code[::2]:
        return
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):  # the operands, then the import
        if step.opname == "IMPORT_NAME" and (level.argval > 0 or not is_installed(step.argval)):
            try:
                module = __import__(step.argval, namespace, None, names.argval, level.argval)
            except Exception:  # such as a package that the code can do without
                continue
            yield module
