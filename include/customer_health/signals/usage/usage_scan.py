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

from customer_health.signals.kernels import BLOCK
from customer_health.signals.usage.usage_blocks import (
    MAX_FEATURES,
    Blocks,
    Features,
    UsageBlock,
    touched_cells,
)
from customer_health.signals.usage.usage_scan_kernels import (
    FEATURES,
    LATES,
    NEAR,
    NEXT,
    USERS,
    Cells,
    Late,
    Layout,
    Lookups,
    Rows,
    Users,
    add_rows,
    enter_users,
    fill,
    keep_words,
)

Array = NDArray[Any]
FEATURE_SLOTS = 4096  # of the feature table; beyond half of it, features count in totals only
MAX_CELLS = 1 << 24  # account-days held at once: bounds memory to about a gigabyte


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
        """Add an Arrow batch with the columns of `Rows`."""
        if not batch.num_rows:
            return
        account, user, feature, events, day, known = (
            column.fill_null(0) if column.null_count else column for column in batch.columns
        )
        self._make_room(batch.num_rows)
        account, user, feature = (column.to_numpy().view(np.int64) for column in (account, user, feature))
        rows = Rows(account, user, feature, events.to_numpy(), day.to_numpy(), known.to_numpy())
        self._choose_order(rows.account, rows.day)
        self.counts[NEXT] = 0
        while self.counts[NEXT] < batch.num_rows:
            known_features = self.counts[FEATURES]
            if known_features == self.masks.shape[1] * BLOCK and known_features < MAX_FEATURES:
                sums, seen_users, masks = self.sums, self.seen_users, self.masks
                self._lay_out(masks.shape[1] + 1)
                self.sums[:], self.seen_users[:], self.masks[:, :-1] = sums, seen_users, masks
            add_rows(
                rows,
                Lookups(
                    *self.account_table, self.unnamed, *self.feature_table, self.first_seen, self.members
                ),
                Layout(self.lag, self.first * BLOCK, *self.steps, self.stride),
                Users(self.user_table, self.user_account, self.user_key, self.words),
                Cells(self.sums, self.masks, self.seen_users),
                Late(self.late, self.late_events),
                self.counts,
            )

    def _choose_order(self, account: Array, day: Array) -> None:
        if self.started:
            return
        self.started = True
        by_account = np.count_nonzero(np.diff(account)) < np.count_nonzero(np.diff(day))
        self.steps = (1, self.blocks * BLOCK) if by_account else (self.count, 1)

    def _make_room(self, rows: int) -> None:
        """Every row of a batch may be a new user and a late fact."""
        users, lates = int(self.counts[USERS]), int(self.counts[LATES])
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
        many = int(self.counts[FEATURES])
        keys, bits = self.feature_table
        ordered = np.zeros(many, dtype=np.int64)
        ordered[bits[keys != 0]] = keys[keys != 0]
        self.features.keys, self.features.first_seen = ordered, self.first_seen[:many].copy()
        users = int(self.counts[USERS])
        keep_words(self.user_table, self.words)
        order = np.lexsort((self.user_key[:users], self.user_account[:users]))
        account, key = self.user_account[order], self.user_key[order]
        words = np.ascontiguousarray(self.words[order].T)
        late = self.late[:, : int(self.counts[LATES])]
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
