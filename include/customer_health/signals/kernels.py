"""The few loops that NumPy cannot say: compiled once, cached beside the source.

Rows of an account lie together: account a owns rows offsets[a] to offsets[a + 1], sorted by day.
As-of dates are sorted, so every cursor only moves forward and a pass costs one visit per row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
BLOCK = 63  # days per word: every warehouse has signed 64-bit integers, so the sign bit stays free
Array = NDArray[Any]


def compiled(function: F) -> F:
    return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))


@compiled
def positions(offsets: Array, day: Array, bounds: Array) -> Array:
    """Row of the first day >= bounds[k], per account; bounds ascend. Shape (accounts, bounds)."""
    accounts, dates = len(offsets) - 1, len(bounds)
    out = np.empty((accounts, dates), np.int64)
    for a in range(accounts):
        row, end = offsets[a], offsets[a + 1]
        for k in range(dates):
            while row < end and day[row] < bounds[k]:
                row += 1
            out[a, k] = row
    return out


@compiled
def window_sums(offsets: Array, values: Array, low: Array, high: Array) -> Array:
    """Sum of rows low..high-1, by prefix sums that restart at each account.

    The restart matters: one account with absurd values cannot blur its neighbours' digits.
    """
    accounts, dates = low.shape
    out = np.zeros((accounts, dates), np.float64)
    longest = 0
    for a in range(accounts):
        longest = max(longest, offsets[a + 1] - offsets[a])
    prefix = np.zeros(longest + 1, np.float64)
    for a in range(accounts):
        start = offsets[a]
        for i in range(offsets[a + 1] - start):
            prefix[i + 1] = prefix[i] + values[start + i]
        for k in range(dates):
            if high[a, k] > low[a, k]:
                out[a, k] = prefix[high[a, k] - start] - prefix[low[a, k] - start]
    return out


@compiled
def bits_set(word: int) -> int:
    """Number of ones in a non-negative 64-bit word."""
    w = np.uint64(word)
    w = w - ((w >> np.uint64(1)) & np.uint64(0x5555555555555555))
    w = (w & np.uint64(0x3333333333333333)) + ((w >> np.uint64(2)) & np.uint64(0x3333333333333333))
    w = (w + (w >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((w * np.uint64(0x0101010101010101)) >> np.uint64(56))  # type: ignore[return-value]


@compiled
def user_sums(offsets: Array, day: Array, users: Array, low: Array, high: Array, moment: bool) -> Array:
    """Sum of users (or of day * users) of rows low..high-1; whole numbers, so nothing is lost."""
    accounts, dates = low.shape
    out = np.zeros((accounts, dates), np.float64)
    longest = 0
    for a in range(accounts):
        longest = max(longest, offsets[a + 1] - offsets[a])
    prefix = np.zeros(longest + 1, np.int64)
    for a in range(accounts):
        start = offsets[a]
        for i in range(offsets[a + 1] - start):
            many = np.int64(users[start + i])
            prefix[i + 1] = prefix[i] + (many * day[start + i] if moment else many)
        for k in range(dates):
            if high[a, k] > low[a, k]:
                out[a, k] = prefix[high[a, k] - start] - prefix[low[a, k] - start]
    return out


@compiled
def first_rows(offsets: Array, day: Array, users: Array, least: int) -> tuple[Array, Array]:
    """Account and day of each account's first row with at least so many users."""
    accounts = len(offsets) - 1
    account, first = np.empty(accounts, np.int64), np.empty(accounts, np.int64)
    out = 0
    for a in range(accounts):
        row = offsets[a]
        while row < offsets[a + 1] and users[row] < least:
            row += 1
        if row < offsets[a + 1]:
            account[out], first[out] = a, day[row]
            out += 1
    return account[:out], first[:out]


@compiled
def has_day(offsets: Array, day: Array, account: Array, wanted: Array) -> Array:
    """Whether an account has a row of a day; `account` ascends, and `wanted` within it."""
    out = np.zeros(len(account), np.bool_)
    row = np.int64(0)
    for i in range(len(account)):
        row = max(row, offsets[account[i]])
        while row < offsets[account[i] + 1] and day[row] < wanted[i]:
            row += 1
        out[i] = row < offsets[account[i] + 1] and day[row] == wanted[i]
    return out


@compiled
def has_bit(offsets: Array, block: Array, word: Array, user: Array, day: Array) -> Array:
    """Whether a user's words show a day."""
    out = np.zeros(len(user), np.bool_)
    for i in range(len(user)):
        number = day[i] // BLOCK
        for w in range(offsets[user[i]], offsets[user[i] + 1]):
            if block[w] == number:
                out[i] = (word[w] >> (day[i] - number * BLOCK)) & 1 == 1
    return out


@compiled
def active_users(
    accounts: int,
    dates: Array,
    window: int,
    skip: int,
    lag: int,
    min_days: int,
    user_account: Array,
    word_offsets: Array,
    block: Array,
    word: Array,
    late_offsets: Array,
    late_day: Array,
    late_seen: Array,
) -> Array:
    """Users with at least `min_days` visible active days in [D - skip - window, D - skip - 1]."""
    out = np.zeros((accounts, len(dates)), np.int32)
    # Per date, the first and last block of the window and which of their days lie inside.
    low, high = dates - skip - window, np.minimum(dates - skip - 1, dates - 1 - lag)
    low_block, high_block = low // BLOCK, high // BLOCK
    low_mask, high_mask = np.empty(len(dates), np.int64), np.empty(len(dates), np.int64)
    for k in range(len(dates)):
        low_mask[k] = -(np.int64(1) << (low[k] - low_block[k] * BLOCK))
        high_mask[k] = (np.int64(1) << (high[k] - high_block[k] * BLOCK + 1)) - 1
    for u in range(len(user_account)):
        first, end = word_offsets[u], word_offsets[u + 1]
        late, late_end = late_offsets[u], late_offsets[u + 1]
        for k in range(len(dates)):
            while first < end and block[first] < low_block[k]:
                first += 1
            while late < late_end and late_day[late] < low[k]:
                late += 1
            active, w = 0, first
            while w < end and block[w] <= high_block[k]:
                bits = word[w]
                if block[w] == low_block[k]:
                    bits &= low_mask[k]
                if block[w] == high_block[k]:
                    bits &= high_mask[k]
                if bits != 0:
                    active += 1 if min_days == 1 else bits_set(bits)
                    if active >= min_days:
                        break
                w += 1
            i = late
            while active < min_days and i < late_end and late_day[i] <= dates[k] - skip - 1:
                if late_seen[i] < dates[k]:
                    day, known = late_day[i], False  # a regular row may show the same day
                    w = first
                    while day <= high[k] and w < end and block[w] <= day // BLOCK:
                        if block[w] == day // BLOCK:
                            known = (word[w] >> (day - block[w] * BLOCK)) & 1 == 1
                        w += 1
                    if not known:
                        active += 1
                i += 1
            if active >= min_days:
                out[user_account[u], k] += 1
    return out


@compiled
def features_used(
    low: Array, high: Array, masks: Array, chosen: Array, dates: Array, window: int,
    late_offsets: Array, late_day: Array, late_seen: Array, late_bit: Array,
) -> Array:  # fmt: skip
    """Distinct chosen features of rows low..high-1 and of late rows; masks are (words, rows)."""
    accounts, when = low.shape
    words = len(masks)
    out = np.zeros((accounts, when), np.int32)
    seen = np.zeros(words, np.int64)
    for a in range(accounts):
        for k in range(when):
            for w in range(words):
                seen[w] = 0
                for row in range(low[a, k], high[a, k]):
                    seen[w] |= masks[w, row]
            for i in range(late_offsets[a], late_offsets[a + 1]):
                inside = late_day[i] >= dates[k] - window and late_day[i] < dates[k]
                if inside and late_seen[i] < dates[k] and late_bit[i] >= 0:
                    seen[late_bit[i] // BLOCK] |= np.int64(1) << (late_bit[i] % BLOCK)
            for w in range(words):
                out[a, k] += bits_set(seen[w] & chosen[w])
    return out
