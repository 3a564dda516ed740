"""A field of a table as it is written: a number, a word, or a gap."""

import math
import re
import unicodedata

from jfnn.arguments import checks

# Words that stand for missing values: those of pandas, besides those of NaN.
GAPS = {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"}
GAPS |= {"<NA>", "N/A", "NA", "NULL", "None", "n/a", "null"}
# Words that look like numbers and are none.
_FIGURES = r"(\d{1,3}([., '\u2019\u00a0]\d{3})+([.,]\d+)?|\d*,\d+|\d+(\.\d+)?)"
LIKENESSES = {
    "dates": re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?"),
    "times": re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?"),
    "numbers with commas or signs": re.compile(rf"[-+\u2212]?\s?[$€£¥]?\s?[-+\u2212]?{_FIGURES}\s?[%$€£¥]?"),
}
AS_NUMBERS = "; write them as plain numbers (0.5, days, minutes), or, as words, with a letter in front"
EXACT = 2**53  # up to which floats hold every whole number


def as_word(text: str) -> str:
    """Text without spaces around it, in NFC, one of the forms in which Unicode writes the same letters."""
    return unicodedata.normalize("NFC", text.strip())


def _as_float(text: str) -> float | None:
    """What Python reads in a text, infinity and NaN too; None for a text without a number."""
    try:
        return float(text)
    except ValueError:
        return None


def as_number(text: str) -> float | None:
    """A finite number, or None for anything else."""
    value = _as_float(text)
    return value if value is not None and math.isfinite(value) and "_" not in text else None


def as_exact(text: str) -> float | None:
    """As `as_number`, but None for a whole number, written with all its digits, that floats do not hold."""
    number = as_number(text)
    large = number is not None and abs(number) >= EXACT and text.strip().lstrip("+-").isdecimal()
    return None if large and int(text) != number else number


def unheld(field: str) -> str | None:
    """Why floats do not hold the number in a field; None where they do, and for words and gaps."""
    if is_infinite(as_word(field)):
        return f"expected a finite number, got {checks.shown(field)}"
    number = as_number(field)
    if number is not None and as_exact(field) is None:
        got = f"{checks.shown(field)}, which would become {number:.0f}"
        return f"expected a number that a float holds, got {got}"
    return None


def likeness(word: str) -> str | None:
    """The likeness of a word that is no number, of `LIKENESSES`; None for other words."""
    return next((name for name, pattern in LIKENESSES.items() if pattern.fullmatch(word)), None)


def is_infinite(word: str) -> bool:
    """Whether a word is infinity, or a number beyond those that floats hold."""
    value = _as_float(word)
    return value is not None and math.isinf(value)


def is_gap(word: str) -> bool:
    """Whether a word says that a value is missing, or that it is not finite."""
    value = _as_float(word)
    return word in GAPS if value is None else not math.isfinite(value)


def as_category(value: object) -> str:
    """A field in one of its spellings: 7 for 7.0 and 007, True for true, "" for a missing value."""
    try:
        text = as_word(str(value))
    except ValueError:  # an integer of more digits than Python writes
        text = checks.shown(value)
    number = as_number(text)
    if number is not None:
        return format(number, ".17g")
    if is_gap(text) and not is_infinite(text):
        return ""
    return text.capitalize() if text.lower() in ("true", "false") else text
