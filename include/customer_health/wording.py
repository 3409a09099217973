"""Money, numbers, dates and plurals as people read them: the only place that writes them, by Babel's rules.

One language (English) and one precision: amounts at a glance carry three figures, so that 999,600 is "$1M" on
every page, message and report. A currency is printed where it is known, and never assumed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import (
    UnknownCurrencyError,
    format_compact_currency,
    format_compact_decimal,
    format_decimal,
    is_currency,
)

LOCALE = "en"
UNKNOWN = "unknown"
_FIGURES = 3


def half_up(value: float, digits: int = 0) -> float:
    """Round as people do: 73.5 is 74, and 0.125 with two digits is 0.13. Python's `round` goes to even."""
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))


def money(amount: float | None, currency: str | None = None) -> str:
    """Return an amount at a glance: $240K, €1.24M, CHF 1.1K; without a known currency 240K.

    Args:
        amount: In units of the currency; None or NaN is "unknown".
        currency: ISO 4217 code. Anything else that stands there is not printed.
    """
    if amount is None or math.isnan(amount):
        return UNKNOWN
    size = math.floor(math.log10(abs(amount))) + 1 if amount else 1
    # Babel picks K, M or B before it rounds, so that 999,600 would be $1000K: round first.
    shown = half_up(amount, _FIGURES - size if abs(amount) >= 1000 else 0)
    code = currency_code(currency)
    if code is None:
        return format_compact_decimal(shown, fraction_digits=2, locale=LOCALE).replace("-", "−")
    text = format_compact_currency(shown, code, fraction_digits=2, locale=LOCALE)
    # CLDR's compact patterns forget the space between a code in letters and the number: CHF1.1K.
    return re.sub(r"^(-?)([A-Z]{3})(?=\d)", r"\1\2 ", text).replace("-", "−")


def total(amounts: Iterable[float | None], currency: str | None = None) -> str:
    """Return the sum of amounts of which some may be unknown: then it is "at least" what is known."""
    given = list(amounts)
    known = [float(amount) for amount in given if amount is not None and not math.isnan(amount)]
    if given and not known:
        return UNKNOWN
    return ("at least " if len(known) < len(given) else "") + money(sum(known), currency)


def currency_code(text: str | None) -> str | None:
    """Return an ISO 4217 code in capitals, or None where the text is not one."""
    code = (text or "").strip().upper()
    try:
        return code if len(code) == 3 and is_currency(code, LOCALE) else None
    except (UnknownCurrencyError, UnknownLocaleError):
        return None


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thousands marked, at most `digits` after the point, rounded half up: 1,234.5."""
    if value is None or math.isnan(value):
        return UNKNOWN
    pattern = "#,##0" + ("." + "#" * digits if digits else "")
    return format_decimal(half_up(value, digits), pattern, locale=LOCALE).replace("-", "−")


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share as per cent: 0.355 is 36%."""
    if share is None or math.isnan(share):
        return UNKNOWN
    return f"{number(share * 100, digits)}%"


def points(value: float | None) -> str:
    """Return points of a score with their sign: +3.0, −14.2."""
    rounded = half_up(value or 0.0, 1)
    return f"{'−' if rounded < 0 else '+'}{abs(rounded):.1f}"


def change(now: float | None, before: float | None) -> str:
    """Return a difference with an arrow, so that colour is never the only sign: ▲ 12."""
    return _arrow(now, before, number)


def money_change(now: float | None, before: float | None, currency: str | None = None) -> str:
    """Return a difference of two amounts with an arrow: ▼ $1.2M."""
    return _arrow(now, before, lambda size: money(size, currency))


def _arrow(now: float | None, before: float | None, write: Callable[[float], str]) -> str:
    if now is None or before is None or math.isnan(now) or math.isnan(before):
        return ""
    difference = now - before
    if abs(difference) < 0.5:
        return "±0"
    return f"{'▲' if difference > 0 else '▼'} {write(abs(difference))}"


def plural(count: float, one: str, many: str | None = None) -> str:
    """Return a count with its noun: 1 account, 1,203 accounts."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def day(value: date | str | None, absent: str = "none known") -> str:
    """Return a date (or an ISO date) as people write it: 14 Jan 2027."""
    if not value:
        return absent
    return format_date(date.fromisoformat(value[:10]) if isinstance(value, str) else value, "d MMM y", LOCALE)


def moment(value: datetime | str, zone: str | None = None) -> str:
    """Return an instant (or its ISO text) in a zone: Mon 23 Nov 18:00 UTC, or 19:00 (Europe/Berlin)."""
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    there = _zone(zone)
    name = "UTC" if there is UTC else f"({there})"
    return f"{format_datetime(when.astimezone(there), 'EEE d MMM HH:mm', locale=LOCALE)} {name}"


def _zone(name: str | None) -> tzinfo:
    try:
        return UTC if name in (None, "", "UTC") else ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
