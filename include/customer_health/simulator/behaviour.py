"""How an account behaves in one week: the equations of the simulated company.

The world and the oracle call the same `step()`; nothing else decides what happens. All arrays have
accounts on their last axis, so the oracle runs many futures at once as rows of a matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from customer_health.simulator import phenomena
from customer_health.simulator.phenomena import Effects

Array = NDArray[np.float32]
Flags = NDArray[np.bool_]
Events = Literal["all", "no_churn", "none"]

SMB, MID_MARKET, ENTERPRISE = 0, 1, 2
MONTHLY = 4  # weeks of a rolling contract; longer terms are 52 and 104
NOTHING, LOGO, CONTRACTION, DOWNGRADE, EXPANSION, UPGRADE = range(6)

PLAN_PRICE = np.array([0.7, 1.0, 1.45], dtype=np.float32)
_UPLIFTS = np.array([0.0, 0.05, 0.10, 0.25], dtype=np.float32)
_UPLIFT_CUTS = np.array([0.40, 0.70, 0.92], dtype=np.float32)
_NOTHING_YET = np.zeros(0, dtype=np.float32)
_UPLIFT_LEAD = 16  # weeks before a term renewal at which the new price is announced


@dataclass(frozen=True)
class Accounts:
    """What never changes about each account; every array has shape (accounts,).

    Attributes:
        segment: 0 SMB, 1 mid-market, 2 enterprise.
        term: Contract term in weeks: 4 (rolling), 52 or 104.
        start: Week in which the contract begins; negative before the simulation.
        weekday: Day of the week (1 Tuesday ... 6 Sunday) on which its contract events take effect.
        mean_health: Level to which health returns.
        frailty: Log-odds of leaving that no observation shows.
        intensity: Share of seats active on an average day at health 0.
        depth: How deeply the account works with the product, standardised to 0.6.
        contacts: People we know at the start.
        telemetry: False when the account sends no product usage.
        never_begins: True for accounts that sign and never start.
        effects: How much each phenomenon matters in this company; one for all accounts.
    """

    segment: NDArray[np.int8]
    term: NDArray[np.int32]
    start: NDArray[np.int32]
    weekday: NDArray[np.int32]
    mean_health: Array
    frailty: Array
    intensity: Array
    depth: Array
    contacts: NDArray[np.int32]
    telemetry: Flags
    never_begins: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    effects: Effects = phenomena.NONE

    def __post_init__(self) -> None:
        """Fill in who never begins where nobody says so: nobody."""
        if len(self.never_begins) != len(self.segment):
            object.__setattr__(self, "never_begins", np.zeros(len(self.segment), dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.segment)

    def take(self, index: NDArray[np.intp]) -> Accounts:
        """Return the accounts at these positions."""
        arrays = {
            each.name: getattr(self, each.name)[index] for each in fields(self) if each.name != "effects"
        }
        return Accounts(**arrays, effects=self.effects)


@dataclass(frozen=True)
class State:
    """What an account is like at the start of a week; arrays of shape (..., accounts).

    Attributes:
        health: Latent value that the account finds in the product (h).
        incidents: Open trouble with the product (inc).
        sentiment: Mood of the people who write to support (q).
        sponsor_gap: Weeks without an executive sponsor; 0 when there is one (sw).
        budget: 1 while the customer must save money (b).
        competitor: 1 while the customer looks at a competitor (c).
        commitment: Slow average of health, on which decisions rest (H).
        goodwill: Slow average of sentiment (Q).
        uplift: Price increase announced for the coming renewal (u).
        effect: What is left of our last intervention (tau).
        seats: Seats in use terms, continuous.
        price: Currency per seat and year on the current plan.
        plan: 0 basic, 1 pro, 2 enterprise.
        gone: True after the account left.
        unsettled: What is left of the last sponsor change, 1 in its week (see phenomena.py, as all below).
        silent: 1 while nobody there uses the product.
        aloof: 1 while the sponsor is there and keeps away.
        arrears: 1 while invoices are paid more than a month late.
        backlog: 1 while our support leaves tickets unanswered for days.
        slump: 1 while core actions are down by half.
    """

    health: Array
    incidents: Array
    sentiment: Array
    sponsor_gap: Array
    budget: Array
    competitor: Array
    commitment: Array
    goodwill: Array
    uplift: Array
    effect: Array
    seats: Array
    price: Array
    plan: Array
    gone: Flags
    unsettled: Array = field(default_factory=lambda: _NOTHING_YET)
    silent: Array = field(default_factory=lambda: _NOTHING_YET)
    aloof: Array = field(default_factory=lambda: _NOTHING_YET)
    arrears: Array = field(default_factory=lambda: _NOTHING_YET)
    backlog: Array = field(default_factory=lambda: _NOTHING_YET)
    slump: Array = field(default_factory=lambda: _NOTHING_YET)

    def __post_init__(self) -> None:
        """Fill in phenomena that nobody names: none is on."""
        for name in ("unsettled", "silent", "aloof", "arrears", "backlog", "slump"):
            if getattr(self, name) is _NOTHING_YET:
                object.__setattr__(self, name, np.zeros_like(self.health))

    def take(self, index: NDArray[np.intp]) -> State:
        """Return the accounts at these positions."""
        return State(*(getattr(self, each.name)[..., index] for each in fields(self)))

    def repeat(self, paths: int) -> State:
        """Return `paths` copies stacked as rows: shape (paths, accounts)."""
        return State(*(np.tile(getattr(self, each.name), (paths, 1)) for each in fields(self)))


@dataclass(frozen=True)
class Hazards:
    """Probability of each contract event within one week, for accounts that are still customers."""

    logo: Array
    contraction: Array
    downgrade: Array
    expansion: Array


def single(values: NDArray[Any]) -> Array:
    """Return values as float32, in which all latent states live."""
    return np.asarray(values, dtype=np.float32)


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
    toxic = sigmoid(5 * (-state.goodwill - np.float32(1.3)))
    commitment = state.commitment
    value = commitment * (1 - toxic) + np.minimum(commitment, 0) * toxic
    alone = 1 + np.float32(2.2) * (accounts.contacts < 2)
    absent = np.minimum(state.sponsor_gap / 16, 1) * alone
    price_shock = 10 * state.uplift * sigmoid(-2 * (commitment - np.float32(0.1)))
    zombie = sigmoid(6 - state.seats) * sigmoid(4 * (-commitment - np.float32(0.9)))
    z = (
        np.float32(-0.85) * value
        - np.float32(0.50) * state.goodwill
        + np.float32(1.70) * toxic
        + np.float32(0.70) * absent
        + np.float32(0.50) * state.budget
        + state.competitor
        + price_shock
        - np.float32(2.2) * zombie
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
    logo = base(-4.47, -7.0, -8.95) + np.where(renewal, np.float32(1), np.float32(0.6)) * z
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
    luck = rng.random((phenomena.DRAWS, *shape), dtype=np.float32)
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
