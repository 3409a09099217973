"""Product usage: who did what on which day. Drawn week by week, because it is the bulk of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.simulator.account_state import Array
from customer_health.simulator.behaviour import sigmoid
from customer_health.simulator.licences import Licences
from customer_health.simulator.observation import present
from customer_health.simulator.product import BULK_EXPORT, CORE_ACTIONS, FEATURES, ORDINARY_FEATURES
from customer_health.simulator.randomness import stream
from customer_health.simulator.world import World

WEEKDAYS = np.array([1.15] * 5 + [0.25] * 2, dtype=np.float32)
WEEKDAYS *= 7 / WEEKDAYS.sum()  # a week's total stays seven times its daily mean
_LATE_SHARE, _MISSING_SHARE = 0.010, 0.015
_KNOWN_SECONDS = 23 * 3_600 + 1_800  # today's batch arrives at 23:30
_CORE_SHARE, _BOTH_SHARE = 0.42, 0.30
_SLUMP = 0.35  # of the share of core actions, and of their number, while core actions are down
_N_ORDINARY = len(ORDINARY_FEATURES)


@dataclass(frozen=True)
class UsageRows:
    """Rows of usage, all of one week.

    Attributes:
        account: Position of the account.
        person: Seat number of the user, or -1 - k for the account's k-th executive.
        feature: Position in `FEATURES`.
        events: How often.
        day: Days since the world's start.
        known: Seconds since the world's start at which the row arrived.
    """

    account: NDArray[np.int32]
    person: NDArray[np.int32]
    feature: NDArray[np.int8]
    events: Array
    day: NDArray[np.int32]
    known: NDArray[np.int64]

    def select(self, chosen: NDArray[Any]) -> UsageRows:
        """Return the rows that a mask or an index chooses."""
        return UsageRows(*(values[chosen] for values in vars(self).values()))


def season(world: World, week: int) -> Array:
    """Return the factor of each day of a week: August is 10 % quieter, the turn of the year 28 %."""
    days = np.datetime64(world.day(week)) + np.arange(7)
    month = days.astype("datetime64[M]").astype(int) % 12 + 1
    day = (days - days.astype("datetime64[M]")).astype(int) + 1
    holidays = ((month == 12) & (day >= 22)) | ((month == 1) & (day <= 3))
    return np.where(holidays, 0.72, np.where(month == 8, 0.90, 1.0)).astype(np.float32)


def daily_rate(world: World, week: int) -> Array:
    """Return the expected share of seats active per day: intensity x e^(0.42 health), shape (accounts, 7)."""
    health = world.history["health"][week + 1]
    weekly = world.accounts.intensity * np.exp(np.float32(0.42) * health)
    return np.asarray(weekly[:, None] * WEEKDAYS, dtype=np.float32)


def draw_week(world: World, book: Licences, week: int) -> UsageRows:
    """Draw one week of usage of all accounts, late batches and missing weeks included."""
    rng = stream(world.seed, "usage", week)
    n = len(world)
    busy = rng.gamma(16, 1 / 16, n).astype(np.float32)
    delivery = rng.random(n)
    weeks_late = rng.integers(1, 4, n)
    first, stop = present(world, week)
    sends = world.accounts.telemetry & (delivery >= _MISSING_SHARE) & (first < stop)
    sends &= world.history["silent"][week + 1] == 0
    rate = daily_rate(world, week) * season(world, week) * busy[:, None]
    parts = [
        _seats(world, book, week, rng, sends, rate),
        _bulk_exports(world, book, week, rng, sends),
        _executives(world, week, rng, sends),
    ]
    account, person, feature, events, day = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    here = (day >= first[account]) & (day < stop[account])
    account, person, feature, events, day = (x[here] for x in (account, person, feature, events, day))
    late = delivery[account] >= 1 - _LATE_SHARE
    arrival = np.where(
        late,
        (7 * (week + 1 + weeks_late[account])) * 86_400 + 6 * 3_600,
        (7 * week + day) * 86_400 + _KNOWN_SECONDS,
    )
    return UsageRows(
        account.astype(np.int32), person.astype(np.int32), feature.astype(np.int8),
        events.astype(np.float32), (7 * week + day).astype(np.int32), arrival.astype(np.int64),
    )  # fmt: skip


def _uniform(seed: int, account: NDArray[np.int64], person: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a fixed uniform number per person (splitmix64), whatever else is drawn."""
    mixed = (
        (account.astype(np.uint64) << np.uint64(24))
        + person.astype(np.uint64)
        + np.uint64((seed & 0xFFFF) << 48)
    )
    mixed = (mixed + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def _tastes(world: World) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """Return each account's order of taking up ordinary and core features, and its habit of taking more."""
    rng = stream(world.seed, "tastes")
    n = len(world)
    ordinary = np.argsort(np.arange(_N_ORDINARY) + 1.6 * rng.standard_normal((n, _N_ORDINARY)), axis=1)
    core = np.argsort(rng.random((n, len(CORE_ACTIONS))), axis=1)
    return ordinary, core, rng.standard_normal(n).astype(np.float32)


Drawn = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
"""Account, person, feature, events and day of the week of some rows."""


def _seats(
    world: World, book: Licences, week: int, rng: np.random.Generator, sends: NDArray[np.bool_], rate: Array
) -> Drawn:
    """Draw what ordinary users do: some are heavy users, and the breadth of use follows health and depth."""
    ordinary, core, habit = _tastes(world)
    health, depth = world.history["health"][week + 1], world.accounts.depth
    breadth = sigmoid(np.float32(-0.3) + np.float32(0.55) * depth + np.float32(0.75) * health)
    spread = np.sqrt(breadth * (1 - breadth) / 12) * habit
    adopted = np.rint(12 * (breadth + spread) + 0.4 * rng.standard_normal(len(world)))
    n_ordinary = np.clip(np.rint(adopted * 8 / 12), 1, _N_ORDINARY).astype(np.int64)
    n_core = np.clip(np.rint(adopted * 3 / 12), 1, len(CORE_ACTIONS)).astype(np.int64)

    seats = np.where(sends, book.seats[week], 0)
    account = np.repeat(np.arange(len(world)), seats)
    person = np.arange(len(account)) - np.repeat(np.cumsum(seats) - seats, seats)
    eager = 0.1 - 0.9 * np.log(np.maximum(_uniform(world.seed, account, person), 1e-9))
    active = rng.random((len(account), 7), dtype=np.float32) < np.minimum(
        rate[account] * eager[:, None].astype(np.float32), np.float32(0.97)
    )
    user, day = np.nonzero(active)
    who = account[user]
    what = rng.random((4, len(who)), dtype=np.float32)
    slump = world.history["slump"][week + 1]
    does_core = what[0] < (_CORE_SHARE * (1 - _SLUMP * slump))[who]
    both = what[1] < _BOTH_SHARE
    i = np.minimum((what[2] ** 1.5 * n_ordinary[who]).astype(np.int64), _N_ORDINARY - 1)
    j = (what[3] * n_core[who]).astype(np.int64).clip(0, len(CORE_ACTIONS) - 1)
    plain, main = ~does_core | both, does_core | both
    zeal = 1.5 * np.exp(0.25 * depth + 0.3 * np.minimum(health, 4)) * (1 - _SLUMP * slump)
    return (
        np.concatenate([who[plain], who[main]]),
        np.concatenate([person[user][plain], person[user][main]]),
        np.concatenate([ordinary[who, i][plain], _N_ORDINARY + core[who, j][main]]),
        1.0 + np.concatenate([rng.poisson(2.0, int(plain.sum())), rng.poisson(zeal[who[main]])]),
        np.concatenate([day[plain], day[main]]),
    )


def _bulk_exports(
    world: World, book: Licences, week: int, rng: np.random.Generator, sends: NDArray[np.bool_]
) -> Drawn:
    """Draw exports of all data: the only trace that a customer leaves who quietly prepares to go."""
    rate = 0.25 + 0.02 * np.sqrt(world.history["seats"][week]) + 1.2 * world.history["competitor"][week + 1]
    count = rng.poisson(rate) * sends
    person = (rng.random(len(world)) * book.seats[week]).astype(np.int64)
    day = rng.integers(0, 5, len(world))
    who = np.nonzero(count)[0]
    feature = np.full(len(who), FEATURES.index(BULK_EXPORT))
    return who, person[who], feature, count[who].astype(np.float64), day[who]


def executive_activity(world: World, week: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return per account how often executives logged in, and how often they answered, in a week.

    About one action a week where there is a sponsor who takes part, nearly none where there is not.
    """
    rng = stream(world.seed, "executives", week)
    sponsored = (world.history["sponsor_gap"][week + 1] == 0) & (world.history["aloof"][week + 1] == 0)
    actions = rng.poisson(np.where(sponsored, 0.9, 0.03))
    logins = rng.binomial(actions, 0.6)
    return logins, actions - logins


def _executives(world: World, week: int, rng: np.random.Generator, sends: NDArray[np.bool_]) -> Drawn:
    logins, _ = executive_activity(world, week)
    logins = np.minimum(logins, 5) * sends
    who = np.repeat(np.arange(len(world)), logins)
    turn = np.arange(len(who)) - np.repeat(np.cumsum(logins) - logins, logins)
    day = (rng.integers(0, 5, len(world))[who] + turn) % 5
    number = world.sponsor_number[week, who]
    feature = np.zeros(len(who), dtype=np.int64)  # executives look at dashboards
    return who, -1 - number, feature, 1.0 + rng.poisson(1.0, len(who)), day
