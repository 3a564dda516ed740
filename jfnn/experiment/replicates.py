"""Where members learn and are scored: the data in one array, and the rows of each seed and fold."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jfnn import checks
from jfnn.experiment import arguments
from jfnn.experiment.records import PARTS, Data, Stream
from jfnn.losses import Loss
from jfnn.minibatches import PADDING, Minibatches
from jfnn.network import Network

DROPOUT = 0xD0  # sets the keys of dropout apart from those of starting parameters


class Source(NamedTuple):
    """The data of a split, checked.

    Attributes:
        data: All rows, those to train on first.
        n: How many rows there are to train on, validation rows included.
        labels: Labels or targets of these, as given, for splitters that stratify.
        classes: Whether the targets stand for classes, so that accuracy means something.
    """

    data: Data
    n: int
    labels: np.ndarray
    classes: bool


def read(network: Network, split, loss: Loss, weights=None) -> Source:
    """Checks a split against the network and puts its rows one below the other.

    Raises:
        ValueError, TypeError: See `jfnn.checks`; also if ``split`` is no split.
    """
    if not isinstance(split, Sequence) or len(split) != 4:
        raise TypeError("split: expected Split(x_train, y_train, x_test, y_test)")
    x_train, y_train, x_test, y_test = split
    x_train = checks.as_inputs(x_train, "x_train", network.mlp.sizes[0] if network.mlp else None)
    dtype = checks.float_dtype(x_train)
    n_outputs = _outputs(network, x_train.shape[1], dtype)

    def rows(x, y, of):
        targets = checks.as_targets(y, (len(x), n_outputs), loss, dtype, f"y_{of}")
        return _cast(x, dtype, f"x_{of}"), _cast(targets, dtype, f"y_{of}")

    parts = [rows(x_train, y_train, "train")]
    if x_test is not None:
        parts.append(rows(checks.as_inputs(x_test, "x_test", x_train.shape[1]), y_test, "test"))
    elif y_test is not None:
        raise ValueError("x_test: expected inputs for y_test, got None")
    labels = np.asarray(y_train)
    x, targets = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    data = Data(x, targets, arguments.as_weights(weights, len(x_train), len(x), dtype))
    return Source(data, len(x_train), labels, checks.is_labels(labels) or _are_classes(data.targets, loss))


def _cast(array, dtype, argument: str) -> np.ndarray:
    """In the arithmetic's dtype, in which what was finite may no longer be."""
    with np.errstate(over="ignore"):
        found = np.asarray(array, dtype)
    checks.check_finite(found, argument)
    return found


def _are_classes(targets: np.ndarray, loss: Loss) -> bool:
    """Whether float targets are probabilities of classes that exclude each other, of which one is right."""
    return loss.takes_logits and (targets.shape[1] == 1 or np.allclose(targets.sum(axis=1), 1, atol=1e-3))


def _outputs(network, features, dtype) -> int:
    x = jax.ShapeDtypeStruct((1, features), dtype)
    outputs = jax.eval_shape(lambda key, x: network.apply(network.init(key), x), jax.random.key(0), x)
    if outputs.ndim != 2:
        raise ValueError(f"network: apply must give [n, n_out], got {list(outputs.shape)} for one row")
    return outputs.shape[-1]


def train_and_validation(
    source: Source, validation: float | int | None, folds
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The row numbers to learn from and to validate on, one pair a fold.

    Args:
        source: The data.
        validation: The share or number of training rows to hold out, or None.
        folds: A number of folds (scikit-learn's KFold, for classes StratifiedKFold, unshuffled), a splitter
            object, or an iterable of pairs of row numbers; or None.

    Raises:
        ValueError: Both are given, or scikit-learn refuses.
    """
    if validation is not None and folds is not None:
        raise ValueError("folds: expected either folds or validation, got both")
    if folds is not None:
        from sklearn.model_selection import check_cv

        stratify = source.classes and source.labels.ndim == 1
        try:
            cut = check_cv(folds, source.labels if stratify else None, classifier=stratify)
            pairs = list(cut.split(source.data.x[: source.n], source.labels))
            if not pairs:
                raise ValueError("expected at least one fold")
        except (ValueError, TypeError) as error:
            raise ValueError(f"folds: {error}") from None
        return [(_as_rows(train, source.n), _as_rows(held, source.n)) for train, held in pairs]
    if validation is not None:
        from sklearn.model_selection import train_test_split

        try:
            train, held = train_test_split(np.arange(source.n), test_size=validation, random_state=0)
        except (ValueError, TypeError) as error:
            raise ValueError(f"validation: {error}") from None
        return [(np.sort(train), np.sort(held))]
    return [(np.arange(source.n), np.zeros(0, int))]


def _as_rows(rows, n: int) -> np.ndarray:
    """The rows of one part of a fold, checked: others are test rows, or none at all."""
    rows = np.asarray(rows)
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"folds: expected row numbers from 0 to {n - 1}, at least one a part, got {rows}")
    return rows


def streams(
    source: Source,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    seeds: Sequence[int],
    starts: Sequence,
    rows: Callable[[int, int, np.ndarray], Callable[[int], np.ndarray]],
    dropout: bool,
) -> list[Stream]:
    """One stream for each seed and fold, seeds outside.

    Args:
        source: The data.
        folds: From `train_and_validation`.
        seeds: The seeds.
        starts: Each seed's starting parameters, in the engine's layout.
        rows: ``(seed's number, seed, training rows) -> (epoch -> row numbers)``.
        dropout: Whether each stream needs a random key.
    """
    test = np.arange(source.n, len(source.data.x))

    def stream(i, fold):
        train, held = folds[fold]
        return Stream(
            seeds[i],
            starts[i],
            rows(i, seeds[i], train),
            dict(zip(PARTS, (train, held, test), strict=True)),
            dropout_key(seeds[i], fold) if dropout else None,
        )

    return [stream(i, fold) for i in range(len(seeds)) for fold in range(len(folds))]


def dropout_key(seed: int, fold: int) -> np.ndarray:
    """The raw data of the key that a stream's dropout draws by; epoch and step are folded in later."""
    key = jax.random.fold_in(jax.random.key(seed), DROPOUT)
    return np.asarray(jax.random.key_data(jax.random.fold_in(key, fold)))


def drawn(scheme: Minibatches, seed: int, train: np.ndarray) -> Callable[[int], np.ndarray]:
    """``epoch -> [steps, batch]``: a scheme's minibatches of a stream, as row numbers of all the data."""

    def epoch_rows(epoch):
        rows = scheme.epoch(len(train), seed, epoch)
        return np.where(rows == PADDING, PADDING, train[rows]).astype(np.int32)

    return epoch_rows


def by_seed_and_fold(
    scheme: Minibatches, given: np.ndarray | None, dropout: bool
) -> Callable[[int, int, np.ndarray], Callable[[int], np.ndarray]]:
    """What `streams` takes as ``rows``: minibatches drawn by a scheme, or given ``[S, epochs, …]``.

    Where a step sees all rows, seeds have no minibatches of their own: those of a fold share one function and
    train side by side, unless each drops units by a key of its own.
    """
    of_fold: dict[int, Callable] = {}

    def rows(i, seed, train):
        if given is not None:
            return lambda epoch: train[given[i, epoch]].astype(np.int32)
        if scheme.scheme == "full" and not dropout:
            return of_fold.setdefault(id(train), drawn(scheme, seed, train))
        return drawn(scheme, seed, train)

    return rows
