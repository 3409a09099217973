"""One measured number beside its goal, and what several measures share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from benchmarks.model_oracle import expected_auc

RED, ROAR, NOT_GREEN = 0.08, 0.13, 0.30  # shares of the accounts on each day, so that scores compare


@dataclass(frozen=True)
class Line:
    """One number.

    Attributes:
        goal: S1 to S10, or "reasons", "attention".
        what: What was measured.
        value: NaN where it could not be.
        bound: What it is held against; None for a number that is only told.
        least: Whether the bound is the least or the most that is wanted.
        note: What a reader needs beside it.
    """

    goal: str
    what: str
    value: float
    bound: float | None = None
    least: bool = True
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None where there is nothing to meet, or nothing was measured."""
        if self.bound is None or np.isnan(self.value):
            return None
        return self.value >= self.bound - 1e-12 if self.least else self.value <= self.bound + 1e-12

    def row(self) -> str:
        """As the table prints it."""
        value = "-" if np.isnan(self.value) else f"{self.value:.4g}"
        aim = "" if self.bound is None else f"{'>=' if self.least else '<='} {self.bound:.4g}"
        verdict = {True: "met", False: "MISSED", None: ""}[self.met]
        return f"{self.goal:10}{self.what:62}{value:>9}  {aim:<11}{verdict:7}{self.note}".rstrip()


def at_most(goal: str, what: str, value: float, bound: float, note: str = "") -> Line:
    """A number that should be small."""
    return Line(goal, what, value, bound, least=False, note=note)


def by_day(rows: pd.DataFrame, measure: Callable[[pd.DataFrame], float]) -> float:
    """Mean over the as-of dates."""
    found = [measure(part) for _, part in rows.groupby("as_of")]
    return float(np.nanmean(found)) if found else float("nan")


def ranked(rows: pd.DataFrame, risk: str | np.ndarray, target: str) -> float:
    """Expected AUC within each day, averaged: what the true probabilities promise to this ranking.

    Args:
        rows: With `target`, a true probability.
        risk: A column, or one number per row: higher is riskier.
        target: Column.
    """
    own = rows.assign(_risk=rows[risk] if isinstance(risk, str) else risk)
    own = own[own["_risk"].notna()]
    if own.empty:
        return float("nan")
    return by_day(own, lambda day: expected_auc(day["_risk"].to_numpy(), day[target].to_numpy()))


def closed(value: float, floor: float, ceiling: float) -> float:
    """Share of the way from floor to ceiling."""
    return (value - floor) / (ceiling - floor) if ceiling > floor else float("nan")


def riskiest(rows: pd.DataFrame, risk: str, shares: Sequence[float]) -> pd.DataFrame:
    """Whether each row is among the riskiest shares of its day; ties are broken by account.

    Returns:
        One column of booleans per share, on the rows' index.
    """
    order = rows.sort_values([risk, "account_id"], ascending=[False, True])
    place = order.groupby("as_of").cumcount() / order.groupby("as_of")["account_id"].transform("size")
    return pd.DataFrame({share: (place < share).reindex(rows.index) for share in shares})
