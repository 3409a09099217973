"""SQL of numbers that are written short, as 1.2M, 3k or 1,5 Mio, and of digits that are not 0 to 9."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.sources.amounts import Money

# Words that mean one number wherever they are used. "mil" is a thousand in Lisbon and a million in London,
# "T" and "L" are many things: such numbers wait in quarantine.
_WORDS: Mapping[float, str] = {
    1e3: "(?i:k|tsd[.]?)|千",
    1e4: "万|萬",
    1e5: "(?i:lakhs?|lacs?)",
    1e6: "M|MM|(?i:mi|mn|mln|mio[.]?|million(?:s|en)?|millones|millón|milhões|milhão|milioni|miljoen)|百万",
    1e7: "(?i:crores?)",
    1e8: "億|亿",
    1e9: "(?i:bn|mrd[.]?|mds?|billions?|milliarden?|miljard)",
}
_OF_MONEY = "|m"  # 5m of a budget are millions; 5m of anything else may be minutes
_WIDE = "０１２３４５６７８９．，－＋％（）：／￥＄　٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹"
_NARROW = "0123456789.,-+%():/¥$ 01234567890123456789"


def folded(text: str) -> str:
    """Return SQL of a text with full-width, Arabic and Persian digits and signs as 0 to 9 and their like."""
    narrow = f"translate({text}, '{_WIDE}', '{_NARROW}')"
    return f"CASE WHEN strlen({text}) = length({text}) THEN {text} ELSE {narrow} END"


def _pattern(words: str) -> str:
    # Behind the word stands nothing, or a sign or blank and no more digits: 3 k€, 1.2M USD, (2M).
    return f"([0-9])\\s*(?:{words})((?:[^0-9A-Za-z][^0-9]*)?)$"


def _words(kind: Money) -> Mapping[float, str]:
    return {**_WORDS, 1e6: _WORDS[1e6] + (_OF_MONEY if kind == "money" else "")}


def unabridged(text: str, kind: Money) -> str:
    """Return SQL of a number's text without its word for thousands or millions, which `magnitude` is."""
    every = "|".join(_words(kind).values())
    return f"regexp_replace({text}, '{_pattern(every)}', '\\1\\2')"


def magnitude(text: str, kind: Money) -> str:
    """Return SQL of what a number's word for thousands or millions stands for; 1 where it has none."""
    cases = " ".join(
        f"WHEN regexp_matches({text}, '{_pattern(words)}') THEN {value!r}"
        for value, words in _words(kind).items()
    )
    return f"CASE WHEN regexp_matches({text}, '[0-9]$') THEN 1.0 {cases} ELSE 1.0 END"
