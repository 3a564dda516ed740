"""The values that a function refers to by name, and whether code belongs to an installed package."""

import dis
import functools
import importlib.util
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from pathlib import Path

PYTHON = Path(sysconfig.get_path("stdlib"))
# Folders of installed packages: in this environment, in its base environment, or the user's.
PACKAGES = {"site-packages", "dist-packages"}
IMPORT = dis.opmap["IMPORT_NAME"]


def names_read(function: types.FunctionType) -> list[dict[str, object]]:
    """Return values that a user's function reads by name: captured, global, or in the user's modules.

    Such a module is captured, global, an attribute of another one, or imported when the function runs; it is
    represented by what is read of it, not as a value. Names are collected from the whole code, so attributes
    of other objects may add values that are not read.

    Returns:
        A dictionary for the closure, one for the globals, and one for each module.
    """
    codes = [*_codes(function.__code__)]
    names = sorted({name for code in codes for name in (*code.co_names, *code.co_freevars)})
    spaces: list[Mapping[str, object]] = [closure_values(function), function.__globals__]
    spaces += [vars(module) for code in codes for module in _imports(code, function.__globals__)]
    read = []
    for space in spaces:  # grows during the loop: modules refer to modules
        found = {name: space[name] for name in names if name in space}
        for value in found.values():
            if is_users_module(value) and not any(vars(value) is known for known in spaces):
                spaces.append(vars(value))
        read.append({name: value for name, value in found.items() if not is_users_module(value)})
    return read


def closure_values(function: types.FunctionType) -> dict[str, object]:
    """Return values of a function's closure by name, without those that are not assigned yet."""
    values = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values[name] = cell.cell_contents
        except ValueError:
            continue
    return values


def is_users_module(value: object) -> bool:
    """Return whether a value is a module outside installed packages."""
    return isinstance(value, types.ModuleType) and not is_installed(value.__name__)


@functools.lru_cache(maxsize=1024)
def is_installed(module: str | None) -> bool:
    """Return whether a module belongs to Python, an installed package, or this package."""
    name = module or ""
    top = name.partition(".")[0]
    if top in ("jfnn", "__main__", "__mp_main__"):  # regardless of their files
        return top == "jfnn"
    file = _file(name)
    if file is None:
        return top in sys.stdlib_module_names
    return Path(file).is_relative_to(PYTHON) or not PACKAGES.isdisjoint(Path(file).parts)


@functools.lru_cache(maxsize=1024)
def version(module: str | None) -> str:
    """Return the version of an installed package, if it has one; "" for Python's and the user's modules."""
    top = (module or "").partition(".")[0]
    if top in sys.stdlib_module_names or not is_installed(module):
        return ""
    return str(getattr(sys.modules.get(top), "__version__", ""))


def _file(module: str) -> str | None:
    """Return the file of a module or its nearest package: modules inside an extension have none."""
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
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _imports(code: types.CodeType, namespace: dict[str, object]) -> Iterator[types.ModuleType]:
    """Import and yield the user's modules that code will import when it runs."""
    if IMPORT not in code.co_code[::2]:
        return
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    for level, names, step in zip(steps, steps[1:], steps[2:], strict=False):  # the operands, then the import
        if step.opname == "IMPORT_NAME" and (level.argval > 0 or not is_installed(step.argval)):
            try:
                module = __import__(step.argval, namespace, None, names.argval, level.argval)
            except Exception:  # for example an optional package
                continue
            yield module
