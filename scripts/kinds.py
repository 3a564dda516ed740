"""Reproduce figures for the notes' kinds of network, and for the phases of the Ising model.

Convolutional and recurrent networks on MNIST-1D, Boltzmann machines, and networks that find the critical
temperature. Everything takes about 25 minutes on two idle cores; --quick, with fewer seeds and epochs, takes
a few minutes. A picture of the accuracies on MNIST-1D is written to a folder.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from console import Parser, add_out, add_sections, parse, run
from four_kinds import deep_machine, digits_machine, ising, mnist1d, two_spins, xor_machine
from verdicts import MEANINGS, Row, print_sections

import jfnn

Section = Callable[[Path, bool], list[Row]]  # (folder of pictures, quick) -> rows

SECTIONS: dict[str, tuple[str, Section]] = {
    "mnist1d": ("MNIST-1D: linear, dense, convolutional and recurrent networks, over seeds", mnist1d.run),
    "xor_machine": ("XOR as the distribution of a Boltzmann machine", xor_machine.run),
    "two_spins": ("The coupling of two spins, by a Boltzmann machine", two_spins.run),
    "digits_machine": ("scikit-learn's example of a Boltzmann machine on the digits", digits_machine.run),
    "deep_machine": ("A deep Boltzmann machine", deep_machine.run),
    "ising": ("The critical temperature of the Ising model", ising.run),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections, print their tables, and return the exit status."""
    parser = Parser(description=f"{__doc__}{MEANINGS}")
    add_out(parser, "runs/kinds")
    add_sections(parser, SECTIONS)
    parser.add_argument(
        "--quick", action="store_true", help="fewer seeds and epochs: too few to judge random figures"
    )
    options = parse(parser, arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    sections = [SECTIONS[name] for name in options.sections or SECTIONS]
    return print_sections({title: partial(table, options.out, options.quick) for title, table in sections})


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
