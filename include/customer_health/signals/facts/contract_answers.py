"""Contract signals: what is in force, when it is decided, and how it has moved."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals import contract_aggregations as contract_agg
from customer_health.signals.answer_registry import Answers
from customer_health.signals.facts.account_context import (
    Context,
    Standing,
    least,
    rolled_end,
    standing,
    sum_of,
    total,
)
from customer_health.signals.facts.fact_reader import FactReader
from customer_health.signals.facts.grid import Grid
from customer_health.signals.signal import Signal
from customer_health.signals.state.daily_state import NEVER, Columns

Array = NDArray[Any]
CONTRACT_ANSWERS: Answers[FactReader] = Answers()
LONGEST_TERM = 2**20  # days; a longer term is a mistake and counts as this


@CONTRACT_ANSWERS.to(contract_agg.DaysUntilRenewal)
def _days_until_renewal(reader: FactReader, how: contract_agg.DaysUntilRenewal, signal: Signal) -> Array:
    grid, context = reader.grid, reader.context
    if not how.notice:
        return np.where(context.renewal < NEVER, context.renewal - grid.dates, np.nan)
    contracts = reader.state.tables["contracts"]
    stands = standing(contracts, grid)
    end, notice = rolled_end(contracts, stands, grid), _in_force(contracts, stands, "notice", np.nan)
    deadline = np.where((end < NEVER) & ~np.isnan(notice), end - np.nan_to_num(notice), float(NEVER))
    nearest = grid.full(float(NEVER))
    least(stands.account, deadline, nearest)
    return np.where(nearest < NEVER / 2, nearest - grid.dates, np.nan)


@CONTRACT_ANSWERS.to(contract_agg.TermLength)
def _term_length(reader: FactReader, how: contract_agg.TermLength, signal: Signal) -> Array:
    grid = reader.grid
    contracts = reader.state.tables["contracts"]
    stands = standing(contracts, grid)
    end, start = _in_force(contracts, stands, "end", NEVER), _in_force(contracts, stands, "start", NEVER)
    rolled = rolled_end(contracts, stands, grid)
    usable = (rolled < NEVER) & (start < end)
    term = np.clip(end - start, 0, LONGEST_TERM - 1)
    nearest = np.full(grid.shape, NEVER * LONGEST_TERM, dtype=np.int64)
    least(stands.account, np.where(usable, rolled * LONGEST_TERM + term, NEVER * LONGEST_TERM), nearest)
    return np.where(nearest < NEVER * LONGEST_TERM, nearest % LONGEST_TERM, np.nan)


@CONTRACT_ANSWERS.to(contract_agg.AutoRenewShare)
def _auto_renew_share(reader: FactReader, how: contract_agg.AutoRenewShare, signal: Signal) -> Array:
    grid = reader.grid
    contracts = reader.state.tables["contracts"]
    stands = standing(contracts, grid)
    known = np.where(contracts["renewal_known"], contracts["renews"].astype(np.float64), np.nan)
    some, many = total(grid, stands, known), total(grid, stands, np.where(np.isnan(known), np.nan, 1.0))
    return grid.ratio(some, many, many > 0)


@CONTRACT_ANSWERS.to(contract_agg.ContractChange)
def _contract_change(reader: FactReader, how: contract_agg.ContractChange, signal: Signal) -> Array:
    grid, context = reader.grid, reader.context
    contracts = reader.state.tables["contracts"]
    window, column = signal.window_days, contracts[how.column]
    whole = how.column == "arr"  # an add-on without seats has none; one without a price has some
    earlier = total(grid, standing(contracts, grid, ago=window), column, whole=whole)
    # Younger customers are compared with what they first signed.
    young = context.start + 1 > grid.dates - window
    base = np.where(young, _at_first(contracts, column, grid, context, whole), earlier)
    in_force = total(grid, standing(contracts, grid), column, whole=whole)
    now = np.where(context.is_customer, in_force, np.nan)
    change = now - base
    if how.relative:
        return grid.ratio(change, base, base > 0)
    return change


def _in_force(contracts: Columns, stands: Standing, column: str, missing: float) -> Array:
    """A column of the states in force, per contract and date."""
    if not len(contracts[column]):
        return np.full(stands.row.shape, missing)
    values = contracts[column]
    values = values.astype(np.int64) if values.dtype.kind == "i" else values
    return np.where(stands.row >= 0, values[np.maximum(stands.row, 0)], missing)


def _at_first(contracts: Columns, column: Array, grid: Grid, context: Context, whole: bool) -> Array:
    """A column summed over the contracts that began on the account's first day; `whole` as for `total`."""
    many = len(contracts["contract"])
    if many:
        number = contracts["contract"]
        account = contracts["account"][np.unique(number, return_index=True)[1]].astype(np.int64)
        row = grid.running_min(number, contracts["seen"] + 1, np.arange(many), groups=len(account))
        first = row < many
        first &= contracts["occurred"][np.where(first, row, 0)] == context.start[account]
        return sum_of(grid, account, np.where(first, row, -1), column, whole=whole)
    return grid.full(np.nan)
