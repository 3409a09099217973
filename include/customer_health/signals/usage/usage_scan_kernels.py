"""The compiled loops of a scan over usage rows: every row costs three look-ups and a few additions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.kernels import BLOCK, compiled
from customer_health.signals.usage.usage_blocks import MAX_FEATURES, TOUCHED

Array = NDArray[Any]
CHUNK = 4096  # rows looked at together
NEAR = 8  # places tried beside other users of the account
# Places of `counts`, which a pass keeps up to date: users met, late rows kept, features known, rows of
# unknown accounts, and the row at which to go on.
USERS, LATES, FEATURES, STRANGERS, NEXT = range(5)


class Rows(NamedTuple):
    """A batch of usage, one entry a row: hashes of account, user, feature; events, day, known microsecond."""

    account: Array
    user: Array
    feature: Array
    events: Array
    day: Array
    known: Array


class Lookups(NamedTuple):
    """Open-addressed tables from hash to account code and to feature bit, and what is known of features.

    Attributes:
        unnamed: Hashes of an empty and of a missing user id.
        first_seen: Day per bit.
        members: (sets, bits): which feature belongs to which configured set.
    """

    account_keys: Array
    account_codes: Array
    unnamed: Array
    feature_keys: Array
    feature_bits: Array
    first_seen: Array
    members: Array


class Layout(NamedTuple):
    """Usual delay in days, first day, steps from cell to cell by day and by account, places per account."""

    lag: int
    first_day: int
    day_step: int
    account_step: int
    stride: int


class Users(NamedTuple):
    """Table of users (places, 4); account and key by the user's number; words (users, blocks)."""

    table: Array
    account: Array
    key: Array
    words: Array


class Cells(NamedTuple):
    """One entry per account and day: sums (cells, 1 + sets), feature masks (cells, words), users."""

    sums: Array
    masks: Array
    seen_users: Array


class Late(NamedTuple):
    """Late rows: account, user key (0 if unnamed), day, seen, feature bit, as (5, rows); their events."""

    facts: Array
    events: Array


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
    rows: Rows, lookups: Lookups, layout: Layout, users: Users, cells: Cells, late: Late, counts: Array
) -> None:
    """Add a batch of usage rows, from row counts[NEXT] on.

    It stops early when a new feature needs another mask word. A place in the table of users holds a key, the
    user's number, and the word of the block (from 1 on) that was met last; words of other blocks lie in
    `users.words`. A cell's users are counted as they come: a bit that is new to a word is one more user of
    that day.
    """
    # Three short loops over a few thousand rows instead of one: each waits for memory in its own way,
    # and the processor overlaps the waits of many rows only where little else happens.
    codes, bits = np.empty(CHUNK, np.int64), np.empty(CHUNK, np.int64)
    members, masks, sums = lookups.members, cells.masks, cells.sums
    table, words, unnamed = users.table, users.words, lookups.unnamed
    first_day, day_step, account_step = layout.first_day, layout.day_step, layout.account_step
    while counts[NEXT] < len(rows.account):
        begin, end = counts[NEXT], min(counts[NEXT] + CHUNK, len(rows.account))
        end = _place(rows, lookups, layout, begin, end, masks.shape[1], late, counts, codes, bits)
        for i in range(begin, end):
            code, bit = codes[i - begin], bits[i - begin]
            if code < 0:
                continue
            cell = (np.int64(rows.day[i]) - first_day) * day_step + code * account_step
            sums[cell, 0] += rows.events[i]
            if bit < 0:
                masks[cell, 0] |= TOUCHED
                continue
            for s in range(members.shape[0]):
                if members[s, bit]:
                    sums[cell, s + 1] += rows.events[i]
            if bit < BLOCK:
                masks[cell, 0] |= TOUCHED | (np.int64(1) << bit)
            else:
                masks[cell, 0] |= TOUCHED
                if bit < masks.shape[1] * BLOCK:
                    masks[cell, bit // BLOCK] |= np.int64(1) << (bit % BLOCK)
        many = counts[USERS]
        for i in range(begin, end):
            code, user = codes[i - begin], rows.user[i]
            if code < 0 or user == unnamed[0] or user == unnamed[1]:
                continue
            pair = pair_key(code, user)
            slot = user_slot(table, code, pair, layout.stride)
            if table[slot, 0] == 0:
                table[slot, 0] = pair
                table[slot, 1] = many
                users.account[many] = code
                users.key[many] = user
                many += 1
            since = np.int64(rows.day[i]) - first_day
            block = since // BLOCK
            if table[slot, 2] != block + 1:
                keep_word(table, slot, words)
                table[slot, 2] = block + 1
                table[slot, 3] = words[table[slot, 1], block]
            one = np.int64(1) << (since - block * BLOCK)
            if table[slot, 3] & one == 0:
                table[slot, 3] |= one
                cells.seen_users[since * day_step + code * account_step] += 1
        counts[USERS], counts[NEXT] = many, end
        if end < min(begin + CHUNK, len(rows.account)):
            return


@compiled
def _place(
    rows: Rows, lookups: Lookups, layout: Layout, begin: int, end: int, mask_words: int, late: Late,
    counts: Array, codes: Array, bits: Array,
) -> int:  # fmt: skip
    """Account code and feature bit of rows begin..end-1; rows that are done get code -1. Returns the end."""
    lates, features, unnamed = counts[LATES], counts[FEATURES], lookups.unnamed
    feature_keys, feature_bits, first_seen = lookups.feature_keys, lookups.feature_bits, lookups.first_seen
    last_account, code = np.int64(0), np.int64(-2)
    last_known, known_day = np.int64(0), np.int64(0)
    for i in range(begin, end):
        if rows.account[i] != last_account or code == -2:
            last_account = rows.account[i]
            slot = slot_of(lookups.account_keys, last_account)
            found = lookups.account_keys[slot] != 0
            code = lookups.account_codes[slot] if found else np.int64(-1)
        codes[i - begin] = code
        if code < 0:
            counts[STRANGERS] += 1
            continue
        if rows.known[i] != last_known:
            last_known = rows.known[i]
            known_day = last_known // 86_400_000_000
        when = np.int64(rows.day[i])
        seen = max(when, known_day)
        slot = slot_of(feature_keys, rows.feature[i])
        bit = feature_bits[slot]
        if feature_keys[slot] == 0:
            bit = np.int64(-1)
            if features == mask_words * BLOCK and features < MAX_FEATURES:
                end = i
                break
            if features < len(feature_keys) // 2:
                bit = features
                feature_keys[slot] = rows.feature[i]
                feature_bits[slot] = bit
                first_seen[bit] = seen
                features += 1
        if bit >= 0 and seen < first_seen[bit]:
            first_seen[bit] = seen
        bits[i - begin] = bit
        if seen - when != layout.lag:
            user = rows.user[i]
            late.facts[0, lates] = code
            late.facts[1, lates] = 0 if user == unnamed[0] or user == unnamed[1] else user
            late.facts[2, lates] = when
            late.facts[3, lates] = seen
            late.facts[4, lates] = bit
            late.events[lates] = rows.events[i]
            lates += 1
            codes[i - begin] = -1
    counts[LATES], counts[FEATURES] = lates, features
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
