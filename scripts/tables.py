"""Update tables, numbers and pictures of speed in README, paper and pages from results of `scripts/bench.py`.

docs/figures/ holds the bench.json of each machine and the results of `scripts/searches.py`. A comment in JSON
before each table or picture defines its content, and a second comment marks its end. A number in a sentence
has its definition in the comment:

    <!-- figures: {"table": "seconds", "file": …, "cases": {workload: heading}, "rows": {row: heading}} -->
    <!-- figures: {"table": "first_calls", "file": …, "cases": {case: heading}, "rows": {row: heading}} -->
    <!-- figures: {"table": "searches", "file": …, "cases": {case: heading}} -->
    <!-- figures: {"table": "crossings", "file": …, "cases": {case: heading}, "rows": {row: heading}} -->
    <!-- figures: {"table": "files", "files": {file: heading}, "cases": …, "rows": {row: heading}} -->
    <!-- figures: {"picture": "bench.png", "file": …, "cases": …, "rows": {contender: heading}, "text": …} -->
    <!-- figures: {"picture": "crossings.png", "file": …, "text": …} -->
    <!-- end of figures -->
    <!-- figure: FILE CASE ROW -->0.5<!-- end -->

The table "files" has one column for each of several files. A table with `"caption": "machine"` ends with a
sentence that names the machine, the date and the versions.

A row is CONTENDER for its seconds, CONTENDER.MEASURE for another number, or CONTENDER / CONTENDER for the
ratio of their times. In crossings, CONTENDER < CONTENDER is the number of networks from which the first one
is faster. In a sentence, first_calls/CASE is a case of fresh processes; "machine" and "date" are cases
without a row. A line must not begin with such a comment, which would end its paragraph. Entries that a file
lacks are left out. Text between the comments is replaced; --check only exits with 1 if it would change.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import crossings
from benchmarks import figures as plots
from benchmarks.first_call import NETWORKS
from benchmarks.first_calls import COLUMNS, Process, medians_of
from benchmarks.report import markdown, seconds
from benchmarks.search_calls import rows as rows_of_searches
from console import Parser, run
from matplotlib.figure import Figure
from PIL import Image

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "figures"
IMAGES = ROOT / "docs" / "images"
PAGES = (ROOT / "README.md", ROOT / "paper.md", *sorted((ROOT / "docs").glob("*.md")))
TABLE = re.compile(r"(<!-- figures: (\{.*?\}) -->\n).*?(<!-- end of figures -->)", re.DOTALL)
NUMBER = re.compile(r"(<!-- figure: (\S+) (\S+)(?: ([^>]+?))? -->).*?(<!-- end -->)", re.DOTALL)
OURS = "jfnn"  # the contender whose figures are in bold
PROCESSES = "first_calls"  # prefix of a case of fresh processes, before a slash
CHECKSUM = "figures"  # metadata key for the checksum of a picture's data
# Measures of a first call: indices of `COLUMNS`.
CALLS = {"process": 0, "imports": 1, "first": 2, "again": 3}
SHARES = ("share_of_floor", "share_trained")

Shown = Mapping[str, Any]  # the content of a comment
Figures = Mapping[str, Any]  # the content of a file


def measured(figures: Figures, case: str, name: str) -> float | None:
    """Return ``CONTENDER`` or ``CONTENDER.MEASURE`` of a workload or fresh process; None if unknown."""
    contender, _, measure = name.partition(".")
    kind, _, called = case.partition("/")
    if kind == PROCESSES:
        processes = figures.get(kind, {}).get(called, {}).get(contender, ())
        medians = medians_of(Process(**process) for process in processes)
        return medians[CALLS[measure or "process"]] if medians else None
    found = figures["workloads"].get(case, {"contenders": {}})["contenders"].get(contender, {})
    value: float | None = found.get(measure or "median_s")
    return value


def number(figures: Figures, case: str, row: str) -> str:
    """Return a row's number for a case; "*" marks a scaled partial measurement; empty if unknown."""
    names = row.split(" / ")
    values = [measured(figures, case, name) for name in names]
    if None in values:
        return ""
    value, *divisor = (value for value in values if value is not None)
    workload = figures["workloads"].get(case, {})
    on = [workload.get("contenders", {}).get(name, {}).get("measured_on") for name in names]
    star = "*" if any(n is not None and 0 < n < workload["members"] for n in on) else ""
    if divisor:
        ratio = value / divisor[0]
        return (f"{ratio:.2g}" if ratio < 10 else f"{ratio:.0f}") + star
    return f"{value:.0%}" if names[0].partition(".")[2] in SHARES else seconds(value) + star


def machine(figures: Figures) -> str:
    """Return the machine, the date and the versions of a measurement."""
    environment = figures["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    return f"{environment['cores']} cores, {environment['processor']}, {date(figures)}; {versions}"


def date(figures: Figures) -> str:
    """Return the day of a measurement."""
    day: str = figures["environment"]["date"][:10]
    return day


WITHOUT_ROW: dict[str, Callable[[Figures], str]] = {"machine": machine, "date": date}


def of_seconds(shown: Shown, figures: Figures) -> list[tuple[str, ...]]:
    """Return a table with one row per contender and one column per workload."""
    cases = {name: heading for name, heading in shown["cases"].items() if name in figures["workloads"]}
    rows: list[tuple[str, ...]] = [("", *cases.values())]
    for row, title in shown["rows"].items():
        cells = [number(figures, case, row) for case in cases]
        if any(cells):
            bold = row == OURS
            rows.append(tuple(f"**{text}**" if bold and text else text for text in (title, *cells)))
    return rows


def of_processes(shown: Shown, figures: Figures) -> list[tuple[str, ...]]:
    """Return a table with one row per case and contender of fresh processes: medians in seconds."""
    rows: list[tuple[str, ...]] = [("", *COLUMNS)]
    for case, heading in shown["cases"].items():
        for name, title in shown["rows"].items():
            processes = figures.get(PROCESSES, {}).get(case, {}).get(name)
            if processes:
                medians = medians_of(Process(**process) for process in processes)
                rows.append((f"{heading}: {title}", *map(seconds, medians)))
    return rows


def of_crossings(shown: Shown, figures: Figures) -> list[tuple[str, ...]]:
    """Return a table with one row per case and row: seconds by number of networks, or the crossing."""
    points = [row for row in shown["rows"] if " < " in row]
    rows: list[tuple[str, ...]] = [("", "faster from")] if points else [("", *(f"{n:,}" for n in NETWORKS))]
    for case, heading in shown["cases"].items():
        curves = crossings.curves(case, figures.get("crossings", {}))
        for row, title in shown["rows"].items():
            lines = [curves.get(name, {}) for name in row.split(" < ")]
            if all(lines):
                by_number = [seconds(lines[0][n]) if n in lines[0] else "" for n in NETWORKS]
                cells = [crossings.text(lines[0], lines[1])] if points else by_number
                rows.append((f"{heading}: {title}", *cells))
    return rows


def of_searches(shown: Shown, figures: Figures) -> list[tuple[str, ...]]:
    """Return a table with one row per case: seconds of scikit-learn and of each engine."""
    return rows_of_searches(figures.get("searches", {}), shown["cases"])


def of_files(shown: Shown, figures: Figures) -> list[tuple[str, ...]]:
    """Return a table with one row per case and row, and one column per file."""
    rows: list[tuple[str, ...]] = [("", *figures)]
    for case, heading in shown["cases"].items():
        for row, title in shown["rows"].items():
            cells = [number(of_file, case, row) for of_file in figures.values()]
            if any(cells):
                rows.append((f"{heading}: {title}", *cells))
    return rows


TABLES: dict[str, Callable[[Shown, Any], list[tuple[str, ...]]]] = {
    "seconds": of_seconds,
    PROCESSES: of_processes,
    "searches": of_searches,
    "crossings": of_crossings,
    "files": of_files,
}


class Picture(NamedTuple):
    """A picture of a page."""

    path: Path
    data: Any  # the plotted data; empty if the file has none
    draw: Callable[[Any], Figure]

    @property
    def checksum(self) -> str:
        """Checksum of the data."""
        return hashlib.sha256(json.dumps(self.data).encode()).hexdigest()

    def stale(self) -> bool:
        """Return whether the file shows outdated figures."""
        if not self.data:
            return False
        if not self.path.exists():
            return True
        with Image.open(self.path) as image:
            return image.info.get(CHECKSUM) != self.checksum

    def write(self) -> None:
        """Draw the picture and store the checksum in its metadata."""
        self.draw(self.data).savefig(self.path, dpi=150, metadata={CHECKSUM: self.checksum})


def picture(shown: Shown, figures: Figures) -> Picture:
    """Return a comment's picture: bars of its workloads, or the curves of all crossings."""
    path = IMAGES / shown["picture"]
    if "cases" not in shown:
        return Picture(path, figures.get("crossings", {}), plots.curves)
    workloads = [
        figures["workloads"][name]
        | {"title": title, "contenders": titled_contenders(shown["rows"], figures, name)}
        for name, title in shown["cases"].items()
        if name in figures["workloads"]
    ]
    return Picture(path, workloads, plots.bars)


def titled_contenders(titles: Mapping[str, str], figures: Figures, case: str) -> dict[str, Any]:
    """Return the contenders of a workload that have a title, with that title."""
    contenders = figures["workloads"][case]["contenders"]
    return {name: contenders[name] | {"title": title} for name, title in titles.items() if name in contenders}


def read(name: str, directory: Path) -> Figures:
    """Return the figures of a file."""
    figures: Figures = json.loads((directory / name).read_text())
    return figures


def marks(page: str, directory: Path) -> Iterator[tuple[Shown, Figures]]:
    """Yield the content of each comment of a page, with the figures of its file, or of several by heading."""
    for match in TABLE.finditer(page):
        shown = json.loads(match[2])
        if "files" in shown:
            yield shown, {heading: read(name, directory) for name, heading in shown["files"].items()}
        else:
            yield shown, read(shown["file"], directory)


def cases_of(shown: Shown, figures: Figures) -> Collection[str]:
    """Return all cases that a comment may name."""
    match shown.get("table"):
        case "files":
            return set.intersection(*(set(of_file["workloads"]) for of_file in figures.values()))
        case "crossings":
            return {key.rpartition("_")[0] for key in figures.get("crossings", {})}
        case "first_calls" | "searches" as kind:
            return set(figures.get(kind, {}))
        case _:
            return set(figures.get("workloads", {}))


def renew(page: str, directory: Path = FIGURES) -> str:
    """Return a page's text with tables and numbers updated from the figures in a directory."""
    shows = marks(page, directory)

    def block(match: re.Match[str]) -> str:
        shown, figures = next(shows)
        if "picture" in shown:
            some = picture(shown, figures).data
            text = f"![{shown['text']}](images/{shown['picture']})" if some else ""
        else:
            rows = TABLES[shown["table"]](shown, figures)
            text = markdown(rows) if len(rows) > 1 else ""
            if text and shown.get("caption") == "machine":
                text += f"\n\nMeasured on {machine(figures)}."
        return f"{match[1]}\n{text}\n\n{match[3]}" if text else f"{match[1]}{match[3]}"

    def sentence(match: re.Match[str]) -> str:
        figures = read(match[2], directory)
        of_all = WITHOUT_ROW.get(match[3])
        text = of_all(figures) if of_all else number(figures, match[3], match[4])
        return f"{match[1]}{text}{match[5]}"

    return NUMBER.sub(sentence, TABLE.sub(block, page))


def missing(page: str, directory: Path = FIGURES) -> list[str]:
    """Return the cases a page names that its figures lack, and rows that no case of their table has."""
    names = []
    for shown, figures in marks(page, directory):
        cases = cases_of(shown, figures)
        names += [case for case in shown.get("cases", ()) if case not in cases]
        for row, title in shown.get("rows", {}).items():
            alone = {**shown, "rows": {row: title}}
            if "picture" in shown:
                known = any(workload["contenders"] for workload in picture(alone, figures).data)
            else:
                known = len(TABLES[shown["table"]](alone, figures)) > 1
            names += [] if known else [row]
        if "picture" in shown and not picture(shown, figures).data:
            names.append(shown["picture"])
    for match in NUMBER.finditer(page):
        if match[3] not in WITHOUT_ROW and not number(read(match[2], directory), match[3], match[4]):
            names.append(f"{match[3]} {match[4]}")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Update outdated pages and pictures, print their names, and return the exit status."""
    parser = Parser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if any differs")
    options = parser.parse_args(arguments)
    pages = {path: path.read_text() for path in PAGES}
    writes: dict[Path, Callable[[], Any]] = {}
    for path, page in pages.items():
        if (text := renew(page)) != page:
            writes[path] = functools.partial(path.write_text, text)
        pictures = [picture(shown, figures) for shown, figures in marks(page, FIGURES) if "picture" in shown]
        writes |= {one.path: one.write for one in pictures if one.stale()}
    for path, write in writes.items():
        print(path.relative_to(ROOT))
        if not options.check:
            write()
    return 1 if options.check and writes else 0


if __name__ == "__main__":
    run(main)
