"""Settings of the site, built by ``sphinx-build -W docs build/site`` (extra ``docs``)."""

import os
import sys
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

import jfnn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # outputs of tutorials are those of a machine without a GPU

project = "jfnn"
author = "The jfnn authors"
copyright = "2026, The jfnn authors"
version = release = jfnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "mathml",
]
templates_path = ["templates"]
exclude_patterns = ["generated/**/*.ipynb", "generated/**/*.py", "tutorials", "gallery"]
nitpick_ignore_regex = [("py:.*", "(?!jfnn)")]
default_role = "py:obj"

# Pages in Markdown.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# The API, one page a name.
autosummary_generate = True
autosummary_ignore_module_all = False
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# Names of other projects. Their inventories are fetched where the builder asks for them: a build needs no network.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "jax": ("https://docs.jax.dev/en/latest", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "optax": ("https://optax.readthedocs.io/en/latest", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
}
if "INTERSPHINX" not in os.environ:
    intersphinx_mapping = {}

# Tutorials and pictures, run as the site is built.
FIRST = ["from_grid_search.py", "from_vmap.py", "from_modules.py", "from_pytorch.py", "lecture_notes.py", "*"]
sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "gallery"],
    "gallery_dirs": ["generated/tutorials", "generated/gallery"],
    "filename_pattern": r"\.py$",
    "within_subsection_order": ExplicitOrder(FIRST),
    "image_scrapers": ("figures.scraper",),
    "ignore_repr_types": r"matplotlib\.",
    "capture_repr": ("_repr_html_", "__repr__"),
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 0,
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "remove_config_comments": True,
    "doc_module": ("jfnn",),
    "backreferences_dir": "generated/backreferences",
}

html_theme = "sphinx_book_theme"
html_title = "jfnn"
html_math_renderer = "mathml"
html_theme_options = {"show_toc_level": 2, "home_page_in_toc": True, "use_download_button": False}
html_static_path = []
html_show_sourcelink = False
