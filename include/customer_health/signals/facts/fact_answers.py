"""Signals of tables of facts (tickets, surveys, invoices, ...): one function per aggregation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals import aggregations as agg
from customer_health.signals.answer_registry import Answers
from customer_health.signals.business_hours import hours_between
from customer_health.signals.facts.fact_reader import FactReader
from customer_health.signals.facts.grid import Grid
from customer_health.signals.facts.open_facts import is_doubtful, open_facts
from customer_health.signals.signal import Signal
from customer_health.signals.state.daily_state import NEVER, Columns

Array = NDArray[Any]
FACT_ANSWERS: Answers[FactReader] = Answers()


def _mean(
    grid: Grid,
    facts: tuple[Columns, Array | None],
    day: Array,
    window: int,
    value: Array,
    *,
    least: int = 1,
    half_life: int | None = None,
    skip: int = 0,
) -> Array:
    table, chosen = facts
    if half_life is None:
        many, sums = grid.window(table, day, window, chosen=chosen, value=value, skip=skip)
        return grid.ratio(sums, many, many >= least)
    # Weights are relative, so they may be counted from any one day: no need for one set per date.
    known = np.isfinite(value) & (day < NEVER)
    known = known if chosen is None else known & chosen
    newest = int(day[known].max(initial=0))
    weight = np.exp2(np.minimum((day - newest) / half_life, 0.0))
    many, sums = grid.window(table, day, window, chosen=known, value=value, weight=weight, skip=skip)
    _, total = grid.window(table, day, window, chosen=known, value=weight, skip=skip)
    return grid.ratio(sums, total, many >= least)


def _or_absent(reader: FactReader, signal: Signal, values: Array, present: Array) -> Array:
    result: Array = np.where(present, values, reader.absent(signal))
    return result


def _within_reach(grid: Grid, day: Array, window: int) -> Array:
    """Facts that are recent enough for the first as-of date: the only ones worth computing with."""
    recent: Array = day >= grid.dates[0] - window
    return recent


def _day_of(facts: Columns, column: str) -> Array:
    return facts["occurred"] if column == "occurred_at" else facts[f"day:{column}"]


@FACT_ANSWERS.to(agg.Count)
def _count(reader: FactReader, how: agg.Count, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    day = _day_of(facts, how.at)
    many, _ = reader.grid.window(facts, day, signal.window_days, chosen=chosen)
    values = _or_absent(reader, signal, many, many > 0)
    if f"untold:{how.at}" in facts:
        values = np.where(is_doubtful(reader.grid, facts, chosen, how.at), np.nan, values)
    if not how.per_seat:
        return values
    seats = reader.context.seats
    return reader.grid.ratio(values, seats, seats > 0)


@FACT_ANSWERS.to(agg.CountDistinct)
def _count_distinct(reader: FactReader, how: agg.CountDistinct, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    code, window = facts[f"code:{how.column}"], signal.window_days
    named = (code >= 0) & _within_reach(reader.grid, facts["occurred"], window)
    named = named if chosen is None else named & chosen
    code = np.unique(code[named], return_inverse=True)[1]
    span = int(code.max(initial=0)) + 1
    pairs, pair = np.unique(facts["account"][named].astype(np.int64) * span + code, return_inverse=True)
    begin = facts["seen"][named] + 1
    # Visible while any of the pair's facts is: count those, and ask whether there is one.
    visible = reader.grid.running_sum(pair, begin, facts["occurred"][named] + window + 1, groups=len(pairs))
    many = reader.grid.full(0.0)
    np.add.at(many, pairs // span, visible > 0)
    return _or_absent(reader, signal, many, many > 0)


@FACT_ANSWERS.to(agg.Happened)
def _happened(reader: FactReader, how: agg.Happened, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    many, _ = reader.grid.window(facts, facts["occurred"], signal.window_days, chosen=chosen)
    return _or_absent(reader, signal, reader.grid.full(1.0), many > 0)


@FACT_ANSWERS.to(agg.Sum)
def _sum(reader: FactReader, how: agg.Sum, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    value, window = facts[f"number:{how.column}"], signal.window_days
    many, sums = reader.grid.window(facts, facts["occurred"], window, chosen=chosen, value=value)
    values = _or_absent(reader, signal, sums, many > 0)
    every, _ = reader.grid.window(facts, facts["occurred"], window, chosen=chosen)
    values = np.where(every > many, np.nan, values)
    if not how.per_seat:
        return values
    seats = reader.context.seats
    return reader.grid.ratio(values, seats, seats > 0)


@FACT_ANSWERS.to(agg.Mean)
def _average(reader: FactReader, how: agg.Mean, signal: Signal) -> Array:
    facts = reader.facts(signal)
    table = facts[0]
    value = table[f"number:{how.column}"]
    mean = _mean(
        reader.grid, facts, table["occurred"], signal.window_days, value,
        least=how.least, half_life=how.half_life,
    )  # fmt: skip
    return _or_absent(reader, signal, mean, ~np.isnan(mean))


@FACT_ANSWERS.to(agg.MeanChange)
def _mean_change(reader: FactReader, how: agg.MeanChange, signal: Signal) -> Array:
    facts = reader.facts(signal)
    table = facts[0]
    value, window = table[f"number:{how.column}"], signal.window_days
    now, before = (
        _mean(reader.grid, facts, table["occurred"], window, value, least=how.least, skip=skip)
        for skip in (0, window)
    )
    return _or_absent(reader, signal, now - before, ~np.isnan(now - before))


@FACT_ANSWERS.to(agg.MeanBusinessHours)
def _business_hours(reader: FactReader, how: agg.MeanBusinessHours, signal: Signal) -> Array:
    facts = reader.facts(signal)
    table = facts[0]
    start, end = table[f"second:{how.start}"], table[f"second:{how.end}"]
    day, window = table[f"day:{how.end}"], signal.window_days
    value, asked = np.full(len(day), np.nan), _within_reach(reader.grid, day, window)
    value[asked] = hours_between(start[asked], end[asked], reader.config.signals.business_hours)
    mean = _mean(reader.grid, facts, day, window, value)
    return _or_absent(reader, signal, mean, ~np.isnan(mean))


@FACT_ANSWERS.to(agg.MeanDuration)
def _mean_duration(reader: FactReader, how: agg.MeanDuration, signal: Signal) -> Array:
    facts = reader.facts(signal)
    table = facts[0]
    value = (table[f"second:{how.end}"] - table[f"second:{how.start}"]) / 86400.0
    if how.floor is not None:
        value = np.maximum(value, how.floor)  # NaN stays NaN
    mean = _mean(reader.grid, facts, table[f"day:{how.end}"], signal.window_days, value)
    return _or_absent(reader, signal, mean, ~np.isnan(mean))


@FACT_ANSWERS.to(agg.Last)
def _last(reader: FactReader, how: agg.Last, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    value = facts[f"number:{how.column}"]
    if not len(value):
        return reader.absent(signal)
    row = reader.grid.latest_row(facts, chosen, value)  # ties go to the later row
    found = np.maximum(row, 0)
    fresh = (row >= 0) & (facts["occurred"][found] >= reader.grid.dates - signal.window_days)
    return _or_absent(reader, signal, value[found], fresh)


@FACT_ANSWERS.to(agg.DaysSince)
def _days_since(reader: FactReader, how: agg.DaysSince, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    day = reader.grid.running_max(facts["account"], facts["seen"] + 1, facts["occurred"], chosen=chosen)
    values = _or_absent(reader, signal, (reader.grid.dates - day).astype(np.float64), day >= 0)
    if not how.beyond_review:
        return values
    due = _review_interval(reader)
    return np.where(np.isnan(values), np.nan, np.maximum(values - due, 0.0))


def _review_interval(reader: FactReader) -> Array:
    """Days within which each account is due a business review, by its segment then; infinite for never."""
    names = [*reader.state.meta["segments"], None]  # an account without a segment has the code -1
    days = [reader.config.people.review_interval(name) for name in names]
    every = np.array([np.inf if each is None else float(each) for each in days])
    accounts = reader.state.tables["accounts"]
    known = accounts["seen"][:, None] < reader.grid.dates
    return np.asarray(every[np.where(known, accounts["segment"][:, None], -1)])


@FACT_ANSWERS.to(agg.OpenNow)
def _open_now(reader: FactReader, how: agg.OpenNow, signal: Signal) -> Array:
    found = open_facts(reader.grid, *reader.facts(signal), how)
    if how.column is None:
        return np.where(found.doubtful, np.nan, _or_absent(reader, signal, found.many, found.many > 0))
    values = _or_absent(reader, signal, found.total, found.many > 0)
    return np.where(found.doubtful | found.unvalued, np.nan, values)


@FACT_ANSWERS.to(agg.LongestOverdue)
def _longest_overdue(reader: FactReader, how: agg.LongestOverdue, signal: Signal) -> Array:
    unpaid = agg.OpenNow(until=(how.until,), begins=how.due, debt=how.debt)
    found = open_facts(reader.grid, *reader.facts(signal), unpaid)
    longest = np.where(found.many > 0, found.longest, 0.0)
    return np.where(found.doubtful, np.nan, _or_absent(reader, signal, longest, longest > 0))


@FACT_ANSWERS.to(agg.ChangeVsPreviousWindow)
def _change(reader: FactReader, how: agg.ChangeVsPreviousWindow, signal: Signal) -> Array:
    facts, chosen = reader.facts(signal)
    given = facts[f"number:{how.column}"]
    value = np.nan_to_num(given, nan=0.0)
    window, day = signal.window_days, facts["occurred"]
    lacking = np.isnan(given) if chosen is None else np.isnan(given) & chosen
    unknown, _ = reader.grid.window(facts, day, 2 * window, chosen=lacking)
    _, now = reader.grid.window(facts, day, window, chosen=chosen, value=value)
    many, before = reader.grid.window(facts, day, window, chosen=chosen, value=value, skip=window)
    oldest = NEVER - reader.grid.running_max(facts["account"], facts["seen"] + 1, NEVER - day, chosen=chosen)
    covered = oldest <= reader.grid.dates - 2 * window  # or else a new customer seems to grow by 400 %
    base = covered & (many > 0) & (before > 0)
    change = reader.grid.ratio(now - before, before, base)
    return np.where(unknown > 0, np.nan, _or_absent(reader, signal, change, base))
