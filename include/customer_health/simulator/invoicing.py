"""Invoices and how late they are paid: who must save money pays later, and some a month and more."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from customer_health.simulator.behaviour import MONTHLY
from customer_health.simulator.licences import Licences
from customer_health.simulator.observation import Columns, Facts, by_week, moments, names, present
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import World
from customer_health.warehouse.tables import INVOICES

_QUARTER = 13
_USAGE_SHARE = 0.25
_USAGE_SHARE_OF_ARR = 0.25  # what a metered account of average health pays on top
_NEVER_PAID = 0.004
_SLUMP = 0.45  # of the usage-based revenue, while core actions are down


def metered(world: World) -> NDArray[np.bool_]:
    """Return which accounts pay for what they use beside their subscription."""
    return stream(world.seed, "metered").random(len(world)) < _USAGE_SHARE


def _revenue_rate(world: World, week: int) -> NDArray[np.float64]:
    """Usage-based revenue of a week as a multiple of what the contract's size makes usual."""
    state = world.history
    fallen = (1 - _SLUMP * state["slump"][week + 1]) * (1 - 0.9 * state["silent"][week + 1])
    return np.asarray(np.exp(0.3 * state["health"][week + 1]) * fallen, dtype=np.float64)


def usage_contractions(
    world: World, book: Licences
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return (week, account, yearly revenue lost) of each fall of usage-based revenue that counts as a loss.

    A quarter against the quarter before, down by a fifth or more; once in half a year per account.
    """
    rates = np.stack([_revenue_rate(world, week) for week in range(world.weeks)])
    sums = np.cumsum(np.concatenate([np.zeros((1, len(world))), rates]), axis=0)
    quarters = sums[_QUARTER:] - sums[:-_QUARTER]  # row k: weeks k .. k + 12
    here = metered(world)
    last = np.full(len(world), -1_000)
    weeks, accounts = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    lost: list[NDArray[np.float64]] = [np.zeros(0)]
    for week in range(2 * _QUARTER, world.weeks):
        now, before = quarters[week - _QUARTER], quarters[week - 2 * _QUARTER]
        falls = here & (now <= 0.8 * before) & (week - last >= 26)
        falls &= (world.accounts.start <= week - 2 * _QUARTER) & (world.last_week > week)
        who = np.nonzero(falls)[0]
        last[who] = week
        weeks.append(np.full(len(who), week))
        accounts.append(who)
        lost.append(_USAGE_SHARE_OF_ARR * book.arr[week, who] * (before - now)[who] / _QUARTER)
    return np.concatenate(weeks), np.concatenate(accounts), np.concatenate(lost)


def invoices(world: World, book: Licences) -> Facts:
    """Return subscription invoices (quarterly, or every four weeks) and some accounts' usage invoices."""
    accounts = world.accounts
    pays_for_use = metered(world)
    every = np.where(accounts.term == MONTHLY, MONTHLY, _QUARTER)

    def draw(world: World, week: int) -> Columns:
        rng = stream(world.seed, "invoices", week)
        n = len(world)
        delay = rng.gamma(2.0, 2.5, (2, n)) - 3 + 16 * world.history["budget"][week + 1] * rng.random((2, n))
        delay = delay + world.history["arrears"][week + 1] * (25 + rng.gamma(2.0, 15.0, (2, n)))
        unpaid, noise = rng.random((2, n)) < _NEVER_PAID, rng.gamma(12, 1 / 12, n)
        first, stop = present(world, week)
        day = accounts.weekday
        here = (first <= day) & (day < stop)
        due = [(week - accounts.start) % every == 0, pays_for_use & ((week - accounts.start) % MONTHLY == 2)]
        fee = book.arr[week] * every / 52
        used = _USAGE_SHARE_OF_ARR * book.arr[week] * MONTHLY / 52 * _revenue_rate(world, week) * noise
        parts = []
        for kind, (wanted, amount) in enumerate(zip(due, (fee, used), strict=True)):
            who = np.nonzero(wanted & here)[0]
            late = np.where(unpaid[kind], np.nan, delay[kind])[who]
            parts.append(
                {"account": who, "kind": np.full(len(who), kind), "amount": amount[who], "late": late}
            )
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    i = by_week(world, draw)
    issued = moments(world, i["week"], accounts.weekday[i["account"]], 6 * 3_600)
    days = np.where(accounts.term[i["account"]] == MONTHLY, 14, 30)
    due = issued + days.astype("timedelta64[D]")
    paid_after = np.maximum(days + np.nan_to_num(i["late"]), 0.5) * 86_400
    paid = np.where(np.isnan(i["late"]), np.datetime64("NaT"), issued + paid_after.astype("timedelta64[s]"))
    kind = names(("subscription", "usage"), i["kind"])
    rows = pd.DataFrame(
        {
            "invoice_id": [
                f"in_{a:05d}_{w:04d}_{k[0]}" for a, w, k in zip(i["account"], i["week"], kind, strict=True)
            ],
            "account_id": names(world.account_ids, i["account"]),
            "kind": kind,
            "amount": np.round(i["amount"], 2),
            "currency": "USD",
            "due_at": due,
            "paid_at": paid,
            "occurred_at": issued,
            "known_at": issued,
        }
    )
    return Facts(INVOICES, rows.sort_values(["occurred_at", "invoice_id"], ignore_index=True))
