"""What usage tells on a grid, from prefix sums, popcounts and the late table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import CompanyConfig
from customer_health.signals import kernels
from customer_health.signals.facts.account_context import Context
from customer_health.signals.facts.grid import Grid
from customer_health.signals.plan_lists import FeatureSets
from customer_health.signals.state.daily_state import NEVER, Columns, State
from customer_health.signals.usage.counted_users import CountedUsers
from customer_health.signals.usage.outage_days import OutageDays
from customer_health.signals.usage.usage_blocks import MAX_FEATURES
from customer_health.signals.usage.usage_history import sum_name

Array = NDArray[Any]
MISSABLE = 0.1  # of a window, for a count of distinct users to be what it would have been


class Usage:
    """Everything about usage on one grid; shared work is done once."""

    def __init__(self, state: State, config: CompanyConfig, grid: Grid, context: Context) -> None:
        self.state, self.config, self.grid, self.context = state, config, grid, context
        self.days, self.late = state.tables["usage"], state.tables["usage_late"]
        self.users, self.words = state.tables["usage_users"], state.tables["usage_words"]
        self.lag = int(state.meta["lag"])
        self.outage = OutageDays(state.meta["outage_days"], grid)
        uncounted = state.meta.get("outage_days_of_counts")
        self._uncounted = OutageDays(uncounted, grid) if uncounted else None
        self._kept: dict[Any, Array] = {}  # what several signals ask for
        self._late_users = self._distinct_late_users()
        self._late_days = self._distinct_late_days()
        offset, day, late = self.days["offset"], self.days["day"], self.late
        self.first = self._first(*kernels.first_rows(offset, day, self.days["users"], 0), late)
        named = late["user"] >= 0  # unnamed users give rows without users
        self.first_user = self._first(
            *kernels.first_rows(offset, day, self.days["users"], 1),
            {name: late[name][named] for name in ("account", "day", "seen")},
        )
        # Where usage names nobody, counts of daily users tell of people; where there is none, of days too.
        self.counted = CountedUsers(state.tables.get("daily_users"), grid)
        self.first_person = self._or_counted(self.first_user, self.first_user, self.counted.first)
        self.first_day = self._or_counted(self.first, self.first, self.counted.first)

    def _once(self, asked: Any, answer: Callable[[], Array]) -> Array:
        if asked not in self._kept:
            self._kept[asked] = answer()
        return self._kept[asked]

    def _or_counted(self, first: Array, told: Array, counted: Array) -> Array:
        """What usage tells, and what counts tell where usage had not begun (`first` is NEVER)."""
        return np.where(first < NEVER, told, counted) if self.counted.any else told

    def delivered(
        self, values: Array, window: int, skip: int = 0, most: float = 0.5, *, people: bool = False
    ) -> Array:
        """The values, unknown where more of the window than a share of it is dark."""
        end = self.grid.dates - skip
        return np.where(self.dark(end - window, end, people=people)[0] > most * window, np.nan, values)

    def by_counts(self, *, people: bool = False) -> Array:
        """Whether counts of daily users tell of an account's usage, or of its people: nothing else does."""
        first = self.first_user if people else self.first
        return (first >= NEVER) & (self.counted.first < NEVER)

    def dark(self, start: Array, end: Array, *, people: bool = False) -> tuple[Array, Array, Array]:
        """`OutageDays.sums`, of the source that tells of each account: its usage, or counts of its users.

        Of an account with totals of events and counts of users, totals tell what was done and on which days,
        and counts how many came (`people`): a day that one of them lost is not lost for the other.
        """
        told = self.outage.sums(start, end)
        if self._uncounted is None or not self.counted.any:
            return told
        counts, here = self._uncounted.sums(start, end), self.by_counts(people=people)
        many, x, squares = (np.where(here, one, other) for one, other in zip(counts, told, strict=True))
        return many, x, squares

    def quiet(self, window: int) -> Array:
        """1 where the window holds no usage, 0 where it does, NaN without telemetry."""
        age = self.grid.dates - self.last_day()
        return np.where(self.first_day < NEVER, (age > window).astype(np.float64), np.nan)

    def row_at(self, ago: int) -> Array:
        """First regular row with day >= D - ago, per account and date."""
        offset, day = self.days["offset"], self.days["day"]
        return self._once(("row", ago), lambda: kernels.positions(offset, day, self.grid.dates - ago))

    def rows(self, window: int, skip: int = 0) -> tuple[Array, Array]:
        """Regular rows of [D - skip - window, D - skip - 1] that D may know, as low and high."""
        return self.row_at(skip + window), self.row_at(max(skip, self.lag))

    def events(self, features: tuple[str, ...] | None, window: int, skip: int = 0) -> Array:
        """Events of a feature set in a window."""
        name = sum_name(features)
        return self._once((name, window, skip), lambda: self._events(name, window, skip))

    def _events(self, name: str, window: int, skip: int) -> Array:
        low, high = self.rows(window, skip)
        regular = kernels.window_sums(self.days["offset"], self.days[name], low, high)
        return regular + self._late_sum(self.late, self.late[name], window, skip)

    def per_plan(self, sets: FeatureSets, answer: Callable[[tuple[str, ...] | None], Array]) -> Array:
        """Evaluate once per distinct set of features, and take each account's by its plan then."""
        out = self.grid.full(np.nan)
        chosen = {code: sets.of(name) for code, name in enumerate(self.state.meta["plans"])}
        chosen[-1] = sets.of(None)
        for features in {value for value in chosen.values() if value != "unknown"}:
            plans = [code for code, value in chosen.items() if value == features]
            here = np.isin(self.context.plan, plans)
            if here.any():
                assert not isinstance(features, str)
                out[here] = answer(features)[here]
        return out

    def active_users(self, window: int, min_days: int = 1, skip: int = 0) -> Array:
        """Users active on at least `min_days` days of [D - skip - window, D - skip - 1]."""
        return self._once(
            ("users", window, min_days, skip), lambda: self._count_active(window, min_days, skip)
        )

    def _count_active(self, window: int, min_days: int, skip: int) -> Array:
        late = self._late_users
        return kernels.active_users(
            self.grid.accounts, self.grid.dates, window, skip, self.lag, min_days,
            self.users["account"], self.words["offset"], self.words["block"], self.words["word"],
            np.searchsorted(late["user"], np.arange(len(self.users["account"]) + 1)),
            late["day"], late["seen"],
        ).astype(np.float64)  # fmt: skip

    def _late_sum(self, late: Columns, value: Array, window: int, skip: int = 0) -> Array:
        day = late["day"]
        begin = np.maximum(day + skip, late["seen"]) + 1
        return self.grid.running_sum(late["account"], begin, day + skip + window + 1, value)

    def _distinct_late_users(self) -> Columns:
        """Late (user, day) pairs with the first day each was seen, sorted by user and day."""
        named = self.late["user"] >= 0
        user, day, seen = (self.late[name][named] for name in ("user", "day", "seen"))
        order = np.lexsort((seen, day, user))
        user, day, seen = user[order], day[order], seen[order]
        new = np.ones(len(user), bool)
        new[1:] = (user[1:] != user[:-1]) | (day[1:] != day[:-1])
        user, day, seen = user[new], day[new], seen[new]
        account = self.users["account"][user]
        return {"user": user, "day": day, "seen": seen, "account": account, "until": self._regular(user, day)}

    def _regular(self, user: Array, day: Array) -> Array:
        """First day that sees the same user and day through a regular row; NEVER if none does."""
        words = self.words
        has = kernels.has_bit(words["offset"], words["block"], words["word"], user.astype(np.int64), day)
        return np.where(has, day + self.lag + 1, NEVER)

    def _first(self, account: Array, day: Array, late: Columns) -> Array:
        """First visible usage day per account and date; NEVER for none."""
        regular = self.grid.running_min(account, day + self.lag + 1, day)
        rest = self.grid.running_min(late["account"], late["seen"] + 1, late["day"])
        return np.minimum(np.minimum(regular, rest), NEVER)

    def last_day(self) -> Array:
        """Last visible usage day; a large negative number for none."""
        return self._once("last day", self._find_last_day)

    def _find_last_day(self) -> Array:
        row = self.row_at(self.lag) - 1
        has, day = row >= self.days["offset"][:-1, None], self.days["day"]
        regular = np.where(has, day[np.maximum(row, 0)] if len(day) else 0, np.int64(-NEVER))
        late = self.grid.running_max(self.late["account"], self.late["seen"] + 1, self.late["day"])
        last = np.maximum(regular, np.where(late >= 0, late, -NEVER))
        return self._or_counted(self.first, last, self.counted.last)

    def user_days(self, window: int, moment: bool = False) -> Array:
        """Sum over the window's days of that day's users, or of day * users."""
        return self._once(("user days", window, moment), lambda: self._user_days(window, moment))

    def _user_days(self, window: int, moment: bool) -> Array:
        low, high = self.rows(window)
        regular = kernels.user_sums(
            self.days["offset"], self.days["day"], self.days["users"], low, high, moment
        )
        late = self._late_users
        begin = late["seen"] + 1
        # A late row adds a user to its day only until a regular row shows the same user there.
        end = np.minimum(late["day"] + window + 1, np.where(late["until"] > late["seen"], late["until"], 0))
        told = regular + self.grid.running_sum(late["account"], begin, end, late["day"] if moment else None)
        if not self.counted.any:
            return told
        return self._or_counted(self.first_user, told, self.counted.user_days(window, moment=moment))

    def observed_days(self, window: int) -> Array:
        """Days of the window since the account's first user but for dark ones; NaN before there was one."""
        start = np.maximum(self.grid.dates - window, self.first_person)
        days = self.grid.dates - start - self.dark(start, self.grid.dates, people=True)[0]
        return np.where(self.first_person < NEVER, days, np.nan)

    def active_days(self, window: int) -> Array:
        """Days of the window with any usage."""
        low, high = self.rows(window)
        late = self._late_days
        begin = late["seen"] + 1
        end = np.minimum(late["day"] + window + 1, np.where(late["until"] > late["seen"], late["until"], 0))
        regular: Array = np.maximum(high - low, 0)  # what is new may be older than the whole window
        told = regular + self.grid.running_sum(late["account"], begin, end)
        return (
            self._or_counted(self.first, told, self.counted.active_days(window)) if self.counted.any else told
        )

    def _distinct_late_days(self) -> Columns:
        """Late (account, day) pairs with the first day each was seen, until a regular row shows it."""
        account, day, seen = (self.late[name] for name in ("account", "day", "seen"))
        order = np.lexsort((seen, day, account))
        account, day, seen = account[order], day[order], seen[order]
        new = np.ones(len(day), bool)
        new[1:] = (account[1:] != account[:-1]) | (day[1:] != day[:-1])
        account, day, seen = account[new].astype(np.int64), day[new], seen[new]
        found = kernels.has_day(self.days["offset"], self.days["day"], account, day)
        return {
            "account": account, "day": day, "seen": seen,
            "until": np.where(found, day + self.lag + 1, NEVER),
        }  # fmt: skip

    def slope(self, window: int, min_days: int, relative: bool) -> Array:
        """Least-squares slope of daily users, in closed form.

        With x = day - D, over the n watched days that are not dark: slope = (n sum(x users) - sum(x)
        sum(users)) / (n sum(x^2) - sum(x)^2). All sums are of whole numbers, so nothing is lost; dark
        days bear no users.
        """
        many, moment = self.user_days(window), self.user_days(window, moment=True)
        start = np.maximum(self.grid.dates - window, self.first_person)
        every = (self.grid.dates - start).astype(np.float64)
        outage, outage_x, outage_squares = self.dark(start, self.grid.dates, people=True)
        n, x = every - outage, -every * (every + 1.0) / 2.0 - outage_x
        squares = every * (every + 1.0) * (2.0 * every + 1.0) / 6.0 - outage_squares
        usable = (self.first_person < NEVER) & (n >= max(2, min_days))
        slope = self.grid.ratio(n * (moment - self.grid.dates * many) - x * many, n * squares - x * x, usable)
        if not relative:
            return slope
        return self.grid.ratio(slope * 30.0 * n, many, usable & (many > 0))

    def features(self, sets: FeatureSets, window: int) -> Array:
        """Distinct features used, as a share of the plan's set, or of all features seen so far."""
        first_seen = self.state.tables["usage_features"]["first_seen"][:MAX_FEATURES]
        masks = np.stack([self.days[f"mask{i}"] for i in range(self._words())])
        low, high = self.rows(window)

        def share(features: tuple[str, ...] | None) -> Array:
            every = range(len(first_seen))
            one = np.zeros(len(masks), dtype=np.int64)
            for bit in every if features is None else self.state.meta["bits"][features]:
                one[bit // kernels.BLOCK] |= np.int64(1) << (bit % kernels.BLOCK)
            used = kernels.features_used(
                low, high, masks, one, self.grid.dates, window,
                self.late["offset"], self.late["day"], self.late["seen"], self.late["bit"],
            )  # fmt: skip
            if features is None:
                seen = np.sort(first_seen)
                out_of = np.searchsorted(seen, self.grid.dates, side="left").astype(np.float64)
            else:
                out_of = np.full(len(self.grid.dates), float(len(features)))
            out_of = np.broadcast_to(out_of, self.grid.shape)
            usable = (out_of > 0) & (self.first < NEVER)
            return self.grid.ratio(used, out_of, usable)

        return self.per_plan(sets, share)

    def _words(self) -> int:
        return sum(name.startswith("mask") for name in self.days)
