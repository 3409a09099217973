"""SQL that reads a value as a canonical type, or gives NULL where it cannot.

Built from quoted identifiers and literals only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from customer_health.sources.amounts import Money, number
from customer_health.sources.magnitudes import folded, magnitude, unabridged
from customer_health.sources.moments import EPOCHS, epoch_moment, excel_moment, week_moment
from customer_health.sources.rule_parts import Condition, Offset, Scalar
from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.table import Type

_EXACT: Mapping[Type, frozenset[str]] = {
    Type.TEXT: frozenset(),
    Type.INTEGER: frozenset(
        {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
    ),
    Type.NUMBER: frozenset(
        {
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
            "FLOAT",
            "DOUBLE",
        }
    ),
    Type.BOOLEAN: frozenset({"BOOLEAN"}),
    Type.DATE: frozenset(
        {"DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE"}
    ),
    Type.TIMESTAMP: frozenset(
        {"DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "TIMESTAMP WITH TIME ZONE"}
    ),
}

EXPECTED: Mapping[Type, str] = {
    Type.TEXT: "text",
    Type.INTEGER: "a whole number",
    Type.NUMBER: "a number",
    Type.BOOLEAN: "true or false",
    Type.DATE: "a date such as 2026-01-31",
    Type.TIMESTAMP: "a time such as 2026-01-31T14:05:00Z (without zone: UTC, or the mapping's)",
}

YES = (
    "true",
    "t",
    "yes",
    "y",
    "1",
    "on",
    "ja",
    "j",
    "wahr",
    "oui",
    "si",
    "sí",
    "sì",
    "sim",
    "s",
    "はい",
    "有",
)
NO = ("false", "f", "no", "n", "0", "off", "nein", "falsch", "non", "não", "nao", "nee", "いいえ", "無")
_YES, _NO = (", ".join(literal(word) for word in words) for words in (YES, NO))


def always_fits(native: str, type_: Type) -> bool:
    """Whether every value of the engine's type reads as the canonical type, so that nothing can fail."""
    if type_ is Type.TEXT:
        return True
    return native in _EXACT[type_] or (type_ is Type.NUMBER and native.startswith("DECIMAL"))


def as_text(expression: str, native: str) -> str:
    """Return the value as trimmed text, without marks that nobody sees; floating ids lose their `.0`."""
    if native == "VARCHAR":
        # Trimming these marks reads letter by letter: a text that ends in none of them is left alone.
        ends = " AND ".join(
            f"ord({end}) BETWEEN 33 AND 126" for end in (expression, f"right({expression}, 1)")
        )
        return f"CASE WHEN {ends} THEN {expression} ELSE trim({expression}, '{_UNSEEN}') END"
    if native in ("DOUBLE", "FLOAT"):
        return f"regexp_replace(CAST({expression} AS VARCHAR), '\\.0$', '')"
    return f"CAST({expression} AS VARCHAR)"


# Blanks of all widths, tabs and ends of lines, and marks that nobody sees: "\u200ba1" is a1.
_UNSEEN = "".join(map(chr, (9, 10, 11, 12, 13, 32, 160, 5760, *range(8192, 8208), 8232, 8233))) + (
    "\u202f\u205f\u2060\u3000\ufeff"
)
_OFFSET = "([A-Za-z]|[+-][0-9]{2}(:?[0-9]{2})?)$"  # at the end of an ISO time
NAIVE = frozenset({"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"})
Format = str | tuple[str, ...] | None


def parse(
    text: str,
    type_: Type,
    *,
    format_: Format,
    decimal: str,
    zone: str | None = None,
    kind: Money = "plain",
) -> str:
    """Return SQL that reads trimmed text as `type_`, NULL where it cannot be read or reads in two ways.

    `kind` says which signs a number may carry.

    A time that names no zone was written down in `zone`; UTC if None. Days: see `calendar_days.parse_day`.
    """
    if type_ is Type.TEXT:
        return text
    if type_ is Type.BOOLEAN:
        return f"CASE WHEN lower({text}) IN ({_YES}) THEN true WHEN lower({text}) IN ({_NO}) THEN false END"
    if type_ is Type.TIMESTAMP:
        return f"CAST({moment_of(text, format_, zone)} AS {type_.value})"
    read = number(text, decimal, kind)
    return whole(read) if type_ is Type.INTEGER else read


def whole(number: str) -> str:
    """Return SQL of a number as a BIGINT, NULL where it is not a whole one."""
    return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({number} AS BIGINT) END"


def full_number(
    text: str, decimal: str, kind: Money = "money", let: Callable[[str, str], str] | None = None
) -> str:
    """Return SQL of a number that may be written short (1.2M), NULL where it is not a number of this kind.

    Args:
        text: SQL of the text, its digits folded.
        decimal: The sign that begins the cents.
        kind: Which signs it may carry.
        let: Names parts that are used more than once (ColumnReader); None writes them out.
    """
    if kind == "share":
        return number(text, decimal, kind)
    bare, times = unabridged(text, kind), magnitude(text, kind)
    if let is not None:
        bare, times = let("bare", bare), let("times", times)
        return let("number", _times(number(bare, decimal, kind), times))
    return _times(number(bare, decimal, kind), times)


def _times(read: str, times: str) -> str:
    return f"CASE WHEN {times} = 1 THEN {read} ELSE round({read} * {times}, 4) END"


def local(moment: str, zone: str) -> str:
    """Return SQL of the instant at which the clocks of `zone` show this time."""
    return f"(({moment}) AT TIME ZONE {literal(zone)})"


def moment_of(text: str, format_: Format, zone: str | None) -> str:
    """Return SQL of the instant that a text names, as `parse` reads it; its type depends on the format."""
    if isinstance(format_, tuple):
        readings = ", ".join(f"CAST({moment_of(text, one, zone)} AS TIMESTAMP)" for one in format_)
        distinct = f"list_distinct([{readings}])"  # leaves NULL out
        return f"CASE WHEN len({distinct}) = 1 THEN {distinct}[1] END"
    if format_ in (None, "iso"):
        # A cast to TIMESTAMP ignores a zone offset without a word; through TIMESTAMPTZ it is applied.
        # The cast reads 05/03/25 as a day of the year 5: what does not begin with a whole year is not ISO.
        iso = f"regexp_matches({text}, '^([0-9]{{4,}}[-/ ]|-?infinity$)')"
        instant = f"CASE WHEN {iso} THEN TRY_CAST({text} AS TIMESTAMPTZ) END"
        if zone is None:
            return instant
        # A day is a day wherever it was written down, and an offset speaks for itself.
        says = f"NOT contains({text}, ':') OR regexp_matches({text}, '{_OFFSET}')"
        return f"CASE WHEN {says} THEN {instant} ELSE {local(f'TRY_CAST({text} AS TIMESTAMP)', zone)} END"
    if format_ in EPOCHS:
        return epoch_moment(text, format_)
    if format_ == "iso_week":
        return week_moment(text)
    if format_ == "excel":
        return local(excel_moment(text), zone) if zone is not None else excel_moment(text)
    moment = f"try_strptime({text}, {literal(format_)})"
    timed, zoned = (
        any(sign in format_ for sign in signs) for signs in (("%H", "%I", "%-H", "%-I"), ("%z", "%Z"))
    )
    return local(moment, zone) if zone is not None and timed and not zoned else moment


def shifted(moment: str, plus: Offset, amount: str) -> str:
    """Return `moment` plus an amount (SQL of a DOUBLE) of the offset's unit."""
    # A span beyond all calendars (a typing error, a date in place of minutes) is not a span.
    if plus.unit == "months":
        return f"({moment} + to_months(CAST(CASE WHEN abs({amount}) < 12000 THEN {amount} END AS INTEGER)))"
    seconds = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}[plus.unit]
    span = f"CASE WHEN abs({amount}) < {31_536_000_000 // seconds} THEN {amount} * {seconds} * 1000000 END"
    return f"({moment} + to_microseconds(CAST({span} AS BIGINT)))"


def none_of(text: str, words: Iterable[str]) -> str:
    """Return SQL of a text, NULL where it is one of the words that mean no value."""
    listed = ", ".join(literal(word.lower()) for word in ("", *words))
    return f"CASE WHEN lower({text}) IN ({listed}) THEN NULL ELSE {text} END"


def holds(column: str, native: str, condition: Condition, decimal: str, empty: Iterable[str] = ()) -> str:
    """Return SQL that is true where a source column meets the condition, never NULL.

    `present:` goes by the words that mean no value, `empty`; `in:` and `not:` may name one of them.
    """
    text = as_text(identifier(column), native)
    tests: list[str] = []
    if condition.present is not None:
        blank = f"({none_of(text, empty)} IS NULL)"
        tests.append(f"NOT {blank}" if condition.present else blank)
    if condition.one_of is not None:
        tests.append(f"coalesce({_among(text, condition.one_of)}, false)")
    if condition.none_of is not None:
        tests.append(f"NOT coalesce({_among(text, condition.none_of)}, false)")
    if condition.contains is not None:
        word = literal(str(condition.contains).lower())
        tests.append(f"coalesce(contains(lower({text}), {word}), false)")
    for bound, sign in ((condition.at_least, ">="), (condition.at_most, "<=")):
        if bound is not None:
            tests.append(f"coalesce({_compared(text, sign, bound, decimal)}, false)")
    return f"({' AND '.join(tests) or 'true'})"


def _among(text: str, values: tuple[Scalar, ...]) -> str:
    flags = {str(value).lower() for value in values if isinstance(value, bool)}
    words = [literal(str(value).strip().lower()) for value in values if not isinstance(value, bool)]
    tests = [f"lower({text}) IN ({', '.join(words)})"] if words else []
    tests += [f"({parse(text, Type.BOOLEAN, format_=None, decimal='.')}) = {flag}" for flag in sorted(flags)]
    return f"({' OR '.join(tests)})"


def _compared(text: str, sign: str, bound: Scalar, decimal: str) -> str:
    if isinstance(bound, str):
        return f"TRY_CAST({text} AS TIMESTAMPTZ) {sign} TRY_CAST({literal(bound)} AS TIMESTAMPTZ)"
    return f"{full_number(folded(text), decimal)} {sign} {float(bound)!r}"
