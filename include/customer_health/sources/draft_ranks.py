"""Which plan is the larger one, in a draft: by what customers pay for it, by its name for want of prices."""

from __future__ import annotations

import re
import unicodedata
from statistics import median

from customer_health.sources import draft_words as words
from customer_health.sources.draft_look import Look, currency_sign, has_decimal_commas
from customer_health.sources.draft_match import match
from customer_health.sources.draft_words import plain
from customer_health.sources.periods import IN_A_YEAR
from customer_health.warehouse.table import Table

_LADDER = (
    "free", "trial", "basic", "starter", "standard", "team", "plus", "pro", "professional", "business",
    "premium", "enterprise",
)  # fmt: skip
_MOST = 12
_AMOUNT = re.compile(r"[^\d.,-]*(\d[\d., ]*)[^\d]*")


def ranks(table: Table, look: Look) -> tuple[list[str], str, str] | None:
    """Return the plans of a file of contracts from the smallest on, their column, and how that was found.

    Plans are ordered by the median of what their rows cost in a year, if all amounts are of one currency.
    """
    source = match(table, "plan", look)
    plans = look.samples[source] if source else []
    if not source or not 1 < len(plans) <= _MOST:
        return None
    prices = _prices(table, look, source)
    if prices.keys() >= set(plans) and len(set(prices.values())) == len(prices):
        order = sorted(plans, key=lambda plan: prices[plan])
        told = ", ".join(f"{plan} {prices[plan]:,.0f}" for plan in order)
        return order, source, f"by their median price a year: {told}"
    order = sorted(plans, key=lambda p: _LADDER.index(p.lower()) if p.lower() in _LADDER else len(_LADDER))
    return order, source, "by their names only, no price tells"


def _prices(table: Table, look: Look, plan: str) -> dict[str, float]:
    """Plan -> median price a year of the rows that were looked at; empty where that cannot be known."""
    currency = match(table, "currency", look)
    several = len({value.upper() for value in look.samples[currency]}) > 1 if currency else False
    priced = match(table, "arr", look) or _column(look, words.MONTHLY) or _column(look, words.PRICED)
    if several or priced is None or (currency is None and _signs(look, priced) > 1):
        return {}
    period = next((c for c in look.samples if re.fullmatch(words.PERIODS, plain(c))), None)
    period = (
        None if re.fullmatch(words.MONTHLY, plain(priced)) or priced == match(table, "arr", look) else period
    )
    comma = has_decimal_commas(look)
    found: dict[str, list[float]] = {}
    for row, name in enumerate(look.cells.get(plan, ())):
        amount = _number(look.cells[priced][row], comma=comma)
        many = IN_A_YEAR.get(look.cells[period][row].lower()) if period else 1.0
        if name and amount is not None and many is not None:
            found.setdefault(name, []).append(amount * many)
    scale = 12.0 if re.fullmatch(words.MONTHLY, plain(priced)) else 1.0
    return {name: median(values) * scale for name, values in found.items()}


def _signs(look: Look, priced: str) -> int:
    """How many currencies the cells of one column name; at least 1."""
    found = {re.sub(r"[\d\s.,'’()+-]", "", value) for value in look.samples[priced][:200]}
    return max(1, len(found - {""})) if currency_sign(look) is None else 1


def _column(look: Look, pattern: str) -> str | None:
    fitting = look.fitting.get("number", ())
    return next((n for n in look.samples if n in fitting and re.fullmatch(pattern, plain(n))), None)


def _number(text: str, *, comma: bool) -> float | None:
    """An amount as a number; None for one that is not written out in full."""
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", text))
    if found is None or re.search(r"\d\s*(k|m|mio|mln|tsd|万|億)\b", text, re.IGNORECASE):
        return None
    digits = found[1].replace(" ", "")
    digits = digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", "")
    try:
        return float(digits)
    except ValueError:
        return None
