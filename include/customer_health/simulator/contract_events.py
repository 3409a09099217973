"""Contracts, what was done to them, and the losses that the model learns to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.behaviour import (
    CONTRACTION,
    DOWNGRADE,
    ENTERPRISE,
    EXPANSION,
    LOGO,
    MONTHLY,
    NOTHING,
    UPGRADE,
    is_renewal,
)
from customer_health.simulator.invoicing import usage_contractions
from customer_health.simulator.licences import Licences
from customer_health.simulator.observation import Facts, Times, moments, names, office_hours, present
from customer_health.simulator.product import PLANS
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import MERGED, World
from customer_health.warehouse.tables import CONTRACT_EVENTS, CONTRACTS, OUTCOMES

NOTICE_SPREAD_DAYS = 28
LONGEST_NOTICE_DAYS = 60 + NOTICE_SPREAD_DAYS
_CHURN_REASONS = ("price", "competitor", "no longer needed", "product gaps", "support", "unknown")
_KIND = {
    CONTRACTION: "contracted",
    DOWNGRADE: "downgraded",
    EXPANSION: "expanded",
    UPGRADE: "upgraded",
    LOGO: "ended",
    MERGED: "ended",
}


@dataclass(frozen=True)
class Terms:
    """The small print of each account's contract; arrays of shape (accounts,)."""

    notice_days: NDArray[np.int64]
    auto_renew: NDArray[np.bool_]
    notice_share: NDArray[np.float64]  # probability that an account which leaves at a term's end says so


def terms(world: World) -> Terms:
    """Draw notice periods. Rolling contracts end without notice."""
    rng = stream(world.seed, "terms")
    rolling = world.accounts.term == MONTHLY
    auto_renew = (rng.random(len(world)) < 0.7) | rolling
    notice = np.where(world.accounts.segment == ENTERPRISE, 60, 30)
    share = np.where(auto_renew, 0.70, 0.35)
    return Terms(np.where(rolling, 0, notice), auto_renew, np.where(rolling, 0.0, share))


def notices(world: World) -> Times:
    """Return when each account gave notice; NaT for those that did not.

    Only accounts that leave at the end of a term do, between `notice_days` and 28 days earlier.
    """
    fine_print = terms(world)
    rng = stream(world.seed, "notices")
    speaks = rng.random(len(world)) < fine_print.notice_share
    lead = fine_print.notice_days + rng.integers(0, NOTICE_SPREAD_DAYS + 1, len(world))
    seconds = office_hours(rng, len(world))
    leaves = np.zeros(len(world), dtype=np.bool_)
    for week, account in world.happened(LOGO):
        leaves[account] = is_renewal(world.accounts, week)[account]
    when = moments(world, world.last_week, world.accounts.weekday - lead, seconds)
    return np.where(leaves & speaks, when, np.datetime64("NaT"))


def _logged(world: World) -> NDArray[np.int64]:
    """Return by how many days each account's departure was logged late: 1 in 10, one to six weeks."""
    rng = stream(world.seed, "logging")
    late = rng.random(len(world)) < 0.10
    return np.where(late, rng.integers(7, 43, len(world)), 0)


def contracts(world: World, book: Licences) -> Facts:
    """Return the history of contract states."""
    accounts, fine_print = world.accounts, terms(world)
    before = np.nonzero(accounts.start < 0)[0]
    passed = np.where(accounts.term == MONTHLY, 0, (-accounts.start - 1) // accounts.term)[before]
    joins = np.nonzero((accounts.start >= 0) & (accounts.start < world.weeks))[0]
    # (account, week in which the state begins, row of the sizes that hold from then)
    latest = accounts.start[before] + passed * accounts.term[before]
    states: list[tuple[NDArray[Any], NDArray[Any], Any]] = [
        (before, accounts.start[before], 0),
        (before[passed > 0], latest[passed > 0], 0),
        (joins, accounts.start[joins], accounts.start[joins]),
    ]
    for week in range(world.weeks):
        renewed = is_renewal(accounts, week) & (accounts.term > MONTHLY)
        alive = (week >= accounts.start) & (world.last_week >= week)
        changed = np.nonzero(alive & (renewed | (world.events[week] > 0)))[0]
        grown = world.merged_into[world.events[week] == MERGED]
        changed = np.union1d(changed, grown)
        states.append((changed, np.full(len(changed), week), week + 1))
    account, begun = (np.concatenate([state[part] for state in states]) for part in (0, 1))
    size = np.concatenate([np.broadcast_to(state[2], state[0].shape) for state in states])
    in_force = world.last_week[account] >= size
    term = accounts.term[account]
    periods = (begun - accounts.start[account]) // term
    begins = accounts.start[account] + periods * term
    day = accounts.weekday[account]
    rolling = term == MONTHLY
    plan = world.history["plan"][size, account].astype(np.int64)
    known = np.where(in_force, 0, _logged(world)[account])
    rows = pd.DataFrame(
        {
            "contract_id": [f"ct_{number:05d}" for number in account],
            "account_id": names(world.account_ids, account),
            "plan": names(PLANS, plan),
            "plan_rank": plan,
            "seats": np.where(in_force, book.seats[size, account], 0).astype(np.float64),
            "arr": np.where(in_force, book.arr[size, account], 0.0),
            "currency": "USD",
            "term_start": moments(world, np.where(rolling, accounts.start[account], begins), day),
            "term_end": np.where(
                rolling, np.datetime64("NaT"), moments(world, np.where(in_force, begins + term, begun), day)
            ),
            "auto_renew": fine_print.auto_renew[account],
            "notice_days": fine_print.notice_days[account],
            "status": np.where(in_force, "active", "ended"),
            "occurred_at": moments(world, begun, day),
            "known_at": moments(world, begun, day + known),
        }
    )
    rows = rows.drop_duplicates(["contract_id", "occurred_at"], keep="last")
    return Facts(CONTRACTS, rows.sort_values(["occurred_at", "contract_id"], ignore_index=True))


def contract_events(world: World, book: Licences) -> Facts:
    """Return what was asked of, announced for and done to contracts."""
    accounts = world.accounts
    parts: list[pd.DataFrame] = []

    def add(
        kind: str,
        account: NDArray[np.int64],
        when: Times,
        change: float | NDArray[np.float64],
        known: Times | None = None,
    ) -> None:
        stamp = pd.DatetimeIndex(when).strftime("%Y%m%d")
        parts.append(
            pd.DataFrame(
                {
                    "event_id": [f"ce_{a:05d}_{kind}_{s}" for a, s in zip(account, stamp, strict=True)],
                    "account_id": names(world.account_ids, account),
                    "contract_id": [f"ct_{number:05d}" for number in account],
                    "kind": kind,
                    "arr_change": np.broadcast_to(np.asarray(change, dtype=np.float64), account.shape),
                    "occurred_at": when,
                    "known_at": when if known is None else known,
                }
            )
        )

    every = np.nonzero(accounts.start < world.weeks)[0]
    size = np.maximum(accounts.start[every], 0)
    add("new", every, moments(world, accounts.start[every], accounts.weekday[every]), book.arr[size, every])
    told = notices(world)
    given = np.nonzero(~np.isnat(told))[0]
    add("notice_given", given, told[given], np.nan)
    late = _logged(world)
    for week in range(world.weeks):
        alive = (week >= accounts.start) & (world.last_week >= week)
        change = book.arr[week + 1] - book.arr[week]
        for code, kind in _KIND.items():
            who = np.nonzero(alive & (world.events[week] == code))[0]
            effective = moments(world, week, accounts.weekday[who])
            if kind == "ended":
                logged = moments(world, week, accounts.weekday[who] + late[who])
                add(kind, who, effective, -book.arr[week, who], logged)
            else:
                add(kind, who, effective, change[who])
        buyers = world.merged_into[world.events[week] == MERGED]
        buyers = buyers[world.events[week, buyers] == NOTHING].astype(np.int64)
        add("expanded", buyers, moments(world, week, accounts.weekday[buyers]), change[buyers])
        stays = alive & (world.last_week > week)
        renewed = np.nonzero(stays & is_renewal(accounts, week) & (accounts.term > MONTHLY))[0]
        quiet = world.events[week, renewed] == 0
        add("renewed", renewed, moments(world, week, accounts.weekday[renewed]),
            np.where(quiet, change[renewed], 0.0))  # fmt: skip
        uplift = world.history["uplift"]
        announced = np.nonzero(stays & (uplift[week + 1] > 0) & (uplift[week] == 0))[0]
        day = np.minimum(accounts.weekday[announced], 4) + 0.4
        add("price_increase_announced", announced, moments(world, week, day),
            book.arr[week, announced] * uplift[week + 1, announced])  # fmt: skip
        asks, when = _requests(world, week)
        add("modification_requested", asks, when, np.nan)
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return Facts(CONTRACT_EVENTS, rows.sort_values(["occurred_at", "event_id"], ignore_index=True))


def _requests(world: World, week: int) -> tuple[NDArray[np.int64], Times]:
    """Draw the customers that ask to change their contract: those short of money, or with another offer."""
    rng = stream(world.seed, "requests", week)
    budget, competitor = world.history["budget"][week + 1], world.history["competitor"][week + 1]
    asks = rng.random(len(world)) < 0.003 + 0.035 * budget + 0.015 * competitor
    day = rng.integers(0, 5, len(world)) + rng.uniform(0.3, 0.75, len(world))
    first, stop = present(world, week)
    who = np.nonzero(asks & (day >= first) & (day < stop))[0]
    return who, moments(world, week, day[who])


def outcomes(world: World, book: Licences) -> Facts:
    """Return the losses as they were logged: some late, one departure in a hundred under a wrong kind.

    Metered accounts whose usage-based revenue falls by a fifth count as contractions, too.
    """
    rng = stream(world.seed, "outcomes")
    miscoded = rng.random(len(world)) < 0.01
    reason = rng.integers(0, len(_CHURN_REASONS), len(world))
    late, told = _logged(world), notices(world)
    kinds = {LOGO: "logo_churn", DOWNGRADE: "downgrade", CONTRACTION: "contraction_seats"}
    weeks, account = np.nonzero(np.isin(world.events, list(kinds)))
    event = world.events[weeks, account]
    logo = event == LOGO
    lost = book.arr[weeks, account] - np.where(logo, 0.0, book.arr[weeks + 1, account])
    kind = pd.Series(event).map(kinds).to_numpy(dtype=object)
    kind[logo & miscoded[account]] = "downgrade"
    day = world.accounts.weekday[account]
    rows = pd.DataFrame(
        {
            "outcome_id": [f"oc_{a:05d}_{w:04d}" for a, w in zip(account, weeks, strict=True)],
            "account_id": names(world.account_ids, account),
            "kind": kind,
            "notice_at": np.where(logo, told[account], np.datetime64("NaT")),
            "arr_lost": np.maximum(lost, 0.0),
            "reason": names((*_CHURN_REASONS, None), np.where(logo, reason[account], len(_CHURN_REASONS))),
            "occurred_at": moments(world, weeks, day),
            "known_at": moments(world, weeks, day + np.where(logo, late[account], 0), 9 * 3_600),
        }
    )
    shrunk = logo | (event == DOWNGRADE) | (book.seats[weeks + 1, account] < book.seats[weeks, account])
    kept = pd.concat([rows[shrunk], _usage_losses(world, book)], ignore_index=True)
    return Facts(OUTCOMES, kept.sort_values(["occurred_at", "outcome_id"], ignore_index=True))


def _usage_losses(world: World, book: Licences) -> pd.DataFrame:
    """Return contractions by usage-based revenue; billing notices them with the month's invoices."""
    weeks, account, lost = usage_contractions(world, book)
    when = moments(world, weeks, world.accounts.weekday[account])
    return pd.DataFrame(
        {
            "outcome_id": [f"oc_{a:05d}_{w:04d}_u" for a, w in zip(account, weeks, strict=True)],
            "account_id": names(world.account_ids, account),
            "kind": "contraction_usage",
            "notice_at": np.full(len(account), np.datetime64("NaT"), dtype="datetime64[s]"),
            "arr_lost": lost,
            "reason": None,
            "occurred_at": when,
            "known_at": when + np.timedelta64(9 * 3_600, "s"),
        }
    )
