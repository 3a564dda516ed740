"""Famous pictures of small networks, each drawn anew beside its published figures.

A picture is a file PNG in a folder, with a page beside it: a table of published figures, those computed here,
and verdicts. What was trained is kept in run directories in the same folder, where possible: a picture that
was stopped goes on.
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
from verdicts import COLUMNS, MEANINGS, Row, print_sections

import jfnn
from jfnn import report

Draw = Callable[[Path, str], Picture]  # (folder of run directories, size) -> picture

PICTURES: dict[str, tuple[str, Draw]] = {
    "boundary": ("The boundary of trainability is a fractal", boundary.run),
    "superposition": ("Superposition of features as a phase change", superposition.run),
    "seeds": ("One network, many seeds", seeds.run),
    "double-descent": ("Deep double descent on MNIST-1D", double_descent.run),
    "grokking": ("Grokking by the scale of the start", grokking.run),
    "leave-one-out": ("What one row is worth, and the seed's part in it", leave_one_out.run),
    "edge": ("Gradient descent at the edge of stability", edge.run),
    "lottery": ("Lottery tickets on MNIST-1D", lottery.run),
}


def section(out: Path, size: str, name: str) -> list[Row]:
    """Draws a picture; the rows of its table."""
    title, draw = PICTURES[name]
    about = published(name)
    print(
        f"{about['source']}\nprotocol: {about['protocol']}\ntime of the authors: {about['time']}", flush=True
    )
    picture = draw(out / "runs" / size, size)
    path = out / f"{name}.png"
    picture.figure.savefig(path, dpi=150)
    here = f"time here, at the {size} size: {picture.seconds:.0f} s for {picture.trained}"
    report.write_tables(
        path.with_suffix(".html"),
        {"Figures": [COLUMNS, *(row.cells(COLUMNS) for row in picture.rows)]},
        {title: path.read_bytes()},
        title=title,
        lead=about["source"],
        text=[f"protocol: {about['protocol']}", f"time of the authors: {about['time']}", here],
    )
    print(f"{here}\n{path}")
    return picture.rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Draws pictures and prints their tables; the exit status."""
    parser = Parser(description=f"{__doc__}{MEANINGS}")
    parser.add_argument("names", nargs="+", choices=PICTURES, metavar="NAME", help=", ".join(PICTURES))
    add_out(parser, "runs/pictures")
    sizes = parser.add_mutually_exclusive_group()
    for size, text in {
        "quick": "a look at all panels in seconds: too little to judge random figures",
        "paper": "all that the publication computes, where that takes longer",
    }.items():
        sizes.add_argument(
            f"--{size}", dest="size", action="store_const", const=size, default="usual", help=text
        )
    options = parse(parser, arguments, [f"{name}.{kind}" for name in PICTURES for kind in ("png", "html")])
    options.out.mkdir(parents=True, exist_ok=True)
    draw = functools.partial(section, options.out, options.size)
    return print_sections({PICTURES[name][0]: functools.partial(draw, name) for name in options.names})


if __name__ == "__main__":
    jfnn.use_all_cores()
    run(main)
