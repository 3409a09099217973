"""Answer all as-of dates at once: one function per aggregation, from the daily state alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.signals import aggregations as agg
from customer_health.signals.business_hours import hours_between
from customer_health.signals.derived import EVIDENCE
from customer_health.signals.facts.account_context import Context, context
from customer_health.signals.facts.contract_engine import CONTRACT_ANSWERS
from customer_health.signals.facts.grid import Grid
from customer_health.signals.facts.open_facts import is_doubtful, open_facts
from customer_health.signals.plan_lists import conditions, mask_name
from customer_health.signals.signal import Absent, Signal
from customer_health.signals.state.daily_state import NEVER, Columns, State
from customer_health.signals.usage.usage_engine import Usage

Array = NDArray[Any]


@dataclass
class Engine:
    """State, grid and what several signals share.

    Attributes:
        state: The reduced tables.
        config: Thresholds and lists.
        grid: Accounts x as-of dates.
        context: What each account was on each date.
    """

    state: State
    config: CompanyConfig
    grid: Grid
    context: Context = field(init=False)
    usage: Usage | None = field(init=False, default=None)
    _live: dict[str, Array] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.context = context(self.state, self.grid)
        if "usage" in self.state.tables:
            self.usage = Usage(self.state, self.config, self.grid, self.context)

    def value(self, signal: Signal) -> Array:
        """Return the signal for every account and date; what is not finite is unknown.

        An account whose facts are absurd enough to overflow becomes unknown; others go on.
        """
        if self.usage is not None and signal.table == "usage":
            values = self.usage.value(signal)
            if values is None:  # silence also asks other tables
                values = self._silence(signal, self.usage)
        elif signal.table == "contracts":
            values = CONTRACT_ANSWERS[type(signal.aggregation)](self.state, self.grid, self.context, signal)
        else:
            values = _ANSWERS[type(signal.aggregation)](self, signal)
        return np.asarray(values, dtype=np.float64)

    def facts(self, signal: Signal) -> tuple[Columns, Array | None]:
        """The signal's table, and which of its facts meet the signal's conditions (None: all)."""
        table = self.state.tables[signal.table]
        mask = mask_name(conditions(signal, self.config))
        return table, table[mask] if mask else None

    def live_since(self, table: str) -> int:
        """First day on which a source had delivered anything; NEVER if it never did.

        An empty source says nothing about anybody: a company without a ticket system has unknown
        tickets, not zero.
        """
        return int(self.state.meta["live"].get(EVIDENCE.get(table, table), NEVER))

    def knowable(self, table: str) -> Array:
        """Whether the absence of a fact of this table means something, per account and date."""
        live = np.broadcast_to(self.grid.dates > self.live_since(table), self.grid.shape)
        return live & self._titles_known() if table == "exec_activity" else live

    def absent(self, signal: Signal) -> Array:
        """The value for accounts without a fact, NaN where their absence means nothing."""
        if signal.when_absent == Absent.UNKNOWN:
            return self.grid.full(np.nan)
        if signal.when_absent == Absent.SINCE_START:
            since = np.maximum(self.context.start, self.live_since(signal.table))
            value = np.where(since < self.grid.dates, self.grid.dates - since, np.nan)
        else:
            value = self.grid.full(float(signal.when_absent))
        return np.where(self.knowable(signal.table), value, np.nan)

    def _titles_known(self) -> Array:
        """We know an executive, or we know every contact's title: else absence may be ignorance."""
        if "titles" not in self._live:
            book = self.state.tables["contact_book"]
            never = np.full(len(book["account"]), NEVER)

            def count(day: Array) -> Array:
                return self.grid.running_sum(book["account"], np.maximum(day, book["seen"]) + 1, never)

            contacts = count(book["seen"])
            untitled = contacts - count(book["day:titled_at"])
            self._live["titles"] = (count(book["day:executive_at"]) > 0) | ((contacts > 0) & (untitled == 0))
        return self._live["titles"]

    def _silence(self, signal: Signal, usage: Usage) -> Array:
        window = int(signal.window or 0)
        sounds = np.zeros(self.grid.shape)
        aggregation = signal.aggregation
        assert isinstance(aggregation, agg.Silence)
        for name in aggregation.also:
            table = self.state.tables[name]
            sounds += self.grid.window(table, table["occurred"], window)[0]
        quiet = usage.quiet(window)
        silent = np.where(np.isnan(quiet), np.nan, np.where((quiet > 0) & (sounds == 0), 1.0, 0.0))
        return usage.delivered(silent, window)


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


def _or_absent(engine: Engine, signal: Signal, values: Array, present: Array) -> Array:
    result: Array = np.where(present, values, engine.absent(signal))
    return result


def _within_reach(grid: Grid, day: Array, window: int) -> Array:
    """Facts that are recent enough for the first as-of date: the only ones worth computing with."""
    recent: Array = day >= grid.dates[0] - window
    return recent


def _day_of(facts: Columns, column: str) -> Array:
    return facts["occurred"] if column == "occurred_at" else facts[f"day:{column}"]


def _count(engine: Engine, signal: Signal) -> Array:
    aggregation, (facts, chosen) = signal.aggregation, engine.facts(signal)
    assert isinstance(aggregation, agg.Count)
    day = _day_of(facts, aggregation.at)
    many, _ = engine.grid.window(facts, day, int(signal.window or 0), chosen=chosen)
    values = _or_absent(engine, signal, many, many > 0)
    if f"untold:{aggregation.at}" in facts:
        values = np.where(is_doubtful(engine.grid, facts, chosen, aggregation.at), np.nan, values)
    if not aggregation.per_seat:
        return values
    seats = engine.context.seats
    return engine.grid.ratio(values, seats, seats > 0)


def _count_distinct(engine: Engine, signal: Signal) -> Array:
    aggregation, (facts, chosen) = signal.aggregation, engine.facts(signal)
    assert isinstance(aggregation, agg.CountDistinct)
    code, window = facts[f"code:{aggregation.column}"], int(signal.window or 0)
    named = (code >= 0) & _within_reach(engine.grid, facts["occurred"], window)
    named = named if chosen is None else named & chosen
    code = np.unique(code[named], return_inverse=True)[1]
    span = int(code.max(initial=0)) + 1
    pairs, pair = np.unique(facts["account"][named].astype(np.int64) * span + code, return_inverse=True)
    begin = facts["seen"][named] + 1
    # Visible while any of the pair's facts is: count those, and ask whether there is one.
    visible = engine.grid.running_sum(pair, begin, facts["occurred"][named] + window + 1, groups=len(pairs))
    many = engine.grid.full(0.0)
    np.add.at(many, pairs // span, visible > 0)
    return _or_absent(engine, signal, many, many > 0)


def _happened(engine: Engine, signal: Signal) -> Array:
    facts, chosen = engine.facts(signal)
    many, _ = engine.grid.window(facts, facts["occurred"], int(signal.window or 0), chosen=chosen)
    return _or_absent(engine, signal, engine.grid.full(1.0), many > 0)


def _sum(engine: Engine, signal: Signal) -> Array:
    aggregation, (facts, chosen) = signal.aggregation, engine.facts(signal)
    assert isinstance(aggregation, agg.Sum)
    value, window = facts[f"number:{aggregation.column}"], int(signal.window or 0)
    many, sums = engine.grid.window(facts, facts["occurred"], window, chosen=chosen, value=value)
    values = _or_absent(engine, signal, sums, many > 0)
    every, _ = engine.grid.window(facts, facts["occurred"], window, chosen=chosen)
    values = np.where(every > many, np.nan, values)
    if not aggregation.per_seat:
        return values
    seats = engine.context.seats
    return engine.grid.ratio(values, seats, seats > 0)


def _average(engine: Engine, signal: Signal) -> Array:
    aggregation, facts = signal.aggregation, engine.facts(signal)
    table = facts[0]
    assert isinstance(aggregation, agg.Mean)
    value = table[f"number:{aggregation.column}"]
    mean = _mean(
        engine.grid, facts, table["occurred"], int(signal.window or 0), value,
        least=aggregation.least, half_life=aggregation.half_life,
    )  # fmt: skip
    return _or_absent(engine, signal, mean, ~np.isnan(mean))


def _mean_change(engine: Engine, signal: Signal) -> Array:
    aggregation, facts = signal.aggregation, engine.facts(signal)
    table = facts[0]
    assert isinstance(aggregation, agg.MeanChange)
    value, window = table[f"number:{aggregation.column}"], int(signal.window or 0)
    now, before = (
        _mean(engine.grid, facts, table["occurred"], window, value, least=aggregation.least, skip=skip)
        for skip in (0, window)
    )
    return _or_absent(engine, signal, now - before, ~np.isnan(now - before))


def _business_hours(engine: Engine, signal: Signal) -> Array:
    aggregation, facts = signal.aggregation, engine.facts(signal)
    table = facts[0]
    assert isinstance(aggregation, agg.MeanBusinessHours)
    start, end = table[f"second:{aggregation.start}"], table[f"second:{aggregation.end}"]
    day, window = table[f"day:{aggregation.end}"], int(signal.window or 0)
    value, asked = np.full(len(day), np.nan), _within_reach(engine.grid, day, window)
    value[asked] = hours_between(start[asked], end[asked], engine.config.signals.business_hours)
    mean = _mean(engine.grid, facts, day, window, value)
    return _or_absent(engine, signal, mean, ~np.isnan(mean))


def _mean_duration(engine: Engine, signal: Signal) -> Array:
    aggregation, facts = signal.aggregation, engine.facts(signal)
    table = facts[0]
    assert isinstance(aggregation, agg.MeanDuration)
    value = (table[f"second:{aggregation.end}"] - table[f"second:{aggregation.start}"]) / 86400.0
    if aggregation.floor is not None:
        value = np.maximum(value, aggregation.floor)  # NaN stays NaN
    mean = _mean(engine.grid, facts, table[f"day:{aggregation.end}"], int(signal.window or 0), value)
    return _or_absent(engine, signal, mean, ~np.isnan(mean))


def _last(engine: Engine, signal: Signal) -> Array:
    aggregation, (facts, chosen) = signal.aggregation, engine.facts(signal)
    assert isinstance(aggregation, agg.Last)
    value = facts[f"number:{aggregation.column}"]
    if not len(value):
        return engine.absent(signal)
    row = engine.grid.latest_row(facts, chosen, value)  # ties go to the later row
    found = np.maximum(row, 0)
    fresh = (row >= 0) & (facts["occurred"][found] >= engine.grid.dates - int(signal.window or 0))
    return _or_absent(engine, signal, value[found], fresh)


def _days_since(engine: Engine, signal: Signal) -> Array:
    aggregation, (facts, chosen) = signal.aggregation, engine.facts(signal)
    assert isinstance(aggregation, agg.DaysSince)
    day = engine.grid.running_max(facts["account"], facts["seen"] + 1, facts["occurred"], chosen=chosen)
    values = _or_absent(engine, signal, (engine.grid.dates - day).astype(np.float64), day >= 0)
    if not aggregation.beyond_review:
        return values
    due = _review_interval(engine)
    return np.where(np.isnan(values), np.nan, np.maximum(values - due, 0.0))


def _review_interval(engine: Engine) -> Array:
    """Days within which each account is due a business review, by its segment then; infinite for never."""
    names = [*engine.state.meta["segments"], None]  # an account without a segment has the code -1
    days = [engine.config.people.review_interval(name) for name in names]
    every = np.array([np.inf if each is None else float(each) for each in days])
    accounts = engine.state.tables["accounts"]
    known = accounts["seen"][:, None] < engine.grid.dates
    return np.asarray(every[np.where(known, accounts["segment"][:, None], -1)])


def _open_now(engine: Engine, signal: Signal) -> Array:
    aggregation = signal.aggregation
    assert isinstance(aggregation, agg.OpenNow)
    found = open_facts(engine.grid, *engine.facts(signal), aggregation)
    if aggregation.column is None:
        return np.where(found.doubtful, np.nan, _or_absent(engine, signal, found.many, found.many > 0))
    values = _or_absent(engine, signal, found.total, found.many > 0)
    return np.where(found.doubtful | found.unvalued, np.nan, values)


def _longest_overdue(engine: Engine, signal: Signal) -> Array:
    aggregation = signal.aggregation
    assert isinstance(aggregation, agg.LongestOverdue)
    how = agg.OpenNow(until=(aggregation.until,), begins=aggregation.due, debt=aggregation.debt)
    found = open_facts(engine.grid, *engine.facts(signal), how)
    longest = np.where(found.many > 0, found.longest, 0.0)
    return np.where(found.doubtful, np.nan, _or_absent(engine, signal, longest, longest > 0))


def _change(engine: Engine, signal: Signal) -> Array:
    aggregation, (facts, chosen) = signal.aggregation, engine.facts(signal)
    assert isinstance(aggregation, agg.ChangeVsPreviousWindow)
    given = facts[f"number:{aggregation.column}"]
    value = np.nan_to_num(given, nan=0.0)
    window, day = int(signal.window or 0), facts["occurred"]
    lacking = np.isnan(given) if chosen is None else np.isnan(given) & chosen
    unknown, _ = engine.grid.window(facts, day, 2 * window, chosen=lacking)
    _, now = engine.grid.window(facts, day, window, chosen=chosen, value=value)
    many, before = engine.grid.window(facts, day, window, chosen=chosen, value=value, skip=window)
    oldest = NEVER - engine.grid.running_max(facts["account"], facts["seen"] + 1, NEVER - day, chosen=chosen)
    covered = oldest <= engine.grid.dates - 2 * window  # or else a new customer seems to grow by 400 %
    base = covered & (many > 0) & (before > 0)
    change = engine.grid.ratio(now - before, before, base)
    return np.where(unknown > 0, np.nan, _or_absent(engine, signal, change, base))


_ANSWERS: Mapping[type[agg.Aggregation], Callable[[Engine, Signal], Array]] = {
    agg.Count: _count,
    agg.Happened: _happened,
    agg.Sum: _sum,
    agg.Mean: _average,
    agg.MeanDuration: _mean_duration,
    agg.Last: _last,
    agg.DaysSince: _days_since,
    agg.OpenNow: _open_now,
    agg.LongestOverdue: _longest_overdue,
    agg.ChangeVsPreviousWindow: _change,
    agg.CountDistinct: _count_distinct,
    agg.MeanChange: _mean_change,
    agg.MeanBusinessHours: _business_hours,
}


def check_answerable(signal: Signal) -> None:
    """Refuse a signal whose aggregation has no answer for its table.

    Raises:
        ConfigurationError: For example a sum over usage, which is only kept per feature set.
    """
    kind = type(signal.aggregation)
    special = {"usage": Usage.ANSWERS, "contracts": CONTRACT_ANSWERS}
    answerable = special.get(signal.table, _ANSWERS)
    if kind not in answerable:
        raise ConfigurationError(
            f"Signal {signal.name}: {kind.__name__} cannot read '{signal.table}'.",
            hint=f"Use one of {', '.join(sorted(k.__name__ for k in answerable))}.",
        )
    if signal.table == "exec_activity" and signal.where:
        raise ConfigurationError(
            f"Signal {signal.name}: exec_activity cannot be narrowed.",
            hint="Leave `where` out; it holds executives' days already.",
        )
    summing = agg.Sum | agg.ChangeVsPreviousWindow | agg.ChangeVsOwnBaseline | agg.FallBeyondChance
    if signal.table == "usage" and isinstance(signal.aggregation, summing):
        column = signal.aggregation.column
        if column != "events":
            raise ConfigurationError(
                f"Signal {signal.name}: usage keeps no '{column}'.", hint="It keeps events."
            )
