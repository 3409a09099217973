"""S8: a line that starts from what the documents say, a line that starts from nothing, and the rules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from benchmarks.score_company import Lived
from benchmarks.score_lines import Line, ranked

from customer_health.model.candidates.candidate_list import MONTH, downsample
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.rules_v2 import points_of
from customer_health.model.data.features import RENEWAL
from customer_health.model.data.fixed_distance import at_reference

LOSSES = (6, 12, 20, 30, 60)
HORIZON = 180
FROM_HERE_AS_GOOD, WHERE_IT_HELPS = 20, (6, 12)


def trials(lived: Lived, rows: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Fit both lines on companies that lost few, drawn from this one with as large a share of its stayers.

    Returns:
        One row per number of losses and draw: `losses`, and the expected AUC at the decision of `prior`,
        `zero` and `rules`, each at the reference distance.
    """
    data = lived.training_data
    head = data.head(HORIZON)
    labels = head.labels_by(pd.Timestamp(lived.days[0]))
    accounts = head.rows["account_id"].to_numpy()
    lost = np.unique(accounts[labels == 1])
    kept = np.setdiff1d(np.unique(accounts[labels == 0]), lost)
    tested = rows[rows["in_sight"]]
    fixed = at_reference(tested, HORIZON)
    seen = data.features.design(fixed)
    rules = points_of(fixed).drop(columns=RENEWAL, errors="ignore").sum(axis=1).to_numpy(dtype=float)
    by_rules = ranked(tested, rules, "true_decision")
    found = []
    for losses in (number for number in LOSSES if number <= len(lost)):
        for draw in range(draws):
            rng = np.random.default_rng([lived.seed, losses, draw])
            share = losses / len(lost)
            chosen = np.r_[
                rng.choice(lost, losses, replace=False),
                rng.choice(kept, max(round(share * len(kept)), losses), replace=False),
            ]
            here = np.flatnonzero(np.isin(accounts, chosen) & ~np.isnan(labels))
            picked, weight = downsample(labels[here], draw)
            here = here[picked]
            row: dict[str, float] = {"losses": losses, "draw": draw, "rules": by_rules}
            for name, prior in (("prior", True), ("zero", False)):
                line = LogisticRegression(data.features.features, repeats=HORIZON / MONTH, prior=prior)
                line.fit(data.design.iloc[here], labels[here], weight)
                row[name] = ranked(tested, line.predict_logit(seen), "true_decision")
            found.append(row)
    return pd.DataFrame(found)


def prior_line(tables: Sequence[pd.DataFrame]) -> list[Line]:
    """Compare over all companies and draws, with 90 % intervals of the paired differences."""
    every = pd.concat(tables, ignore_index=True)
    lines = []
    for losses, part in every.groupby("losses"):
        mean = part[["prior", "zero", "rules"]].mean()
        told = f"prior {mean['prior']:.3f}, zero {mean['zero']:.3f}, rules {mean['rules']:.3f}"
        others = {name: part["prior"] - part[name] for name in ("zero", "rules")}
        low_high = {name: _interval(gap.to_numpy(dtype=float)) for name, gap in others.items()}
        for name, gap in others.items():
            bound = None
            if losses >= FROM_HERE_AS_GOOD:
                bound = -0.005
            elif losses in WHERE_IT_HELPS and name == "zero":
                bound = 0.02
            low, high = low_high[name]
            note = f"[{low:+.3f}, {high:+.3f}] {told}"
            lines.append(
                Line("S8", f"{losses} losses: prior line over {name}", float(gap.mean()), bound, note=note)
            )
    return lines


def _interval(gaps: np.ndarray) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    means = rng.choice(gaps, (2000, len(gaps))).mean(axis=1)
    low, high = np.quantile(means, [0.05, 0.95])
    return float(low), float(high)
