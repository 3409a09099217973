"""The accounts of the simulated company: who they are before anything happens."""

from __future__ import annotations

import numpy as np

from customer_health.simulator.account_state import Accounts, Array, State, single
from customer_health.simulator.behaviour import MONTHLY, PLAN_PRICE, SMB, step
from customer_health.simulator.company_kinds import STANDARD, kind_named
from customer_health.simulator.effect_sizes import effects_of
from customer_health.simulator.randomness import stream

WINDOW_WEEKS = 130  # weeks over which the late joiners arrive
_BURN_IN = 26
_EARLIER_WEEKS = 208  # four years
_HEALTH = np.array([-0.1, 0.0, 0.12])


def draw_accounts(seed: int, count: int, kind: str = STANDARD) -> tuple[Accounts, State]:
    """Draw `count` accounts and their state after the burn-in, at the start of week 0.

    Seven in ten began uniformly within the four years before the simulation; the others join during
    its first 130 weeks. The burn-in lets latent states forget their start without any contract event.

    Args:
        seed: The world's seed.
        count: Accounts.
        kind: Of company, see `company_kinds`.
    """
    own = kind_named(kind)
    rng = stream(seed, "accounts")
    segment = np.digitize(rng.random(count), own.segment_cuts).astype(np.int8)
    log_seats = rng.normal(np.array(own.seats)[segment], 0.7)
    zombie = (segment == SMB) & (rng.random(count) < 0.06)
    seats = np.where(zombie, np.minimum(np.exp(log_seats), 5), np.exp(log_seats)).clip(1)
    plan = (rng.random((count, 1)) > np.array(own.plan_cuts)[segment]).sum(axis=1)
    price = np.exp(rng.normal(np.log(np.array(own.price)[segment]), 0.25)) * PLAN_PRICE[plan]
    term = np.array([MONTHLY, 104, 52])[
        (rng.random((count, 1)) > np.array(own.term_cuts)[segment]).sum(axis=1)
    ]
    earlier = -np.floor(rng.random(count) * _EARLIER_WEEKS) - 1
    later = np.floor(rng.random(count) * WINDOW_WEEKS) + 1
    start = np.where(rng.random(count) < 0.70, earlier, later)
    normal = rng.standard_normal((4, count))
    accounts = Accounts(
        segment=segment,
        term=term.astype(np.int32),
        start=start.astype(np.int32),
        weekday=rng.integers(1, 7, count).astype(np.int32),
        mean_health=single(0.25 + _HEALTH[segment] + 0.55 * normal[0] - 1.6 * zombie),
        frailty=single(own.leaving.frailty * normal[1]),
        intensity=single(np.exp(-1.05 + 0.45 * normal[2])),
        depth=single(0.6 * normal[3]),
        contacts=(1 + rng.poisson(np.array(own.contacts)[segment])).astype(np.int32),
        telemetry=rng.random(count) >= own.no_telemetry,
        never_begins=rng.random(count) < own.never_begins,
        effects=effects_of(seed, own.effects),
        leaving=own.leaving,
    )
    return accounts, _burn_in(seed, accounts, single(seats), single(price), single(plan))


def _burn_in(seed: int, accounts: Accounts, seats: Array, price: Array, plan: Array) -> State:
    def nothing() -> Array:
        return np.zeros(len(accounts), dtype=np.float32)

    state = State(
        health=accounts.mean_health.copy(),
        incidents=nothing(),
        sentiment=nothing(),
        sponsor_gap=nothing(),
        budget=nothing(),
        competitor=nothing(),
        commitment=accounts.mean_health.copy(),
        goodwill=nothing(),
        uplift=nothing(),
        effect=nothing(),
        seats=seats,
        price=price,
        plan=plan,
        gone=np.zeros(len(accounts), dtype=np.bool_),
        silent=single(accounts.never_begins & (accounts.start < 0)),
    )
    for week in range(-_BURN_IN, 0):
        state, _, _ = step(accounts, state, week, stream(seed, "step", week), events="none")
    return state
