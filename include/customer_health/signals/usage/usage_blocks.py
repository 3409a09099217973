"""Usage reduced to blocks of 63 days: what a day of every account was, in sums and bits.

Blocks form a monoid: reducing old and new rows separately and merging the blocks is the same as
reducing them together. That is all that daily increments need, whenever a late file arrives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import BLOCK, compiled
from customer_health.signals.state.daily_state import NEVER, Columns

Array = NDArray[Any]
MAX_FEATURES = 4 * BLOCK  # with a bit of their own; of those that no setting names, the first ones met
TOUCHED = np.int64(-(2**63))  # in the first mask word: the sign bit, which no feature has
LONGEST = 100_000  # days that are counted rather than sorted
ALIGNED = 64  # bytes; columns on disk begin at multiples of it


@dataclass
class Features:
    """Which bit stands for which feature: position i of `keys`.

    Attributes:
        keys: Hashed names, the configured ones first.
        first_seen: Day on which each was first known; a large number for never.
    """

    keys: Array
    first_seen: Array

    @property
    def words(self) -> int:
        """Mask words that hold a bit for each."""
        return max(1, -(-min(len(self.keys), MAX_FEATURES) // BLOCK))


@dataclass
class UsageBlock:
    """63 days of usage.

    Attributes:
        cells: account, day, users, sum0 (all events), sum1.. (per configured set), mask0..; sorted by
            account and day. Rows that came with the usual delay.
        words: account, key (of the user), word (bit per active day); sorted by account and key.
        late: account, key (0 if unnamed), day, seen, bit, sum0..; sorted by account. All other rows.
        edges: account, first, first_user, last (days); what is left of a block too old for any window.
        late_edges: The same of the late rows.
        new_days: The days on which anything became known: `regular` and `late`.
    """

    cells: Columns
    words: Columns
    late: Columns
    edges: Columns = field(default_factory=dict)
    late_edges: Columns = field(default_factory=dict)
    new_days: Columns = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.edges:
            late = self.late
            self.edges = edges_of(self.cells["account"], self.cells["day"], self.cells["users"] > 0)
            self.late_edges = edges_of(late["account"], late["day"], late["key"] != 0)
            self.new_days = {"regular": _distinct(self.cells["day"]), "late": _distinct(late["seen"])}

    @classmethod
    def of(
        cls, *, account: Array, day: Array, sums: Array, masks: Array, user_account: Array,
        user_key: Array, word: Array, late: Array, late_events: Array, members: Array,
        users: Array | None = None,
    ) -> UsageBlock:  # fmt: skip
        """Build a block from sorted cells and words.

        Args:
            sums: (cells, 1 + sets).
            masks: (cells, mask words).
            late: account, user key, day, seen, bit; (5, rows) in any order.
            members: (sets, bits): whether a feature belongs to a set.
            users: Users of each cell, if they were counted; else the words tell.
        """
        if users is None:
            every, none = np.ones(len(account), np.bool_), np.zeros(len(account), np.int32)
            users = block_users(account, day, user_account, word, every, none)
        cells: Columns = {"account": account, "day": day, "users": users}
        cells |= {f"sum{i}": np.ascontiguousarray(sums[:, i]) for i in range(sums.shape[1])}
        cells |= {f"mask{i}": np.ascontiguousarray(masks[:, i]) for i in range(masks.shape[1])}
        order = np.lexsort((late[4], late[3], late[2], late[1], late[0]))
        late, late_events = late[:, order], late_events[order]
        rest: Columns = {
            "account": late[0].astype(np.int32), "key": late[1], "day": late[2].astype(np.int32),
            "seen": late[3].astype(np.int32), "bit": late[4].astype(np.int32), "sum0": late_events,
        }  # fmt: skip
        for number in range(len(members)):
            inside = (late[4] >= 0) & members[number, np.maximum(late[4], 0)]
            rest[f"sum{number + 1}"] = np.where(inside, late_events, 0.0)
        return cls(cells, {"account": user_account, "key": user_key, "word": word}, rest)


Blocks = dict[int, UsageBlock]


@compiled
def touched_cells(
    sums: Array, masks: Array, seen_users: Array, first: int, days: int, first_day: int, day_step: int,
    account_step: int, accounts: int,
) -> tuple[Array, Array, Array, Array, Array]:  # fmt: skip
    """Cells of some days that hold anything, by account and then day: account, day, users, sums, masks.

    Sums and masks come column by column: (1 + sets, cells) and (mask words, cells).
    """
    many = 0
    for d in range(first, first + days):
        for a in range(accounts):
            many += masks[d * day_step + a * account_step, 0] < 0
    account, day, users = np.empty(many, np.int32), np.empty(many, np.int32), np.empty(many, np.int32)
    out_sums, out_masks = np.empty((sums.shape[1], many)), np.empty((masks.shape[1], many), np.int64)
    i = 0
    for a in range(accounts):
        for d in range(first, first + days):
            cell = d * day_step + a * account_step
            if masks[cell, 0] >= 0:
                continue
            account[i], day[i], users[i] = a, first_day + d, seen_users[cell]
            for s in range(sums.shape[1]):
                out_sums[s, i] = sums[cell, s]
            out_masks[0, i] = masks[cell, 0] & ~TOUCHED
            for w in range(1, masks.shape[1]):
                out_masks[w, i] = masks[cell, w]
            i += 1
    return account, day, users, out_sums, out_masks


@compiled
def block_users(
    account: Array, day: Array, user_account: Array, word: Array, stale: Array, users: Array
) -> Array:
    """Count the users of stale cells; cells and words are those of one block, both sorted by account."""
    place = np.full(BLOCK, -1, np.int64)
    row, days = 0, np.int64(0)
    for u in range(len(user_account)):
        if u == 0 or user_account[u] != user_account[u - 1]:
            while row < len(account) and account[row] < user_account[u]:
                row += 1
            days = np.int64(0)
            while row < len(account) and account[row] == user_account[u]:
                if stale[row]:
                    inside = day[row] % BLOCK
                    place[inside], users[row] = row, 0
                    days |= np.int64(1) << inside
                row += 1
        bits, inside = word[u] & days, 0
        while bits != 0:
            if bits & 0xFF == 0:
                bits >>= 8
                inside += 8
                continue
            if bits & 1:
                users[place[inside]] += 1
            bits >>= 1
            inside += 1
    return users


def _distinct(days: Array) -> Array:
    if not len(days):
        return days
    first = int(days.min())
    if int(days.max()) - first > LONGEST:  # one absurd date among them
        return np.unique(days)
    return (np.flatnonzero(np.bincount(days - first)) + first).astype(days.dtype)


def edges_of(account: Array, day: Array, named: Array) -> Columns:
    """First and last day of each account's rows, and the first day with a known user; sorted by account."""
    if not len(account):
        return {name: np.empty(0, np.int32) for name in ("account", "first", "first_user", "last")}
    first = np.flatnonzero(np.concatenate([[True], account[1:] != account[:-1]]))
    return {
        "account": account[first],
        "first": np.minimum.reduceat(day, first),
        "first_user": np.minimum.reduceat(np.where(named, day, NEVER), first).astype(np.int32),
        "last": np.maximum.reduceat(day, first),
    }


def merge(old: Blocks, new: Blocks) -> Blocks:
    """Add new rows to old ones, whatever days either has."""
    out = dict(old)
    for number, block in new.items():
        out[number] = _merged(old[number], block) if number in old else block
    return out


def _merged(old: UsageBlock, new: UsageBlock) -> UsageBlock:
    cells, fresh = _together(old.cells, new.cells, "day")
    words, _ = _together(old.words, new.words, "key")
    block_users(cells["account"], cells["day"], words["account"], words["word"], fresh, cells["users"])
    late = {name: np.concatenate([old.late[name], new.late[name]]) for name in old.late}
    order = np.lexsort((late["bit"], late["seen"], late["day"], late["key"], late["account"]))
    return UsageBlock(cells, words, {name: v[order] for name, v in late.items()})


def _together(old: Columns, new: Columns, second: str) -> tuple[Columns, Array]:
    """Sum or OR the rows of equal account and `second`; both sides are sorted by them.

    Returns:
        The rows, and which of them are not as the old ones were.
    """
    left, right = interleave(
        old["account"], old[second].astype(np.int64), new["account"], new[second].astype(np.int64)
    )
    out: Columns = {}
    for name in [*old, *(name for name in new if name not in old)]:
        both = _column(old, name), _column(new, name)
        kind = both[0].dtype if name in old else both[1].dtype
        first, then = (np.ascontiguousarray(values, kind) for values in both)
        if name in ("account", second):
            out[name] = picked(first, then, left, right)
        elif name.startswith(("mask", "word")):
            out[name] = either(first, then, left, right)
        else:
            out[name] = added(first, then, left, right)
    return out, right >= 0


@compiled
def interleave(a: Array, b: Array, c: Array, d: Array) -> tuple[Array, Array]:
    """Rows of two lists sorted by (a, b) and (c, d) that make up the sorted union; -1 where one has none."""
    left, right = np.empty(len(a) + len(c), np.int64), np.empty(len(a) + len(c), np.int64)
    i, j, out = 0, 0, 0
    while i < len(a) or j < len(c):
        before = j == len(c) or (i < len(a) and (a[i] < c[j] or (a[i] == c[j] and b[i] < d[j])))
        same = not before and i < len(a) and a[i] == c[j] and b[i] == d[j]
        left[out] = i if before or same else -1
        right[out] = -1 if before else j
        i += 1 if before or same else 0
        j += 0 if before else 1
        out += 1
    return left[:out], right[:out]


@compiled
def picked(first: Array, then: Array, left: Array, right: Array) -> Array:
    out = np.empty(len(left), first.dtype)
    for i in range(len(left)):
        out[i] = first[left[i]] if left[i] >= 0 else then[right[i]]
    return out


@compiled
def added(first: Array, then: Array, left: Array, right: Array) -> Array:
    out = np.zeros(len(left), first.dtype)
    for i in range(len(left)):
        if left[i] >= 0:
            out[i] += first[left[i]]
        if right[i] >= 0:
            out[i] += then[right[i]]
    return out


@compiled
def either(first: Array, then: Array, left: Array, right: Array) -> Array:
    out = np.zeros(len(left), first.dtype)
    for i in range(len(left)):
        if left[i] >= 0:
            out[i] |= first[left[i]]
        if right[i] >= 0:
            out[i] |= then[right[i]]
    return out


def _column(columns: Columns, name: str) -> Array:
    """A column, or zeros where this side has met no feature of that mask yet."""
    return columns[name] if name in columns else np.zeros(len(columns["account"]), dtype=np.int64)


class BlockStore:
    """Blocks on disk, one file each, mapped into memory when read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def manifest(self) -> Mapping[str, Any] | None:
        """What the blocks were made from; None if there are none, or they are damaged."""
        try:
            found: Mapping[str, Any] = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return None

    def read(self, names: Mapping[str, str]) -> Blocks:
        """Map blocks into memory: number -> file name.

        Raises:
            OSError, ValueError: A file is missing or damaged; the caller rebuilds.
        """
        return {int(number): UsageBlock(*_unpack(self.folder / name)) for number, name in names.items()}

    def write(
        self, blocks: Blocks, changed: Sequence[int], manifest: Mapping[str, Any], *, keep: bool = False
    ) -> None:
        """Write the changed blocks beside the old ones, then switch over by replacing the manifest.

        Args:
            blocks: Block number -> block.
            changed: Blocks to write.
            manifest: What they were made from.
            keep: Whether the other blocks on disk stay.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        before = self.manifest() or {}
        names: dict[str, str] = dict(before.get("blocks", {})) if keep else {}
        version = int(before.get("version", 0)) + 1
        for number in changed:
            names[str(number)] = f"{number}-{version}.bin"
            block = blocks[number]
            parts = (block.cells, block.words, block.late, block.edges, block.late_edges, block.new_days)
            _pack(self.folder / names[str(number)], parts)
        text = json.dumps({**manifest, "version": version, "blocks": names})
        fresh = self.folder / "manifest.new"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.folder / "manifest.json")
        for path in self.folder.iterdir():
            if path.suffix == ".bin" and path.name not in names.values():
                path.unlink(missing_ok=True)


def _pack(file: Path, parts: Sequence[Columns]) -> None:
    """Write columns one after the other, behind a line that says what is where."""
    layout, place = [], 0
    for columns in parts:
        described = []
        for name, values in columns.items():
            described.append([name, values.dtype.str, place, len(values)])
            place += -(-values.nbytes // ALIGNED) * ALIGNED
        layout.append(described)
    head = json.dumps({"bytes": place, "parts": layout}).encode() + b"\n"
    head = head.rjust(-(-len(head) // ALIGNED) * ALIGNED)
    with file.open("wb") as out:
        out.write(head)
        for columns in parts:
            for values in columns.values():
                raw = np.ascontiguousarray(values)
                out.write(raw.data)
                out.write(bytes(-raw.nbytes % ALIGNED))


def _unpack(file: Path) -> list[Columns]:
    """Map a file of `_pack` into memory.

    Raises:
        OSError, ValueError: It is missing or damaged.
    """
    with file.open("rb") as source:
        head = source.readline()
    layout = json.loads(head)
    if file.stat().st_size != len(head) + layout["bytes"]:
        raise ValueError(f"{file.name} is not complete")
    # A plain writable array (the file stays as it is): compiled loops know one kind, not three.
    bytes_ = np.asarray(np.memmap(file, np.uint8, mode="c"))
    out: list[Columns] = []
    for described in layout["parts"]:
        columns: Columns = {}
        for name, kind, place, many in described:
            begin = len(head) + place
            columns[name] = bytes_[begin : begin + many * np.dtype(kind).itemsize].view(kind)
        out.append(columns)
    return out
