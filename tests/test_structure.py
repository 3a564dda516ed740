"""The shape of the source, counted from its files: imports, lengths, words, docstrings, annotations."""

import ast
import functools
import inspect
import re
from pathlib import Path

import pytest

import jfnn

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("jfnn/**/*.py"), *ROOT.glob("scripts/**/*.py")])
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path):
    """Dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): ast.parse(path.read_text()) for path in FILES if path.is_relative_to(ROOT / "jfnn")}
# What the package itself imports, with the first use of each name.
MODULES["jfnn"] = ast.parse((ROOT / "jfnn/__init__.pyi").read_text())


def imports(name):
    """Modules of the package that a module imports, in its functions too."""
    modules = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == (name == "jfnn"), f"{name} imports by a relative name"
            module = node.module if name != "jfnn" else ".".join(filter(None, ("jfnn", node.module)))
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                modules.add(inner if inner in MODULES else module)
    return modules & MODULES.keys()


IMPORTS = {name: imports(name) for name in MODULES}


def room(name):
    """The folder of a module; a module of the package itself is a room of its own."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


def longest_chain(graph):
    """The longest way along the arrows of a graph, name -> names, which has no circle.

    Raises:
        ValueError: It has one; the message names it.
    """

    @functools.cache
    def chain(name):
        if name in walked:
            raise ValueError(f"a circle: {' -> '.join([*walked[walked.index(name) :], name])}")
        walked.append(name)
        longest = max(map(chain, sorted(graph[name])), key=len, default=())
        walked.pop()
        return (name, *longest)

    walked = []
    return max(map(chain, sorted(graph)), key=len)


def test_a_chain_and_a_circle_are_found():
    graph = {"a": {"b", "c"}, "b": {"d"}, "c": set(), "d": {"c"}, "e": set()}
    assert longest_chain(graph) == ("a", "b", "d", "c")
    with pytest.raises(ValueError, match="b -> d -> c -> b"):
        longest_chain(graph | {"c": {"b"}})


def test_modules_import_in_no_circle_and_in_chains_of_at_most_17():
    chain = longest_chain(IMPORTS)
    assert len(chain) <= 17, chain


def test_chains_of_imports_within_a_room_are_of_at_most_5_modules():
    for folder in {room(name) for name in MODULES if name.count(".") > 1}:
        names = {name for name in MODULES if room(name) == folder}
        chain = longest_chain({name: IMPORTS[name] & names for name in names})
        assert len(chain) <= 5, chain


def test_modules_import_their_neighbours_themselves_where_a_front_imports_them_too():
    """``from jfnn.layers import dense`` inside of layers runs the whole front first, which needs dense."""
    for name, tree in MODULES.items():
        front = name.rpartition(".")[0]
        if any(other.startswith(f"{front}.") for other in IMPORTS.get(front, ())) and front != "jfnn":
            for node in ast.walk(tree):
                by_front = isinstance(node, ast.ImportFrom) and node.module == front
                modules = [alias.name for alias in node.names] if by_front else []
                assert not any(f"{front}.{module}" in MODULES for module in modules), (name, modules)


def test_rooms_import_in_no_circle():
    rooms = {room(name): set() for name in MODULES}
    for name, others in IMPORTS.items():
        rooms[room(name)] |= {room(other) for other in others} - {room(name)}
    assert len(longest_chain(rooms)) >= 5  # raises where rooms form a circle


@pytest.mark.parametrize(
    ("folder", "strangers"),
    [
        ("engine", {"store", "search", "network", "backprop", "datasets", "analysis", "plots", "cli"}),
        ("schedulers", {"engine", "experiment", "learners", "store", "search"}),
        ("learners", {"engine", "experiment", "schedulers", "store", "search"}),
        ("layers", {"engine", "experiment", "learners", "network", "losses", "training"}),
        ("store", {"engine", "experiment", "learners", "schedulers", "search", "network"}),
        ("experiment", {"engine", "search"}),
        ("search", {"analysis", "plots", "report", "cli"}),
        ("analysis", {"engine", "plots", "report", "cli"}),
    ],
)
def test_a_room_knows_nothing_of_these(folder, strangers):
    of_room = {other for name, others in IMPORTS.items() if room(name) == folder for other in others}
    assert of_room  # it is there
    assert not {room(other) for other in of_room} & strangers


def test_the_engine_has_no_word_for_what_it_trains():
    paths = [path for path in FILES if path.is_relative_to(ROOT / "jfnn/engine")]
    assert paths
    for word in ("accuracy", "dropout", "halving", "mlp", "l2", "csv"):
        assert not [path.name for path in paths if word in path.read_text().lower()], word


def test_the_root_and_the_doors_are_small():
    assert len([path for path in FILES if path.parent == ROOT / "jfnn"]) <= 14
    assert len(inspect.signature(jfnn.sweep).parameters) <= 22


def source_lines(function):
    """Lines of a function besides its decorators, signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def scopes(path):
    """A module and its public classes."""
    tree = ast.parse(path.read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [tree, *(scope for scope in classes if not scope.name.startswith("_"))]


def test_files_and_functions_are_short():
    assert not [str(path) for path in FILES if len(path.read_text().splitlines()) > 250]
    nodes = [(path, node) for path in FILES for node in ast.walk(ast.parse(path.read_text()))]
    functions = [(path, node) for path, node in nodes if isinstance(node, FUNCTIONS)]
    assert functions and not [f"{path}: {f.name}" for path, f in functions if source_lines(f) > 40]


def test_files_and_public_names_are_documented_and_annotated():
    offenders = []
    for path in FILES:
        for scope in scopes(path):
            is_class = isinstance(scope, ast.ClassDef)
            documented = [node for node in scope.body if isinstance(node, FUNCTIONS | ast.ClassDef)]
            public = [scope, *(node for node in documented if not node.name.startswith("_"))]
            offenders += [(path, getattr(node, "name", "")) for node in public if not ast.get_docstring(node)]
            functions = [node for node in scope.body if isinstance(node, FUNCTIONS)]
            offenders += [(path, node.name) for node in functions if not is_annotated(node, is_class)]
    assert not offenders


def test_docstrings_name_the_noun_first():
    offenders = []
    for path in [*FILES, *ROOT.glob("tests/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS):
                text = ast.get_docstring(node) or ""
                offenders += [(str(path), text)] if re.match(r"(What|Who)\b", text) else []
    assert not offenders


def is_annotated(function, in_class):
    """Whether all arguments, and what is returned, have types."""
    of = function.args
    arguments = [*of.posonlyargs, *of.args, *of.kwonlyargs, *filter(None, (of.vararg, of.kwarg))]
    decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
    bound = in_class and "staticmethod" not in decorators
    returns = function.returns is not None or function.name == "__init__"
    return returns and all(argument.annotation for argument in arguments[bound:])
