"""Buttons that open examples in Colab and Binder, and the notebook cell that installs jfnn there."""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# The branch with the notebooks, written by the workflow notebooks.yml.
BRANCH = "notebooks"
# Examples import modules of Equinox and Flax.
EXTRAS = "equinox,flax"
ON_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
EXAMPLE = re.compile(r"generated/((?:course|gallery|tutorials)/(?:\w+/)?(?!index$|sg_execution_times$)\w+)")


def requirement(address: str) -> str:
    """Return the pip requirement for jfnn from a repository, so that no package index is needed."""
    return f"jfnn[{EXTRAS}] @ git+{address}"


def first_cell(address: str | None) -> str:
    """Return the first cell of a notebook, which shows figures and installs jfnn from an address, if any."""
    shown = "# Figures are shown below their cells.\n%matplotlib inline"
    if address is None:
        return shown
    return f'# Colab has no jfnn: this takes a minute.\n%pip install -q "{requirement(address)}"\n\n{shown}'


def links(address: str | None, page: str) -> dict[str, str]:
    """Return the address that opens a page by service; empty except for examples of a GitHub repository."""
    repository = ON_GITHUB.fullmatch(address or "")
    example = EXAMPLE.fullmatch(page)
    if repository is None or example is None:
        return {}
    name, path = repository[1], f"{example[1]}.ipynb"
    return {
        "Colab": f"https://colab.research.google.com/github/{name}/blob/{BRANCH}/{path}",
        "Binder": f"https://mybinder.org/v2/gh/{name}/{BRANCH}?urlpath=lab/tree/{path}",
    }


def add_buttons(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Add launch buttons to an example, because the theme has them only for pages with a kernel."""
    logos = {"Colab": "logo_colab.png", "Binder": "logo_binder.svg"}
    buttons = [
        {"type": "link", "text": name, "tooltip": f"Open in {name}", "icon": f"_static/images/{logos[name]}"}
        | {"url": url}
        for name, url in links(app.config.launch_address, pagename).items()
    ]
    if buttons:
        group = {"type": "group", "tooltip": "Open as a notebook", "icon": "fas fa-rocket"}
        context["header_buttons"].append(group | {"buttons": buttons, "label": "launch-buttons"})


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the buttons and the setting `launch_address`, the address of the repository or None."""
    app.add_config_value("launch_address", None, "html", (str, type(None)))
    app.connect("html-page-context", add_buttons, priority=502)  # after the theme's buttons
    return {"parallel_read_safe": True, "parallel_write_safe": True}
