"""What our own people leave behind: calendars that keep time for customers, and CSMs' pulses.

Both draw from random streams of their own and nothing else reads them: a seed's other data are the same
with them and without.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.behaviour import risk_index
from customer_health.simulator.contract_events import notices
from customer_health.simulator.crm_records import EBR, interaction_week
from customer_health.simulator.effect_sizes import pulses_of
from customer_health.simulator.invented_names import owners
from customer_health.simulator.observation import (
    SECONDS_PER_DAY,
    Columns,
    Facts,
    Times,
    by_week,
    moments,
    names,
    office_hours,
    present,
)
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import World
from customer_health.warehouse.tables import CALENDAR, CSM_PULSES

NO_CALENDAR = 1 / 6  # of our people never connected theirs
_QUARTER = 900  # seconds: calendars keep whole quarters of an hour
_SHORT = 1_800  # seconds kept for a call or a meeting; only a review takes an hour or more
_BOOKED = np.array([[0, 7], [1, 14], [7, 28]])  # days ahead, from and to: calls, meetings, reviews
_MANAGER_JOINS = np.array([0.02, 0.10, 0.50])  # the same kinds
_OWN_TIMES = 6  # blocks a week that belong to no customer
_PULSE_CHANCE = np.array([0.02, 0.07, 0.12])  # per week: SMB, mid-market, enterprise


def calendar(world: World) -> Facts:
    """Return when our people are busy: conversations with customers, and times of their own.

    A conversation is booked days or weeks ahead, in the calendar of the account's CSM and at times in that of
    the manager, too. What it is for or who of the customer takes part is not told.
    """
    owner, manager = owners(world.seed, len(world))
    people = sorted({*owner, *manager})
    connected = stream(world.seed, "calendars").random(len(people)) >= NO_CALENDAR
    sees = {person for person, yes in zip(people, connected, strict=True) if yes}
    booked = by_week(world, _booked_week)
    begins = moments(world, booked["week"], booked["day"], booked["seconds"])
    known = begins - (booked["ahead"] * SECONDS_PER_DAY).astype("timedelta64[s]")
    stems = [
        f"bz_{w:04d}_{a:05d}_{k:05d}"
        for w, a, k in zip(booked["week"], booked["account"], booked["turn"], strict=True)
    ]
    held = pd.DataFrame(
        {
            "busy_id": stems,
            "owner_email": owner[booked["account"]],
            "account_id": names(world.account_ids, booked["account"]),
            "ends_at": begins + booked["lasts"].astype("timedelta64[s]"),
            "occurred_at": begins,
            "known_at": known,
        }
    )
    joined = held[booked["joined"]].assign(
        busy_id=held["busy_id"] + "_m", owner_email=manager[booked["account"][booked["joined"]]]
    )
    own = _own_times(world, sorted(set(owner)))
    rows = pd.concat([held, joined, own], ignore_index=True)
    rows = rows[rows["owner_email"].isin(sees)]
    return Facts(CALENDAR, rows.sort_values(["occurred_at", "busy_id"], ignore_index=True))


def _booked_week(world: World, week: int) -> Columns:
    talks = interaction_week(world, week)
    spoken = talks["kind"] <= EBR
    talks = {name: values[spoken] for name, values in talks.items()}
    kind, size = talks["kind"], int(spoken.sum())
    luck = stream(world.seed, "calendar", week).random((2, size))
    soonest, latest = _BOOKED[kind].T
    length = np.ceil(talks["minutes"] * 60 / _QUARTER) * _QUARTER
    return {
        "account": talks["account"],
        "turn": talks["turn"],
        "day": talks["day"],
        "seconds": np.floor(talks["seconds"] / _QUARTER) * _QUARTER,
        "lasts": np.where(kind == EBR, np.clip(length, 3_600, 7_200), _SHORT),
        "ahead": soonest + luck[0] * (latest - soonest),
        "joined": luck[1] < _MANAGER_JOINS[kind],
    }


def _own_times(world: World, people: list[str]) -> pd.DataFrame:
    """Return what fills our people's weeks beside customers; known two weeks ahead."""

    def draw(world: World, week: int) -> Columns:
        luck = stream(world.seed, "own_times", week).random((3, len(people) * _OWN_TIMES))
        return {
            "person": np.repeat(np.arange(len(people)), _OWN_TIMES),
            "turn": np.tile(np.arange(_OWN_TIMES), len(people)),
            "day": np.floor(luck[0] * 5),
            "seconds": 8 * 3_600 + np.floor(luck[1] * 36) * _QUARTER,
            "lasts": (1 + np.floor(luck[2] * 4)) * 1_800,
        }

    drawn = by_week(world, draw)
    begins = moments(world, drawn["week"], drawn["day"], drawn["seconds"])
    return pd.DataFrame(
        {
            "busy_id": [
                f"bz_{w:04d}_own_{p:03d}_{k}"
                for w, p, k in zip(drawn["week"], drawn["person"], drawn["turn"], strict=True)
            ],
            "owner_email": names(people, drawn["person"]),
            "account_id": None,
            "ends_at": begins + drawn["lasts"].astype("timedelta64[s]"),
            "occurred_at": begins,
            "known_at": begins - np.timedelta64(14 * SECONDS_PER_DAY, "s"),
        }
    )


def csm_pulses(world: World) -> Facts:
    """Return how CSMs felt: partly right, kindly, and blind where nobody makes a noise (`Pulses`).

    Larger customers are asked about more often; who has given notice gets a 1.
    """
    told = notices(world)

    def draw(world: World, week: int) -> Columns:
        rng = stream(world.seed, "pulses", week)
        n = len(world)
        given = rng.random(n) < _PULSE_CHANCE[world.accounts.segment]
        day, seconds, noise = rng.integers(0, 5, n), office_hours(rng, n), rng.standard_normal(n)
        first, stop = present(world, week)
        account = np.nonzero(given & (day >= first) & (day < stop))[0]
        return {
            "account": account,
            "day": day[account],
            "seconds": seconds[account],
            "felt": (_felt(world, week) + pulses_of(world.seed).noise * noise)[account],
        }

    drawn = by_week(world, draw)
    account = drawn["account"]
    when: Times = moments(world, drawn["week"], drawn["day"], drawn["seconds"])
    pulse = np.where(when >= told[account], 1.0, np.clip(np.rint(drawn["felt"]), 1, 5))
    rows = pd.DataFrame(
        {
            "pulse_id": [f"pu_{w:04d}_{a:05d}" for w, a in zip(drawn["week"], account, strict=True)],
            "account_id": names(world.account_ids, account),
            "pulse": pulse,
            "occurred_at": when,
            "known_at": when,
        }
    )
    return Facts(CSM_PULSES, rows.sort_values(["occurred_at", "pulse_id"], ignore_index=True))


def _felt(world: World, week: int) -> NDArray[np.float64]:
    """Return what each account's CSM would say this week, before the day's mood: 1 to 5, not yet rounded."""
    sizes, state = pulses_of(world.seed), world.state(week + 1)
    nothing = np.zeros_like(state.health)
    # Who neither writes nor logs in, or works less with it, is not noticed by those who wait for a call.
    seen = risk_index(world.accounts, replace(state, silent=nothing, slump=nothing)) - world.accounts.frailty
    owner, _ = owners(world.seed, len(world))
    _, csm = np.unique(owner.astype(str), return_inverse=True)
    temper = sizes.temper * stream(world.seed, "tempers").standard_normal(int(csm.max()) + 1)[csm]
    felt: NDArray[np.float64] = (
        sizes.neutral + sizes.optimism + temper - sizes.seen * seen - sizes.hidden * world.accounts.frailty
    )
    return felt
