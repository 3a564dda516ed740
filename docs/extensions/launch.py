"""Examples as notebooks in Colab and Binder: their buttons, and the first cell, which installs jfnn there."""

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# The branch of the repository that has the notebooks of the site; the workflow notebooks.yml writes it.
BRANCH = "notebooks"
# What examples import besides what jfnn needs: modules of Equinox and Flax.
EXTRAS = "equinox,flax"
ON_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
EXAMPLE = re.compile(r"generated/((?:course|gallery|tutorials)/(?:\w+/)?(?!index$|sg_execution_times$)\w+)")


def requirement(address: str) -> str:
    """What pip installs of a repository, whether an index has jfnn or not."""
    return f"jfnn[{EXTRAS}] @ git+{address}"


def first_cell(address: str | None) -> str:
    """Code before a notebook's own: shows figures; where there is an address, installs jfnn from it."""
    shown = "# Figures are shown below their cells.\n%matplotlib inline"
    if address is None:
        return shown
    return f'# Colab has no jfnn: this takes a minute.\n%pip install -q "{requirement(address)}"\n\n{shown}'


def links(address: str | None, page: str) -> dict[str, str]:
    """Service -> address that opens a page of an example there; none for other pages, or away from GitHub."""
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
    """Puts the buttons of an example behind the theme's, whose own serve only pages with a kernel."""
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
    """Registers the setting, the repository's address or None, and the buttons."""
    app.add_config_value("launch_address", None, "html", (str, type(None)))
    app.connect("html-page-context", add_buttons, priority=502)  # behind those of the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
