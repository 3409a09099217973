"""What executives did, day by day: from what they said, and from their logins in the kept usage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import compiled
from customer_health.signals.state.daily_state import NEVER, Columns
from customer_health.signals.usage.usage_history import UsageHistory

Array = NDArray[Any]
LAST_DAY = 2**18  # days since 1970; a later one is a mistake


def exec_activity(people: Columns, spoke: Columns, history: UsageHistory | None, since: int) -> Columns:
    """One row per executive and day on which they logged in, replied, called or met us.

    Args:
        people: account, key (of the user), contact (code), since, seen; sorted by account and contact.
        spoke: account, contact (code), occurred, seen; sorted in the same way.
        history: Usage of the same accounts.
        since: Of logins before this day only the last ones are needed.

    Returns:
        account, code:contact_id, occurred, seen; sorted by account, contact and day.
    """
    ours, theirs, owner = number_pairs(
        _long(people["account"]), _long(people["contact"]), _long(spoke["account"]), _long(spoke["contact"])
    )
    who, day, seen = theirs, _long(spoke["occurred"]), _long(spoke["seen"])
    if history is not None and len(people["account"]):
        person, used, known = _logins(people, history, since)
        who = np.concatenate([ours[person], who])
        day, seen = np.concatenate([used, day]), np.concatenate([known, seen])
    who, day, seen = each_day_once(who, day, seen, len(owner), LAST_DAY, NEVER)
    return {
        "account": owner[who].astype(np.int32), "code:contact_id": who,
        "occurred": day.astype(np.int32), "seen": seen.astype(np.int32),
    }  # fmt: skip


def _logins(people: Columns, history: UsageHistory, since: int) -> tuple[Array, Array, Array]:
    """Row of `people`, day, and when it was seen that this executive logged in on that day."""
    order = np.lexsort((people["key"], people["account"]))
    account, key = people["account"][order], people["key"][order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (key[1:] != key[:-1]) | (account[1:] != account[:-1])
    first = np.flatnonzero(new)
    pair, day, seen = history.days_of(account[first], key[first], since)
    # A user may stand for several contacts and titles: one row for each.
    repeat = np.diff(np.append(first, len(order)))[pair]
    ends = np.cumsum(repeat)
    turn = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - repeat, repeat)
    person = order[np.repeat(first[pair], repeat) + turn]
    day, seen = np.repeat(day, repeat), np.repeat(seen, repeat)
    keep = day >= people["since"][person]
    person, day, seen = person[keep], day[keep], seen[keep]
    return person, day, np.maximum(seen, people["seen"][person])


def _long(numbers: Array) -> Array:
    return np.ascontiguousarray(numbers, dtype=np.int64)


@compiled
def number_pairs(
    left_account: Array, left: Array, right_account: Array, right: Array
) -> tuple[Array, Array, Array]:
    """Number the distinct (account, code) of two sorted lists: number per row of each, account per number."""
    a, b = np.empty(len(left), np.int64), np.empty(len(right), np.int64)
    owner = np.empty(len(left) + len(right), np.int64)
    i, j, many = 0, 0, 0
    while i < len(left) or j < len(right):
        from_left = j == len(right) or (
            i < len(left)
            and (
                left_account[i] < right_account[j]
                or (left_account[i] == right_account[j] and left[i] <= right[j])
            )
        )
        account = left_account[i] if from_left else right_account[j]
        code = left[i] if from_left else right[j]
        while i < len(left) and left_account[i] == account and left[i] == code:
            a[i] = many
            i += 1
        while j < len(right) and right_account[j] == account and right[j] == code:
            b[j] = many
            j += 1
        owner[many] = account
        many += 1
    return a, b, owner[:many]


@compiled
def each_day_once(
    group: Array, day: Array, seen: Array, groups: int, last_day: int, never: int
) -> tuple[Array, Array, Array]:
    """Each (group, day) once, with the first day on which it was seen; absurd days are left out."""
    begin = np.zeros(groups + 1, np.int64)
    for i in range(len(group)):
        begin[group[i] + 1] += 1
    for g in range(groups):
        begin[g + 1] += begin[g]
    place, order = begin[:-1].copy(), np.empty(len(group), np.int64)
    for i in range(len(group)):
        order[place[group[i]]] = i
        place[group[i]] += 1
    first = np.full(last_day, never, np.int64)
    who, when, known = (
        np.empty(len(group), np.int64),
        np.empty(len(group), np.int64),
        np.empty(len(group), np.int64),
    )
    out = 0
    for g in range(groups):
        low, high = last_day, -1
        for n in range(begin[g], begin[g + 1]):
            i = order[n]
            if 0 <= day[i] < last_day:
                low, high = min(low, day[i]), max(high, day[i])
                first[day[i]] = min(first[day[i]], seen[i])
        for d in range(low, high + 1):
            if first[d] < never:
                who[out], when[out], known[out] = g, d, max(first[d], d)
                first[d] = never
                out += 1
    return who[:out], when[:out], known[:out]
