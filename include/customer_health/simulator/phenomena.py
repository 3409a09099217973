"""How the phenomena of `effect_sizes.py` come, last and go, and what they add to the risk of leaving."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from customer_health.simulator.account_state import Accounts, Array, State
from customer_health.simulator.effect_sizes import (
    CORE_ACTION_DECLINE,
    EXECUTIVE_ABSENCE,
    FADING,
    NEVER_BEGAN,
    OVERDUE_INVOICES,
    SILENCE,
    UNANSWERED_TICKETS,
    USUAL,
    Rates,
)


def burden(accounts: Accounts, state: State) -> Array:
    """Return the log-odds of leaving that all phenomena add, counted from an average day's."""
    effects = accounts.effects
    present: dict[str, Any] = {
        "sponsor_change": state.unsettled,
        "silence": state.silent,
        "executive_absence": state.aloof,
        "single_threading": accounts.contacts < 2,
        "overdue_invoices": state.arrears,
        "unanswered_tickets": state.backlog,
        "core_action_decline": state.slump,
    }
    total = np.zeros_like(state.health)
    for name, much in present.items():
        total = total + np.float32(getattr(effects, name)) * (much - np.float32(getattr(USUAL, name)))
    return total


def advance(accounts: Accounts, before: State, after: State, week: int, chance: Array) -> State:
    """Let every phenomenon begin, last or end for one week.

    Args:
        accounts: The accounts.
        before: The state at the start of the week.
        after: The week's new latent state, in which the phenomena still stand as before.
        week: Number of the week.
        chance: Uniform numbers, shape (DRAWS, ..., accounts).
    """

    def goes_on(now: Array, draw: Array, rates: Rates, hurry: Any = 1.0) -> Array:
        begins = draw < np.asarray(rates.begins * hurry, dtype=np.float32)
        return np.where(now > 0, draw >= np.float32(rates.ends), begins).astype(np.float32)

    left = (before.sponsor_gap == 0) & (after.sponsor_gap > 0)
    unsettled = np.where(left, np.float32(1), np.float32(FADING) * before.unsettled).astype(np.float32)
    quiet = goes_on(before.silent, chance[0], SILENCE, np.exp(-0.5 * after.commitment))
    never = np.where(before.silent > 0, chance[0] >= np.float32(NEVER_BEGAN.ends), week == accounts.start)
    return replace(
        after,
        unsettled=unsettled,
        silent=np.where(accounts.never_begins, never, quiet).astype(np.float32),
        aloof=goes_on(before.aloof, chance[1], EXECUTIVE_ABSENCE),
        arrears=goes_on(before.arrears, chance[2], OVERDUE_INVOICES, 1 + 3 * after.budget),
        backlog=goes_on(before.backlog, chance[3], UNANSWERED_TICKETS),
        slump=goes_on(before.slump, chance[4], CORE_ACTION_DECLINE, np.exp(-0.3 * after.health)),
    )
