"""The kinds of networks that the notes name, and the phases of the Ising model.

Convolutional and recurrent networks on MNIST-1D, Boltzmann machines, and networks that find the critical
temperature. Each section becomes a table of published figures, figures computed here, and verdicts:

* reproduced: the same, exactly or to the printed digits.
* consistent: depends on random starts, and lies among those of the seeds, or agrees as the reason says.
* outside the spread: lies where the seeds do not, by the rule printed above the tables.
* undecided: too few seeds to tell, as with --quick.
* corrected: the published figure is an artefact, explained beside it; the one computed here is not.
* NOT REPRODUCED: must come out the same and does not; the exit status is 1.

Everything takes some 25 minutes on two quiet cores; --quick, a look at all tables with fewer seeds and
epochs, some minutes. Pictures are written to a folder.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports

import importlib
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from verdicts import NOT_REPRODUCED, RULE, table

import jfnn
from jfnn.cli import places, process
from jfnn.cli.parser import Parser
from jfnn.cli.values import place

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
    """Runs the sections and prints their tables.

    Args:
        arguments: The command line.

    Returns:
        The exit status: 1 if a figure that must be reproduced was not.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        places.check_directory(options.out, "--out")
    except ValueError as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    verdicts: Counter[str] = Counter()
    print(RULE)
    names = options.sections or list(SECTIONS)
    for number, name in enumerate(names, 1):
        begun = time.perf_counter()
        print(f"\n{SECTIONS[name]}\n{'=' * len(SECTIONS[name])}")
        print(f"section {number} of {len(names)}, begun after {begun - started:.0f} s", flush=True)
        rows = importlib.import_module(f"four_kinds.{name}").run(options.out, options.quick)
        print(table(rows))
        print(f"{time.perf_counter() - begun:.1f} s", flush=True)
        verdicts.update(row.verdict for row in rows)
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    print(f"{time.perf_counter() - started:.1f} s; pictures in {options.out}")
    return 1 if verdicts[NOT_REPRODUCED] else 0


def _parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--out", type=place, default=Path("runs/kinds"), help="default: runs/kinds")
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, metavar="NAME", help=f"of {', '.join(SECTIONS)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer seeds and epochs: too few to judge random figures"
    )
    return parser


if __name__ == "__main__":
    jfnn.use_all_cores()
    sys.exit(process.run(main, "kinds.py"))
