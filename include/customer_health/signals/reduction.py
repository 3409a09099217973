"""Reduce every raw table once, by queries that Ibis compiles for any warehouse, to the daily state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.errors import DataContractError
from customer_health.progress import Progress, silent
from customer_health.settings import CompanyConfig
from customer_health.signals.accounts import account_index
from customer_health.signals.derived import DERIVED, EVIDENCE
from customer_health.signals.plans import conditions, feature_sets, mask_name
from customer_health.signals.reduction_facts import reduce_contracts, reduce_facts, reduce_lifecycle
from customer_health.signals.reduction_people import derive
from customer_health.signals.reduction_usage import reduce_usage
from customer_health.signals.signal import Signal
from customer_health.signals.state import State, load
from customer_health.signals.warehouse_tables import NUMBERS, Warehouse
from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb


def reduce_warehouse(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    signals: Sequence[Signal],
    *,
    state_dir: Path | None = None,
    progress: Progress = silent,
) -> State:
    """Return the daily state that these signals need, from disk if nothing was loaded since.

    Args:
        con: The open warehouse.
        config: Lists of features, titles and interactions decide what is reduced.
        signals: Their tables, columns and conditions decide which facts are kept.
        state_dir: Where the state is kept; None keeps nothing.
        progress: Called once per reduced table.
    """
    warehouse = Warehouse(con)
    key = _fingerprint(con, config, signals)
    if state_dir is not None:
        kept = load(state_dir / "signals", key)
        if kept is not None:
            return kept
    tables = sorted({signal.table for signal in signals} | _companions(signals))
    steps = ["accounts", "contracts", *tables]
    progress(0, len(steps), "reducing accounts")
    index = account_index(warehouse)
    warehouse.keep(NUMBERS, index.table())
    state = State(index.ids, {"accounts": index.columns()}, {"segments": index.segments})
    progress(1, len(steps), "reducing contracts")
    reduce_contracts(warehouse, state)
    reduce_lifecycle(warehouse, state)
    for number, name in enumerate(tables, start=2):
        progress(number, len(steps), f"reducing {name}")
        mine = [signal for signal in signals if signal.table == name]
        if name == "usage":
            reduce_usage(warehouse, index, state, [feature_sets(signal, config) for signal in mine])
        elif name != "contracts":
            source = derive(warehouse, name, config) if name in DERIVED else warehouse.raw(name)
            state.tables[name] = reduce_facts(warehouse, name, source, mine, config)
    if state_dir is not None:
        state.save(state_dir / "signals", key)
    return state


def _companions(signals: Sequence[Signal]) -> set[str]:
    """Tables that a signal needs beside its own: others it asks, and those that give absence a meaning."""
    asked = {name for signal in signals for name in getattr(signal.aggregation, "also", ())}
    return asked | {EVIDENCE[signal.table] for signal in signals if signal.table in EVIDENCE}


def _fingerprint(con: duckdb.DuckDBPyConnection, config: CompanyConfig, signals: Sequence[Signal]) -> str:
    """Describe what the state depends on: the loaded rows, the lists of the company file, the signals."""
    con = con.cursor()
    found = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()
    loaded = {}
    for name in TABLES:
        if (name,) not in found:
            raise DataContractError(
                f"The table raw.{name} does not exist.", hint="Run the ingest step before the signals."
            )
        columns = {row[0] for row in con.execute(f"SELECT column_name FROM (DESCRIBE raw.{name})").fetchall()}
        loads = "max(_load_id), min(_load_id), sum(_row)" if "_load_id" in columns else "max(known_at)"
        loaded[name] = con.execute(f"SELECT count(*), {loads} FROM raw.{name}").fetchall()
    shape = [
        (s.name, s.table, repr(s.aggregation), mask_name(conditions(s, config)) if s.table != "usage" else "")
        for s in signals
    ]
    usage = [repr(feature_sets(s, config).by_plan) for s in signals if s.table == "usage"]
    people = config.people.model_dump()
    text = json.dumps([loaded, shape, usage, people], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
