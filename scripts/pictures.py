"""Reproduce famous pictures of small networks and compare them with published figures.

Each picture is a PNG file. A table of published figures, figures computed here, and verdicts is printed.
Where possible, trained networks are kept in run directories in the same folder, so an interrupted picture
resumes.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from console import Parser, add_out, parse, run
from famous import (
    boundary,
    double_descent,
    edge,
    grokking,
    leave_one_out,
    lottery,
    seeds,
    superposition,
)
from famous.picture import Picture, published
from verdicts import MEANINGS, Row, print_sections

import jfnn

Draw = Callable[[Path, str], Picture]  # (folder of run directories, size) -> picture

PICTURES: dict[str, tuple[str, Draw]] = {
    "boundary": ("The boundary of trainability is a fractal", boundary.run),
    "superposition": ("Superposition of features as a phase change", superposition.run),
    "seeds": ("One network, many seeds", seeds.run),
    "double-descent": ("Deep double descent on MNIST-1D", double_descent.run),
    "grokking": ("Grokking by the initialization scale", grokking.run),
    "leave-one-out": ("The value of one training row, and the influence of the seed", leave_one_out.run),
    "edge": ("Gradient descent at the edge of stability", edge.run),
    "lottery": ("Lottery tickets on MNIST-1D", lottery.run),
}


def section(out: Path, size: str, name: str) -> list[Row]:
    """Draw a picture and return the rows of its table."""
    _, draw = PICTURES[name]
    about = published(name)
    print(
        f"{about['source']}\nprotocol: {about['protocol']}\ntime of the authors: {about['time']}", flush=True
    )
    picture = draw(out / "runs" / size, size)
    path = out / f"{name}.png"
    picture.figure.savefig(path, dpi=150)
    here = f"time here, at the {size} size: {picture.seconds:.0f} s for {picture.trained}"
    print(f"{here}\n{path}")
    return picture.rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw pictures, print their tables, and return the exit status."""
    parser = Parser(description=f"{__doc__}{MEANINGS}")
    parser.add_argument("names", nargs="+", choices=PICTURES, metavar="NAME", help=", ".join(PICTURES))
    add_out(parser, "runs/pictures")
    sizes = parser.add_mutually_exclusive_group()
    for size, text in {
        "quick": "all panels in seconds: too few networks to judge random figures",
        "paper": "the full computation of the publication, if it takes longer",
    }.items():
        sizes.add_argument(
            f"--{size}", dest="size", action="store_const", const=size, default="usual", help=text
        )
    options = parse(parser, arguments, [f"{name}.png" for name in PICTURES])
    options.out.mkdir(parents=True, exist_ok=True)
    draw = functools.partial(section, options.out, options.size)
    return print_sections({PICTURES[name][0]: functools.partial(draw, name) for name in options.names})


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
