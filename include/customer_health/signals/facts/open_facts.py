"""Facts that have begun and not ended: which are open, which may be, and what is owed on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals import aggregations as agg
from customer_health.signals.facts.grid import Grid
from customer_health.signals.state.daily_state import NEVER, Columns

Array = NDArray[Any]


@dataclass(frozen=True)
class OpenFacts:
    """Grids of shape (accounts, dates).

    Attributes:
        many: How many are open.
        total: Sum of their values, credit taken off; never below zero where it is a debt.
        longest: Days since the oldest of them began.
        unvalued: One of them has no value.
        doubtful: One may be open: its source does not tell the stage that would have closed it.
    """

    many: Array
    total: Array
    longest: Array
    unvalued: Array
    doubtful: Array


def open_facts(grid: Grid, facts: Columns, chosen: Array | None, how: agg.OpenNow) -> OpenFacts:
    """Return what is open on each date, as far as that date may know."""
    account, seen = facts["account"], facts["seen"]
    opened = facts["occurred"] if how.begins == "occurred_at" else facts[f"day:{how.begins}"]
    closed = np.minimum.reduce([facts[f"day:{column}"] for column in how.until])
    begin, end = np.maximum(opened + how.older_than, seen) + 1, closed + 1
    doubt = np.zeros(len(account), bool)
    for column in how.until:
        if f"untold:{column}" in facts:
            doubt = doubt | facts[f"untold:{column}"]
    mine = np.ones(len(account), bool) if chosen is None else chosen
    amount = facts[f"number:{how.debt}"] if how.debt else None
    owed = mine if amount is None else mine & ~(amount <= 0)  # an unknown amount is owed, too
    value = facts[f"number:{how.column}"] if how.column else amount
    known = np.zeros(len(account)) if value is None else np.nan_to_num(value, nan=0.0)
    unknown = np.zeros(len(account), bool) if value is None else np.isnan(value)

    def during(those: Array, numbers: Array | None = None, since: Array = begin) -> Array:
        return grid.running_sum(account, since, np.where(those, end, -1), numbers)  # others are never seen

    sure = owed & ~doubt
    many, total, unvalued = during(sure), during(sure, known), during(sure & unknown) > 0
    longest = grid.longest(account, begin, np.where(sure, end, -1), opened)
    doubtful = during(owed & doubt) > 0
    if amount is not None:
        credit = mine & (amount < 0)
        total = np.maximum(total + during(credit & ~doubt, known, seen + 1), 0.0)
        many = np.where((total > 0) | unvalued, many, 0.0)
        doubtful |= (many > 0) & (during(credit & doubt, None, seen + 1) > 0)
    return OpenFacts(many, total, longest, unvalued, doubtful)


def is_doubtful(grid: Grid, facts: Columns, chosen: Array | None, stage: str) -> Array:
    """Whether an account has a fact of which nobody told if it reached a stage, per date."""
    doubt = facts[f"untold:{stage}"] if chosen is None else facts[f"untold:{stage}"] & chosen
    end = np.where(doubt, NEVER, -1)
    found: Array = grid.running_sum(facts["account"], facts["seen"] + 1, end) > 0
    return found
