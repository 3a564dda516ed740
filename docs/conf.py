"""Sphinx configuration; build with ``sphinx-build -W docs build/site`` (extra ``docs``)."""

import os
import sys
import tomllib
import warnings
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx_gallery.sorting import ExplicitOrder

import jfnn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "extensions")]
import launch  # noqa: E402
import reference  # noqa: E402

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the same outputs of tutorials with and without a GPU
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")  # the build mostly compiles
# Examples run in separate processes, so JAX has not started when Sphinx forks (-j 2).
warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)

project = "jfnn"
author = "The jfnn authors"
copyright = "2026, The jfnn authors"
version = release = jfnn.__version__
PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Pages link to the repository if pyproject.toml has its address.
REPOSITORY = PROJECT.get("urls", {}).get("Source")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "myst_parser",
    "launch",
    "layout",
    "llms",
    "mathml",
    "playgrounds",
    "reference",
]
templates_path = ["templates"]
exclude_patterns = ["generated/**/*.ipynb", "generated/**/*.py", "tutorials", "course", "gallery"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:(class|exc|type)", "(?!jfnn).*"),
    ("py:obj", r"(jax|numpy|optax|scipy|sklearn|torch|matplotlib|equinox|nnx)\b.*"),
    # Types that appear only in signatures.
    ("py:class", r"jfnn\.core\..*"),
    (
        "py:class",
        r"jfnn\.(optimizers\.(Distribution|UpdateRule)|numerics\.(permutation\.Domain|compiling\.R))",
    ),
    ("py:class", r"jfnn\.(split\.Names|learners\.functions\.Functions|arguments\.callers\.Doubt)"),
    ("py:class", r"jfnn\.minibatches\.GivenMinibatches"),
    ("py:class", r"jfnn\.racing\.loop\.Look"),
]
default_role = "py:obj"

# Pages in Markdown.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# The API, one page per name.
autosummary_generate = True
autosummary_context = {
    "classes": reference.classes(),
    "derived": reference.derived(),
    "titles": reference.titles(),
}
autosummary_filename_map = reference.filenames()
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = False  # so that text can link to attributes
napoleon_attr_annotations = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

# Links to other projects. Set INTERSPHINX to fetch their inventories; by default a build needs no network.
intersphinx_mapping = {
    "python": ("https://docs.python.org/3", None),
    "jax": ("https://docs.jax.dev/en/latest", None),
    "numpy": ("https://numpy.org/doc/stable", None),
    "optax": ("https://optax.readthedocs.io/en/latest", None),
    "sklearn": ("https://scikit-learn.org/stable", None),
}
if "INTERSPHINX" not in os.environ:
    intersphinx_mapping = {}

# Tutorials, pages of the course and pictures, in this order; the build runs them.
TUTORIALS = ["from_grid_search.py", "from_vmap.py", "from_modules.py", "from_pytorch.py", "lecture_notes.py"]
COURSE = [
    "regression.py",
    "gradient_descent.py",
    "initialization.py",
    "own_network.py",
    "classification.py",
    "error_bars.py",
    "differential_equations.py",
    "autoencoder.py",
]
PICTURES = ["boundary.py", "superposition.py", "memorization.py", "grokking.py", "heat_map.py"]
sphinx_gallery_conf = {
    "examples_dirs": ["tutorials", "course", "gallery"],
    "gallery_dirs": ["generated/tutorials", "generated/course", "generated/gallery"],
    "filename_pattern": r"\.py$",
    "parallel": 2,
    "subsection_order": ExplicitOrder(["gallery/studies", "gallery/notes", "gallery/kinds"]),
    "within_subsection_order": ExplicitOrder([*TUTORIALS, *COURSE, *PICTURES, "*"]),
    "image_scrapers": ("figures.scraper",),
    "ignore_repr_types": r"matplotlib\.",
    "capture_repr": ("_repr_html_", "__repr__"),
    "download_all_examples": False,
    "show_memory": False,
    "min_reported_time": 0,
    "abort_on_example_error": True,
    "only_warn_on_example_error": False,
    "remove_config_comments": True,
    "write_computation_times": False,  # these pages load external scripts
    "doc_module": ("jfnn",),
    "backreferences_dir": "generated/backreferences",
    "first_notebook_cell": launch.first_cell(REPOSITORY),
}
launch_address = REPOSITORY
llms_summary = PROJECT["description"] + "."

html_theme = "sphinx_book_theme"
html_title = "jfnn"
html_math_renderer = "mathml"
html_theme_options = {
    "logo": {"text": f"jfnn {version}"},
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "use_download_button": False,
    "navbar_persistent": [],
    "collapse_navbar": True,
}
if REPOSITORY is not None:
    buttons = ("use_repository_button", "use_edit_page_button", "use_issues_button")
    html_theme_options |= {"repository_url": REPOSITORY} | dict.fromkeys(buttons, True)
    html_context = {
        "edit_page_url_template": REPOSITORY + "/edit/main/docs/{{ file_name | replace('generated/', '') }}",
        "edit_page_provider_name": "GitHub",
    }
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sourcelink = False


def name_source(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Set the file behind the edit button: for a generated page its script, if it has one."""
    if pagename.startswith("generated/"):
        script = HERE / f"{pagename.removeprefix('generated/')}.py"
        context["page_source_suffix"] = ".py" if script.is_file() else ""


def setup(app: Sphinx) -> None:
    """Register the handler before the theme's, which reads the file name."""
    app.connect("html-page-context", name_source, priority=400)
