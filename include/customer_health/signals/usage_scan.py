"""Read usage once, row by row, into sums and bits: the fast way where the warehouse is DuckDB.

The warehouse scans and hashes its texts; everything else is one compiled loop over Arrow batches.
Grouping (user, block) in SQL costs several times the scan: here a row costs three look-ups and a few
additions, whatever the number of windows and as-of dates that will be asked later.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import BLOCK, compiled
from customer_health.signals.usage_blocks import MAX_FEATURES, Blocks, Features, UsageBlock

Array = NDArray[Any]
FEATURE_SLOTS = 4096  # of the feature table; beyond half of it, features count in totals only
MAX_CELLS = 1 << 24  # account-days held at once: bounds memory to about a gigabyte


@compiled
def slot_of(keys: Array, key: Any) -> Any:
    """Position of `key` in an open-addressed table, or of the free place (0) where it belongs."""
    mask = len(keys) - 1
    slot = (key ^ (key >> 29)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@compiled
def fill(keys: Array, values: Array, wanted: Array, numbers: Array) -> None:
    """Enter keys into an empty table."""
    for i in range(len(wanted)):
        slot = slot_of(keys, wanted[i])
        keys[slot] = wanted[i]
        values[slot] = numbers[i]


@compiled
def pair_key(account: Any, user: Any) -> Any:
    """One key for a user of an account; never 0."""
    key = (user ^ (np.int64(account) * np.int64(-7046029254386353131))) * np.int64(-4417276706812531889)
    return key if key != 0 else np.int64(1)


@compiled
def add_rows(
    account_id: Array, user_id: Array, feature_id: Array, events: Array, day: Array, known: Array,
    account_keys: Array, account_codes: Array, unnamed: Array, lag: int, first_block: int, accounts: int,
    feature_keys: Array, feature_bits: Array, first_seen: Array, members: Array,
    user_keys: Array, user_slots: Array, user_account: Array, user_key: Array, words: Array,
    touched: Array, sums: Array, masks: Array,
    late: Array, late_events: Array, counts: Array,
) -> None:  # fmt: skip
    """Add a batch of usage rows, from row counts[4] on.

    counts: users, late rows, features, rows of unknown accounts, next row; updated in place. It stops
    early when a new feature needs another mask word. `late` holds account, user key (0 if unnamed),
    day, seen and feature bit.
    """
    users, lates, features = counts[0], counts[1], counts[2]
    span = BLOCK
    last_account, code = np.int64(0), np.int64(-2)
    last_pair, number = np.int64(0), np.int64(-1)
    last_known, known_day = np.int64(0), np.int64(0)
    last_day, block, inside = np.int64(-(2**40)), np.int64(0), np.int64(0)
    for i in range(counts[4], len(account_id)):
        if account_id[i] != last_account or code == -2:
            last_account = account_id[i]
            slot = slot_of(account_keys, last_account)
            code = account_codes[slot] if account_keys[slot] != 0 else np.int64(-1)
        if code < 0:
            counts[3] += 1
            continue
        if known[i] != last_known:
            last_known = known[i]
            known_day = last_known // 86_400_000_000
        when = np.int64(day[i])
        if when != last_day:
            last_day = when
            block = when // span - first_block
            inside = when - (block + first_block) * span
        seen = max(when, known_day)
        slot = slot_of(feature_keys, feature_id[i])
        if feature_keys[slot] == 0:
            if features == masks.shape[1] * span and features < MAX_FEATURES:
                counts[0], counts[1], counts[2], counts[4] = users, lates, features, i
                return
            if features < len(feature_keys) // 2:
                feature_keys[slot] = feature_id[i]
                feature_bits[slot] = features
                first_seen[features] = seen
                features += 1
            bit = features - 1 if feature_keys[slot] != 0 else np.int64(-1)
        else:
            bit = feature_bits[slot]
        if bit >= 0 and seen < first_seen[bit]:
            first_seen[bit] = seen
        user = user_id[i]
        named = user != unnamed[0] and user != unnamed[1]
        if seen - when != lag:
            late[0, lates] = code
            late[1, lates] = user if named else 0
            late[2, lates] = when
            late[3, lates] = seen
            late[4, lates] = bit
            late_events[lates] = events[i]
            lates += 1
            continue
        cell = (block * accounts + code) * span + inside
        touched[cell] = True
        sums[cell, 0] += events[i]
        if bit >= 0:
            for s in range(members.shape[0]):
                if members[s, bit]:
                    sums[cell, s + 1] += events[i]
            if bit < span:
                masks[cell, 0] |= np.int64(1) << bit
            elif bit < masks.shape[1] * span:
                masks[cell, bit // span] |= np.int64(1) << (bit % span)
        if not named:
            continue
        pair = pair_key(code, user)
        if pair != last_pair:
            last_pair = pair
            slot = slot_of(user_keys, pair)
            if user_keys[slot] == 0:
                user_keys[slot] = pair
                user_slots[slot] = users
                user_account[users] = code
                user_key[users] = user
                users += 1
            number = user_slots[slot]
        words[number, block] |= np.int64(1) << inside
    counts[0], counts[1], counts[2], counts[4] = users, lates, features, len(account_id)


class Scan:
    """One scan over a range of blocks.

    Args:
        accounts: Hash of each account id that may occur -> its code.
        count: Number of accounts.
        features: Bits given so far; new ones are added to it.
        sets: Feature keys of each configured set.
        first: First block of the range.
        blocks: Number of blocks.
        lag: Usual delay in days.
        unnamed: Hashes of an empty and of a missing user id.
    """

    def __init__(
        self,
        accounts: tuple[Array, Array],
        count: int,
        features: Features,
        sets: Sequence[Array],
        first: int,
        blocks: int,
        lag: int,
        unnamed: Array,
    ) -> None:
        self.count, self.first, self.blocks, self.lag, self.unnamed = count, first, blocks, lag, unnamed
        self.features = features
        self.account_table = _table(accounts[0], accounts[1])
        bits = np.arange(len(features.keys), dtype=np.int64)
        self.feature_table = _table(features.keys, bits, slots=FEATURE_SLOTS)
        self.first_seen = np.full(FEATURE_SLOTS, 2**30, dtype=np.int64)
        self.first_seen[: len(features.keys)] = features.first_seen
        self.members = np.zeros((len(sets), FEATURE_SLOTS), dtype=np.bool_)
        for number, chosen in enumerate(sets):
            self.members[number, np.flatnonzero(np.isin(features.keys, chosen))] = True
        cells = blocks * count * BLOCK
        self.touched = np.zeros(cells, dtype=np.bool_)
        self.sums = np.zeros((cells, 1 + len(sets)))
        self.masks = np.zeros((cells, features.words), dtype=np.int64)
        self.user_table = _table(np.empty(0, np.int64), np.empty(0, np.int64))
        self.user_account = np.empty(0, np.int64)
        self.user_key = np.empty(0, np.int64)
        self.words = np.zeros((0, blocks), dtype=np.int64)
        self.late, self.late_events = np.empty((5, 0), np.int64), np.empty(0)
        self.counts = np.array([0, 0, len(features.keys), 0, 0], dtype=np.int64)

    def add(self, batch: Any) -> None:
        """Add an Arrow batch of the columns of `add_rows`."""
        if not batch.num_rows:
            return
        account, user, feature, events, day, known = (
            column.fill_null(0) if column.null_count else column for column in batch.columns
        )
        self._make_room(batch.num_rows)
        columns = [column.to_numpy().view(np.int64) for column in (account, user, feature)]
        columns += [events.to_numpy(), day.to_numpy(), known.to_numpy()]
        self.counts[4] = 0
        while self.counts[4] < batch.num_rows:
            if self.counts[2] == self.masks.shape[1] * BLOCK and self.counts[2] < MAX_FEATURES:
                self.masks = np.concatenate([self.masks, np.zeros_like(self.masks[:, :1])], axis=1)
            arguments: tuple[Any, ...] = (
                *columns, *self.account_table, self.unnamed, self.lag, self.first, self.count,
                *self.feature_table, self.first_seen, self.members,
                *self.user_table, self.user_account, self.user_key, self.words,
                self.touched, self.sums, self.masks, self.late, self.late_events, self.counts,
            )  # fmt: skip
            add_rows(*arguments)

    def _make_room(self, rows: int) -> None:
        """Every row of a batch may be a new user and a late fact."""
        users, lates = int(self.counts[0]), int(self.counts[1])
        if users + rows > len(self.user_key):
            size = 2 * (users + rows)
            self.user_account = _grown(self.user_account, size)
            self.user_key = _grown(self.user_key, size)
            words = np.zeros((size, self.blocks), dtype=np.int64)
            words[:users] = self.words[:users]
            self.words = words
            pairs = pair_keys(self.user_account[:users], self.user_key[:users])
            self.user_table = _table(pairs, np.arange(users, dtype=np.int64), slots=2 * size)
        if lates + rows > len(self.late_events):
            size = 2 * (lates + rows)
            late = np.empty((5, size), np.int64)
            late[:, :lates] = self.late[:, :lates]
            self.late, self.late_events = late, _grown(self.late_events, size)

    def result(self) -> Blocks:
        """What was read, block by block; the bits of new features are noted in `features`."""
        many = int(self.counts[2])
        keys, bits = self.feature_table
        ordered = np.zeros(many, dtype=np.int64)
        ordered[bits[keys != 0]] = keys[keys != 0]
        self.features.keys, self.features.first_seen = ordered, self.first_seen[:many].copy()
        users = int(self.counts[0])
        order = np.lexsort((self.user_key[:users], self.user_account[:users]))
        account, key = self.user_account[order], self.user_key[order]
        late = self.late[:, : int(self.counts[1])]
        late_block = late[2] // BLOCK
        out: Blocks = {}
        per_block = self.count * BLOCK
        for number in range(self.blocks):
            cells = np.flatnonzero(self.touched[number * per_block : (number + 1) * per_block])
            word = self.words[:users, number][order]
            active = np.flatnonzero(word)
            mine = np.flatnonzero(late_block == number + self.first)
            if not len(cells) and not len(mine):
                continue
            day = cells % BLOCK + (number + self.first) * BLOCK
            at = cells + number * per_block
            out[number + self.first] = UsageBlock.of(
                account=(cells // BLOCK).astype(np.int32), day=day.astype(np.int32), sums=self.sums[at],
                masks=self.masks[at], user_account=account[active].astype(np.int32), user_key=key[active],
                word=word[active], late=late[:, mine], late_events=self.late_events[mine],
                members=self.members,
            )  # fmt: skip
        return out


@compiled
def pair_keys(account: Array, user: Array) -> Array:
    out = np.empty(len(account), np.int64)
    for i in range(len(account)):
        out[i] = pair_key(account[i], user[i])
    return out


def _grown(array: Array, size: int) -> Array:
    out = np.empty(size, dtype=array.dtype)
    out[: len(array)] = array
    return out


def _table(keys: Array, values: Array, slots: int = 0) -> tuple[Array, Array]:
    """An open-addressed table at most half full."""
    size = 1 << max(10, int(max(2 * len(keys), slots) - 1).bit_length())
    table, numbers = np.zeros(size, np.int64), np.zeros(size, np.int64)
    fill(table, numbers, keys.astype(np.int64), values.astype(np.int64))
    return table, numbers
