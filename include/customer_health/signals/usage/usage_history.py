"""All blocks of usage, and the flat tables that the panel engine reads from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import BLOCK, bits_set, compiled
from customer_health.signals.state.daily_state import NEVER, Columns, range_of
from customer_health.signals.usage.usage_blocks import MAX_FEATURES, Blocks, Features, UsageBlock, edges_of

Array = NDArray[Any]


def sum_name(features: tuple[str, ...] | None) -> str:
    """State column with the events of these features; None is all of them."""
    return "sum:*" if features is None else "sum:" + "|".join(features)


@dataclass
class UsageHistory:
    """Reduced usage of all accounts.

    Attributes:
        blocks: Block number -> 63 days.
        features: Which bit is which feature.
        sets: Configured feature sets, in the order of the blocks' sums.
        bits: Bits of each set's features.
        lag: Usual delay of a row in days.
    """

    blocks: Blocks
    features: Features
    sets: Sequence[tuple[str, ...]]
    bits: Sequence[Array]
    lag: int

    def tables(self, low: int, high: int, since: int) -> dict[str, Columns]:
        """Flat tables of accounts low..high-1 for as-of dates whose windows begin on or after `since`.

        Of older blocks only each account's first and last days are looked at, and late rows that came
        since, so that the cost of a daily run does not grow with the length of the history.

        Returns:
            usage: account (from 0), day, `sum:<features>`, users, mask0..; `offset` per account.
            usage_users: account and key per user. usage_words: offset per user, block, word.
            usage_late: account, user (-1 if unnamed), day, seen, bit, sums; offset per account.
            usage_features: first_seen per bit.
        """
        numbers = sorted(self.blocks)
        older = [self.blocks[n] for n in numbers if (n + 1) * BLOCK <= since]
        named = [n for n in numbers if (n + 1) * BLOCK > since]
        recent = [self.blocks[n] for n in named]
        late = self._late(older, recent, low, high, since)
        users, words = _users_and_words(recent, named, late, low, high)
        late["user"] = find_users(users["account"], users["key"], late["account"], late.pop("key"))
        return {
            "usage": self._cells(older, recent, low, high, since),
            "usage_users": users,
            "usage_words": words,
            "usage_late": late,
            "usage_features": {"first_seen": self.features.first_seen},
        }

    def _cells(
        self, older: Sequence[UsageBlock], recent: Sequence[UsageBlock], low: int, high: int, since: int
    ) -> Columns:
        parts = [
            _edges([edges for block in older for edges in _edges_before(block, since, low, high)], low, high)
        ]
        columns = ["account", "day", "users", *self._names("sum"), *self._names("mask")]
        parts = parts if older else []
        return self._woven(
            [*parts, *(_slice(block.cells, low, high) for block in recent)], columns, low, high
        )

    def _woven(self, parts: Sequence[Columns], names: Sequence[str], low: int, high: int) -> Columns:
        """One table of several that are sorted by account; within an account in the order of the parts."""
        starts = np.stack(
            [np.searchsorted(part["account"], np.arange(high - low + 1)) for part in parts]
            or [np.zeros(high - low + 1, np.int64)]
        )
        many = np.diff(starts, axis=1)
        offset = np.concatenate([[0], np.cumsum(many.sum(axis=0))]).astype(np.int64)
        places = offset[:-1] + np.cumsum(many, axis=0) - many
        out: Columns = {"offset": offset}
        for name in names:
            kind = _kind(name)
            column = np.zeros(int(offset[-1]), kind)
            for number, part in enumerate(parts):
                if name in part:  # parts without it (older blocks, a later feature) hold zeros
                    values = np.ascontiguousarray(part[name], dtype=kind)
                    spread(values, starts[number], many[number], places[number], column)
            out[self._spelt(name)] = column
        return out

    def _names(self, kind: str) -> list[str]:
        many = 1 + len(self.sets) if kind == "sum" else self.features.words
        return [f"{kind}{i}" for i in range(many)]

    def _spelt(self, name: str) -> str:
        if not name.startswith("sum"):
            return name
        number = int(name[3:])
        return sum_name(None if number == 0 else self.sets[number - 1])

    def _late(
        self, older: Sequence[UsageBlock], recent: Sequence[UsageBlock], low: int, high: int, since: int
    ) -> Columns:
        parts = [_slice(block.late, low, high) for block in recent]
        for block in older:
            if _news_since(block, since):
                part = _slice(block.late, low, high)
                parts.append({name: values[part["seen"] >= since] for name, values in part.items()})
        out = self._woven(parts, ["account", "key", "day", "seen", "bit", *self._names("sum")], low, high)
        out["bit"] = np.where(out["bit"] < MAX_FEATURES, out["bit"], -1)
        return out

    def days_of(self, account: Array, key: Array, since: int) -> tuple[Array, Array, Array]:
        """Active days of some users: all from `since` on, and at least the last one before.

        Args:
            account: Account code per wanted user; with `key` sorted, each pair once.
            key: User key.
            since: Only days, and days on which something became known, from then on matter one by one.

        Returns:
            Position in the arguments, day, and the day on which it was seen; late rows included.
        """
        found = []
        wanted = np.arange(len(account))  # users of whom no day before `since` was found yet
        for number in sorted(self.blocks, reverse=True):
            block, old = self.blocks[number], (number + 1) * BLOCK <= since
            late, words, asked = block.late, block.words, len(wanted)
            if asked:
                row = find_users(words["account"], words["key"], account[wanted], key[wanted])
                who, day = active_days(row, words["word"], number * BLOCK, old)
                found.append((wanted[who], day, day + self.lag))
                wanted = wanted[row < 0] if old else wanted
            if old and not asked and not _news_since(block, since):
                continue
            low, high = range_of(late["account"], int(account[0]), int(account[-1]) + 1)
            near = {name: late[name][low:high] for name in ("account", "key", "day", "seen")}
            position = find_users(account, key, near["account"], near["key"])
            mine = np.flatnonzero(position >= 0)
            found.append(
                (position[mine], near["day"][mine].astype(np.int64), near["seen"][mine].astype(np.int64))
            )
        empty = np.empty(0, np.int64)
        position, day, seen = (np.concatenate(parts) for parts in zip(*found, (empty,) * 3, strict=True))
        return position, day, seen


@compiled
def active_days(row: Array, word: Array, first: int, only_last: bool) -> tuple[Array, Array]:
    """Position and day of every bit (or of each word's last one) of words[row], where row >= 0."""
    many = 0
    for i in range(len(row)):
        if row[i] >= 0:
            many += 1 if only_last else int(bits_set(word[row[i]]))
    position, day = np.empty(many, np.int64), np.empty(many, np.int64)
    out = 0
    for i in range(len(row)):
        if row[i] < 0:
            continue
        bits = word[row[i]]
        for b in range(BLOCK):
            inside = BLOCK - 1 - b if only_last else b
            if (bits >> inside) & 1:
                position[out], day[out] = i, first + inside
                out += 1
                if only_last:
                    break
    return position, day


@compiled
def spread(source: Array, starts: Array, many: Array, places: Array, target: Array) -> None:
    """Copy many[a] values from starts[a] on to places[a], for every account."""
    for a in range(len(many)):
        for i in range(many[a]):
            target[places[a] + i] = source[starts[a] + i]


def _news_since(block: UsageBlock, since: int) -> bool:
    """Whether late rows of a block became known on or after a day."""
    return len(block.new_days["late"]) > 0 and int(block.new_days["late"][-1]) >= since


def _edges_before(block: UsageBlock, since: int, low: int, high: int) -> tuple[Columns, Columns]:
    """Edges of what was seen before a day: all of an old block but the late rows that came since."""
    edges = _slice(block.edges, low, high)
    if not _news_since(block, since):
        return edges, _slice(block.late_edges, low, high)
    late = _slice(block.late, low, high)
    late = {name: late[name][late["seen"] < since] for name in ("account", "day", "key")}
    return edges, edges_of(late["account"], late["day"], late["key"] != 0)


def _edges(parts: Sequence[Columns], low: int, high: int) -> Columns:
    """Rows that stand for the older blocks: they bear no events, only days."""
    if not parts:
        return {}
    account = np.concatenate([part["account"] for part in parts])
    first, user, last = (np.full(high - low, value, dtype=np.int64) for value in (NEVER, NEVER, -1))
    np.minimum.at(first, account, np.concatenate([part["first"] for part in parts]))
    np.minimum.at(user, account, np.concatenate([part["first_user"] for part in parts]))
    np.maximum.at(last, account, np.concatenate([part["last"] for part in parts]))
    used = np.flatnonzero(last >= 0)
    three = np.repeat(used, 3)
    day = np.column_stack([first[used], np.minimum(user[used], NEVER), last[used]]).ravel()
    users = np.tile(np.array([0, 1, 0], np.int32), len(used))
    keep = day < NEVER
    three, day, users = three[keep], day[keep], users[keep]
    order = np.lexsort((day, three))
    return {
        "account": three[order].astype(np.int32), "day": day[order].astype(np.int32), "users": users[order],
    }  # fmt: skip


def _slice(columns: Columns, low: int, high: int) -> Columns:
    """Rows of accounts low..high-1, renumbered from 0."""
    begin, end = range_of(columns["account"], low, high)
    part = {name: values[begin:end] for name, values in columns.items()}
    part["account"] = part["account"] - np.int32(low)
    return part


def _kind(name: str) -> Any:
    if name.startswith("sum"):
        return np.float64
    return np.int64 if name.startswith(("mask", "key")) else np.int32


def _users_and_words(
    blocks: Sequence[UsageBlock], numbers: Sequence[int], late: Columns, low: int, high: int
) -> tuple[Columns, Columns]:
    parts = [_slice(block.words, low, high) for block in blocks]
    named = late["key"] != 0
    order = np.lexsort((late["key"][named], late["account"][named]))
    account, key = late["account"][named][order], late["key"][named][order]
    parts.append({"account": account, "key": key, "word": np.zeros(len(key), np.int64)})
    starts = np.stack([np.searchsorted(part["account"], np.arange(high - low + 1)) for part in parts])
    base = np.cumsum([0, *(len(part["account"]) for part in parts[:-1])])
    flat_key = np.concatenate([part["key"] for part in parts])
    flat_word = np.concatenate([part["word"] for part in parts])
    label = np.array([*numbers, 0], dtype=np.int32)
    user_account, user_key, offset, block, word = weave(
        (starts + base[:, None]).astype(np.int64), flat_key, flat_word, label
    )
    return (
        {"account": user_account, "key": user_key},
        {"offset": offset, "block": block, "word": word},
    )


@compiled
def weave(starts: Array, keys: Array, words: Array, label: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Bring the words of each user together; every part is sorted by account and key."""
    parts, accounts = starts.shape[0], starts.shape[1] - 1
    total = len(keys)
    user_account, user_key = np.empty(total, np.int32), np.empty(total, np.int64)
    offset, block, word = np.zeros(total + 1, np.int64), np.empty(total, np.int32), np.empty(total, np.int64)
    at = np.empty(parts, np.int64)
    users, out = 0, 0
    for a in range(accounts):
        for p in range(parts):
            at[p] = starts[p, a]
        while True:
            found, least = False, np.int64(0)
            for p in range(parts):
                if at[p] < starts[p, a + 1] and (not found or keys[at[p]] < least):
                    found, least = True, keys[at[p]]
            if not found:
                break
            user_account[users], user_key[users] = a, least
            for p in range(parts):
                while at[p] < starts[p, a + 1] and keys[at[p]] == least:
                    if words[at[p]] != 0:
                        block[out], word[out] = label[p], words[at[p]]
                        out += 1
                    at[p] += 1
            users += 1
            offset[users] = out
    return user_account[:users], user_key[:users], offset[: users + 1], block[:out], word[:out]


@compiled
def find_users(user_account: Array, user_key: Array, account: Array, key: Array) -> Array:
    """Position of each (account, key) among users sorted by account and key; -1 if it is not there."""
    out = np.full(len(account), -1, np.int64)
    for i in range(len(account)):
        if key[i] == 0:
            continue
        low, high = 0, len(user_account)
        while low < high:
            middle = (low + high) // 2
            if user_account[middle] < account[i] or (
                user_account[middle] == account[i] and user_key[middle] < key[i]
            ):
                low = middle + 1
            else:
                high = middle
        if low < len(user_account) and user_account[low] == account[i] and user_key[low] == key[i]:
            out[i] = low
    return out
