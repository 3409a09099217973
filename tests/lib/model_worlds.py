"""Panels of a made-up company, fast: what a signals panel looks like, with a truth that is known.

One latent health per account drifts from month to month; signals are noisy views of it; yearly
contracts end at their renewal date with a probability that depends on it. Losses are logged late now
and then. Nothing here imitates the simulator's numbers: it is a second, independent world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.training_panel import as_of_dates
from customer_health.model.registry.champion import Champion
from customer_health.model.reports.training_report import Training
from customer_health.model.training import train

LAST = date(2026, 1, 1)
SIZE, MONTHS = 300, 18
CONFIG = CompanyConfig(model=ModelConfig(min_unique_churners=40, effort="quick"))


@dataclass(frozen=True)
class World:
    """A panel, its outcomes, and the day they were looked at."""

    panel: pd.DataFrame
    outcomes: pd.DataFrame
    as_of: date = LAST


def make_world(accounts: int = 400, months: int = 24, *, seed: int = 1, strength: float = 1.0) -> World:
    """Simulate a company month by month.

    Args:
        accounts: Customers at the start; who leaves is not replaced.
        months: Number of monthly as-of dates up to `LAST`.
        seed: Of the random numbers.
        strength: How much health matters; 0 gives a company whose losses nothing can predict.
    """
    random = np.random.default_rng(seed)
    dates = [pd.Timestamp(day) for day in as_of_dates(LAST, months=months)]
    names = np.array([f"a{i:05d}" for i in range(accounts)])
    segment = random.choice(["smb", "mid_market", "enterprise"], accounts, p=[0.5, 0.35, 0.15])
    seats = np.round(np.exp(random.normal(3, 1, accounts))) + 1
    arr = seats * random.lognormal(6, 0.3, accounts)
    start = dates[0] - pd.to_timedelta(random.integers(0, 900, accounts), unit="D")
    renewal = start + pd.to_timedelta(365 * (1 + (dates[0] - start).days // 365), unit="D")
    health = random.normal(0, 1, accounts)
    frailty = random.normal(0, 0.6, accounts)
    alive = np.ones(accounts, dtype=bool)
    panels, outcomes = [], []
    for day in dates:
        health = 0.9 * health + 0.44 * random.normal(0, 1, accounts)

        def view(weight: float, noise: float, health: np.ndarray = health) -> np.ndarray:
            return weight * strength * health + noise * random.normal(0, 1, accounts)

        nps = np.clip(np.round(6.5 + view(1.5, 2.0)), 0, 10)
        nps[random.random(accounts) < 0.5] = np.nan
        frame = pd.DataFrame(
            {
                "account_id": names,
                "as_of": day,
                "is_customer": alive,
                "tenure_days": (day - start).days,
                "notice_given": False,
                "arr": arr,
                "seats": seats,
                "plan": np.where(seats > 30, "business", "team"),
                "segment": segment,
                "renewal_date": renewal,
                "usage_trend_slope": view(0.1, 0.1),
                "usage_trend_slope_norm": view(0.1, 0.1),
                "usage_delta_28d": view(0.15, 0.15),
                "feature_adoption_score": np.clip(0.5 + view(0.2, 0.15), 0, 1),
                "power_user_ratio": np.clip(0.3 + view(0.1, 0.1), 0, 1),
                "open_critical_tickets": random.poisson(np.exp(-2.5 - 0.5 * strength * health)),
                "tickets_90d": random.poisson(2, accounts),
                "recent_nps": nps,
                "days_to_renewal": (renewal - day).days.to_numpy(float),
                "arr_change_12m": np.round(random.normal(0, 1000, accounts)),
                "payment_delay_days": random.exponential(5, accounts),
                "contacts_known": 1.0 + random.poisson(2, accounts),
                "exec_activity_90d": random.poisson(np.exp(0.5 + 0.4 * strength * health)).astype(float),
                "coverage": 1.0,
            }
        )
        panels.append(frame)
        due = alive & (renewal >= day) & (renewal < day + pd.DateOffset(months=1))
        leaves = due & (random.random(accounts) < 1 / (1 + np.exp(1.6 + 1.3 * strength * health + frailty)))
        for i in np.flatnonzero(leaves):
            late = random.integers(7, 42) if random.random() < 0.1 else 0
            logged = renewal[i] + pd.Timedelta(days=int(late))
            outcomes.append((names[i], "logo_churn", renewal[i], logged))
        alive = alive & ~leaves
        renewal = renewal.where(~due, renewal + pd.Timedelta(days=365))
    return World(
        pd.concat(panels, ignore_index=True),
        pd.DataFrame(outcomes, columns=["account_id", "kind", "occurred_at", "known_at"]),
    )


@cache
def trained(strength: float = 1.0) -> Training:
    """The training that most tests look at; it takes seconds, so they share it."""
    world = make_world(SIZE, MONTHS, seed=1, strength=strength)
    return train(world.panel, world.outcomes, CONFIG, as_of=world.as_of)


@cache
def champion_of_all_kinds() -> Champion:
    """A champion whose files hold every format: the blend for 180 days, the baseline for 90."""
    champion = trained().champion
    assert champion is not None
    world = make_world(150, 6, seed=4)
    design = champion.features.design(world.panel)
    lost = (world.panel["recent_nps"] < 5).to_numpy(float)
    features = champion.features.features
    heads: dict[int, Candidate] = {
        90: NaiveBaseline(),
        180: Blend([LogisticRegression(features), BoostedTrees(features)]),
    }
    fitted = {horizon: head.fit(design, lost, np.ones(len(lost))) for horizon, head in heads.items()}
    return replace(champion, heads=fitted)
