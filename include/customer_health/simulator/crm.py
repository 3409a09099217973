"""What the CRM records: accounts, people, when we spoke, and its current-state fields."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.behaviour import LOGO, sigmoid
from customer_health.simulator.company import SEGMENTS
from customer_health.simulator.facts import Facts, Times, moments, names, office_hours, present
from customer_health.simulator.licences import Licences
from customer_health.simulator.people import INDUSTRIES, PLACES, company_names, owners, titles
from customer_health.simulator.randomness import stream
from customer_health.simulator.support import by_week
from customer_health.simulator.usage import EXECUTIVES, executive_activity, sponsor_number
from customer_health.simulator.world import MERGED, World
from customer_health.warehouse.tables import (
    ACCOUNTS,
    CONTACT_CHANGES,
    CONTACTS,
    CRM_SNAPSHOT,
    CRM_TASKS,
    INTERACTIONS,
)

_NEVER_LOGGED = 0.30
_EBR_WEEKS = 13
_KINDS = ("call", "meeting", "ebr", "email_sent", "email_reply")


def accounts(world: World) -> Facts:
    """Return the accounts; `merged_into` shows from the day of the merger."""
    rng = stream(world.seed, "crm")
    count = len(world)
    place, industry = rng.integers(0, len(PLACES), count), rng.integers(0, len(INDUSTRIES), count)
    created = moments(world, world.accounts.start, world.accounts.weekday - 21.0, office_hours(rng, count))
    owner, manager = owners(world.seed, count)
    merged = world.merged_into >= 0
    target = np.where(merged, names(world.account_ids, world.merged_into), None)
    week = np.where(merged, world.last_week, 0)
    when = np.where(merged, moments(world, week, world.accounts.weekday), np.datetime64("NaT"))
    rows = pd.DataFrame(
        {
            "account_id": world.account_ids,
            "name": company_names(world.seed, count),
            "segment": names(SEGMENTS, world.accounts.segment),
            "industry": names(INDUSTRIES, industry),
            "country": names([country for country, _ in PLACES], place),
            "timezone": names([zone for _, zone in PLACES], place),
            "owner_email": owner,
            "manager_email": manager,
            "merged_into": target,
            "merged_at": when,
            "occurred_at": created,
            "known_at": created,
        }
    )
    return Facts(ACCOUNTS, rows, reveals={"merged_into": "merged_at"})


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
        world, fixed.start[account], fixed.weekday[account] - 20.0 + delay, office_hours(rng, len(account))
    )
    role = np.select(
        [number == 0, number == 1, number == 2], ["sponsor", "champion", "admin"], default="user"
    ).astype(object)
    people = pd.DataFrame(
        {
            "contact_id": [f"co_{a:05d}_{k:02d}" for a, k in zip(account, number, strict=True)],
            "account_id": names(world.account_ids, account),
            "user_id": _user(world, account, number),
            "title": titles(rng, number == 0),
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


def _transitions(
    world: World, to_absent: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (week, account, sponsor before the change) of departures or arrivals while a customer."""
    gap = world.history["sponsor_gap"] > 0
    changed = (~gap[:-1] & gap[1:]) if to_absent else (gap[:-1] & ~gap[1:])
    week, account = np.nonzero(changed)
    here = (week > world.accounts.start[account]) & (week < world.last_week[account])
    week, account = week[here], account[here]
    return week, account, sponsor_number(world)[week, account]


def _departures(world: World) -> pd.DataFrame:
    rng = stream(world.seed, "departures")
    draws = rng.random((3, world.weeks + 1, len(world))) if world.weeks < 0 else None
    del draws
    week, account, number = _transitions(world, to_absent=True)
    chance = _per_week(world, "departures", 3)[:, week, account]
    logged = chance[0] >= _NEVER_LOGGED
    day = np.floor(chance[1] * 5) + 0.5
    late = np.floor(14 + chance[2] * 43)
    contact = sponsor_contact(account, number)
    rows = pd.DataFrame(
        {
            "change_id": [f"cc_{c}_{w:04d}_left" for c, w in zip(contact, week, strict=True)],
            "account_id": names(world.account_ids, account),
            "contact_id": contact,
            "kind": "left",
            "role": "sponsor",
            "title": None,
            "occurred_at": moments(world, week, day),
            "known_at": moments(world, week, day + late),
        }
    )
    return rows[logged]


def _successors(world: World) -> pd.DataFrame:
    week, account, number = _transitions(world, to_absent=False)
    keep = (number > 0) & (number < EXECUTIVES)
    week, account, number = week[keep], account[keep], number[keep]
    chance = _per_week(world, "successors", 2)[:, week, account]
    day = np.floor(chance[0] * 5) + 0.5
    title = _titles_by_week(world, week, account)
    return pd.DataFrame(
        {
            "contact_id": sponsor_contact(account, number),
            "account_id": names(world.account_ids, account),
            "user_id": [f"{world.account_ids[a]}-x{k}" for a, k in zip(account, number, strict=True)],
            "title": title,
            "role": "sponsor",
            "occurred_at": moments(world, week, day),
            "known_at": moments(world, week, day + np.floor(chance[1] * 15)),
        }
    ).drop_duplicates("contact_id")


def _per_week(world: World, purpose: str, size: int) -> NDArray[np.float64]:
    """Return uniform numbers of shape (size, weeks, accounts) that do not depend on the run's length."""
    weeks = [stream(world.seed, purpose, week).random((size, len(world))) for week in range(world.weeks)]
    return np.stack(weeks, axis=1)


def _titles_by_week(world: World, week: NDArray[np.int64], account: NDArray[np.int64]) -> NDArray[np.object_]:
    chosen = np.empty(len(week), dtype=object)
    for one in np.unique(week):
        here = week == one
        drawn = titles(stream(world.seed, "titles", int(one)), np.ones(len(world), dtype=np.bool_))
        chosen[here] = drawn[account[here]]
    return chosen


def _interaction_week(world: World, week: int) -> dict[str, NDArray[np.generic]]:
    rng = stream(world.seed, "interactions", week)
    n = len(world)
    segment, gap = world.accounts.segment, world.history["sponsor_gap"][week + 1]
    trouble, health = world.history["incidents"][week + 1], world.history["health"][week + 1]
    speaks = rng.random(n) < np.array([0.06, 0.14, 0.30])[segment] * np.where(trouble > 0.5, 1.6, 1.0)
    meets = rng.random(n) < 0.4
    reviews = (np.arange(n) * 5 + week) % _EBR_WEEKS == 0
    reviews &= rng.random(n) < np.array([0.20, 0.55, 0.85])[segment] * np.where(gap == 0, 1.0, 0.35)
    writes = rng.random(n) < 0.25
    replies = rng.random(n) < 0.12 * np.minimum(np.exp(0.3 * health), 3)
    _, executive = executive_activity(world, week)
    parts, mask = [], [speaks & ~meets, speaks & meets, reviews, writes, replies]
    for kind, chosen in enumerate(mask):
        who = np.nonzero(chosen)[0]
        by_sponsor = np.full(len(who), kind == 2) & (gap[who] == 0)
        parts.append((who, np.full(len(who), kind), by_sponsor))
    who = np.repeat(np.arange(n), executive)
    parts.append((who, np.full(len(who), 4), np.ones(len(who), dtype=np.bool_)))
    account, kind, sponsor = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    size = len(account)
    first, stop = present(world, week)
    day = rng.integers(0, 5, size)
    columns = {
        "account": account,
        "kind": kind,
        "sponsor": sponsor,
        "turn": np.arange(size),
        "day": day,
        "seconds": office_hours(rng, size),
        "minutes": np.round(rng.gamma(4, np.where(kind == 2, 16, 8))),
        "mood": sigmoid(world.history["sentiment"][week + 1][account] + 0.8 * rng.standard_normal(size)),
        "recorded": rng.random(size) < 0.7,
        "person": rng.random(size),
    }
    here = (day >= first[account]) & (day < stop[account])
    return {name: values[here] for name, values in columns.items()}


def interactions(world: World) -> Facts:
    """Return calls, meetings, business reviews and e-mails: metadata only."""
    i = by_week(world, _interaction_week)
    when = moments(world, i["week"], i["day"], i["seconds"])
    number = sponsor_number(world)[i["week"], i["account"]]
    ordinary = 1 + (i["person"] * (world.accounts.contacts[i["account"]] - 1)).astype(int)
    ordinary = np.minimum(ordinary, world.accounts.contacts[i["account"]] - 1)
    other = [f"co_{a:05d}_{k:02d}" for a, k in zip(i["account"], ordinary, strict=True)]
    contact = np.where(i["sponsor"], sponsor_contact(i["account"], number), np.array(other, dtype=object))
    contact[~i["sponsor"].astype(bool) & (i["person"] > 0.97)] = None
    spoken = i["kind"] <= 2
    rows = pd.DataFrame(
        {
            "interaction_id": [
                f"ia_{w:04d}_{a:05d}_{k:05d}"
                for w, a, k in zip(i["week"], i["account"], i["turn"], strict=True)
            ],
            "account_id": names(world.account_ids, i["account"]),
            "contact_id": contact,
            "kind": names(_KINDS, i["kind"]),
            "minutes": np.where(spoken, i["minutes"], np.nan),
            "sentiment": np.where(spoken & i["recorded"], np.round(i["mood"].astype(np.float64), 3), np.nan),
            "occurred_at": when,
            "known_at": when,
        }
    )
    return Facts(INTERACTIONS, rows.sort_values(["occurred_at", "interaction_id"], ignore_index=True))


def snapshot(world: World, book: Licences, through: date) -> Facts:
    """Return the CRM's current-state fields on the eve of `through`: they know how the story ends.

    Somebody ticked "cancellation requested" after the fact, seats were set to nothing, and nobody
    touches the record of a customer that left. Joined to past dates these columns look brilliant.
    """
    rng = stream(world.seed, "snapshot")
    n = len(world)
    eve = through - timedelta(days=1)
    week, offset = divmod((eve - world.start).days, 7)
    created = (world.accounts.start < week) | (
        (world.accounts.start == week) & (world.accounts.weekday <= offset)
    )
    ended = np.where(world.accounts.weekday <= offset, world.last_week <= week, world.last_week < week)
    churned = ended & (world.merged_into < 0)
    draws = rng.random((3, n))
    requested = np.where(churned, draws[0] < 0.97, draws[0] < 0.03)
    seats = book.seats[np.minimum(world.last_week, week), np.arange(n)]
    touched = np.floor(-2.5 * np.log(1 - draws[2]))
    touched = np.where(ended, np.maximum(week - world.last_week, 0) + np.minimum(touched, 2), touched)
    when = pd.Timestamp(eve) + pd.Timedelta(hours=22)
    rows = pd.DataFrame(
        {
            "account_id": world.account_ids,
            "cancellation_requested": requested,
            "seats_now": np.where(churned & (draws[1] < 0.75), 0, seats).astype(np.float64),
            "weeks_since_crm_update": touched.astype(np.float64),
            "occurred_at": when,
            "known_at": when,
        }
    )
    return Facts(CRM_SNAPSHOT, rows[created].reset_index(drop=True))


def tasks() -> Facts:
    """Return no tasks: only what we create ourselves comes back as a task."""
    empty: Times = np.array([], dtype="datetime64[s]")
    rows = pd.DataFrame(
        {name: empty if name.endswith("_at") else np.array([], dtype=object) for name in CRM_TASKS.columns}
    )
    return Facts(CRM_TASKS, rows)


__all__ = ["LOGO", "MERGED", "accounts", "contacts_and_changes", "interactions", "snapshot", "tasks"]
