"""The lecture notes, reproduced: every figure that they print beside the one computed here.

The notes' random numbers are replayed through the library. Each section becomes a table of published figures,
figures computed here, and verdicts:

* reproduced: the same, exactly or to the printed digits.
* consistent: depends on rounding or on random starts, and agrees as the reason says; a count of a chaotic
  cell of the grid lies among those of other minibatch sequences.
* outside the spread: it does not, by the rule printed above the tables.
* corrected: the published figure is an artefact, explained beside it; the one computed here is not.
* NOT REPRODUCED: must come out the same and does not; the exit status is 1.

Figures and trained models are written to a folder.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing to stop yet but imports

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
from lecture_notes import approximation, digits, exponents, gates, grid
from lecture_notes.replay import Replay
from verdicts import NOT_REPRODUCED, RULE, Row, table

import jfnn
from jfnn.cli import places, process
from jfnn.cli.parser import Parser
from jfnn.cli.values import place

PUBLISHED = Path(__file__).resolve().parent.parent / "tests" / "data"

SECTIONS: dict[str, tuple[str, Callable[[Replay], list[Row]]]] = {
    "gates": ("OR and XOR by least squares, XOR by a network set by hand", gates.least_squares),
    "xor": ("OR and XOR trained from random starts", gates.trained),
    "approximation": ("Universal approximation", approximation.approximation),
    "digits": ("The digits", digits.data),
    "initial": ("The network before training", digits.initial_network),
    "gradients": ("Backpropagation", digits.gradients),
    "descent": ("Gradient descent", digits.gradient_descent),
    "sgd": ("Stochastic gradient descent", digits.stochastic_gradient_descent),
    "grid": ("The grid: right answers of train, test", grid.grid),
    "exponents": ("How a rounding grows: Lyapunov exponents along the learning rate", exponents.exponents),
    "models": ("Stored models", digits.stored_models),
}


def main(
    arguments: Sequence[str] | None = None, make_replay: Callable[[Path, Path, str], Replay] = Replay
) -> int:
    """Runs the sections and prints their tables.

    Args:
        arguments: The command line.
        make_replay: ``(published, out, dtype) ->`` what the sections share.

    Returns:
        The exit status: 1 if a figure that must be reproduced was not.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        places.check_directory(options.out, "--out")
        replay = make_replay(options.published, options.out, options.dtype)
    except (OSError, ValueError, LookupError) as error:
        parser.error(str(error) if str(error).startswith("--out") else f"--published: {error}")
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    verdicts: Counter[str] = Counter()
    print(RULE)
    with jax.enable_x64(options.dtype == "float64"):
        for name in options.sections or SECTIONS:
            title, section = SECTIONS[name]
            print(f"\n{title}\n{'=' * len(title)}", flush=True)
            rows = section(replay)
            print(table(rows))
            verdicts.update(row.verdict for row in rows)
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    print(f"{options.dtype}, {time.perf_counter() - started:.1f} s; figures and models in {options.out}")
    return 1 if verdicts[NOT_REPRODUCED] else 0


def _parser() -> Parser:
    parser = Parser(description=__doc__)
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="default: float64")
    parser.add_argument("--out", type=place, default=Path("runs/notes"), help="default: runs/notes")
    parser.add_argument(
        "--sections", nargs="+", choices=SECTIONS, metavar="NAME", help=f"of {', '.join(SECTIONS)}"
    )
    parser.add_argument("--published", type=place, default=PUBLISHED, help="folder of the published figures")
    return parser


if __name__ == "__main__":
    jfnn.use_all_cores()
    sys.exit(process.run(main, "notes.py"))
