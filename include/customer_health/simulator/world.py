"""The world: what happened to every account, week by week, from one seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.errors import ConfigurationError
from customer_health.simulator.account_state import Accounts, Flags, State
from customer_health.simulator.behaviour import LOGO, NOTHING, step
from customer_health.simulator.company_kinds import STANDARD
from customer_health.simulator.population import draw_accounts
from customer_health.simulator.randomness import stream

MOST_SPONSORS = 8  # successors beyond that are not told apart
MERGED = 6  # an event beside those of `behaviour`: the account became part of another one


@dataclass(frozen=True)
class World:
    """Everything that is true about the simulated company.

    Attributes:
        seed: Two worlds of one seed and size agree on every week that both have.
        start: Monday on which week 0 begins.
        weeks: Number of weeks that were simulated.
        accounts: What never changes, n accounts.
        history: One array of shape (weeks + 1, n) per field of `State`; row t is the state before week t.
        events: Event of each week and account, shape (weeks, n).
        merged_into: Position of the account that took this one over; -1 for none.
    """

    seed: int
    start: date
    weeks: int
    accounts: Accounts
    history: Mapping[str, NDArray[np.float32]]
    events: NDArray[np.int8]
    merged_into: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.accounts)

    @cached_property
    def account_ids(self) -> list[str]:
        """Ids of the accounts, by position."""
        return [f"acc_{number:05d}" for number in range(len(self))]

    def state(self, week: int) -> State:
        """Return the state at the start of a week.

        Raises:
            ConfigurationError: The week was not simulated.
        """
        if not 0 <= week <= self.weeks:
            raise ConfigurationError(
                f"Week {week} lies outside of this world, which has {self.weeks} weeks.",
                hint=f"Simulate more weeks, or ask for a date from {self.start} to {self.day(self.weeks)}.",
            )
        return State(**{name: values[week] for name, values in self.history.items()})

    def day(self, week: int) -> date:
        """Return the Monday of a week."""
        return self.start + timedelta(weeks=week)

    def week_of(self, as_of: date) -> int:
        """Return the week that a date lies in."""
        return (as_of - self.start).days // 7

    def customers(self, as_of: date) -> Flags:
        """Return which accounts have a contract in force at the start of a date."""
        week, offset = divmod((as_of - self.start).days, 7)
        first = self.accounts.start + (self.accounts.weekday >= offset) <= week
        left = np.where(self.accounts.weekday < offset, self.last_week < week + 1, self.last_week < week)
        return first & ~left

    @cached_property
    def last_week(self) -> NDArray[np.int64]:
        """Week in which each account left or was merged; far beyond the end for those who stayed."""
        ended = (self.events == LOGO) | (self.events == MERGED)
        return np.where(ended.any(axis=0), ended.argmax(axis=0), self.weeks + 10_000)

    @cached_property
    def sponsor_number(self) -> NDArray[np.int64]:
        """Which of its executive sponsors each account has had last, 0 the first, by the end of each week."""
        gap = self.history["sponsor_gap"]
        returned = (gap[:-1] > 0) & (gap[1:] == 0)
        returned &= np.arange(self.weeks)[:, None] > self.accounts.start
        number: NDArray[np.int64] = np.minimum(np.cumsum(returned, axis=0), MOST_SPONSORS - 1)
        return number

    def happened(self, *kinds: int) -> Iterator[tuple[int, int]]:
        """Yield (week, account) of each event of these kinds, in order of time."""
        weeks, accounts = np.nonzero(np.isin(self.events, kinds))
        yield from zip(weeks.tolist(), accounts.tolist(), strict=True)


def simulate(
    seed: int,
    accounts: int,
    weeks: int,
    *,
    start: date,
    kind: str = STANDARD,
    treatments: Mapping[int, Sequence[int]] | None = None,
) -> World:
    """Let the company live for some weeks.

    Args:
        seed: Seed of every random number.
        accounts: Number of accounts, those included that join later.
        weeks: Number of weeks.
        start: Monday of week 0.
        kind: Of company, see `company_kinds`.
        treatments: Positions of the accounts that get our full intervention at the start of a week.

    Raises:
        ConfigurationError: `start` is not a Monday, or a number is not positive.
    """
    if start.weekday() != 0:
        raise ConfigurationError(
            f"The simulation starts on {start}, which is not a Monday.",
            hint=f"Use {start - timedelta(days=start.weekday())}.",
        )
    if accounts < 1 or weeks < 1:
        raise ConfigurationError(
            f"{accounts} accounts over {weeks} weeks are not a company.", hint="Ask for more."
        )
    fixed, state = draw_accounts(seed, accounts, kind)
    merges, merged_into = _plan_merges(seed, fixed)
    history: dict[str, NDArray[Any]] = {
        field.name: np.empty((weeks + 1, accounts), dtype=np.bool_ if field.name == "gone" else np.float32)
        for field in fields(State)
    }
    events = np.zeros((weeks, accounts), dtype=np.int8)
    for week in range(weeks):
        if treatments and week in treatments:
            state.effect[list(treatments[week])] = 1
        _keep(history, week, state)
        state, _, events[week] = step(fixed, state, week, stream(seed, "step", week))
        for source, target in merges.get(week, ()):
            alive = ~history["gone"][week]
            if alive[source] and alive[target] and events[week, source] == NOTHING:
                events[week, source] = MERGED
                state.gone[source] = True
                merged_into[source] = target
    _keep(history, weeks, state)
    return World(seed, start, weeks, fixed, history, events, merged_into)


def _keep(history: Mapping[str, NDArray[np.float32]], week: int, state: State) -> None:
    for name, values in history.items():
        values[week] = getattr(state, name)


def _plan_merges(seed: int, accounts: Accounts) -> tuple[dict[int, list[tuple[int, int]]], NDArray[np.int32]]:
    """Choose the accounts that another customer will buy: about 4 in 1,000, if both still exist then."""
    rng = stream(seed, "merges")
    count = len(accounts)
    wanted = max(1, round(0.004 * count)) if count >= 50 else 0
    weeks = rng.integers(30, 120, wanted)
    pairs = rng.choice(count, size=(wanted, 2), replace=False)
    plan: dict[int, list[tuple[int, int]]] = {}
    for week, (source, target) in zip(weeks.tolist(), pairs.tolist(), strict=True):
        if max(accounts.start[source], accounts.start[target]) < week - 8:
            plan.setdefault(week, []).append((source, target))
    return plan, np.full(count, -1, dtype=np.int32)
