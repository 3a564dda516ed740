"""The structure of the source, read from its files: imports, public functions, docstrings, annotations."""

import ast
import functools
import importlib
import inspect
from pathlib import Path

import pytest

import jfnn

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("jfnn/**/*.py"), *ROOT.glob("scripts/**/*.py")])
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def modules():
    """Parse each module; on demand, since every test worker imports this file."""
    paths = [path for path in FILES if path.is_relative_to(ROOT / "jfnn")]
    trees = {name_of(path): ast.parse(path.read_text()) for path in paths}
    # Imports of the package itself, with the first use of each name.
    return trees | {"jfnn": ast.parse((ROOT / "jfnn/__init__.pyi").read_text())}


def imports(name):
    found = set()
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == (name == "jfnn"), f"{name} imports by a relative name"
            module = node.module if name != "jfnn" else ".".join(filter(None, ("jfnn", node.module)))
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found.add(inner if inner in modules() else module)
    return found & modules().keys()


@functools.cache
def all_imports():
    return {name: imports(name) for name in modules()}


def room(name):
    """Return the folder of a module (in core, its subfolder); top-level modules are rooms themselves."""
    parts = name.split(".")
    inner = parts[2:] if parts[1:2] == ["core"] else parts[1:]
    return inner[0] if inner else parts[-1]


def longest_chain(graph):
    """Return the longest path in an acyclic graph, name -> names.

    Raises:
        ValueError: The graph has a cycle; the message names it.
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


def test_longest_chain_finds_chains_and_cycles():
    graph = {"a": {"b", "c"}, "b": {"d"}, "c": set(), "d": {"c"}, "e": set()}
    assert longest_chain(graph) == ("a", "b", "d", "c")
    with pytest.raises(ValueError, match="b -> d -> c -> b"):
        longest_chain(graph | {"c": {"b"}})


def test_modules_have_no_import_cycles():
    assert len(longest_chain(all_imports())) >= 5  # raises if modules form a cycle


def test_modules_import_their_neighbors_directly_if_a_front_imports_them_too():
    """``from jfnn.layers import dense`` inside of layers runs the whole front first, which needs dense."""
    for name, tree in modules().items():
        front = name.rpartition(".")[0]
        if any(other.startswith(f"{front}.") for other in all_imports().get(front, ())) and front != "jfnn":
            for node in ast.walk(tree):
                by_front = isinstance(node, ast.ImportFrom) and node.module == front
                taken = [alias.name for alias in node.names] if by_front else []
                assert not any(f"{front}.{module}" in modules() for module in taken), (name, taken)


def test_rooms_have_no_import_cycles():
    rooms = {room(name): set() for name in modules()}
    for name, others in all_imports().items():
        rooms[room(name)] |= {room(other) for other in others} - {room(name)}
    assert len(longest_chain(rooms)) >= 5  # raises if rooms form a cycle


@pytest.mark.parametrize(
    ("folder", "strangers"),
    [
        ("engine", {"experiment", "store", "search", "network", "backprop", "datasets"}),
        ("schedulers", {"engine", "experiment", "learners", "store", "search"}),
        ("identity", {"learners", "engine", "experiment", "schedulers", "store", "search"}),
        ("learners", {"engine", "experiment", "schedulers", "store", "search"}),
        ("layers", {"engine", "experiment", "learners", "network", "losses", "training"}),
        ("store", {"engine", "experiment", "learners", "schedulers", "search", "network"}),
        ("experiment", {"search", "analysis", "plots", "report", "cli"}),
        ("search", {"analysis", "plots", "report", "cli"}),
        ("analysis", {"engine", "plots", "report", "cli"}),
        ("studies", {"analysis", "plots", "report", "cli", "estimators"}),
    ],
)
def test_room_does_not_import_these(folder, strangers):
    of_room = {other for name, others in all_imports().items() if room(name) == folder for other in others}
    assert of_room  # the folder exists
    assert not {room(other) for other in of_room} & strangers


# Parts of a sweep, from the bottom up: common ground, records, members, internals.
GROUND = {"arguments", "numerics"}
NOTES = {"activations", "losses", "layers", "network", "optimizers", "minibatches", "targets", "training"}
NOTES |= {"backprop", "params", "penalties", "prediction", "split"}
TRAINS = {"learners", "schedulers", "identity"}
INSIDE = {"core", "engine", "experiment", "search", "store"}  # in the folder core
CORE = GROUND | NOTES | TRAINS | INSIDE
LISTING = ("extend", "layers", "learners", "schedulers")
PUBLIC = [jfnn, *(importlib.import_module(f"jfnn.{name}") for name in LISTING)]


def test_core_imports_nothing_outside_of_it():
    arrows = {(name, other) for name, found in all_imports().items() for other in found}
    of_core = {(name, other) for name, other in arrows if room(name) in CORE}
    assert of_core
    assert not {(name, other) for name, other in of_core if room(other) not in CORE}


def imported_names(name):
    """Return pairs ``(module, name in it)`` imported by a module from this package, and whole modules."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("jfnn"):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            modules_ = [alias.name for alias in node.names if alias.name.startswith("jfnn.")]
            yield from (tuple(module.rsplit(".", 1)) for module in modules_)


def is_declared(module, name):
    """Return whether satellites may use a name: from the ground or a public module, or a public name."""
    if module == "jfnn" or room(module) in GROUND or room(module) not in CORE:
        return True
    if module.count(".") == 1 and room(module) in NOTES:
        return True
    thing = getattr(importlib.import_module(module), name)
    return any(name in front.__all__ and getattr(front, name) is thing for front in PUBLIC)


SATELLITES = sorted({room(name) for name in all_imports()} - CORE - {"extend", "jfnn"})
# Further internal names used by satellites, in alphabetical order; none is promised to users.
ALLOWED = {
    "analysis": "OF_LABELS Trace",
    "cli": "CHECKPOINT CONFIG MODELS ProgressBar REFIT RESULTS ROWS TABLE"
    " device_kind_in directory_lock none_ranks program_names write_json",
    "distributed": "CallLength Collect Failures Listener MakeSegment check_process device_kind device_kind_in"
    " environment_of_kind find_differences interrupt_is_pending raise_interrupt write_scratch",
    "estimators": "CallLength Layout RunState as_devices bytes_of_member column_form deferred_interrupts"
    " digest padded_length run_jobs shapes_of",
    "loading": "read",
    "playground": "Sliding Wrapped check_rows describe_layer has_labels",
    "plots": "OUTCOMES ProgramRun",
    "racing": "CONFIG combine directory_lock file_exists map_members name_corrupt_file none_ranks programs_of"
    " read_checked_json with_run write_checked_json",
    "report": "ProgramRun has_labels keeps_network",
    "studies": "Experiment check_range scale step_numbers trace_scoring",
    "subsets": "Cut HELD_OUT_BY_SOME SPLIT as_row_numbers as_values",
}


@pytest.mark.parametrize("satellite", SATELLITES)
def test_satellite_uses_only_public_and_allowed_names(satellite):
    of_room = [name for name in modules() if room(name) == satellite]
    used = {pair for name in of_room for pair in imported_names(name)}
    inner = {name for module, name in used if not is_declared(module, name)}
    assert sorted(inner) == sorted(ALLOWED.get(satellite, "").split())


def test_extend_lists_at_most_30_names_and_no_modules():
    assert len(jfnn.extend.__all__) <= 30
    assert not [name for name in jfnn.extend.__all__ if inspect.ismodule(getattr(jfnn.extend, name))]


def test_sweep_has_at_most_22_arguments():
    assert len(inspect.signature(jfnn.sweep).parameters) <= 22


def scopes(path):
    tree = ast.parse(path.read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [tree, *(scope for scope in classes if not scope.name.startswith("_"))]


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


def is_annotated(function, in_class):
    of = function.args
    arguments = [*of.posonlyargs, *of.args, *of.kwonlyargs, *filter(None, (of.vararg, of.kwarg))]
    decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
    bound = in_class and "staticmethod" not in decorators
    returns = function.returns is not None or function.name == "__init__"
    return returns and all(argument.annotation for argument in arguments[bound:])
