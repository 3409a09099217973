"""SQL that reads numbers as people write them, with their units: money, percent, spans of time.

A sign of money belongs to columns of money, where it is the row's currency: "1200 ARS" is not a number of
seats.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from customer_health.warehouse.contracts import literal
from customer_health.warehouse.table import Column, Type

Money = Literal["money", "share", "plain"]

# A sign that several currencies use stands for the first, unless the row names another of them.
SIGNS: Mapping[str, tuple[str, ...]] = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD", "BBD", "JMD", "TTD"),
    "US$": ("USD",),
    "A$": ("AUD",),
    "AU$": ("AUD",),
    "C$": ("CAD",),
    "CA$": ("CAD",),
    "HK$": ("HKD",),
    "MX$": ("MXN",),
    "NT$": ("TWD",),
    "NZ$": ("NZD",),
    "S$": ("SGD",),
    "R$": ("BRL",),
    "€": ("EUR",),
    "£": ("GBP", "EGP", "GIP"),
    "¥": ("JPY", "CNY"),
    "₹": ("INR",),
    "₩": ("KRW",),
    "₽": ("RUB",),
    "₺": ("TRY",),
    "₪": ("ILS",),
    "₴": ("UAH",),
    "₫": ("VND",),
    "zł": ("PLN",),
    "Kč": ("CZK",),
    "円": ("JPY",),
    "元": ("CNY",),
    "kr": ("SEK", "NOK", "DKK", "ISK"),
}
_BLANKS = "\u00a0\u2009\u202f ''’"
"""What groups digits beside comma and point, inside SQL quotes."""
_NOBODYS = frozenset({"¥", "kr"})  # taken only where the row names one of their currencies

# ISO 4217: how many decimals the minor unit of a currency has, where it is not two.
DECIMALS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
            "XAF", "XOF", "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip


@cache
def codes() -> tuple[str, ...]:
    """Return every ISO 4217 code, from the tables of Babel."""
    from babel.core import get_global  # type: ignore[import-untyped,unused-ignore]

    return tuple(sorted(get_global("all_currencies")))


def kind_of(column: Column) -> Money:
    """Return which signs a column's numbers may carry: those of money, a percent sign, or none."""
    if column.unit.startswith("currency"):
        return "money"
    return "share" if column.unit == "0-1" else "plain"


@cache
def _money() -> str:
    signs = sorted(SIGNS, key=len, reverse=True)
    escaped = "|".join(sign.replace("$", "[$]") for sign in signs)
    return f"{escaped}|{'|'.join(codes())}"


def currency_in(text: str) -> str:
    """Return SQL of the sign or code of money that an amount carries, NULL if it carries none."""
    money = _money().replace("'", "''")
    pattern = f"^[(]?[-+]?\\s*({money})?\\s*[-+]?\\s*[0-9][^A-Za-z$€£¥₹₩₽₺₪₴₫円元]*({money})?[)]?$"
    return (
        f"nullif(coalesce(nullif(regexp_extract({text}, '{pattern}', 1), ''), "
        f"regexp_extract({text}, '{pattern}', 2)), '')"
    )


def code_of(sign: str, spoken: str = "NULL") -> str:
    """Return SQL of the ISO code that a sign or code means; NULL for a sign that is nobody's to guess.

    Args:
        sign: SQL of what `currency_in` found.
        spoken: SQL of the currency that the row names besides; it chooses among those of one sign.
    """
    cases = []
    for written, means in SIGNS.items():
        others = ", ".join(literal(code) for code in means)
        first = literal(means[0])
        rest = "NULL" if written in _NOBODYS else first
        chosen = f"CASE WHEN {spoken} IN ({others}) THEN {spoken} ELSE {rest} END"
        cases.append(f"WHEN {literal(written)} THEN {chosen if len(means) > 1 else first}")
    return f"CASE {sign} {' '.join(cases)} ELSE {sign} END"


def number(text: str, decimal: str, kind: Money = "money") -> str:
    """Return SQL that reads trimmed text as a DOUBLE, NULL where it is not a number of this kind.

    Reads $1,200.00, 1.200,50 EUR, CHF 1'200'000, 1 200, 1,20,000; (12.50) and 12.50- are minus; 85% is 0.85
    of a share. Blanks that part no groups of three digits, as in "10 2024", make it no number.
    """
    sign = f"CASE WHEN regexp_full_match({text}, '\\(.*\\)|.*[0-9]-') THEN -1 ELSE 1 END"
    if kind == "money":
        money = _money().replace("'", "''")
        bare = (
            f"regexp_replace({text}, '^\\(?([-+]?)({money})?\\s*([-+]?)|\\s*({money})?\\)?$', '\\1\\3', 'g')"
        )
    else:
        bare = f"regexp_replace({text}, '^\\(([^)]*)\\)$', '\\1')"
    if kind == "share":
        bare = f"regexp_replace({bare}, '\\s*%$', '')"
    # A minus behind the number, as SAP writes it, was counted above.
    bare = f"regexp_replace({bare}, '^([0-9].*[0-9])-$', '\\1')"
    # Blanks and apostrophes group digits by threes, and do nothing else; a group's end may begin the next.
    for _ in range(2):
        bare = f"regexp_replace({bare}, '([0-9])[{_BLANKS}]([0-9]{{3}})', '\\1\\2', 'g')"
    uneven = f"[0-9]{{4}}[{_BLANKS}][0-9]|[0-9][{_BLANKS}]([0-9]{{1,2}}([^0-9]|$)|[0-9]{{4}})"
    parted = f"regexp_matches({text}, '{uneven}')"
    group, point = ("[.]", ",") if decimal == "," else (",", "[.]")
    lakhs = "" if decimal == "," else f"|\\d{{1,2}}(,\\d{{2}})+,\\d{{3}}({point}\\d+)?"
    grouped = f"regexp_full_match({bare}, '[-+]?(\\d{{1,3}}({group}\\d{{3}})+({point}\\d+)?{lakhs})')"
    ungrouped = f"CASE WHEN {grouped} THEN regexp_replace({bare}, '{group}', '', 'g') ELSE {bare} END"
    if decimal == ",":
        read = f"({sign} * TRY_CAST(replace({ungrouped}, ',', '.') AS DOUBLE))"
    else:
        read = f"coalesce(TRY_CAST({text} AS DOUBLE), {sign} * TRY_CAST({ungrouped} AS DOUBLE))"
    read = f"CASE WHEN NOT {parted} THEN {read} END"
    if kind == "share":
        return f"({read} / CASE WHEN ends_with({text}, '%') THEN 100 ELSE 1 END)"
    return read


def minor(amount: str, currency: str) -> str:
    """Return SQL of an amount that is given in the smallest unit of its currency: cents, yen, fils."""
    cases = " ".join(f"WHEN {literal(code)} THEN {10**digits}" for code, digits in DECIMALS.items())
    return f"({amount} / CASE upper(trim({currency})) {cases} ELSE 100 END)"


_UNITS = {
    "w|wk|wks|week|weeks": 604_800,
    "d|day|days": 86_400,
    "h|hr|hrs|hour|hours": 3600,
    "m|min|mins|minute|minutes": 60,
    "s|sec|secs|second|seconds": 1,
}
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}


def span(text: str, unit: str, decimal: str) -> str:
    """Return SQL that reads a span of time in `unit`: 90, 24 h, 1d 2h, 1:30:00 (hours first), PT1H30M.

    A bare number is in `unit`. NULL where it is none of these; months are only ever a bare number.
    """
    bare = number(text, decimal, "plain")
    if unit not in _SECONDS:
        return bare
    word = f"lower(regexp_replace({text}, '^[pP]|(\\d[dD])?[tT]', '\\1', 'g'))"
    parts, amount = [], f"(\\d+(?:[.{',' if decimal == ',' else ''}]\\d+)?)"
    for names, seconds in _UNITS.items():
        found = f"regexp_extract({word}, '{amount}\\s*(?:{names})(?:[^a-z]|$)', 1)"
        parts.append(f"coalesce(TRY_CAST(replace({found}, ',', '.') AS DOUBLE), 0) * {seconds}")
    every = "|".join(_UNITS)
    spelled = f"regexp_full_match({word}, '({amount}\\s*({every})[\\s,]*)+')"
    clock = f"regexp_full_match({text}, '\\d+:\\d{{2}}(:\\d{{2}})?')"
    hours, minutes, seconds_ = (
        f"coalesce(TRY_CAST(split_part({text}, ':', {place}) AS DOUBLE), 0)" for place in (1, 2, 3)
    )
    return (
        f"CASE WHEN {spelled} THEN ({' + '.join(parts)}) / {_SECONDS[unit]} "
        f"WHEN {clock} THEN ({hours} * 3600 + {minutes} * 60 + {seconds_}) / {_SECONDS[unit]} ELSE {bare} END"
    )


def evidence(text: str) -> tuple[str, str, str]:
    """Return SQL over a column of text: does a value settle on a decimal point, on a comma, or ask?

    1,200.50 and 12.5 settle on the point, 1.200,50 and 12,5 on the comma; 1.200 is 1200 or 1.2.
    """
    grouped = f"[0-9{_BLANKS}]*"
    one = f"{grouped}{{point}}(\\d{{{{1,2}}}}|\\d{{{{4,}}}})|0?{{point}}\\d+|\\d{{{{4,}}}}{{point}}\\d+"
    points = f"{one.format(point='[.]')}|.*,\\d{{3}}[.]\\d+|\\d{{1,3}}(,\\d{{3}}){{2,}}"
    commas = f"{one.format(point=',')}|.*[.]\\d{{3}},\\d+|\\d{{1,3}}([.]\\d{{3}}){{2,}}"
    dot = f"regexp_matches({text}, '^[^0-9]*({points})[^0-9]*$')"
    comma = f"regexp_matches({text}, '^[^0-9]*({commas})[^0-9]*$')"
    return dot, comma, f"({ambiguous(text)})"


def ambiguous(text: str, sign: str = "[.]") -> str:
    """Return SQL that is true for 1.200: twelve hundred in Berlin, little more than one in Boston.

    Args:
        text: SQL of the text.
        sign: The signs that may stand before three digits, as a class of a regular expression.
    """
    return f"regexp_matches({text}, '^[^0-9]*[1-9]\\d{{0,2}}{sign}\\d{{3}}[^0-9]*$')"


def is_number(column: Column) -> bool:
    """Whether a column holds numbers."""
    return column.type in (Type.NUMBER, Type.INTEGER)
