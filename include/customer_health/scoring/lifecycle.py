"""The lifecycle score: how a customer in its first weeks compares with those that stayed, at that age.

No model scores an account in its first weeks: it has no history to compare with itself, and what is low for a
customer of three years is usual in the third week. So the question is another one, and so is the meaning of
the answer: of the customers that stayed for a year or more, how many had adopted no more of the product, and
used it no more, when they were as old as this one is? 50 is the middle of them. It is not health, it has no
tier, and nothing compares the two.

The reference is read when a model is trained, from the panel of that day: rows of accounts in their first
weeks, of customers who were still there `stayed_days` after they began and had given no notice. Each row
holds what was known on its own date, and who stayed was known on the day of the training.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_health.lifecycle_config import OnboardingConfig
from customer_health.scoring.score_scale import Floats
from customer_health.scoring.tiers import round_half_up
from customer_health.signals.signal import Direction, Signal

MEANING = "lifecycle"
# Adoption and activity: signals that compare customers of every size, with their words in the Why.
SIGNALS: Mapping[str, str] = {
    "feature_adoption_score": "feature adoption",
    "active_users_per_seat_28d": "active users per seat",
    "active_days_28d": "active days",
    "core_actions_per_seat_30d": "core actions per seat",
    "days_since_last_usage": "recent use",
}
BEGUN = (
    "days_since_last_usage"  # unknown where nobody has used the product yet, and the source tells of others
)
COLUMNS = ("tenure_days", *SIGNALS)
_LEAST_WINDOW = 3  # days


@dataclass(frozen=True)
class Lifecycle:
    """One account in its onboarding.

    Attributes:
        score: 0 to 100; None where there is nothing to compare with.
        why: At most ten words.
        told: What it was compared with: `age` (days), `references`, `at_risk`, and `parts`, each with
            `signal`, `words`, `value`, `typical` (the median) and `share` of the references that had no more,
            0 to 1.
    """

    score: int | None
    why: str
    told: Mapping[str, Any]


def reference_of(panel: pd.DataFrame, lost: Collection[str], config: OnboardingConfig) -> pd.DataFrame:
    """Choose the rows that new customers are compared with.

    Args:
        panel: The training's panel; its last date is the day on which is known who stayed.
        lost: Accounts whose loss was known on that day.
        config: From which age on a customer has stayed.

    Returns:
        `COLUMNS` of rows in their first `until_days`, one per account and date; nobody's name.
    """
    days = pd.to_datetime(panel["as_of"])
    last = panel[(days == days.max()).to_numpy()] if len(panel) else panel
    there = last["is_customer"].fillna(False).astype(bool) & ~last["notice_given"].fillna(False).astype(bool)
    stayed = last[there & (last["tenure_days"] >= config.stayed_days)]["account_id"]
    stayed = stayed[~stayed.isin(list(lost))]
    young = panel["account_id"].isin(stayed) & panel["is_customer"].fillna(False).astype(bool)
    young &= panel["tenure_days"].between(0, config.until_days)
    # Dates before the usage source told of anybody say nothing about who had begun.
    if BEGUN in panel:
        young &= panel.groupby(days)[BEGUN].transform("count") > 0
    return panel.loc[young].reindex(columns=list(COLUMNS)).astype(float).reset_index(drop=True)


def lifecycle_of(
    rows: pd.DataFrame,
    reference: pd.DataFrame | None,
    config: OnboardingConfig,
    catalogue: Mapping[str, Signal],
    *,
    live: bool,
) -> list[Lifecycle]:
    """Compare accounts in their onboarding with customers that stayed, at the same age.

    Args:
        rows: Panel rows of the accounts.
        reference: As `reference_of` returns it; None before the first training.
        config: Age, how near an age must be, how many references are enough, what is at risk.
        catalogue: Signals by name.
        live: Whether the usage source tells of anybody today; if not, nobody is called unused.
    """
    names = [name for name in SIGNALS if name in rows and name in catalogue]
    found = []
    for row in rows.reindex(columns=list(COLUMNS)).astype(float).to_dict("records"):
        age = row["tenure_days"]
        if reference is None or not len(reference):
            found.append(_nothing(age, 0, "no reference until the next training"))
            continue
        window = min(config.age_window_days, _LEAST_WINDOW + age / 3)  # a day is long in the first week
        near = reference[(reference["tenure_days"] - age).abs() <= window]
        if len(near) < config.min_references:
            found.append(_nothing(age, len(near), f"only {len(near)} customers to compare with"))
            continue
        parts = [
            part
            for name in names
            if (part := _part(name, row, near, catalogue[name], live, config.min_references)) is not None
        ]
        found.append(_told(parts, age, len(near), config))
    return found


def _part(
    name: str, row: Mapping[Any, Any], near: pd.DataFrame, signal: Signal, live: bool, least: int
) -> dict[str, Any] | None:
    """How one signal compares; None where it is unknown of the account, or of too many references."""
    sign = -1.0 if signal.direction is Direction.LOWER_IS_HEALTHIER else 1.0
    value, others = sign * float(row[name]), sign * near[name].to_numpy(dtype=float)
    if live and np.isnan(row[BEGUN]):
        value = -np.inf  # nobody has logged in yet: no more than anybody had
    others = np.where(np.isnan(near[BEGUN].to_numpy(dtype=float)), -np.inf, others)
    others = others[~np.isnan(others)]
    if np.isnan(value) or len(others) < least:
        return None
    known = others[np.isfinite(others)]
    return {
        "signal": name,
        "words": SIGNALS[name],
        "value": float(row[name]) if np.isfinite(value) else None,
        "typical": float(sign * np.median(known)) if len(known) else None,
        "share": _share(others, value),
    }


def _share(others: Floats, value: float) -> float:
    """Share of the others that lie below, those that are equal counted by half."""
    return float(((others < value).sum() + 0.5 * (others == value).sum()) / len(others))


def _told(parts: list[dict[str, Any]], age: float, references: int, config: OnboardingConfig) -> Lifecycle:
    if not parts:
        return _nothing(age, references, "no usage known of this account")
    score = int(round_half_up(np.array([100 * np.mean([part["share"] for part in parts])]))[0])
    at_risk = score < config.at_risk_below
    worst = min(parts, key=lambda part: part["share"])
    if all(part["value"] is None for part in parts):
        why = f"Onboarding, day {age:.0f}: nobody has used the product yet"
    elif at_risk:
        why = f"Onboarding at risk, day {age:.0f}: {worst['words']} behind most"
    elif worst["share"] < 0.25:
        why = f"Onboarding, day {age:.0f}: {worst['words']} behind most"
    else:
        why = f"Onboarding on course, day {age:.0f}"
    return Lifecycle(
        score,
        why,
        {"age": int(age), "references": references, "at_risk": at_risk, "parts": parts},
    )


def _nothing(age: float, references: int, words: str) -> Lifecycle:
    told: dict[str, Any] = {"age": int(age), "references": references, "at_risk": None, "parts": []}
    return Lifecycle(None, f"Onboarding, day {age:.0f}: {words}", told)
