"""docs/check.py on small sites of its own: it finds every kind of fault, and nothing where there is none."""

import importlib.util
import zlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

pytest.importorskip("sphinx")

PATH = Path(__file__).parent.parent / "docs/check.py"
SOUND = """<html><head><link rel="stylesheet" href="a.css"><link rel="canonical" href="https://x.org/"></head>
<body id="top"><a href="https://x.org/">far</a><a href="sub/b.html#there">b</a><a href="#here">here</a>
<p id="here" style="background: url(dot.png)"><img src="dot.png" srcset="dot.png 1x, dot.png 2x">
<img src="data:image/png;base64,AA"></p></body></html>"""


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("site_check", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path):
    """A site of two pages, a style, a picture and the names ``p`` and ``p.f``."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(SOUND)
    (tmp_path / "sub/b.html").write_text('<p id="there"><a href="..">up</a><a href="../index.html?q=1">i</a>')
    (tmp_path / "a.css").write_text("/* url(https://x.org/comment) */ p { background: url('dot.png') }")
    (tmp_path / "dot.png").write_bytes(b"dot")
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static/macros.html").write_text('<a href="{{ a template }}">')
    header = "# Sphinx inventory version 2\n# Project: p\n# Version: 1\n# compressed using zlib\n"
    lines = "p py:module 0 index.html -\np.f py:function 1 sub/b.html -\nq std:label -1 index.html -\n"
    (tmp_path / "llms.txt").write_text("# p\n\n> It is p.\n\n## Pages\n\n- [b](sub/b.html): there")
    (tmp_path / "objects.inv").write_bytes(header.encode() + zlib.compress(lines.encode()))
    return tmp_path


def test_a_sound_site_has_no_finding(check, site):
    assert check.check(site, {"p", "p.f"}) == []


def test_a_name_without_a_page_is_found(check, site):
    (finding,) = check.check(site, {"p", "p.f", "p.g"})
    assert "p.g" in finding
    assert len(check.check(site, {"q"})) == 1  # a label is no name of Python


@pytest.mark.parametrize(
    "html",
    [
        '<a href="c.html">',
        '<a href="sub/b.html#gone">',
        '<a href="#gone">',
        '<a href="../outside.html">',
        '<a href="sub">',  # a folder without a page
        '<img src="gone.png">',
        '<img src="dot.png" srcset="dot.png 1x, gone.png 2x">',
        '<script src="gone.js"></script>',
        "<style>p { background: url(gone.png) }</style>",
    ],
)
def test_an_address_that_leads_nowhere_is_found(check, site, html):
    (site.parent / "outside.html").write_text("")
    (site / "index.html").write_text(f"<body>{html}</body>")
    (finding,) = check.check(site, set())
    assert finding.startswith("index.html")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://x.org/a.js"></script>',
        '<script src="//x.org/a.js"></script>',
        '<img src="HTTP://x.org/a.png">',
        '<iframe src="https://x.org/"></iframe>',
        '<link rel="stylesheet" href="https://x.org/a.css">',
        '<link rel="preload" as="font" href="https://x.org/a.woff">',
        '<link rel="shortcut icon" href="//x.org/a.ico">',
        '<style>@import "https://x.org/a.css";</style>',
        '<p style="background: url(https://x.org/a.png)"></p>',
    ],
)
def test_a_load_from_elsewhere_is_found(check, site, html):
    (site / "index.html").write_text(f"<body>{html}</body>")
    (finding,) = check.check(site, set())
    assert "x.org" in finding
