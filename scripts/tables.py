"""Renews the tables of speed in README and pages from what `scripts/bench.py` measured.

docs/figures/ holds the bench.json of each machine. A page says what a table shows in a comment before it, as
JSON, and ends it by another comment:

    <!-- figures: {"file": …, "workloads": {name: heading}, "contenders": {name: heading}} -->
    <!-- figures: {"file": …, "first_calls": {case: heading}, "contenders": {name: heading}} -->
    <!-- end of figures -->

What stands between the two is written anew; --check writes nothing and exits with 1 where it would.
"""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.first_calls import COLUMNS, Process
from benchmarks.report import markdown, seconds
from console import Parser, run

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TABLE = re.compile(r"(<!-- figures: (\{.*?\}) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
OURS = "jfnn"  # the contender whose figures are bold


def of_workloads(shown: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Medians in seconds, a row for each contender; "*" where a part was measured, and scaled."""
    rows: list[tuple[str, ...]] = [("", *shown["workloads"].values())]
    for name, title in shown["contenders"].items():
        cells = []
        for workload in shown["workloads"]:
            measured = figures["workloads"][workload]
            found = measured["contenders"].get(name)
            text = "" if found is None else seconds(found["median_s"])
            if found is not None and found["measured_on"] < measured["members"]:
                text += "*"
            cells.append(f"**{text}**" if name == OURS and text else text)
        rows.append((f"**{title}**" if name == OURS else title, *cells))
    return markdown(rows)


def of_first_calls(shown: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Medians in seconds of first calls in fresh processes, a row for each case and contender."""
    rows: list[tuple[str, ...]] = [("", *COLUMNS)]
    for case, heading in shown["first_calls"].items():
        for name, title in shown["contenders"].items():
            processes = [Process(**process) for process in figures["first_calls"][case].get(name, ())]
            if processes:
                columns = zip(*(process.times() for process in processes), strict=True)
                medians = [seconds(statistics.median(column)) for column in columns]
                rows.append((f"{heading}: {title}", *medians))
    return markdown(rows)


def renewed(page: str, directory: Path = FIGURES) -> str:
    """A page's text with its tables made from the figures of a directory."""

    def table(match: re.Match[str]) -> str:
        shown = json.loads(match[2])
        figures = json.loads((directory / shown["file"]).read_text())
        made = of_first_calls if "first_calls" in shown else of_workloads
        return f"{match[1]}\n{made(shown, figures)}\n\n{match[3]}"

    return TABLE.sub(table, page)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pages whose tables are of other figures, and names them."""
    parser = Parser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if tables differ")
    options = parser.parse_args(arguments)
    stale = {path: text for path in PAGES if (text := renewed(path.read_text())) != path.read_text()}
    for path, text in stale.items():
        print(path.relative_to(ROOT))
        if not options.check:
            path.write_text(text)
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    run(main)
