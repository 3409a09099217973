"""What an account was on an as-of date: customer or not, tenure, ARR, seats, plan, renewal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.facts.grid import Grid
from customer_health.signals.kernels import compiled
from customer_health.signals.state.daily_state import NEVER, Columns, State
from customer_health.signals.terms import renewed_until, terms

Array = NDArray[Any]

# Renewals are often booked some days late. For so long a contract past its term counts as in force.
GRACE_DAYS = 30


@dataclass(frozen=True)
class Context:
    """Grids of shape (accounts, dates).

    Attributes:
        exists: The account was known.
        is_customer: A contract was in force and no churn is on record since.
        notice_given: Notice was given and not taken back by a renewal.
        tenure_days: Days since the first contract, or since the account was created.
        start: Day of the first contract or creation; NEVER if unknown.
        arr: Sum over contracts in force; NaN if one of them has none: a part is not the whole.
        seats: Sum over contracts in force that have seats; NaN if none has.
        plan: Position in the state's plans of the largest contract in force; -1 if unknown.
        renewal: Day of the nearest term end, as it stands after automatic renewals; NEVER if none.
    """

    exists: Array
    is_customer: Array
    notice_given: Array
    tenure_days: Array
    start: Array
    arr: Array
    seats: Array
    plan: Array
    renewal: Array


@dataclass(frozen=True)
class Standing:
    """Contracts x dates: the state in force of each contract.

    Attributes:
        account: Account code per contract.
        row: Row of the state in force, -1 if none, or ended, or past its term.
    """

    account: Array
    row: Array


def standing(contracts: Columns, grid: Grid, ago: int = 0) -> Standing:
    """Which state of each contract was in force `ago` days before each as-of date, as known then.

    An active state past its term end is in force only if it renews automatically or within the grace.
    """
    number = contracts["contract"]
    account = contracts["account"][np.unique(number, return_index=True)[1]] if len(number) else number
    many = len(account)
    begin = np.maximum(contracts["occurred"] + ago, contracts["seen"]) + 1
    row = grid.running_max(number, begin, np.arange(len(number)), groups=many)
    found = np.maximum(row, 0)
    if not len(number):
        return Standing(account.astype(np.int64), row)
    day = grid.dates - ago
    alive = contracts["renews"] | (contracts["end"] == NEVER)
    in_force = contracts["active"][found] & (
        alive[found] | (contracts["end"].astype(np.int64)[found] + GRACE_DAYS >= day)
    )
    return Standing(account.astype(np.int64), np.where((row >= 0) & in_force, row, -1))


def total(grid: Grid, stands: Standing, values: Array, *, whole: bool = False) -> Array:
    """Sum a column over each account's contracts in force; NaN where none has a value.

    Args:
        grid: Accounts and dates.
        stands: The states in force.
        values: The column.
        whole: NaN also where one of them has no value.
    """
    return sum_of(grid, stands.account, stands.row, values, whole=whole)


def sum_of(grid: Grid, account: Array, row: Array, values: Array, *, whole: bool) -> Array:
    """As `total`, over any rows: one per contract and date, -1 for none."""
    out = grid.full(np.nan)
    sum_rows(account, row, values, out)
    if whole and np.isnan(values).any():
        lacking = grid.full(np.nan)
        sum_rows(account, row, np.where(np.isnan(values), 1.0, np.nan), lacking)
        out[~np.isnan(lacking)] = np.nan
    return out


def context(state: State, grid: Grid) -> Context:
    """Compute the context of every account and as-of date."""
    contracts, accounts = state.tables["contracts"], state.tables["accounts"]
    stands = standing(contracts, grid)
    in_force = total(grid, stands, np.ones(len(contracts["arr"])))
    codes = np.arange(grid.accounts)
    created = grid.running_min(codes, accounts["seen"] + 1, accounts["occurred"])
    first = grid.running_min(contracts["account"], contracts["seen"] + 1, contracts["occurred"])
    start = np.minimum(np.where(first < NEVER, first, created), NEVER)
    return Context(
        exists=start < NEVER,
        is_customer=~np.isnan(in_force) & ~_churned(state, grid),
        notice_given=_notice(state, grid),
        tenure_days=np.where(start < NEVER, grid.dates - start, np.nan),
        start=start,
        arr=total(grid, stands, contracts["arr"], whole=True),
        seats=total(grid, stands, contracts["seats"]),
        plan=_plan(contracts, stands, grid),
        renewal=_renewal(contracts, stands, grid),
    )


@compiled
def sum_rows(account: Array, row: Array, values: Array, out: Array) -> None:
    """Sum values[row] per account and date; row -1 and missing values add nothing, not even a 0."""
    for contract in range(row.shape[0]):
        a = account[contract]
        for k in range(row.shape[1]):
            if row[contract, k] >= 0 and not np.isnan(values[row[contract, k]]):
                if np.isnan(out[a, k]):
                    out[a, k] = values[row[contract, k]]
                else:
                    out[a, k] += values[row[contract, k]]


@compiled
def least(account: Array, value: Array, out: Array) -> None:
    """Smallest value per account and date."""
    for row in range(value.shape[0]):
        a = account[row]
        for k in range(value.shape[1]):
            if value[row, k] < out[a, k]:
                out[a, k] = value[row, k]


@compiled
def largest(account: Array, row: Array, arr: Array, plan: Array, most: Array, best: Array) -> None:
    """Plan of the first row with the largest ARR, per account and date."""
    for contract in range(row.shape[0]):
        a = account[contract]
        for k in range(row.shape[1]):
            if row[contract, k] >= 0 and arr[row[contract, k]] > most[a, k]:
                most[a, k] = arr[row[contract, k]]
                best[a, k] = plan[row[contract, k]]


def rolled_end(contracts: Columns, stands: Standing, grid: Grid) -> Array:
    """Term end of each contract in force, as it stands after automatic renewals; NEVER if none."""
    if not len(contracts["end"]):
        return np.full(stands.row.shape, NEVER, dtype=np.int64)
    ends, row = contracts["end"].astype(np.int64), np.maximum(stands.row, 0)
    end = ends[row]
    out = np.where((stands.row >= 0) & (end < NEVER), end, NEVER)
    passed = (out < grid.dates) & contracts["renews"][row]
    if passed.any():
        made = terms(contracts["start"], np.where(ends < NEVER, ends, 0))
        out[passed] = renewed_until(made, row[passed], np.broadcast_to(grid.dates, out.shape)[passed])
    return out


def _renewal(contracts: Columns, stands: Standing, grid: Grid) -> Array:
    nearest = np.full(grid.shape, NEVER, dtype=np.int64)
    least(stands.account, rolled_end(contracts, stands, grid), nearest)
    return nearest


def _plan(contracts: Columns, stands: Standing, grid: Grid) -> Array:
    """Plan of the contract in force with the highest ARR; of equals, the first by id."""
    best = np.full(grid.shape, -1, dtype=np.int64)
    arr = np.nan_to_num(contracts["arr"], nan=-1.0)
    largest(stands.account, stands.row, arr, contracts["plan"], grid.full(-2.0), best)
    return best


def _churned(state: State, grid: Grid) -> Array:
    """A churn is on record and no contract state has taken effect on or after its day."""
    losses, contracts = state.tables["context_losses"], state.tables["contracts"]
    churn = grid.running_max(losses["account"], losses["seen"] + 1, losses["occurred"])
    live = contracts["active"]
    back = grid.running_max(
        contracts["account"][live], contracts["seen"][live] + 1, contracts["occurred"][live]
    )
    result: Array = (churn >= 0) & (back < churn)
    return result


def _notice(state: State, grid: Grid) -> Array:
    """Notice on record, by an event or an announced loss, and no later renewal."""
    events, losses = state.tables["context_events"], state.tables["context_losses"]
    gave, renewed = events["notice"], events["renewed"]
    said = grid.running_max(events["account"][gave], events["seen"][gave] + 1, events["occurred"][gave])
    back = grid.running_max(
        events["account"][renewed], events["seen"][renewed] + 1, events["occurred"][renewed]
    )
    told = losses["notice"] < NEVER
    begin = np.maximum(losses["notice"], losses["known"])[told] + 1
    announced = grid.running_max(losses["account"][told], begin, losses["notice"][told])
    last = np.maximum(said, announced)
    result: Array = (last >= 0) & (back < last)
    return result
