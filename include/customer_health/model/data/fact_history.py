"""What each headline fact has cost in this company's own history: its track record.

A score follows what history charged for. Where a grave fact stands beside a high score, the reason is that
such facts cost few accounts here, or that too few had them to tell; this counts them, so that it can be said.

**A case** is an account that had the fact on a date of the training panel, and what became of it at its next
decision: the rows, dates, windows and labels of the decision head, so a case counts once its own window had
closed before the training day. A fact that lasts is found again on every monthly date, and 24 dates of one
account are not 24 customers: an account's next case begins when the window of the one before has closed, so
that no two cases share a decision.

**Comparable** are, for each case, the accounts without the fact on the same date, of the same segment and
with a decision about as far away (`distance_bands`); the share lost among them is averaged over the cases.
Date, segment and distance are what everybody knows without looking at the customer, and what losses depend on
most; the score is not among them, because it has weighed the fact already. Where fewer than
`LEAST_COMPARABLE` accounts are alike in all three, the segment is let go, then the distance.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd

from customer_health.fact_thresholds import FactThresholds
from customer_health.model.data.decision_window import decision_window
from customer_health.model.data.features import RENEWAL, numbers
from customer_health.model.data.fixed_distance import distance_bands
from customer_health.model.data.track_record import TrackRecord
from customer_health.model.data.training_data import TrainingData
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.fact_rules import Bools, fact_holds
from customer_health.signals.headline_facts import FACTS, HeadlineFact

LEAST_COMPARABLE = 5  # accounts; the mean of fewer is chance
LEVEL = 0.9  # of the interval, as everywhere on the card


def track_records(
    data: TrainingData,
    thresholds: FactThresholds,
    today: pd.Timestamp,
    *,
    without: Collection[str] = (),
) -> dict[str, TrackRecord]:
    """Count what each headline fact has cost; see the module for the method.

    Args:
        data: Rows and labels of the training.
        thresholds: Section `facts` of the company file, as of today.
        today: The training day; nothing that was logged on it or later counts.
        without: Signals that were refused because they know the outcome: their facts have no record.

    Returns:
        By code, of the facts whose signal the panel holds.
    """
    head = data.decision_head()
    rows, labels = data.rows, head.labels_by(today)
    cells = _cells(rows)
    opens = rows["as_of"].to_numpy(dtype="datetime64[D]").astype(np.int64)
    closes = opens + decision_window(numbers(rows[RENEWAL]))
    accounts = np.unique(rows["account_id"].to_numpy(dtype=str), return_inverse=True)[1]
    found = {}
    for fact in FACTS:
        if fact.signal in without or fact.signal not in CATALOGUE or fact.signal not in data.all_rows:
            continue
        had = _had(data, fact, thresholds)
        known = ~np.isnan(labels)
        cases = _cases(np.flatnonzero(had & known), accounts, opens, closes)
        record = _record(labels[cases])
        if len(cases):
            others = ~had & known
            alike = _alike(cells, others, labels, cases)
            if np.isfinite(alike).any():
                record = replace(record, comparable=float(np.nanmean(alike)))
        found[fact.code] = record
    return found


def _had(data: TrainingData, fact: HeadlineFact, thresholds: FactThresholds) -> Bools:
    """For each eligible row whether the fact held, judged among all customers of its date."""
    rows = data.all_rows
    held = np.zeros(len(rows), dtype=bool)
    customer = rows["is_customer"].fillna(False).to_numpy(dtype=bool)
    asked = [fact.signal, "tenure_days", "seats", *_others(fact)]
    few = rows[[name for name in dict.fromkeys(asked) if name in rows]].astype(float)
    few = few.where(np.isfinite(few))
    for places in pd.Series(np.arange(len(rows)))[customer].groupby(rows["as_of"].to_numpy()[customer]):
        at = places[1].to_numpy()
        true, never = fact_holds(few.iloc[at], fact, thresholds)
        held[at] = true | never
    return np.asarray(held[data.mask])


def _others(fact: HeadlineFact) -> list[str]:
    """The other signals that a fact looks at."""
    pairs = (fact.beyond_chance, fact.while_at_most)
    never = [] if fact.never is None else [fact.never.unknown, fact.never.quiet]
    return [*(str(pair[0]) for pair in pairs if pair is not None), *never]


def _cases(places: np.ndarray, accounts: np.ndarray, opens: np.ndarray, closes: np.ndarray) -> np.ndarray:
    """The first row of each account with the fact, and the first one after each window has closed."""
    chosen: list[int] = []
    until: dict[int, float] = {}
    for place in sorted(places.tolist(), key=lambda one: opens[one]):
        account = int(accounts[place])
        if opens[place] >= until.get(account, -np.inf):
            chosen.append(place)
            until[account] = float(closes[place])
    return np.array(chosen, dtype=int)


def _cells(rows: pd.DataFrame) -> list[np.ndarray]:
    """For each row the number of its cell: by date, distance and segment; by date and distance; by date."""
    day = rows["as_of"].astype(str)
    distance = pd.Series(distance_bands(numbers(rows[RENEWAL])), index=rows.index).astype(str)
    segment = rows["segment"].astype(object).where(rows["segment"].notna(), "").astype(str)
    keys = (day + "|" + distance + "|" + segment, day + "|" + distance, day)
    return [np.unique(key.to_numpy(dtype=str), return_inverse=True)[1] for key in keys]


def _alike(cells: list[np.ndarray], others: np.ndarray, labels: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """Share lost among the accounts comparable to each case; NaN where there are too few of any kind."""
    shares = np.full(len(cases), np.nan)
    for cell in cells:
        size = int(cell.max()) + 1
        many = np.bincount(cell[others], minlength=size)
        lost = np.bincount(cell[others], weights=labels[others], minlength=size)
        at = cell[cases]
        open_still = np.isnan(shares) & (many[at] >= LEAST_COMPARABLE)
        shares[open_still] = lost[at][open_still] / many[at][open_still]
    return shares


def _record(labels: np.ndarray) -> TrackRecord:
    from scipy.stats import binomtest

    times, lost = len(labels), int(labels.sum())
    if not times:
        return TrackRecord(0, 0)
    interval = binomtest(lost, times).proportion_ci(confidence_level=LEVEL, method="wilson")
    return TrackRecord(times, lost, float(interval.low), float(interval.high))
