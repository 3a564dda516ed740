"""The kinds of networks that the notes name, and the phases of the Ising model.

Convolutional and recurrent networks on MNIST-1D, Boltzmann machines, and networks that find the critical
temperature. Everything takes some 25 minutes on two quiet cores; --quick, a look at all tables with fewer
seeds and epochs, some minutes. A picture of the accuracies on MNIST-1D is written to a folder.
"""

import functools
import importlib
from collections.abc import Sequence

from console import Parser, add_out, add_sections, parse, run
from verdicts import MEANINGS, Row, print_sections

import jfnn

# A section -> its title; each is a module of `four_kinds` with ``run(out, quick) -> rows``.
SECTIONS = {
    "mnist1d": "MNIST-1D: linear, dense, convolutional and recurrent networks, over seeds",
    "xor_machine": "XOR as the distribution of a Boltzmann machine",
    "two_spins": "The coupling of two spins, by a Boltzmann machine",
    "digits_machine": "scikit-learn's example of a Boltzmann machine on the digits",
    "deep_machine": "A deep Boltzmann machine",
    "ising": "The critical temperature of the Ising model",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the sections and prints their tables; the exit status."""
    parser = Parser(description=f"{__doc__}{MEANINGS}")
    add_out(parser, "runs/kinds")
    add_sections(parser, SECTIONS)
    parser.add_argument(
        "--quick", action="store_true", help="fewer seeds and epochs: too few to judge random figures"
    )
    options = parse(parser, arguments)
    options.out.mkdir(parents=True, exist_ok=True)

    def section(name: str) -> list[Row]:
        rows: list[Row] = importlib.import_module(f"four_kinds.{name}").run(options.out, options.quick)
        return rows

    names = options.sections or SECTIONS
    status = print_sections({SECTIONS[name]: functools.partial(section, name) for name in names})
    return status


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
