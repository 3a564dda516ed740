"""Fields of a table as text: numbers, words and missing values."""

import math
import re
import unicodedata

from jfnn.arguments import checks

# Markers of missing values, as in pandas, except spellings of NaN, which are parsed as numbers.
GAPS = {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"}
GAPS |= {"<NA>", "N/A", "NA", "NULL", "None", "n/a", "null"}
# Words that look like numbers but cannot be parsed as such.
_FIGURES = r"(\d{1,3}([., '\u2019\u00a0]\d{3})+([.,]\d+)?|\d*,\d+|\d+(\.\d+)?)"
LIKENESSES = {
    "dates": re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?"),
    "times": re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?"),
    "numbers with commas or signs": re.compile(rf"[-+\u2212]?\s?[$€£¥]?\s?[-+\u2212]?{_FIGURES}\s?[%$€£¥]?"),
}
AS_NUMBERS = "; write them as plain numbers (0.5, days, minutes), or as words that start with a letter"
EXACT = 2**53  # floats represent every whole number up to here


def as_word(text: str) -> str:
    """Return text without surrounding spaces, in Unicode's normal form NFC."""
    return unicodedata.normalize("NFC", text.strip())


def _as_float(text: str) -> float | None:
    """Return the number in a text, which may be infinity or NaN; None without a number."""
    try:
        return float(text)
    except ValueError:
        return None


def as_number(text: str) -> float | None:
    """Return a finite number, or None for anything else."""
    value = _as_float(text)
    return value if value is not None and math.isfinite(value) and "_" not in text else None


def as_exact(text: str) -> float | None:
    """Like `as_number`, but None for a whole number, written with all digits, that a float would round."""
    number = as_number(text)
    large = number is not None and abs(number) >= EXACT and text.strip().lstrip("+-").isdecimal()
    return None if large and int(text) != number else number


def float_error(field: str) -> str | None:
    """Return why a float cannot represent the number in a field; None if it can, and for other fields."""
    if is_infinite(as_word(field)):
        return f"expected a finite number, got {checks.as_text(field)}"
    number = as_number(field)
    if number is not None and as_exact(field) is None:
        got = f"{checks.as_text(field)}, which would become {number:.0f}"
        return f"expected a number that a float holds, got {got}"
    return None


def likeness(word: str) -> str | None:
    """Return the name in `LIKENESSES` of a word that looks like a number; None for other words."""
    return next((name for name, pattern in LIKENESSES.items() if pattern.fullmatch(word)), None)


def is_infinite(word: str) -> bool:
    """Return whether a word is infinity, or a number beyond the range of floats."""
    value = _as_float(word)
    return value is not None and math.isinf(value)


def is_gap(word: str) -> bool:
    """Return whether a word marks a missing value or is not finite."""
    value = _as_float(word)
    return word in GAPS if value is None else not math.isfinite(value)


def as_category(value: object) -> str:
    """Return the canonical spelling of a field: 7 for 7.0 and 007, True for true, "" for a missing value."""
    try:
        text = as_word(str(value))
    except ValueError:  # an integer with more digits than Python converts
        text = checks.as_text(value)
    number = as_number(text)
    if number is not None:
        return format(number, ".17g")
    if is_gap(text) and not is_infinite(text):
        return ""
    return text.capitalize() if text.lower() in ("true", "false") else text
