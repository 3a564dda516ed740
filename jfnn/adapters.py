"""Equinox and Flax modules as networks.

The parameters are a dict of the module's arrays, with their paths as keys, such as ``layers.0.weight``. As in
other networks, penalties apply to arrays with two or more axes, and a `jfnn.layers.Constant` is not trained.
"""

from collections.abc import Callable
from typing import Any

import jax

from jfnn.arguments import checks, signatures
from jfnn.arguments.checks import ArgumentError, ArgumentTypeError
from jfnn.arguments.packages import adapter_of, import_package
from jfnn.layers import Constant, Params
from jfnn.network import Network
from jfnn.params import is_constant

EXPECTED = "a module of {} with __call__, or a function of only {} that returns one, such as lambda {}: {}"
EQUINOX = EXPECTED.format("equinox", "a key", "key", "Module(…, key=key)")
FLAX = EXPECTED.format("flax.nnx", "rngs", "rngs", "Module(…, rngs=rngs)")
NO_STATE = "its state ({}) is not supported: use layer or group normalization, or a jfnn.Learner to keep it"


def from_equinox(module: Any) -> Network:
    """Make a network from an Equinox module that takes one row of x.

    Scores and predictions run the module in inference mode. If that changes the module, as with dropout,
    training steps run it as built, and pass ``key=``, one per row, to a ``__call__`` that takes it.

    Args:
        module: ``key -> module``, so that each seed has its own initial weights; or an `equinox.Module`,
            whose weights all seeds start from. Float arrays are parameters. Arrays in a field's
            `jfnn.layers.Constant`, integers included, are not trained. All else is as built with key 0.

    Raises:
        ImportError: Equinox is not installed.
        TypeError: The argument is neither a module nor a function.
        ValueError: The module has state, as batch normalization does.
    """
    eqx = import_package("equinox", "module", "equinox")
    make, built = _build(module, eqx.Module, jax.random.key(0), EQUINOX)
    indices = jax.tree.leaves(built, is_leaf=lambda node: isinstance(node, eqx.nn.StateIndex))
    if any(isinstance(node, eqx.nn.StateIndex) for node in indices):
        raise ArgumentError("module", NO_STATE.format("equinox.nn.StateIndex"))
    _check_module(built, eqx.Module, EQUINOX)

    def are_params(module: Any) -> Any:
        """Whether each leaf is a parameter or a constant."""
        return jax.tree.map(
            lambda node: (
                jax.tree.map(eqx.is_array, node) if is_constant(node) else eqx.is_inexact_array(node)
            ),
            module,
            is_leaf=is_constant,
        )

    arrays, rest = eqx.partition(built, are_params(built))
    unnamed = _without_names(arrays)
    keyed = signatures.takes(type(built).__call__, "key")

    def init(key: jax.Array) -> Params:
        module = make(key)
        return _with_names(eqx.filter(module, are_params(module)))

    def apply(params: Params, x: jax.Array) -> Any:
        return jax.vmap(eqx.nn.inference_mode(eqx.combine(unnamed(params), rest)))(x)

    def random_apply(params: Params, x: jax.Array, key: jax.Array) -> Any:
        whole = eqx.combine(unnamed(params), rest)
        keys = jax.random.split(key, len(x))
        return jax.vmap(lambda row, key: whole(row, **({"key": key} if keyed else {})))(x, keys)

    draws = not eqx.tree_equal(eqx.nn.inference_mode(built), built)
    return _network(built, init, apply, random_apply if draws else None)


def from_flax(module: Any) -> Network:
    """Make a network from a Flax NNX module that takes rows of x; Linen modules are not supported.

    Training steps run the module after ``module.train()``, with its random streams reseeded by the step's
    key; scores and predictions run it after ``module.eval()``.

    Args:
        module: ``rngs -> module``, so that each seed has its own initial weights; or an `nnx.Module`, whose
            weights all seeds start from. Each `nnx.Param` is a parameter, unless it holds a
            `jfnn.layers.Constant`.

    Raises:
        ImportError, TypeError, ValueError: As in `from_equinox`; or a Constant is outside an `nnx.Param`.
    """
    nnx = import_package("flax.nnx", "module", "flax")
    make, built = _build(module, nnx.Module, nnx.Rngs(0), FLAX)
    _check_module(built, nnx.Module, FLAX)
    if any(is_constant(node) for _, node in nnx.iter_graph(built)):
        raise ArgumentError("module", "expected a Constant in a Param, nnx.Param(jfnn.Constant(array))")
    graph, arrays, rest = nnx.split(built, nnx.Param, ...)
    others = [variable for _, variable in nnx.to_flat_state(rest)]
    state = {type(variable).__name__ for variable in others if not isinstance(variable, nnx.RngState)}
    if state:
        raise ArgumentError("module", NO_STATE.format(", ".join(sorted(state))))
    streams = sorted({variable.tag for variable in others})
    unnamed = _without_names(arrays)

    def init(key: jax.Array) -> Params:
        return _with_names(nnx.split(make(nnx.Rngs(key)), nnx.Param, ...)[1])

    def apply(params: Params, x: jax.Array) -> Any:
        whole = nnx.merge(graph, unnamed(params), rest, copy=True)
        whole.eval()
        return whole(x)

    def random_apply(params: Params, x: jax.Array, key: jax.Array) -> Any:
        whole = nnx.merge(graph, unnamed(params), rest, copy=True)
        nnx.reseed(whole, **{name: jax.random.fold_in(key, i) for i, name in enumerate(streams)})
        whole.train()
        return whole(x)

    return _network(built, init, apply, random_apply if streams else None)


def _build(module: Any, kind: type, key: object, expected: str) -> tuple[Callable[[Any], Any], Any]:
    """Return a function of a key that makes modules, and the module for this key."""
    if isinstance(module, kind) or not callable(module):
        return lambda key: module, module
    made_by = module if isinstance(module, type) else type(module)
    if adapter_of(module) and not issubclass(made_by, kind):  # another library's modules are callable, too
        _check_module(module, kind, expected)
    signatures.check_callable(module, (None,), "module", expected)
    try:
        return module, module(key)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ArgumentError("module", f"expected {expected}; it fails: {reason}") from error


def _check_module(built: object, kind: type, expected: str) -> None:
    if not isinstance(built, kind) or not callable(built):
        advice = "" if isinstance(built, kind) else adapter_of(built)
        raise ArgumentTypeError("module", f"expected {expected}, got {checks.as_text(built)}{advice}")


def _with_names(arrays: object) -> dict[str, Any]:
    """Return the leaves of a tree by their paths; each leaf in a `Constant` becomes its own `Constant`."""
    named: dict[str, Any] = {}
    for path, node in jax.tree_util.tree_leaves_with_path(arrays, is_leaf=is_constant):
        name = _path(path).removesuffix(".value")
        if is_constant(node):
            held = jax.tree_util.tree_leaves_with_path(node.value)
            named |= {".".join(filter(None, (name, _path(inner)))): Constant(leaf) for inner, leaf in held}
        else:
            named[name] = node
    return named


def _path(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _without_names(arrays: object) -> Callable[[dict[str, Any]], Any]:
    """Return the inverse of `_with_names` for trees of this structure."""
    names = list(_with_names(arrays))
    structure = jax.tree.structure(arrays)

    def unnamed(params: dict[str, Any]) -> Any:
        leaves = [params[name] for name in names]
        return jax.tree.unflatten(structure, [leaf.value if is_constant(leaf) else leaf for leaf in leaves])

    return unnamed


def _network(module: object, init: Any, apply: Any, random_apply: Any) -> Network:
    """Make the network; its functions take the name of the module's class, for descriptions."""
    for function in filter(None, (init, apply, random_apply)):
        function.__module__ = type(module).__module__
        function.__qualname__ = type(module).__qualname__
    return Network(init, apply, random_apply=random_apply)
