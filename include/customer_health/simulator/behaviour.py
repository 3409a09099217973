"""How an account behaves in one week: the equations of the simulated company.

The world and the oracle call the same `step()`; nothing else decides what happens. All arrays have
accounts on their last axis, so the oracle runs many futures at once as rows of a matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from customer_health.simulator import phenomena
from customer_health.simulator.account_state import Accounts, Array, Flags, State, single
from customer_health.simulator.effect_sizes import DRAWS

Events = Literal["all", "no_churn", "none"]

SMB, MID_MARKET, ENTERPRISE = 0, 1, 2
MONTHLY = 4  # weeks of a rolling contract; longer terms are 52 and 104
NOTHING, LOGO, CONTRACTION, DOWNGRADE, EXPANSION, UPGRADE = range(6)

PLAN_PRICE = np.array([0.7, 1.0, 1.45], dtype=np.float32)
_UPLIFTS = np.array([0.0, 0.05, 0.10, 0.25], dtype=np.float32)
_UPLIFT_CUTS = np.array([0.40, 0.70, 0.92], dtype=np.float32)
_UPLIFT_LEAD = 16  # weeks before a term renewal at which the new price is announced


@dataclass(frozen=True)
class Hazards:
    """Probability of each contract event within one week, for accounts that are still customers."""

    logo: Array
    contraction: Array
    downgrade: Array
    expansion: Array


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + e^-x)."""
    return np.float32(1.0) / (np.float32(1.0) + np.exp(np.minimum(-x, np.float32(80))))


def economy(week: int) -> np.float32:
    """Return the business cycle at a week: a sine of 78 weeks that squeezes budgets."""
    return np.float32(0.35 * np.sin(2 * np.pi * (week + 20) / 78))


def is_renewal(accounts: Accounts, week: int) -> Flags:
    """Return which accounts decide about their renewal in this week."""
    age = week - accounts.start
    due: Flags = (age > 0) & (age % accounts.term == 0)
    return due


def is_customer(accounts: Accounts, state: State, week: int) -> Flags:
    """Return which accounts have a contract in force in this week."""
    return (week >= accounts.start) & ~state.gone


def risk_index(accounts: Accounts, state: State) -> Array:
    """Return z, the log-odds of leaving beyond what the calendar alone says.

    Encodes the contradictory cases on purpose: good usage does not save an account whose support is
    toxic; an absent sponsor costs most where we know nobody else; a price increase hurts only where
    little value is seen; tiny, idle accounts look terrible and renew all the same.
    """
    much = accounts.leaving
    toxic = sigmoid(5 * (-state.goodwill - np.float32(1.3)))
    commitment = state.commitment
    value = commitment * (1 - toxic) + np.minimum(commitment, 0) * toxic
    alone = 1 + np.float32(2.2) * (accounts.contacts < 2)
    absent = np.minimum(state.sponsor_gap / 16, 1) * alone
    price_shock = np.float32(much.price) * state.uplift * sigmoid(-2 * (commitment - np.float32(0.1)))
    zombie = sigmoid(6 - state.seats) * sigmoid(4 * (-commitment - np.float32(0.9)))
    z = (
        np.float32(-much.value) * value
        - np.float32(much.mood) * state.goodwill
        + np.float32(much.toxic) * toxic
        + np.float32(much.absent) * absent
        + np.float32(much.budget) * state.budget
        + np.float32(much.competitor) * state.competitor
        + price_shock
        - np.float32(much.zombie) * zombie
        + accounts.frailty
        - np.float32(0.25) * (accounts.segment == ENTERPRISE)
        + phenomena.burden(accounts, state)
    )
    return single(z)


def hazards(accounts: Accounts, state: State, week: int) -> Hazards:
    """Return this week's competing risks: a softmax in which "nothing happens" has log-odds 0."""
    renewal = is_renewal(accounts, week)
    term, rolling = renewal & (accounts.term > MONTHLY), renewal & (accounts.term == MONTHLY)

    def base(at_term: float, at_month: float, between: float) -> Array:
        return single(np.where(term, at_term, np.where(rolling, at_month, between)))

    z, h, q, b = risk_index(accounts, state), state.health, state.sentiment, state.budget
    rates = accounts.leaving
    logo = (
        base(rates.at_term, rates.at_month, rates.between)
        + np.where(renewal, np.float32(1), np.float32(0.6)) * z
    )
    contraction = (
        base(-2.45, -5.6, -6.9)
        + np.float32(1.3) * b - np.float32(0.55) * h - np.float32(0.2) * q
        + np.float32(0.9) * economy(week)
    )  # fmt: skip
    downgrade = (
        base(-2.75, -7.0, -60.0)
        + np.float32(0.9) * b - np.float32(0.9) * (accounts.depth + np.float32(0.5) * h) + 3 * state.uplift
    )  # fmt: skip
    expansion = (
        base(-1.75, -6.2, -6.2) + np.float32(0.8) * h + np.float32(0.2) * q - np.float32(0.8) * b
    )  # fmt: skip
    downgrade = np.where(state.plan > 0, downgrade, np.float32(-60))
    odds = [np.exp(logit) for logit in (logo, contraction, downgrade, expansion)]
    here = is_customer(accounts, state, week) / (1 + odds[0] + odds[1] + odds[2] + odds[3])
    return Hazards(*(single(odd * here) for odd in odds))


def _advance(accounts: Accounts, state: State, week: int, rng: np.random.Generator) -> State:
    """Move the latent state by one week; contracts are left alone."""
    shape = state.health.shape
    noise = rng.standard_normal((2, *shape), dtype=np.float32)
    chance = rng.random((8, *shape), dtype=np.float32)
    common = rng.random((2, *shape[:-1], 1), dtype=np.float32)  # one outage for all accounts of a future

    shock = chance[0] < 0.0045
    health = (
        np.float32(0.965) * state.health
        + np.float32(0.035) * (accounts.mean_health + state.effect)
        + np.float32(0.20) * noise[0]
        - np.float32(1.1) * shock
    )
    p_incident = np.where(accounts.segment == ENTERPRISE, np.float32(0.012 * 1.6), np.float32(0.012))
    size = -np.log(np.clip(chance[2] / p_incident, 1e-7, 1))  # exponential where it happens, else 0
    outage = np.where(common[0] < 0.02, np.float32(-0.9) * np.log(1 - common[1]), np.float32(0))
    incidents = state.incidents * (chance[1] < 0.72) + size + outage * (chance[3] < 0.5)
    sentiment = (
        np.float32(0.93) * state.sentiment
        + np.float32(0.07) * (np.float32(0.45) * health + state.effect)
        + np.float32(0.22) * noise[1]
        - np.float32(0.32) * np.minimum(incidents, 3)
    )
    leaves = chance[4] < np.float32(0.0042) * np.exp(np.float32(-0.25) * health)
    returns = chance[4] < np.float32(0.035) * (1 + np.float32(0.8) * state.effect)
    present = np.where(state.sponsor_gap > 0, returns, ~leaves)
    sponsor_gap = np.where(present, np.float32(0), state.sponsor_gap + 1)
    commitment = np.float32(0.9) * state.commitment + np.float32(0.1) * health
    goodwill = np.float32(0.9) * state.goodwill + np.float32(0.1) * sentiment
    budget = np.where(state.budget > 0, chance[5] >= 0.030, chance[5] < 0.0055 * np.exp(economy(week)))
    looks = np.float32(0.0022) * np.exp(
        np.float32(-0.7) * commitment - np.float32(0.5) * goodwill + np.float32(0.5) * (sponsor_gap > 8)
    )
    competitor = np.where(state.competitor > 0, chance[6] >= 0.030, chance[6] < looks)
    announced = (accounts.term > MONTHLY) & ((accounts.start - week) % accounts.term == _UPLIFT_LEAD)
    proposal = _UPLIFTS[np.searchsorted(_UPLIFT_CUTS, chance[7], side="right")]
    uplift = np.where(announced, proposal, state.uplift) * (week > accounts.start)
    moved = replace(
        state,
        health=single(health),
        incidents=single(incidents),
        sentiment=single(sentiment),
        sponsor_gap=single(sponsor_gap),
        budget=single(budget),
        competitor=single(competitor),
        commitment=commitment,
        goodwill=goodwill,
        uplift=single(uplift),
    )
    luck = rng.random((DRAWS, *shape), dtype=np.float32)
    return phenomena.advance(accounts, state, moved, week, luck)


def step(
    accounts: Accounts, state: State, week: int, rng: np.random.Generator, *, events: Events = "all"
) -> tuple[State, Hazards, NDArray[np.int8]]:
    """Live through one week.

    Args:
        accounts: The accounts, n of them.
        state: Their state at the start of the week, arrays of shape (..., n).
        week: Number of the week.
        rng: The week's own stream.
        events: "all" for what happened; "no_churn" for the oracle, which follows each account as if
            it stayed and counts the probability of leaving instead of drawing it; "none" for the
            burn-in.

    Returns:
        The state at the end of the week, the week's hazards, and the event drawn (shape (..., n),
        one of NOTHING ... UPGRADE).
    """
    state = _advance(accounts, state, week, rng)
    risk = hazards(accounts, state, week)
    chance = rng.random((3, *state.health.shape), dtype=np.float32)
    zero = np.float32(0)
    logo, scale = (risk.logo, np.float32(1)) if events == "all" else (zero, 1 / (1 - risk.logo))
    draw = chance[0]
    cut_1 = logo + risk.contraction * scale
    cut_2 = cut_1 + risk.downgrade * scale
    cut_3 = cut_2 + risk.expansion * scale
    event = np.where(
        draw < logo, LOGO, np.where(
            draw < cut_1, CONTRACTION, np.where(
                draw < cut_2, DOWNGRADE, np.where(draw < cut_3, EXPANSION, NOTHING)))
    ).astype(np.int8)  # fmt: skip
    if events == "none":
        event[...] = NOTHING
    event[(event == EXPANSION) & (state.plan < 2) & (chance[2] < 0.08)] = UPGRADE
    grows = (event == EXPANSION) | (event == UPGRADE)
    factor = np.where(
        event == CONTRACTION, np.float32(0.88) - np.float32(0.35) * chance[1],
        np.where(grows, np.float32(1.08) + np.float32(0.30) * chance[1], np.float32(1)),
    )  # fmt: skip
    plan = state.plan - (event == DOWNGRADE) + (event == UPGRADE)
    old, new = PLAN_PRICE[state.plan.astype(np.int8)], PLAN_PRICE[plan.astype(np.int8)]
    renewed = is_renewal(accounts, week) & (events != "none")
    price = state.price * (new / old) * (1 + state.uplift * renewed)
    after = replace(
        state,
        seats=single(state.seats * factor),
        plan=single(plan),
        price=single(price),
        uplift=single(np.where(is_renewal(accounts, week), zero, state.uplift)),
        effect=state.effect * np.float32(0.94),
        gone=state.gone | (event == LOGO),
    )
    return after, risk, event
