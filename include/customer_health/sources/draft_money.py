"""Recurring money in a draft: of which period is it, and of how many seats?"""

from __future__ import annotations

import re

from customer_health.sources import draft_words as words
from customer_health.sources.draft_look import Look
from customer_health.sources.draft_rules import amount_rule, quoted
from customer_health.sources.draft_words import plain
from customer_health.sources.periods import IN_A_YEAR


def recurring(look: Look, seats: str | None) -> tuple[str, list[str]] | None:
    """Return the rule for `arr` from an amount of some period, and the columns that it reads.

    Args:
        look: A file of contracts without a column of annual revenue.
        seats: Its column of seats.

    Returns:
        None where nothing in the file is such an amount.
    """
    period, count = _period(look), _column(look, words.PERIOD_COUNTS, kind="number")
    monthly = _column(look, words.MONTHLY, kind="number")
    if monthly is not None:
        rule = amount_rule(monthly, look, "scale: 12")
        if period is None or len(set(_told(look, period))) < 2:
            return rule, [monthly]
        other = f"{{column: {quoted(monthly)}, {_per(look, period, count)}}}"
        said = ", ".join(look.samples[period][:4])
        ask = f"is it a month's in every row? {period} holds {said}; if not: {other}"
        return _asked(rule, ask), [monthly, period]
    amount = _column(look, words.PRICED, kind="number")
    if amount is None:
        return None
    one = re.fullmatch(words.PRICE_OF_ONE, plain(amount)) is not None and seats is not None
    times = f"times: {quoted(seats)}" if one and seats else ""
    if period is None:
        rule = amount_rule(amount, look, times)
        return _asked(rule, "a year's? of a month: `scale: 12`"), [amount]
    rule = amount_rule(amount, look, ", ".join(part for part in (times, _per(look, period, count)) if part))
    used = [amount, period, *([count] if count else [])]
    question = f"of all seats? of one: `times: {quoted(seats)}`" if seats and not one else ""
    return (_asked(rule, question) if question else rule), used


def _asked(rule: str, question: str) -> str:
    return f"{rule}{' And ' if '# TODO' in rule else '  # TODO '}{question}"


def _per(look: Look, period: str, count: str | None) -> str:
    unknown = [word for word in look.samples[period] if word.lower() not in IN_A_YEAR]
    values = f", values: {{{', '.join(f'{quoted(word)}: TODO' for word in unknown[:20])}}}" if unknown else ""
    every = f", every: {quoted(count)}" if count else ""
    return f"per: {{column: {quoted(period)}{every}{values}}}"


def _period(look: Look) -> str | None:
    """The column whose words are periods."""
    for name, samples in look.samples.items():
        if samples and len(samples) <= 20 and re.fullmatch(words.PERIODS, plain(name)) and _told(look, name):
            return name
    return None


def _told(look: Look, name: str) -> list[float]:
    return [IN_A_YEAR[word.lower()] for word in look.samples[name] if word.lower() in IN_A_YEAR]


def _column(look: Look, pattern: str, *, kind: str) -> str | None:
    fitting = look.fitting.get(kind, ())
    return next((n for n in look.samples if n in fitting and re.fullmatch(pattern, plain(n))), None)
