"""Average an account's health over the weeks: that takes the flicker out of usage counts.

Health is the log-odds that the model gives with the renewal at a fixed distance, so nothing that is
averaged here is a date. Hard events pass at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.model.candidates.constrained_logistic import LIMIT
from customer_health.scoring.score_scale import Floats, ScoreMapping

WEEKLY_WEIGHT = 0.5  # of the news of one week; daily scoring adds up to the same
HARD_EVENTS = ("sponsor_change_6m", "escalations_90d")


@dataclass(frozen=True)
class Memory:
    """What the scores published before left for today's, aligned with today's rows.

    Attributes:
        health: Smoothed health part in log-odds; NaN where there is none to go on from.
        days: Since that score.
        carried: Each row's `carried`, empty where there was none.
        line: Where another model had put the account on the straight line of scores; NaN elsewhere.
        handed: How much of `health` beyond the day's own is left of an earlier change of models (log-odds).
    """

    health: Floats
    days: Floats
    carried: Sequence[Mapping[str, Any]]
    line: Floats = field(default_factory=lambda: np.full(1, np.nan))
    handed: Floats = field(default_factory=lambda: np.zeros(1))

    def on(self, mapping: ScoreMapping) -> Memory:
        """Read what another model left on the scale of today's: the same score, in its log-odds."""
        taken_over = np.clip(mapping.log_odds_at(self.line), -LIMIT, LIMIT)
        return replace(self, health=np.where(np.isnan(self.health), taken_over, self.health))

    @property
    def news(self) -> Floats:
        """Weight of what today shows."""
        return np.asarray(1.0 - (1.0 - WEEKLY_WEIGHT) ** (self.days / 7.0))


def recall(
    previous: pd.DataFrame | None, accounts: pd.Series, *, as_of: date, model_id: str, meaning: str
) -> Memory:
    """Line the previous scores up with today's accounts.

    Another model, or another meaning of its score, measures on another scale: not its health is gone on from
    but the place of its score, so that a training moves scores over weeks and not overnight.
    """
    blank = Memory(np.full(len(accounts), np.nan), np.full(len(accounts), np.nan), [{}] * len(accounts))
    if previous is None or previous.empty:
        return blank
    days = (pd.Timestamp(as_of) - pd.to_datetime(previous["as_of"])).dt.days
    earlier = previous.assign(days=days).drop_duplicates("account_id", keep="last")
    columns = ["days", "model_id", "health_log_odds", "carried"]
    rows = earlier.set_index("account_id").reindex(index=accounts, columns=columns)
    carried = [value if isinstance(value, Mapping) else {} for value in rows["carried"]]
    same = (rows["model_id"] == model_id).to_numpy() & np.array(
        [value.get("meaning") == meaning for value in carried], dtype=bool
    )
    health = pd.to_numeric(rows["health_log_odds"], errors="coerce").to_numpy(dtype=float)
    line, handed = (
        np.array([float(value.get(name, other)) for value in carried])
        for name, other in (("line", np.nan), ("handed", 0.0))
    )
    return Memory(
        np.where(same, health, np.nan),
        rows["days"].to_numpy(dtype=float),
        carried,
        np.where(same, np.nan, line),
        np.where(same, handed, 0.0),
    )


def smooth(now: Floats, memory: Memory, struck: np.ndarray[Any, np.dtype[np.bool_]]) -> Floats:
    """Average the health part over the weeks, weighing by elapsed time.

    Args:
        now: Health part of today, log-odds of risk.
        memory: Where the average stood.
        struck: Rows that a hard event has just hit: they get no less risk than today shows.

    Returns:
        The smoothed health part; today's own where there is nothing to go on from.
    """
    averaged = np.where(np.isnan(memory.health), now, memory.health + memory.news * (now - memory.health))
    return np.asarray(np.where(struck, np.maximum(averaged, now), averaged), dtype=float)


def handed_over(now: Floats, smoothed: Floats, memory: Memory) -> Floats:
    """Tell how much of what earlier days leave in a score is another model's, in log-odds.

    On the day of the change all of it is; what is left fades as everything does that is averaged.
    """
    left = smoothed - now
    fading = (1.0 - memory.news) * memory.handed
    found = np.where(np.isfinite(memory.line), left, np.nan_to_num(fading))
    return np.asarray(np.clip(found, np.minimum(left, 0.0), np.maximum(left, 0.0)))


def hard_events(rows: pd.DataFrame) -> pd.DataFrame:
    """Count the hard events that each account has on record; unknown counts as none."""
    return rows.reindex(columns=list(HARD_EVENTS)).astype(float).fillna(0.0)


def newly_struck(events: pd.DataFrame, memory: Memory) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which accounts have a hard event on record that the score before did not know."""
    before = pd.DataFrame(
        [value.get("events") or {} for value in memory.carried], index=events.index, columns=events.columns
    )
    return np.asarray((events > before.astype(float).fillna(0.0)).any(axis=1).to_numpy(dtype=bool))
