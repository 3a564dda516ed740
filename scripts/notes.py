"""Reproduce the lecture notes: compare every published figure with the one computed here.

The library replays the notes' random numbers. Counts in chaotic cells of the grid are compared with those of
other minibatch sequences. Figures and trained models are written to a folder.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
from console import Parser, add_out, add_sections, parse, path, run
from lecture_notes import approximation, digits, exponents, gates, grid
from lecture_notes.replay import Replay
from verdicts import MEANINGS, Row, print_sections

import jfnn

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
    "grid": ("The grid: correct predictions on training and test rows", grid.grid),
    "exponents": ("How rounding grows: Lyapunov exponents over the learning rate", exponents.exponents),
    "models": ("Stored models", digits.stored_models),
}


def main(
    arguments: Sequence[str] | None = None, make_replay: Callable[[Path, Path, str], Replay] = Replay
) -> int:
    """Run the sections, print their tables, and return the exit status.

    Args:
        arguments: The command line.
        make_replay: ``(published, out, dtype) -> replay``, the state that sections share.
    """
    parser = Parser(description=f"{__doc__}{MEANINGS}")
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64", help="default: float64")
    add_out(parser, "runs/notes")
    add_sections(parser, SECTIONS)
    parser.add_argument("--published", type=path, default=PUBLISHED, help="folder of the published figures")
    options = parse(parser, arguments)
    try:
        replay = make_replay(options.published, options.out, options.dtype)
    except (OSError, ValueError, LookupError) as error:
        parser.error(f"--published: {error}")
    options.out.mkdir(parents=True, exist_ok=True)
    sections = [SECTIONS[name] for name in options.sections or SECTIONS]
    with jax.enable_x64(options.dtype == "float64"):
        status = print_sections({title: functools.partial(section, replay) for title, section in sections})
    print(f"{options.dtype}; figures and models in {options.out}")
    return status


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
