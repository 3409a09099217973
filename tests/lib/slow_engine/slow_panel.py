"""The slow twin of the panel engine: one account and one as-of date at a time, in plain Python.

It shares the declarations with the engine and nothing else, so that a mistake in prefix sums, bit
masks or the late table shows. Only tests use it.
"""

from __future__ import annotations

from datetime import date

from customer_health.signals.signal import Signal
from tests.lib.slow_engine.slow_facts import TWINS
from tests.lib.slow_engine.slow_usage import USAGE_TWINS
from tests.lib.slow_engine.slow_view import Facts, View


class Reference(Facts):
    """Every signal, straight from its definition."""

    def value(self, signal: Signal, account: str, as_of: date) -> float | None:
        """Return the signal, or None where it is unknown."""
        answers = USAGE_TWINS if signal.table == "usage" else TWINS
        how, view = signal.aggregation, View(self, signal, account, as_of)
        if signal.table == "usage" and 2 * view.outage() > view.window:
            return None
        return answers[type(how)](view, how)
