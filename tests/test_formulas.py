"""Formulas of the site: MathML with the spaces that TeX leaves."""

import re
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough

SITE = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def formula():
    pytest.importorskip("latex2mathml")
    pytest.importorskip("sphinx")
    sys.path.insert(0, str(SITE / "extensions"))
    try:
        from mathml import formula
    finally:
        sys.path.pop(0)
    return formula


CLOSE = '<mo lspace="0" rspace="0">{}</mo>'
THIN = '<mspace width="0.167em" />'


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        ("f'_L", ["<mi>f</mi><mi>L</mi>", '<mo class="prime" lspace="0" rspace="0">′</mo>']),
        ("u^{j+1} + 1", [f"<mi>j</mi>{CLOSE.format('+')}<mn>1</mn>", "</msup><mo>+</mo><mn>1</mn>"]),
        ("C = -y", [f"<mo>=</mo>{CLOSE.format('−')}<mi>y</mi>"]),
        ("a / b", [f"<mi>a</mi>{CLOSE.format('/')}<mi>b</mi>"]),
        ("(a) - y", ["<mo>−</mo><mi>y</mi>"]),
        (r"y \log P", [f"<mi>y</mi>{THIN}<mi>log</mi>{THIN}<mi>P</mi>"]),
        (r"(1 - y) \log(P)", [f")</mo>{THIN}<mi>log</mi><mo"]),
        (r"\max(0, z)", [f"{CLOSE.format('max')}<mo"]),
    ],
)
def test_spaces_are_those_of_tex(formula, latex, parts):
    for part in parts:
        assert part in formula(latex)


def test_the_font_has_every_letter_and_sign_of_the_formulas(formula):
    """But for letters of text, which other fonts have."""
    font_tools = pytest.importorskip("fontTools.ttLib")
    pytest.importorskip("brotli")
    characters = font_tools.TTFont(SITE / "static" / "formulas.woff2").getBestCmap()
    pages = {path: path.read_text() for kind in ("*.md", "*.py") for path in SITE.rglob(kind)}
    found = [
        text
        for path, page in pages.items()
        if path.suffix == ".md"
        for text in re.findall(r"\$(.+?)\$", page)
    ]
    found += [text for page in pages.values() for text in re.findall(r":math:`(.+?)`", page)]
    found += [
        re.sub(r"\n# +", " ", text)
        for path, page in pages.items()
        if path.suffix == ".py"
        for text in re.findall(r"# \.\. math:: (.+?)\n#?\n", page, re.DOTALL)
    ]
    assert len(found) > 50
    shown = {sign for text in found for sign in re.sub("<.+?>", "", formula(text))}
    italic = {ord(a) + 0x1D434 - ord("A") for a in "ABXYZ"} | {0x1D44E, 0x1D6FF, 0x1D706}
    assert {sign for sign in shown if ord(sign) not in characters} == set() and italic <= set(characters)
