"""What an account of the simulated company is, and what it is like in a week."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.simulator.company_kinds import Leaving
from customer_health.simulator.effect_sizes import NONE, Effects

Array = NDArray[np.float32]
Flags = NDArray[np.bool_]
_NOTHING_YET = np.zeros(0, dtype=np.float32)


def single(values: NDArray[Any]) -> Array:
    """Return values as float32, in which all latent states live."""
    return np.asarray(values, dtype=np.float32)


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
        leaving: What the decision to leave rests on in this company; likewise.
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
    effects: Effects = NONE
    leaving: Leaving = field(default_factory=Leaving)

    def __post_init__(self) -> None:
        """Fill in who never begins where nobody says so: nobody."""
        if len(self.never_begins) != len(self.segment):
            object.__setattr__(self, "never_begins", np.zeros(len(self.segment), dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.segment)

    def take(self, index: NDArray[np.intp]) -> Accounts:
        """Return the accounts at these positions."""
        common: dict[str, Any] = {"effects": self.effects, "leaving": self.leaving}
        arrays = {
            each.name: getattr(self, each.name)[index] for each in fields(self) if each.name not in common
        }
        return Accounts(**arrays, **common)


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
        unsettled: What is left of the last sponsor change, 1 in its week (see effect_sizes.py, as all below).
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
