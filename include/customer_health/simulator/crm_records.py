"""What the CRM records: accounts, people, when we spoke, and its current-state fields."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from customer_health.simulator.behaviour import sigmoid
from customer_health.simulator.contacts import ordinary_contact, sponsor_contact
from customer_health.simulator.invented_names import INDUSTRIES, PLACES, company_names, owners
from customer_health.simulator.licences import Licences
from customer_health.simulator.observation import (
    Columns,
    Facts,
    Times,
    by_week,
    moments,
    names,
    office_hours,
    present,
)
from customer_health.simulator.product import SEGMENTS
from customer_health.simulator.product_usage import executive_activity
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import World
from customer_health.warehouse.tables import ACCOUNTS, CRM_SNAPSHOT, INTERACTIONS, TEXT_TOPICS

_EBR_WEEKS = 13
_KINDS = ("call", "meeting", "ebr", "email_sent", "email_reply")
EBR = 2  # what comes after is written, not spoken


def accounts(world: World) -> Facts:
    """Return the accounts; `merged_into` shows from the day of the merger."""
    rng = stream(world.seed, "crm")
    count = len(world)
    place, industry = rng.integers(0, len(PLACES), count), rng.integers(0, len(INDUSTRIES), count)
    created = moments(world, world.accounts.start, world.accounts.weekday)  # the day the contract begins
    owner, manager = owners(world.seed, count)
    merged = world.merged_into >= 0
    target = names([*world.account_ids, None], np.where(merged, world.merged_into, len(world)))
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
            "domain": None,
            "merged_into": target,
            "merged_at": when,
            "merged_ids": None,
            "parent_account_id": None,
            "occurred_at": created,
            "known_at": created,
        }
    )
    return Facts(ACCOUNTS, rows, reveals={"merged_into": "merged_at"})


def interaction_week(world: World, week: int) -> Columns:
    """Draw who spoke with whom in a week; kinds by position in call, meeting, review, sent, replied."""
    rng = stream(world.seed, "interactions", week)
    n = len(world)
    segment, gap = world.accounts.segment, world.history["sponsor_gap"][week + 1]
    trouble, health = world.history["incidents"][week + 1], world.history["health"][week + 1]
    speaks = rng.random(n) < np.array([0.06, 0.14, 0.30])[segment] * np.where(trouble > 0.5, 1.6, 1.0)
    speaks &= (world.history["silent"][week + 1] == 0) | (rng.random(n) < 0.4)
    meets = rng.random(n) < 0.4
    reviews = (np.arange(n) * 5 + week) % _EBR_WEEKS == 0
    reviews &= rng.random(n) < np.array([0.20, 0.55, 0.85])[segment] * np.where(gap == 0, 1.0, 0.35)
    writes = rng.random(n) < 0.25
    replies = rng.random(n) < 0.12 * np.minimum(np.exp(0.3 * health), 3)
    _, executive = executive_activity(world, week)
    kinds = np.stack([speaks & ~meets, speaks & meets, reviews, writes, replies])
    kind, account = np.nonzero(kinds)
    sponsor = (kind == EBR) & (gap[account] == 0)
    answers = np.repeat(np.arange(n), executive)
    account = np.concatenate([account, answers])
    kind = np.concatenate([kind, np.full(len(answers), _KINDS.index("email_reply"))])
    sponsor = np.concatenate([sponsor, np.ones(len(answers), dtype=np.bool_)])
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
        "minutes": np.round(rng.gamma(4, np.where(kind == EBR, 16, 8))),
        "mood": sigmoid(world.history["sentiment"][week + 1][account] + 0.8 * rng.standard_normal(size)),
        "recorded": rng.random(size) < 0.7,
        "person": rng.random(size),
    }
    here = (day >= first[account]) & (day < stop[account])
    return {name: values[here] for name, values in columns.items()}


def interactions(world: World) -> Facts:
    """Return calls, meetings, business reviews and e-mails: metadata only."""
    i = by_week(world, interaction_week)
    when = moments(world, i["week"], i["day"], i["seconds"])
    number = world.sponsor_number[i["week"], i["account"]]
    other = ordinary_contact(world, i["account"], i["person"])
    contact = np.where(i["sponsor"], np.array(sponsor_contact(i["account"], number), dtype=object), other)
    contact[~i["sponsor"] & (i["person"] > 0.97)] = None  # nobody noted who it was
    spoken = i["kind"] <= EBR
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
            "summary": None,
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


def text_topics() -> Facts:
    """Return nothing: no vendor reads this company's texts; `read_texts` does."""
    empty: Times = np.array([], dtype="datetime64[s]")
    columns = {
        name: empty if name.endswith("_at") else np.array([], dtype=object) for name in TEXT_TOPICS.columns
    }
    return Facts(TEXT_TOPICS, pd.DataFrame(columns))
