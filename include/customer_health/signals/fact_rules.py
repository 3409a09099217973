"""Which accounts of one day a headline fact holds for: the rules alone, without a word about them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.fact_thresholds import FactThresholds
from customer_health.signals.headline_facts import Compare, HeadlineFact, NeverBegan

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_NEARLY = 1e-9  # 80 / 100 - 1 is a fall of 20 %, whatever binary fractions make of it


def fact_holds(rows: pd.DataFrame, fact: HeadlineFact, thresholds: FactThresholds) -> tuple[Bools, Bools]:
    """Tell for which accounts a fact holds.

    Args:
        rows: Panel rows of one day, of customers: what is usual is read from them. An unknown signal proves
            nothing.
        fact: The declaration.
        thresholds: Section `facts` of the company file; a fact that it switches off holds for nobody.

    Returns:
        Per row: whether it holds by its signal, and whether it holds only because the thing never began.
    """
    limit = getattr(thresholds, fact.code)
    nobody = np.zeros(len(rows), dtype=bool)
    if limit is None:
        return nobody, nobody
    values = numbers_of(rows, fact.signal)
    true = _compare(values, fact, float(limit)) & _matters(rows, fact, thresholds)
    true &= _no_chance(rows, fact, thresholds) & _unlike_others(values, fact)
    if fact.never is None:
        return true, nobody
    return true, _never(rows, fact.never, thresholds, numbers_of(rows, "tenure_days")) & ~true


def numbers_of(rows: pd.DataFrame, name: str) -> Floats:
    """Return a column as numbers; unknown where the rows lack it."""
    if name not in rows:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(dtype=float, na_value=np.nan)


def _compare(values: Floats, fact: HeadlineFact, limit: float) -> Bools:
    known = ~np.isnan(values)
    held = {
        Compare.AT_LEAST: values >= limit - _NEARLY,
        Compare.ABOVE: values > limit + _NEARLY,
        Compare.AT_MOST: values <= limit + _NEARLY,
        Compare.BELOW: values < limit - _NEARLY,
        Compare.FALLS_BY: values <= -limit + _NEARLY,
    }[fact.compare]
    return np.asarray(known & held)


def _matters(rows: pd.DataFrame, fact: HeadlineFact, thresholds: FactThresholds) -> Bools:
    matters = np.ones(len(rows), dtype=bool)
    if fact.while_at_most is not None:
        signal, highest = fact.while_at_most
        matters &= ~(numbers_of(rows, signal) > highest)
    if fact.in_organisations and thresholds.organisation_from_seats is not None:
        matters &= ~(numbers_of(rows, "seats") < thresholds.organisation_from_seats)
    return matters


def _no_chance(rows: pd.DataFrame, fact: HeadlineFact, thresholds: FactThresholds) -> Bools:
    """Whether the fact is more than the account's numbers do by themselves from month to month."""
    if fact.beyond_chance is None or fact.beyond_chance[0] not in rows:
        return np.ones(len(rows), dtype=bool)
    signal, setting = fact.beyond_chance
    return np.asarray(numbers_of(rows, signal) >= getattr(thresholds, setting) - _NEARLY)


def _unlike_others(values: Floats, fact: HeadlineFact) -> Bools:
    """Whether an account is far below what is usual among all that are known on this day."""
    known = values[np.isfinite(values)]  # what is infinite is broken, and says nothing of what is usual
    if fact.of_median is None or not known.size:
        return np.ones(len(values), dtype=bool)
    return np.asarray(values < fact.of_median * np.median(known))


def _never(rows: pd.DataFrame, never: NeverBegan, thresholds: FactThresholds, tenure: Floats) -> Bools:
    """Customers of some age of whom the source has never told anything, although it tells of others."""
    since = getattr(thresholds, never.setting)
    last = numbers_of(rows, never.unknown)
    if since is None or np.isnan(last).all():
        return np.zeros(len(rows), dtype=bool)
    quiet = ~(numbers_of(rows, never.quiet) > 0)
    return np.asarray(np.isnan(last) & quiet & (tenure >= since))
