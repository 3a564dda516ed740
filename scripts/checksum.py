"""Print the SHA-256 of all parameters of the notes' grid.

The script trains the notes' 49 networks 64-50-10 on the digits. The checksum covers the bytes (float32,
little-endian) of the trained weights and biases, layer by layer, each array [η, λ, seed, …] in C order.
Machines with the same processor and versions, which are printed too, give the same checksum.
docs/reliability.md lists known checksums.
"""

import hashlib
from collections.abc import Sequence

import jax
import numpy as np
from console import Parser, count, run

import jfnn
from jfnn.core.store import identity

DECADES = np.logspace(-5, 1, 7)


def checksum(params: object) -> str:
    """Return the SHA-256 of arrays in the order of their tree."""
    sha256 = hashlib.sha256()
    for leaf in jax.tree.leaves(params):
        sha256.update(np.ascontiguousarray(leaf, "<f4").tobytes())
    return sha256.hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and print the checksum with everything that it depends on."""
    parser = Parser(description=__doc__)
    parser.add_argument("--epochs", type=count(1), default=100, help="default: 100, the notes'")
    options = parser.parse_args(arguments)
    network = jfnn.mlp((64, 50, 10), activation="sigmoid", init="normal")
    result = jfnn.sweep(
        network,
        jfnn.datasets.digits(),
        learning_rate=DECADES,
        l2=DECADES,
        reduction="sum",
        epochs=options.epochs,
    )
    here = identity.describe_environment(jax.devices()[0])
    print(here["backend"]["processor"] or here["backend"]["kind"])
    print(", ".join(f"{name} {version}" for name, version in here["versions"].items()))
    print(f"tiles of {result.execution.tile}, {options.epochs} epochs")
    print(checksum(result.params))
    return 0


if __name__ == "__main__":
    run(main)
