"""A score that tells nobody apart is a finding: all in one tier, or none in danger while some left."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from customer_health.model.candidates.rules_v1 import rules_v1_seed
from customer_health.model.candidates.rules_v2 import rules_v2
from customer_health.wording import percent

CROWDED = 0.95  # share of the scored accounts in one tier above which the score tells nobody apart
FEWEST = 20  # scored accounts; of fewer, one tier may be chance
HEALTHY, HEALTHY_FROM = "Healthy", 70  # of the operational scheme
YEAR = pd.Timedelta(days=365)
OPENING = "The tiers tell little:"


def crowding(counts: Mapping[str, int], best: str, losses: int) -> str:
    """Return what is wrong with how a day's scores spread over the tiers, in a sentence; empty if nothing is.

    Args:
        counts: Scored accounts by tier.
        best: The scheme's best tier.
        losses: Accounts that were lost in the twelve months before.
    """
    scored = sum(counts.values())
    if scored < FEWEST:
        return ""
    tier = max(counts, key=lambda name: counts[name])
    if losses and counts.get(best, 0) == scored:
        return (
            f"{OPENING} none of {scored:,} scored accounts is below {best}, and {losses:,} were lost in the "
            "last twelve months. Work by renewal dates and headline facts until a better score is found."
        )
    if counts[tier] > CROWDED * scored:
        share = counts[tier] / scored
        return (
            f"{OPENING} {percent(share, 1)} of {scored:,} scored accounts are {tier}. Work by the order of "
            "scores and by the headline facts, not by the tier."
        )
    return ""


def rules_crowding(rows: pd.DataFrame, rules: str, outcomes: pd.DataFrame, today: pd.Timestamp) -> str:
    """Say the same of the rules, where they score: a model's scale is pinned on shares, theirs is not.

    Args:
        rows: Eligible panel rows; the newest day counts.
        rules: Which set scores.
        outcomes: Losses with `account_id`, `kind` and `occurred_at`.
        today: The training day.
    """
    if rows.empty:
        return ""
    newest = rows[rows["as_of"] == rows["as_of"].max()]
    scored = (rules_v2 if rules == "rules_v2" else rules_v1_seed)(newest)["score"].to_numpy(dtype=float)
    healthy = int((np.floor(scored + 0.5) >= HEALTHY_FROM).sum())
    lost = outcomes[outcomes["kind"] == "logo_churn"]
    recent = pd.to_datetime(lost["occurred_at"]).between(today - YEAR, today)
    counts = {HEALTHY: healthy, f"below {HEALTHY}": len(newest) - healthy}
    return crowding(counts, HEALTHY, int(lost.loc[recent, "account_id"].nunique()))
