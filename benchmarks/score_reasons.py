"""Reasons against the simulator's truth, and how steady reasons and tiers are from week to week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.score_company import Lived
from benchmarks.score_lines import Line, at_most, riskiest
from benchmarks.score_measures import pairs
from benchmarks.score_truth import monthly
from tests.lib.oracle import true_drivers

# What the latent causes are called where people read of them. Mood shows in tickets and in what they say.
TRUE: Mapping[str, Sequence[str]] = {
    "usage": ("usage", "silent", "slump"),
    "care": ("sentiment", "backlog"),
    "people": ("sponsor", "unsettled", "aloof"),
    "commercial": ("budget", "competitor", "price"),
    "billing": ("arrears",),
}
OURS = {
    "usage": "usage",
    "support": "care",
    "sentiment": "care",
    "relationship": "people",
    "commercial": "commercial",
    "billing": "billing",
}
TOP, LEAST = 0.10, 0.3  # of the accounts; log-odds that the strongest true cause must add
SOON = timedelta(weeks=4)  # a tier that is left and entered again within this is a flap


def first_reason(reasons: object) -> str:
    """The concept that costs the account most, in the words of `TRUE`; empty if none does."""
    listed: Sequence[dict[str, Any]] = reasons if isinstance(reasons, list) else []
    return next((OURS[one["concept"]] for one in listed if one["points"] < 0 and one["concept"] in OURS), "")


def reasons(lived: Lived, rows: pd.DataFrame) -> list[Line]:
    """First reasons of the riskiest tenth against the true causes, and from week to week."""
    top = riskiest(rows, "risk", (TOP,))[TOP]
    rows = rows.assign(first=[first_reason(value) for value in rows["reasons"]], top=top)
    hits: list[tuple[bool, bool]] = []
    for day in monthly(lived):
        causes = true_drivers(lived.world, day)
        grouped = pd.DataFrame({name: causes[list(parts)].sum(axis=1) for name, parts in TRUE.items()})
        own = rows[(rows["as_of"] == pd.Timestamp(day)) & rows["top"] & (rows["first"] != "")]
        own = own[own["account_id"].isin(grouped.index)]
        for account, first in zip(own["account_id"], own["first"], strict=True):
            order = grouped.loc[account].sort_values(ascending=False)
            if order.iloc[0] > LEAST:
                hits.append((first == order.index[0], first in order.index[:2]))
    found = np.array(hits, dtype=float).reshape(-1, 2)
    one, two = found.mean(axis=0) if len(found) else (float("nan"), float("nan"))
    now, then = pairs(rows)
    both = now["top"] & then["top"] & (now["first"] != "") & (then["first"] != "")
    same = float((now["first"] == then["first"])[both].mean()) if both.any() else float("nan")
    note = f"{len(found)} readings of the riskiest tenth"
    return [
        Line("reasons", "the first reason is the true first cause", float(one), 0.62, note=note),
        Line("reasons", "the first reason is among the two first causes", float(two), 0.85),
        Line(
            "reasons",
            "the first reason is the same a week later",
            same,
            0.90,
            note=f"{int(both.sum())} weeks",
        ),
    ]


def flaps(rows: pd.DataFrame) -> list[Line]:
    """Tiers that were left and entered again within four weeks, per account and year."""
    years = len(rows) / 52
    return [
        at_most("flaps", f"{words}, per account-year", _flaps(rows, column) / years, bound)
        if bound is not None
        else Line("flaps", f"{words}, per account-year", _flaps(rows, column) / years)
        for column, words, bound in (
            ("held_band", "band that episodes and alerts hang on", 0.20),
            ("band", "band of the number shown", None),
            ("tier", "tier of the number shown", None),
        )
    ]


def _flaps(rows: pd.DataFrame, column: str) -> int:
    count = 0
    for _, own in rows.sort_values("as_of").groupby("account_id", sort=False):
        left: dict[str, pd.Timestamp] = {}
        before = None
        for day, tier in zip(own["as_of"], own[column], strict=True):
            if before is not None and tier != before:
                count += tier in left and day - left[tier] <= SOON
                left[before] = day
            before = tier
    return count
