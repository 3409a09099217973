"""The people we know at each account, and how late we learn that a sponsor has left."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.invented_names import people_names, titles
from customer_health.simulator.observation import Facts, moments, names, office_hours
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import MOST_SPONSORS, World
from customer_health.warehouse.tables import CONTACT_CHANGES, CONTACTS

_NEVER_LOGGED = 0.30
_TEAMS = ("Management", "Operations", "Finance", "Sales", "IT")


def _user(world: World, account: NDArray[np.int64], number: NDArray[np.int64]) -> list[str | None]:
    """Return the product user behind contact `number`: the sponsor is the executive, others hold seats."""
    return [
        f"{world.account_ids[a]}-x0"
        if k == 0
        else f"{world.account_ids[a]}-u{k - 1:03d}"
        if (a + k) % 5
        else None
        for a, k in zip(account, number, strict=True)
    ]


def contacts_and_changes(world: World) -> tuple[Facts, Facts]:
    """Return the people we know, and what changed about them.

    A sponsor's departure is logged two to eight weeks late, and three times in ten never. Their
    successor is a new contact.
    """
    rng = stream(world.seed, "contacts")
    fixed = world.accounts
    count = fixed.contacts
    account = np.repeat(np.arange(len(world)), count)
    number = np.arange(len(account)) - np.repeat(np.cumsum(count) - count, count)
    delay = np.where(number == 0, 0, rng.integers(0, 60, len(account)))
    met = moments(
        world, fixed.start[account], fixed.weekday[account] + delay, office_hours(rng, len(account))
    )
    role = np.select(
        [number == 0, number == 1, number == 2], ["sponsor", "champion", "admin"], default="user"
    ).astype(object)
    first, last = people_names(stream(world.seed, "names of contacts"), len(account))
    people = pd.DataFrame(
        {
            "contact_id": [f"co_{a:05d}_{k:02d}" for a, k in zip(account, number, strict=True)],
            "account_id": names(world.account_ids, account),
            "user_id": _user(world, account, number),
            "first_name": first,
            "last_name": last,
            "name": None,
            "title": titles(rng, number == 0),
            "team": names(_TEAMS, (account + number) % len(_TEAMS)),
            "role": role,
            "occurred_at": met,
            "known_at": met,
        }
    )
    left, new = _departures(world), _successors(world)
    rows = pd.concat([people, new], ignore_index=True).sort_values(
        ["known_at", "contact_id"], ignore_index=True
    )
    joined = pd.DataFrame(
        {
            "change_id": "cc_" + new["contact_id"] + "_joined",
            "account_id": new["account_id"],
            "contact_id": new["contact_id"],
            "kind": "joined",
            "role": "sponsor",
            "title": new["title"],
            "occurred_at": new["occurred_at"],
            "known_at": new["known_at"],
        }
    )
    changes = pd.concat([left, joined], ignore_index=True)
    changes = changes.sort_values(["known_at", "change_id"], ignore_index=True)
    return Facts(CONTACTS, rows), Facts(CONTACT_CHANGES, changes)


def sponsor_contact(account: NDArray[np.int64], number: NDArray[np.int64]) -> list[str]:
    """Return the contact ids of accounts' sponsors number 0 (the first), 1, ..."""
    return [f"co_{a:05d}_{0 if k == 0 else 90 + k:02d}" for a, k in zip(account, number, strict=True)]


def ordinary_contact(
    world: World, account: NDArray[np.int64], luck: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Return who of the people below the sponsor acts; None where we know nobody else."""
    others = world.accounts.contacts[account] - 1
    number = np.minimum(1 + (luck * others).astype(np.int64), others)
    ids = [f"co_{a:05d}_{k:02d}" if k else None for a, k in zip(account, number, strict=True)]
    return np.array(ids, dtype=object)


def _transitions(
    world: World, to_absent: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (week, account, sponsor before the change) of departures or arrivals while a customer."""
    gap = world.history["sponsor_gap"] > 0
    week, account = np.nonzero((~gap[:-1] & gap[1:]) if to_absent else (gap[:-1] & ~gap[1:]))
    here = (week > world.accounts.start[account]) & (week < world.last_week[account])
    week, account = week[here], account[here]
    return week, account, world.sponsor_number[week, account]


def _departures(world: World) -> pd.DataFrame:
    week, account, number = _transitions(world, to_absent=True)
    chance = _per_week(world, "departures", 3)[:, week, account]
    gap = world.history["sponsor_gap"][0].astype(np.int64)
    before = np.nonzero((gap > 0) & (world.accounts.start < -gap))[0]  # gone when the simulation begins
    earlier = stream(world.seed, "departures", -1).random((3, len(world)))[:, before]
    week, account = np.concatenate([-gap[before], week]), np.concatenate([before, account])
    number, chance = np.concatenate([0 * before, number]), np.concatenate([earlier, chance], axis=1)
    logged = chance[0] >= _NEVER_LOGGED
    day = np.floor(chance[1] * 5) + 0.5
    late = np.floor(14 + chance[2] * 43)
    contact = sponsor_contact(account, number)
    rows = pd.DataFrame(
        {
            "change_id": [f"cc_{c}_{w:03d}_left" for c, w in zip(contact, week, strict=True)],
            "account_id": names(world.account_ids, account),
            "contact_id": contact,
            "kind": "left",
            "role": "sponsor",
            "title": None,
            "occurred_at": moments(world, week, day),
            "known_at": moments(world, week, day + late),
        }
    )
    known: pd.DataFrame = rows[logged]
    return known


def _successors(world: World) -> pd.DataFrame:
    week, account, number = _transitions(world, to_absent=False)
    keep = (number > 0) & (number < MOST_SPONSORS)
    week, account, number = week[keep], account[keep], number[keep]
    chance = _per_week(world, "successors", 2)[:, week, account]
    day = np.floor(chance[0] * 5) + 0.5
    first, last, title = _who_by_week(world, week, account)
    rows = pd.DataFrame(
        {
            "contact_id": sponsor_contact(account, number),
            "account_id": names(world.account_ids, account),
            "user_id": [f"{world.account_ids[a]}-x{k}" for a, k in zip(account, number, strict=True)],
            "first_name": first,
            "last_name": last,
            "name": None,
            "title": title,
            "team": _TEAMS[0],
            "role": "sponsor",
            "occurred_at": moments(world, week, day),
            "known_at": moments(world, week, day + np.floor(chance[1] * 15)),
        }
    )
    once: pd.DataFrame = rows.drop_duplicates("contact_id")
    return once


def _per_week(world: World, purpose: str, size: int) -> NDArray[np.float64]:
    """Return uniform numbers of shape (size, weeks, accounts) that do not depend on the run's length."""
    weeks = [stream(world.seed, purpose, week).random((size, len(world))) for week in range(world.weeks)]
    return np.stack(weeks, axis=1)


def _who_by_week(
    world: World, week: NDArray[np.int64], account: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.object_], NDArray[np.object_]]:
    """Return given names, family names and titles of the executives who arrive in a week at an account."""
    first, last, title = (np.empty(len(week), dtype=object) for _ in range(3))
    everybody = np.ones(len(world), dtype=np.bool_)
    for one in np.unique(week):
        here = week == one
        given, family = people_names(stream(world.seed, "names of successors", int(one)), len(world))
        drawn = titles(stream(world.seed, "titles", int(one)), everybody)
        first[here], last[here], title[here] = (every[account[here]] for every in (given, family, drawn))
    return first, last, title
