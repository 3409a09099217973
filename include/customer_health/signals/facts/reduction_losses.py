"""Whom a loss befell: the accounts that stood together on its day, and none that were merged in later.

A loss of all that an account stands for today is the account's own. Of one that befell a part of them, the
others go on: it ends the contracts of that part, and nobody else has left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.state.account_index import merge_days, stands_for
from customer_health.signals.state.daily_state import NEVER, Columns
from customer_health.signals.state.table_reader import NUMBERS

Array = NDArray[Any]


@dataclass(frozen=True)
class Parting:
    """A part of an account's members left, and the others did not.

    Attributes:
        members: Accounts whose contracts ended.
        occurred: The first day without them, since 1970-01-01.
        seen: First day on which that had happened and was known.
    """

    members: frozenset[str]
    occurred: int
    seen: int


def day_of(column: Any) -> Any:
    """Days since 1970-01-01 of a column of dates or times."""
    return column.cast("timestamp").date().epoch_days().cast("int32")


def reduce_losses(warehouse: Any) -> Columns:
    """Read logo churns (account, occurred, known, seen, notice), sorted by account.

    For the context columns only, as notices and renewals are: no signal may see what ends a relationship.
    """
    losses = _losses(warehouse)
    whole = np.array([left is None for left in _parts(warehouse, losses)], dtype=bool)
    losses = {name: values[whole] for name, values in losses.items() if name != "own"}
    losses["seen"] = np.maximum(losses["occurred"], losses["known"])
    return losses


def partings(warehouse: Any) -> list[Parting]:
    """Return the losses that befell a part of what an account stands for, as it is numbered now."""
    losses = _losses(warehouse)
    days = zip(losses["occurred"].tolist(), losses["known"].tolist(), strict=True)
    return [
        Parting(left, occurred, max(occurred, known))
        for left, (occurred, known) in zip(_parts(warehouse, losses), days, strict=True)
        if left is not None
    ]


def with_ends(rows: Columns, left: Sequence[Parting]) -> Columns:
    """Add to states of contracts, sorted by account and contract, the ends that partings brought.

    A state that takes effect on the day of the loss, or later, goes on: that customer came back.
    """
    if not left or not len(rows["own"]):
        return rows
    names = rows["contract_id"].astype(str)
    new = np.ones(len(names), dtype=bool)
    new[1:] = (names[1:] != names[:-1]) | (rows["account"][1:] != rows["account"][:-1])
    contract = np.cumsum(new)
    by_member: dict[str, list[int]] = {}
    for row, own in enumerate(rows["own"].tolist()):
        by_member.setdefault(str(own), []).append(row)
    ends: list[tuple[int, int, int]] = []  # a row of the contract, its end, and when that was seen
    for one in left:
        before: dict[int, list[int]] = {}
        for row in (row for name in one.members for row in by_member.get(name, ())):
            if rows["occurred"][row] < one.occurred:
                before.setdefault(int(contract[row]), []).append(row)
        # Of a contract that was heard of later, the end was, too.
        ends += [
            (states[0], one.occurred, max(one.seen, int(rows["seen"][states].min())))
            for states in before.values()
        ]
    if not ends:
        return rows
    place, occurred, seen = (np.array(values, dtype=np.int64) for values in zip(*ends, strict=True))
    added = {name: values[place] for name, values in rows.items()}
    added |= {"occurred": occurred.astype(rows["occurred"].dtype), "seen": seen.astype(rows["seen"].dtype)}
    added["active"] = np.zeros(len(place), dtype=bool)
    out = {name: np.concatenate([values, added[name]]) for name, values in rows.items()}
    state = np.arange(len(out["own"])) < len(rows["own"])
    order = np.lexsort(
        (np.arange(len(state)), state, out["occurred"], np.concatenate([contract, contract[place]]))
    )
    return {name: values[order] for name, values in out.items()}


def _losses(warehouse: Any) -> Columns:
    lost = warehouse.raw("outcomes").join(warehouse.kept(NUMBERS), "account_id")
    lost = lost.filter(lost.kind == "logo_churn")
    losses: Columns = warehouse.fetch(
        lost.order_by(lost.account, lost.occurred_at, lost.known_at).select(
            account=lost.account,
            own=lost.account_id,
            occurred=day_of(lost.occurred_at),
            known=day_of(lost.known_at),
            notice=day_of(lost.notice_at).fill_null(NEVER),
        )
    )
    return losses


def _parts(warehouse: Any, losses: Columns) -> list[frozenset[str] | None]:
    """Of each loss the accounts that left by it, if others with the same number did not; else None."""
    into, merged_on = merge_days(warehouse)
    groups = _groups(warehouse, into, merged_on)
    found: list[frozenset[str] | None] = []
    days = zip(losses["account"].tolist(), losses["own"].tolist(), losses["occurred"].tolist(), strict=True)
    for number, own, day in days:
        members = groups.get(number, frozenset())
        by_then = {name: other for name, other in into.items() if merged_on.get(name, -1) <= day}
        by_then = {
            name: into[name]
            for name in members
            if into.get(name) in members and merged_on.get(name, -1) <= day
        }
        stood = stands_for(str(own), by_then)
        left = frozenset(name for name in members if stands_for(name, by_then) == stood)
        found.append(left if left != members else None)
    return found


def _groups(
    warehouse: Any, into: Mapping[str, str], merged_on: Mapping[str, int]
) -> dict[int, frozenset[str]]:
    """Number -> the accounts that have it, where one of them was merged on a day that is known."""
    if not merged_on:
        return {}
    numbers = warehouse.kept(NUMBERS)
    rows = warehouse.fetch(numbers.filter(numbers.account_id.isin(sorted({*into, *into.values()}))))
    members: dict[int, set[str]] = {}
    for name, number in zip(rows["account_id"].tolist(), rows["account"].tolist(), strict=True):
        members.setdefault(number, set()).add(str(name))
    return {
        number: frozenset(names)
        for number, names in members.items()
        if len(names) > 1 and any(name in merged_on for name in names)
    }
