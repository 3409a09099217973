"""The slow twin of the panel engine: one account and one as-of date at a time, in plain Python.

It shares the declarations with the engine and nothing else, so that a mistake in prefix sums, bit
masks or the late table shows. Only tests use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from customer_health.company import CompanyConfig
from customer_health.signals.signal import Signal
from tests.lib.slow_engine.slow_facts import TWINS
from tests.lib.slow_engine.slow_tables import Row
from tests.lib.slow_engine.slow_usage import USAGE_TWINS
from tests.lib.slow_engine.slow_view import Facts, View


class Reference(Facts):
    """Every signal, straight from its definition."""

    def __init__(self, tables: Mapping[str, Sequence[Row]], config: CompanyConfig) -> None:
        super().__init__(tables, config)
        self._raw = tables
        self._on: dict[date, Facts] = {}

    def on(self, as_of: date) -> Facts:
        """The facts under the accounts that stood for themselves on a date."""
        if as_of not in self._on:
            self._on[as_of] = Facts(self._raw, self.config, as_of)
        return self._on[as_of]

    def value(self, signal: Signal, account: str, as_of: date) -> float | None:
        """Return the signal, or None where it is unknown."""
        answers = USAGE_TWINS if signal.table == "usage" else TWINS
        how, view = signal.aggregation, View(self.on(as_of), signal, account, as_of)
        if signal.table == "usage" and 2 * view.outage() > view.window:
            return None
        return answers[type(how)](view, how)
