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
from customer_health.signals.usage.usage_blocks import (
    MAX_FEATURES,
    TOUCHED,
    Blocks,
    Features,
    UsageBlock,
    touched_cells,
)

Array = NDArray[Any]
FEATURE_SLOTS = 4096  # of the feature table; beyond half of it, features count in totals only
CHUNK = 4096  # rows looked at together
NEAR = 8  # places tried beside other users of the account
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
def user_slot(table: Array, account: Any, pair: Any, stride: int) -> Any:
    """Place of a user in the table of users, or the free place where it belongs.

    Users of one account lie near each other, so that rows that come account by account, or day by day
    in the order of accounts, find them in the cache. Large accounts overflow into places by hash.
    """
    mask = len(table) - 1
    base, turn = account * stride, pair ^ (pair >> 31)
    for step in range(NEAR):
        slot = (base + ((turn + step) & (stride - 1))) & mask
        if table[slot, 0] == pair or table[slot, 0] == 0:
            return slot
    slot = (turn ^ (turn >> 17)) & mask
    while table[slot, 0] != 0 and table[slot, 0] != pair:
        slot = (slot + 1) & mask
    return slot


@compiled
def add_rows(
    account_id: Array, user_id: Array, feature_id: Array, events: Array, day: Array, known: Array,
    account_keys: Array, account_codes: Array, unnamed: Array, lag: int, first_day: int,
    day_step: int, account_step: int, feature_keys: Array, feature_bits: Array, first_seen: Array,
    members: Array, users_table: Array, stride: int, user_account: Array, user_key: Array, words: Array,
    sums: Array, masks: Array, seen_users: Array, late: Array, late_events: Array, counts: Array,
) -> None:  # fmt: skip
    """Add a batch of usage rows, from row counts[4] on.

    counts: users, late rows, features, rows of unknown accounts, next row; updated in place. It stops
    early when a new feature needs another mask word. `late` holds account, user key (0 if unnamed),
    day, seen and feature bit. A place in `users_table` holds a key, the user's number, and the word of
    the block (from 1 on) that was met last; words of other blocks lie in `words`. A cell's users are
    counted as they come: a bit that is new to a word is one more user of that day.
    """
    # Three short loops over a few thousand rows instead of one: each waits for memory in its own way,
    # and the processor overlaps the waits of many rows only where little else happens.
    codes, bits = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    while counts[4] < len(account_id):
        begin, end = counts[4], min(counts[4] + CHUNK, len(account_id))
        end = _place(
            account_id, user_id, feature_id, events, day, known, begin, end, account_keys, account_codes,
            unnamed, lag, feature_keys, feature_bits, first_seen, masks.shape[1], late, late_events, counts,
            codes, bits,
        )  # fmt: skip
        for i in range(begin, end):
            code, bit = codes[i - begin], bits[i - begin]
            if code < 0:
                continue
            cell = (np.int64(day[i]) - first_day) * day_step + code * account_step
            sums[cell, 0] += events[i]
            if bit < 0:
                masks[cell, 0] |= TOUCHED
                continue
            for s in range(members.shape[0]):
                if members[s, bit]:
                    sums[cell, s + 1] += events[i]
            if bit < BLOCK:
                masks[cell, 0] |= TOUCHED | (np.int64(1) << bit)
            else:
                masks[cell, 0] |= TOUCHED
                if bit < masks.shape[1] * BLOCK:
                    masks[cell, bit // BLOCK] |= np.int64(1) << (bit % BLOCK)
        users = counts[0]
        for i in range(begin, end):
            code, user = codes[i - begin], user_id[i]
            if code < 0 or user == unnamed[0] or user == unnamed[1]:
                continue
            pair = pair_key(code, user)
            slot = user_slot(users_table, code, pair, stride)
            if users_table[slot, 0] == 0:
                users_table[slot, 0] = pair
                users_table[slot, 1] = users
                user_account[users] = code
                user_key[users] = user
                users += 1
            since = np.int64(day[i]) - first_day
            block = since // BLOCK
            if users_table[slot, 2] != block + 1:
                keep_word(users_table, slot, words)
                users_table[slot, 2] = block + 1
                users_table[slot, 3] = words[users_table[slot, 1], block]
            one = np.int64(1) << (since - block * BLOCK)
            if users_table[slot, 3] & one == 0:
                users_table[slot, 3] |= one
                seen_users[since * day_step + code * account_step] += 1
        counts[0], counts[4] = users, end
        if end < min(begin + CHUNK, len(account_id)):
            return


@compiled
def _place(
    account_id: Array, user_id: Array, feature_id: Array, events: Array, day: Array, known: Array,
    begin: int, end: int, account_keys: Array, account_codes: Array, unnamed: Array, lag: int,
    feature_keys: Array, feature_bits: Array, first_seen: Array, mask_words: int, late: Array,
    late_events: Array, counts: Array, codes: Array, bits: Array,
) -> int:  # fmt: skip
    """Account code and feature bit of rows begin..end-1; rows that are done get code -1. Returns the end."""
    lates, features = counts[1], counts[2]
    last_account, code = np.int64(0), np.int64(-2)
    last_known, known_day = np.int64(0), np.int64(0)
    for i in range(begin, end):
        if account_id[i] != last_account or code == -2:
            last_account = account_id[i]
            slot = slot_of(account_keys, last_account)
            code = account_codes[slot] if account_keys[slot] != 0 else np.int64(-1)
        codes[i - begin] = code
        if code < 0:
            counts[3] += 1
            continue
        if known[i] != last_known:
            last_known = known[i]
            known_day = last_known // 86_400_000_000
        when = np.int64(day[i])
        seen = max(when, known_day)
        slot = slot_of(feature_keys, feature_id[i])
        bit = feature_bits[slot]
        if feature_keys[slot] == 0:
            bit = np.int64(-1)
            if features == mask_words * BLOCK and features < MAX_FEATURES:
                end = i
                break
            if features < len(feature_keys) // 2:
                bit = features
                feature_keys[slot] = feature_id[i]
                feature_bits[slot] = bit
                first_seen[bit] = seen
                features += 1
        if bit >= 0 and seen < first_seen[bit]:
            first_seen[bit] = seen
        bits[i - begin] = bit
        if seen - when != lag:
            user = user_id[i]
            late[0, lates] = code
            late[1, lates] = 0 if user == unnamed[0] or user == unnamed[1] else user
            late[2, lates] = when
            late[3, lates] = seen
            late[4, lates] = bit
            late_events[lates] = events[i]
            lates += 1
            codes[i - begin] = -1
    counts[1], counts[2] = lates, features
    return end


@compiled
def keep_word(users_table: Array, slot: int, words: Array) -> None:
    """Put the word of a place among the words of its user."""
    if users_table[slot, 2] > 0:
        words[users_table[slot, 1], users_table[slot, 2] - 1] = users_table[slot, 3]


@compiled
def keep_words(users_table: Array, words: Array) -> None:
    for slot in range(len(users_table)):
        keep_word(users_table, slot, words)


@compiled
def enter_users(users_table: Array, stride: int, account: Array, key: Array) -> None:
    """Fill an empty table with the users met so far."""
    for number in range(len(account)):
        pair = pair_key(account[number], key[number])
        slot = user_slot(users_table, account[number], pair, stride)
        users_table[slot, 0], users_table[slot, 1] = pair, number


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
        self.sets = len(sets)
        # Which cells lie side by side: those of a day, unless the rows come account by account.
        self.steps, self.started = (count, 1), False
        self._lay_out(features.words)
        self.stride = 1
        self.user_table = np.zeros((1, 4), dtype=np.int64)
        self.user_account = np.empty(0, np.int64)
        self.user_key = np.empty(0, np.int64)
        self.words = np.zeros((0, blocks), dtype=np.int64)
        self.late, self.late_events = np.empty((5, 0), np.int64), np.empty(0)
        self.counts = np.array([0, 0, len(features.keys), 0, 0], dtype=np.int64)

    def _lay_out(self, words: int) -> None:
        """Make empty cells: sums, users and masks of a cell side by side, seen as three arrays."""
        cells = np.zeros((self.blocks * self.count * BLOCK, 2 + self.sets + words))
        self.sums = cells[:, : 1 + self.sets]
        self.seen_users = cells.view(np.int64)[:, 1 + self.sets]
        self.masks = cells.view(np.int64)[:, 2 + self.sets :]

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
        self._choose_order(columns[0], columns[4])
        self.counts[4] = 0
        while self.counts[4] < batch.num_rows:
            if self.counts[2] == self.masks.shape[1] * BLOCK and self.counts[2] < MAX_FEATURES:
                sums, seen_users, masks = self.sums, self.seen_users, self.masks
                self._lay_out(masks.shape[1] + 1)
                self.sums[:], self.seen_users[:], self.masks[:, :-1] = sums, seen_users, masks
            arguments: tuple[Any, ...] = (
                *columns, *self.account_table, self.unnamed, self.lag, self.first * BLOCK, *self.steps,
                *self.feature_table, self.first_seen, self.members,
                self.user_table, self.stride, self.user_account, self.user_key, self.words,
                self.sums, self.masks, self.seen_users, self.late, self.late_events, self.counts,
            )  # fmt: skip
            add_rows(*arguments)

    def _choose_order(self, account: Array, day: Array) -> None:
        if self.started:
            return
        self.started = True
        by_account = np.count_nonzero(np.diff(account)) < np.count_nonzero(np.diff(day))
        self.steps = (1, self.blocks * BLOCK) if by_account else (self.count, 1)

    def _make_room(self, rows: int) -> None:
        """Every row of a batch may be a new user and a late fact."""
        users, lates = int(self.counts[0]), int(self.counts[1])
        if users + rows > len(self.user_key):
            size = 2 * (users + rows)
            self.user_account = _grown(self.user_account, size)
            self.user_key = _grown(self.user_key, size)
            words = np.zeros((size, self.blocks), dtype=np.int64)
            words[:users] = self.words[:users]
            keep_words(self.user_table, words)
            self.words = words
            slots = 1 << int(max(NEAR, 2 * size) - 1).bit_length()
            each = max(1, slots // max(1, self.count))  # few rows may tell of few of many accounts
            self.stride = max(NEAR, 1 << each.bit_length() - 1)
            self.user_table = np.zeros((slots, 4), dtype=np.int64)
            enter_users(self.user_table, self.stride, self.user_account[:users], self.user_key[:users])
        if lates + rows > len(self.late_events):
            size = 2 * (lates + rows)
            late = np.empty((5, size), np.int64)
            late[:, :lates] = self.late[:, :lates]
            self.late, self.late_events = late, _grown(self.late_events, size)

    def result(self, span: tuple[int, int]) -> Blocks:
        """What was read, block by block; the bits of new features are noted in `features`.

        Args:
            span: First and last day that any row may have.
        """
        many = int(self.counts[2])
        keys, bits = self.feature_table
        ordered = np.zeros(many, dtype=np.int64)
        ordered[bits[keys != 0]] = keys[keys != 0]
        self.features.keys, self.features.first_seen = ordered, self.first_seen[:many].copy()
        users = int(self.counts[0])
        keep_words(self.user_table, self.words)
        order = np.lexsort((self.user_key[:users], self.user_account[:users]))
        account, key = self.user_account[order], self.user_key[order]
        words = np.ascontiguousarray(self.words[order].T)
        late = self.late[:, : int(self.counts[1])]
        late_block = late[2] // BLOCK
        out: Blocks = {}
        for number in range(self.blocks):
            begin = max(span[0] - self.first * BLOCK, number * BLOCK)
            days = max(0, min(span[1] + 1 - self.first * BLOCK, (number + 1) * BLOCK) - begin)
            owner, day, seen_users, sums, masks = touched_cells(
                self.sums, self.masks, self.seen_users, begin, days, self.first * BLOCK, *self.steps,
                self.count,
            )  # fmt: skip
            active = np.flatnonzero(words[number])
            mine = np.flatnonzero(late_block == number + self.first)
            if not len(owner) and not len(mine):
                continue
            out[number + self.first] = UsageBlock.of(
                account=owner, day=day, sums=sums.T, masks=masks.T, users=seen_users,
                user_account=account[active].astype(np.int32), user_key=key[active],
                word=words[number, active], late=late[:, mine], late_events=self.late_events[mine],
                members=self.members,
            )  # fmt: skip
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
