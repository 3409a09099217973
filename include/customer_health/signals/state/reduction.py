"""Reduce every raw table once, by queries that Ibis compiles for any warehouse, to the daily state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from customer_health.company import CompanyConfig
from customer_health.progress import Progress, silent
from customer_health.signals.derived import DERIVED, EVIDENCE, SOURCES
from customer_health.signals.facts.reduction_facts import (
    reduce_contracts,
    reduce_facts,
    reduce_notices,
    text_codes,
)
from customer_health.signals.facts.reduction_losses import reduce_losses
from customer_health.signals.facts.reduction_people import derive, exec_people, exec_spoke
from customer_health.signals.plan_lists import conditions, feature_sets, mask_name
from customer_health.signals.signal import Signal
from customer_health.signals.state.account_index import AccountIndex, account_index, merge_days
from customer_health.signals.state.daily_state import NEVER, Columns, State, TableStore
from customer_health.signals.state.increments import Recipe, rebuilt, refreshed
from customer_health.signals.state.table_reader import NUMBERS, Warehouse
from customer_health.signals.usage.counted_users import reduce_daily_users
from customer_health.signals.usage.executives import exec_activity
from customer_health.signals.usage.outage_days import outage_days, outage_days_of_counts
from customer_health.signals.usage.reduction_usage import reduce_usage
from customer_health.signals.usage.usage_history import UsageHistory

Made = tuple[Columns, dict[str, Any]]


@dataclass
class Reduced:
    """Everything that is left of the raw tables.

    Attributes:
        state: The reduced tables except usage.
        usage: The history of usage; None if no signal asks for it.
    """

    state: State
    usage: UsageHistory | None

    def parts(self, since: int, until: int, size: int) -> Iterator[tuple[int, State]]:
        """Yield the state in ranges of `size` accounts, usage included: what bounds memory.

        Args:
            since: First day that any window of the asked dates holds.
            until: Last asked date.
            size: Accounts at once.
        """
        many = len(self.state.accounts)
        usage = self.usage
        outage = outage_days(usage.blocks, usage.lag, until) if usage is not None else None
        counts = self.state.tables.get("daily_users")
        uncounted = outage_days_of_counts(counts, until) if counts else None
        for low in range(0, max(1, many), size):
            high = min(many, low + size)
            part = self.state if (low, high) == (0, many) else self.state.part(low, high)
            tables, meta = dict(part.tables), part.meta
            if usage is not None:
                meta = meta | {"bits": dict(zip(usage.sets, usage.bits, strict=True))}
                meta |= {"outage_days": outage, "outage_days_of_counts": uncounted}
                tables |= usage.tables(low, high, since)
            if "exec_people" in tables:
                people = tables.pop("exec_people")
                people = {**people, "account": people["account"] + np.int32(low)}
                active = exec_activity(people, _shift(tables.pop("exec_spoke"), low), usage, since)
                tables["exec_activity"] = _shift(active, -low)
            yield low, State(part.accounts, tables, meta)


def _shift(columns: Columns, by: int) -> Columns:
    return {**columns, "account": columns["account"] + np.int32(by)}


def reduce_warehouse(
    warehouse: Warehouse,
    config: CompanyConfig,
    signals: Sequence[Signal],
    *,
    state_dir: Path | None = None,
    index: AccountIndex | None = None,
    progress: Progress = silent,
) -> Reduced:
    """Return what these signals need, from disk as far as nothing was loaded since.

    Args:
        warehouse: The open warehouse.
        config: Lists of features, titles and interactions decide what is reduced.
        signals: Their tables, columns and conditions decide which facts are kept.
        state_dir: Where the state is kept; None keeps nothing.
        index: The accounts, if they are not those of raw.accounts as they stand now.
        progress: Called once per reduced table.

    Raises:
        DataContractError: A raw table does not exist.
    """
    warehouse.check_tables()
    folder = None if state_dir is None else state_dir / "signals"
    named = sorted({signal.table for signal in signals} | _companions(signals))
    steps = ["accounts", "contracts", *(name for name in named if name != "contracts")]
    progress(0, len(steps), "reducing accounts")
    index = index or account_index(warehouse, _before(folder))
    _remember(folder, index)
    warehouse.keep(NUMBERS, index.table())
    state = State(index.ids, {"accounts": index.columns()}, {"segments": index.segments, "live": {}})
    keeper = _Keeper(warehouse, folder, index, config)
    progress(1, len(steps), "reducing contracts")
    # Whom a loss befell, and whose contracts it ended, depends on the days of mergers.
    merged = repr(sorted(merge_days(warehouse)[1].items()))
    told_by = ("contracts", "outcomes") if merged != "[]" else ("contracts",)
    state.tables["contracts"], meta = keeper.table("contracts", told_by, merged, _contracts)
    state.meta |= meta
    for name, (source, reduce) in ENDINGS.items():
        shape = merged if source == "outcomes" else ""
        state.tables[name] = keeper.table(name, (source,), shape, _alone(reduce))[0]
    usage: UsageHistory | None = None
    if "usage" in named or "exec_activity" in named:
        wanted = [feature_sets(signal, config) for signal in signals if signal.table == "usage"]
        place = None if folder is None else folder / "usage"
        usage = reduce_usage(warehouse.where("usage"), index, wanted, place)
        state.meta["lag"] = usage.lag
        counted = keeper.table("daily_users", ("daily_users",), "", _alone(reduce_daily_users))
        state.tables["daily_users"] = counted[0]
    for step, name in enumerate(steps[2:], start=2):
        progress(step, len(steps), f"reducing {name}")
        if name == "usage":
            continue
        if name == "exec_activity":
            _executives(keeper, state, config)
            continue
        mine = [signal for signal in signals if signal.table == name]
        made = keeper.table(
            name, SOURCES.get(name, (name,)), _shape(mine, config), _facts(name, mine, config)
        )
        state.tables[name] = made[0]
    for name, columns in state.tables.items():
        if "seen" in columns and name != "accounts":
            state.meta["live"][name] = int(columns["seen"].min()) if len(columns["seen"]) else NEVER
    return Reduced(state, usage)


@dataclass
class _Keeper:
    """Reduces a table, or finds that the kept one is still right."""

    warehouse: Warehouse
    folder: Path | None
    index: AccountIndex
    config: CompanyConfig

    def table(self, name: str, sources: Sequence[str], shape: str, make: Callable[[Warehouse], Made]) -> Made:
        """Return a table made from `sources`, in the form that `shape` describes."""
        if self.folder is None:
            return make(self.warehouse)
        store, recipe = TableStore(self.folder), Recipe(name, sources, shape, make)
        key = recipe.key(self.warehouse, self.index)
        kept = store.load(name, key)
        if kept is None:
            kept = refreshed(self.warehouse, store, recipe, self.index, key)
        if kept is None:
            kept = rebuilt(self.warehouse, store, recipe, self.index, key)
        return kept[0], {name: value for name, value in kept[1].items() if name != "made"}


def _contracts(warehouse: Warehouse) -> Made:
    rows, plans = reduce_contracts(warehouse)
    return rows, {"plans": plans}


# What ends or renews a relationship, for the context columns: state table -> raw table and its reduction.
ENDINGS: Mapping[str, tuple[str, Callable[[Warehouse], Columns]]] = {
    "context_losses": ("outcomes", reduce_losses),
    "context_events": ("contract_events", reduce_notices),
}


def _alone(reduce: Callable[[Warehouse], Columns]) -> Callable[[Warehouse], Made]:
    return lambda warehouse: (reduce(warehouse), {})


def _facts(name: str, signals: Sequence[Signal], config: CompanyConfig) -> Callable[[Warehouse], Made]:
    def make(warehouse: Warehouse) -> Made:
        source = derive(warehouse, name, config) if name in DERIVED else warehouse.raw(name)
        return reduce_facts(warehouse, name, source, signals, config), {}

    return make


def _executives(keeper: _Keeper, state: State, config: CompanyConfig) -> None:
    """People and what they said; their logins are read off the usage when a range is asked for."""
    patterns = json.dumps(config.people.executive_title_patterns)
    users = keeper.warehouse.where("usage")  # whose hashes the usage is kept by

    def people(warehouse: Warehouse) -> Made:
        rows = exec_people(warehouse, config)
        rows["key"] = users.hashes([str(user) for user in rows.pop("user_id")])
        return _coded(rows), {}

    def spoke(warehouse: Warehouse) -> Made:
        return _coded(exec_spoke(warehouse, config)), {}

    hashed = patterns + users.hash_version
    made = keeper.table("exec_people", ("contacts", "contact_changes"), hashed, people)
    state.tables["exec_people"] = made[0]
    made = keeper.table("exec_spoke", SOURCES["exec_activity"], patterns, spoke)
    state.tables["exec_spoke"] = made[0]


def _coded(rows: Columns) -> Columns:
    """Replace contact ids by hashes that both tables share, and sort by account."""
    rows["contact"] = text_codes(rows.pop("contact_id"))
    order = np.lexsort((rows["contact"], rows["account"]))
    return {name: values[order] for name, values in rows.items()}


def _shape(signals: Sequence[Signal], config: CompanyConfig) -> str:
    return json.dumps(
        [(s.table, repr(s.aggregation), mask_name(conditions(s, config))) for s in signals]
        + [config.people.executive_title_patterns]
    )


def _companions(signals: Sequence[Signal]) -> set[str]:
    """Tables that a signal needs beside its own: others it asks, and those that give absence a meaning."""
    asked = {name for signal in signals for name in getattr(signal.aggregation, "also", ())}
    return asked | {EVIDENCE[signal.table] for signal in signals if signal.table in EVIDENCE}


def _before(folder: Path | None) -> list[str]:
    """Accounts in the order of the last run."""
    if folder is None:
        return []
    try:
        return [str(name) for name in json.loads((folder / "accounts.json").read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return []


def _remember(folder: Path | None, index: AccountIndex) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / "accounts.new"
        fresh.write_text(json.dumps(index.ids), encoding="utf-8")
        fresh.replace(folder / "accounts.json")
