"""Write the branch that the site's buttons open: every example as a notebook, and Binder's requirements.

``python docs/notebooks.py build/notebooks`` needs the extra ``docs`` and runs no example. Sphinx-Gallery
creates the notebooks as it does for downloads on the site, but here links to pages show their titles.
"""

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF
from sphinx_gallery.notebook import jupyter_notebook
from sphinx_gallery.py_source_parser import remove_config_comments, split_code_and_text_blocks

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions")]
import launch  # noqa: E402

# Binder's default Python may be too old for jfnn.
PYTHON = "python-3.12"
PAGE = re.compile(r":doc:`(?:(?P<label>[^`<]+?)\s*<)?(?P<name>[\w/]+)>?`")


def examples() -> Iterator[tuple[str, Path]]:
    """Yield the path in the branch, without a suffix, and the script of every example."""
    for folder in ("course", "gallery", "tutorials"):
        for script in sorted((HERE / folder).rglob("*.py")):
            yield script.relative_to(HERE).with_suffix("").as_posix(), script


def title(path: Path) -> str:
    """Return the title of a page or example: its first line without markup."""
    return next(filter(None, (line.strip('#" \n') for line in path.read_text(encoding="utf-8").splitlines())))


def plain(text: str, script: Path, address: str | None) -> str:
    """Point links to pages to the repository, or turn them into words without one; drop names of code."""

    def link(found: re.Match[str]) -> str:
        name = found["name"]
        path = HERE / f"{name[1:]}.md" if name.startswith("/") else script.parent / f"{name}.py"
        words = found["label"] or f'"{title(path)}"'
        shown = f"{address}/blob/main/docs/{path.relative_to(HERE).as_posix()}"
        return words if address is None else f"`{words} <{shown}>`_"

    return re.sub(r"^ +:name: .*\n", "", PAGE.sub(link, text), flags=re.MULTILINE)


def notebook(script: Path, address: str | None) -> dict[str, Any]:
    """Return the notebook of a script; its first cell installs jfnn from an address, if there is one."""
    settings = DEFAULT_GALLERY_CONF | {"first_notebook_cell": launch.first_cell(address)}
    blocks = [
        (kind, remove_config_comments(text) if kind == "code" else plain(text, script, address), line)
        for kind, text, line in split_code_and_text_blocks(str(script))[1]
    ]
    return dict(jupyter_notebook(blocks, settings, script.parent))


def write(folder: Path, address: str | None) -> None:
    """Write all files of the branch into a folder."""
    for name, script in examples():
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook(script, address), indent=2), encoding="utf-8")
    if address is not None:
        (folder / "requirements.txt").write_text(launch.requirement(address) + "\n", encoding="utf-8")
        (folder / "runtime.txt").write_text(PYTHON + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), runpy.run_path(str(HERE / "conf.py"))["REPOSITORY"])
