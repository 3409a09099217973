"""Answer all as-of dates at once, from the daily state alone; each table has answers of its own."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.errors import ConfigurationError
from customer_health.signals import aggregations as agg
from customer_health.signals import usage_aggregations as usage_agg
from customer_health.signals.facts.contract_answers import CONTRACT_ANSWERS
from customer_health.signals.facts.fact_answers import FACT_ANSWERS
from customer_health.signals.facts.fact_reader import FactReader
from customer_health.signals.signal import Signal
from customer_health.signals.usage.usage_answers import USAGE_ANSWERS
from customer_health.signals.usage.usage_engine import Usage

Array = NDArray[Any]


@dataclass
class Engine(FactReader):
    """Facts, and usage where there is any.

    Attributes:
        usage: What usage tells on the same grid; None for a company without it.
    """

    usage: Usage | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if "usage" in self.state.tables:
            self.usage = Usage(self.state, self.config, self.grid, self.context)

    def value(self, signal: Signal) -> Array:
        """Return the signal for every account and date; what is not finite is unknown.

        An account whose facts are absurd enough to overflow becomes unknown; others go on.
        """
        if self.usage is not None and signal.table == "usage":
            if isinstance(signal.aggregation, usage_agg.Silence):
                return self._silence(signal.aggregation, signal.window_days, self.usage)
            values, people = USAGE_ANSWERS.value(self.usage, signal), signal.aggregation.people
            return self.usage.delivered(values, signal.window_days, people=people)
        answers = CONTRACT_ANSWERS if signal.table == "contracts" else FACT_ANSWERS
        return answers.value(self, signal)

    def told_by(self, signal: Signal, source: str) -> Array:
        """Return for every account and date whether a source is among those that answer a signal.

        Usage is told by events here and by counts of users there; the silence of one is not that of the
        other. Where both tell, counts tell how many people came and nothing else.
        """
        if self.usage is None or signal.table != "usage" or source not in ("usage", "daily_users"):
            return np.ones(self.grid.shape, bool)
        counted = self.usage.by_counts(people=signal.aggregation.people)
        return counted if source == "daily_users" else ~counted

    def _silence(self, how: usage_agg.Silence, window: int, usage: Usage) -> Array:
        """No usage, and no fact of the other tables either."""
        sounds = np.zeros(self.grid.shape)
        for name in how.also:
            table = self.state.tables[name]
            sounds += self.grid.window(table, table["occurred"], window)[0]
        quiet = usage.quiet(window)
        silent = np.where(np.isnan(quiet), np.nan, np.where((quiet > 0) & (sounds == 0), 1.0, 0.0))
        return usage.delivered(silent, window)


def answerable_for(table: str) -> Set[type[agg.Aggregation]]:
    """Return the aggregations that can read a table."""
    if table == "usage":
        return {*USAGE_ANSWERS, usage_agg.Silence}
    return set(CONTRACT_ANSWERS if table == "contracts" else FACT_ANSWERS)


def check_answerable(signal: Signal) -> None:
    """Refuse a signal whose aggregation has no answer for its table.

    Raises:
        ConfigurationError: For example a sum over usage, which is only kept per feature set.
    """
    kind = type(signal.aggregation)
    answerable = answerable_for(signal.table)
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
