"""The closed family of aggregations: what a signal may do with the rows of its table.

Here those of any table of facts; those of usage and of contracts have modules of their own beside this one.
Each is a small frozen declaration. Its meaning lives in two places that tests compare: an answer (all
as-of dates at once) and its slow twin in plain Python (one account and date at a time). To add one: a class,
one function in `fact_answers.py`, `contract_answers.py` or `usage_answers.py`, and its twin in
`tests/lib/slow_engine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from customer_health.errors import ConfigurationError
from customer_health.signals.aggregation_base import NUMERIC, TEMPORAL, TEXT
from customer_health.signals.aggregation_base import Aggregation as Aggregation
from customer_health.warehouse.table import Type


@dataclass(frozen=True)
class Count(Aggregation):
    """Facts in the window.

    Args:
        at: The timestamp that decides; a lifecycle column counts a later stage (escalated). Unknown for an
            account with a fact whose source does not tell that stage.
        per_seat: Divide by the seats under contract; unknown without seats.
    """

    at: str = "occurred_at"
    per_seat: bool = False

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.at, TEMPORAL


@dataclass(frozen=True)
class Happened(Aggregation):
    """1 if at least one fact lies in the window, else the absent value."""


@dataclass(frozen=True)
class CountDistinct(Aggregation):
    """Different values of a column among the facts in the window; empty ones do not count."""

    column: str

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, TEXT


@dataclass(frozen=True)
class Sum(Aggregation):
    """Sum of a column over the facts in the window; unknown if one of them has no value.

    Args:
        column: What to add up.
        per_seat: Divide by the seats under contract; unknown without seats.
    """

    column: str
    per_seat: bool = False

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC


@dataclass(frozen=True)
class Mean(Aggregation):
    """Mean of a column over the facts in the window that have a value.

    Args:
        column: What to average.
        half_life: Days after which a fact weighs half; None weighs all alike.
        least: Fewer facts than this are not basis: absent.
    """

    column: str
    half_life: int | None = None
    least: int = 1

    def __post_init__(self) -> None:
        if self.least < 1 or (self.half_life is not None and self.half_life < 1):
            raise ConfigurationError(
                "Mean needs at least one fact and a half-life of at least one day.",
                hint='Write Mean("sentiment", half_life=30, least=3).',
            )

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC


@dataclass(frozen=True)
class MeanChange(Aggregation):
    """Mean over the window minus the mean over the window before; each needs `least` facts."""

    column: str
    least: int = 1

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC


@dataclass(frozen=True)
class MeanDuration(Aggregation):
    """Mean days from one timestamp to another, over facts whose end lies in the window.

    Args:
        end: The later stage; the fact counts from then on.
        start: Where the clock starts.
        floor: Shorter durations count as this many days (an invoice paid early is not "late by -5").
    """

    end: str
    start: str = "occurred_at"
    floor: float | None = None

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.start, TEMPORAL
        yield self.end, TEMPORAL


@dataclass(frozen=True)
class MeanBusinessHours(Aggregation):
    """Mean working hours from one timestamp to another, by the company's hours and time zone.

    A ticket of Friday evening that is answered on Monday morning has not waited for a weekend. The
    fact counts once its end lies in the window.

    Args:
        end: The later stage.
        start: Where the clock starts.
    """

    end: str
    start: str = "occurred_at"

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.start, TEMPORAL
        yield self.end, TEMPORAL


@dataclass(frozen=True)
class Last(Aggregation):
    """Value of the most recent fact, if it is no older than the window."""

    column: str

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC


@dataclass(frozen=True)
class DaysSince(Aggregation):
    """Whole days since the day of the most recent fact (1 = yesterday).

    Args:
        beyond_review: Only the days beyond the interval in which a business review is due to the account's
            segment (`people.ebr_every_days`) count; 0 where none is due.
    """

    windowed: ClassVar[bool] = False
    beyond_review: bool = False


@dataclass(frozen=True)
class OpenNow(Aggregation):
    """Facts that have begun and not yet reached any of the stages that close them.

    Args:
        until: Timestamps of which the first closes the fact.
        older_than: Count only facts open for more than this many days.
        begins: The timestamp that opens it: an invoice is overdue from its due date on.
        column: Sum this column instead of counting; the sum is unknown if an open fact has no value.
        debt: Column with what is owed. A fact of nothing or less is nobody's debt; open ones below zero are
            credit from the day they are known, and where it covers all that is owed, nothing is.

    Unknown where a fact is open as far as we know, but its source does not tell the stage that closes it.
    """

    windowed: ClassVar[bool] = False
    until: tuple[str, ...]
    older_than: int = 0
    begins: str = "occurred_at"
    column: str | None = None
    debt: str | None = None

    def __post_init__(self) -> None:
        if not self.until or self.older_than < 0:
            raise ConfigurationError(
                "OpenNow needs a column that closes the fact and an age of at least 0 days.",
                hint='Write OpenNow(until=("resolved_at",), older_than=3).',
            )

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        for column in (self.begins, *self.until):
            yield column, TEMPORAL
        for name in (self.column, self.debt):
            if name is not None:
                yield name, NUMERIC


@dataclass(frozen=True)
class LongestOverdue(Aggregation):
    """Whole days since the due day of the open fact that is longest overdue (1 = yesterday).

    Args:
        due: The timestamp that opens it.
        until: The stage that closes it; unknown as for `OpenNow`.
        debt: As for `OpenNow`.
    """

    windowed: ClassVar[bool] = False
    due: str
    until: str
    debt: str | None = None

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.due, TEMPORAL
        yield self.until, TEMPORAL
        if self.debt is not None:
            yield self.debt, NUMERIC


@dataclass(frozen=True)
class ChangeVsPreviousWindow(Aggregation):
    """Relative change of a sum against the window before: -0.3 is a drop of 30 %.

    Unknown when a fact has no value, when the earlier window holds nothing, or when the account's facts are
    not as old as both windows: a customer in their third week is not growing by 400 %.
    """

    column: str

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC


@dataclass(frozen=True)
class ChangeVsOwnBaseline(Aggregation):
    """Mean per day of the window against the account's own mean before it: -0.3 is 30 % below it.

    It needs no users, so it serves companies whose telemetry knows accounts only, and it looks far
    enough back that one slow month does not become the yardstick of the next.

    Args:
        column: What to add up.
        baseline: Days before the window that make the baseline; days before the account's first
            usage do not count.
        least: Fewer days of telemetry than this before the window are not baseline: unknown.
    """

    only: ClassVar[tuple[str, ...]] = ("usage",)
    column: str
    baseline: int = 180
    least: int = 56

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.baseline:
            raise ConfigurationError(
                "ChangeVsOwnBaseline needs at least one day, and no more than its baseline has.",
                hint='Write ChangeVsOwnBaseline("events", baseline=180, least=56).',
            )

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC

    def looks_back(self, window: int) -> int:
        return window + self.baseline


@dataclass(frozen=True)
class FallBeyondChance(Aggregation):
    """Standard deviations by which a sum lies under that of the window before: 3 is a fall few weeks bring.

    Two counts of an unchanged rate differ by the root of their sum, if every event came by itself. Events
    come in bursts, and how much that widens the scatter is read from the account's own windows before:
    neighbours among them differ by what is usual here (their mean squared difference over their sum,
    never taken for less than 1). An account without three such windows is judged by the former alone.

    Unknown unless the account's telemetry covers both windows and one of them holds something.

    Args:
        column: What to add up.
        earlier: Windows before the current one that the usual scatter is read from.
    """

    only: ClassVar[tuple[str, ...]] = ("usage",)
    column: str
    earlier: int = 6

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC

    def looks_back(self, window: int) -> int:
        return (1 + self.earlier) * window
