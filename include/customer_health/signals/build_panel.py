"""Build the panel, one row per account and as-of date, and keep it in the warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import CompanyConfig
from customer_health.progress import Progress, silent
from customer_health.signals.catalogue import select
from customer_health.signals.facts.grid import EPOCH, Grid
from customer_health.signals.former_accounts import with_former_accounts
from customer_health.signals.panel_engine import Engine, check_answerable
from customer_health.signals.panel_frame import PanelFrame
from customer_health.signals.quality.freshness import freshness, sources_of
from customer_health.signals.quality.list_checks import check_lists
from customer_health.signals.quality.panel_checks import Finding, check_panel, panel_before, write_quality
from customer_health.signals.quality.source_checks import gate_sources
from customer_health.signals.signal import Signal
from customer_health.signals.state.reduction import Reduced, reduce_warehouse
from customer_health.signals.state.table_reader import Warehouse

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Array = NDArray[Any]

CONTEXT = (
    "account_id", "as_of", "is_customer", "tenure_days", "notice_given", "arr", "seats", "plan",
    "segment", "renewal_date",
)  # fmt: skip

ACCOUNTS_AT_ONCE = 2_000  # what fits the caches; memory beyond the panel itself stays small

ROWS_AT_ONCE = 2_000_000  # of a range that is kept: about 1.5 GB


@dataclass(frozen=True)
class Built:
    """What a build has put into the warehouse.

    Attributes:
        rows: Accounts x as-of dates.
        customers: Those rows that are of customers.
        coverage: Mean share of the signals that is known of customers.
    """

    rows: int
    customers: int
    coverage: float


_TYPES = {
    "account_id": "VARCHAR", "as_of": "DATE", "is_customer": "BOOLEAN", "notice_given": "BOOLEAN",
    "plan": "VARCHAR", "segment": "VARCHAR", "renewal_date": "DATE",
}  # fmt: skip


def build_panel(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    as_of_dates: Sequence[date],
    *,
    signals: Sequence[Signal] | None = None,
    state_dir: Path | None = None,
    warehouse: Warehouse | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Compute every signal of every account on every as-of date, in one pass over the raw tables.

    Args:
        con: The open warehouse; reads `raw.*` only.
        config: The company file.
        as_of_dates: Any number of dates; what happens per date is small.
        signals: Which signals; by default those of the configured profile.
        state_dir: Folder in which the daily state is kept between runs; None keeps none.
        warehouse: Where raw tables are, if some of them are not in `con`.
        progress: Called once per reduced table and per signal.

    Returns:
        One row per account known by then and as-of date, sorted by as_of and account_id: the columns of
        CONTEXT (as_of and renewal_date are datetime64, is_customer and notice_given bool, plan and
        segment text), one float64 column per signal (NaN = unknown), and `coverage`, the
        share of the signals that are known. days_to_renewal of an evergreen contract is NaN and yet
        known: there is no date.

    Raises:
        ConfigurationError: No date, or a signal that cannot be computed.
        DataContractError: A raw table does not exist.
    """
    chosen = tuple(signals) if signals is not None else select(config.signals.profile)
    for signal in chosen:
        check_answerable(signal)
    place = warehouse or Warehouse(con)
    reduced = reduce_warehouse(place, config, chosen, state_dir=state_dir, progress=progress)
    panel = panel_of(reduced, config, as_of_dates, chosen, progress=progress)
    return with_former_accounts(panel, place, config, chosen, panel_parts, progress=progress)


def build_and_check(
    con: duckdb.DuckDBPyConnection,
    config: CompanyConfig,
    as_of_dates: Sequence[date],
    *,
    state_dir: Path | None = None,
    warehouse: Warehouse | None = None,
    progress: Progress = silent,
) -> tuple[Built, list[Finding]]:
    """Build the panel, keep it in the warehouse, and hold its newest date against an earlier one.

    The raw tables are read once; a long range is answered and kept in parts, so that memory is bounded.

    Returns:
        What was built, and what a person should look at; findings and freshness are kept too.
    """
    signals = select(config.signals.profile)
    place = warehouse or Warehouse(con)
    reduced = reduce_warehouse(place, config, signals, state_dir=state_dir, progress=progress)
    days = sorted(set(as_of_dates))
    newest, accounts = days[-1], max(1, len(reduced.state.accounts))
    gate_sources(con, reduced, newest, config)
    fresh = freshness(reduced, [newest], config)
    rows, customers, known, findings = 0, 0, 0.0, list[Finding]()
    at_once = max(1, ROWS_AT_ONCE // accounts)
    for first in range(0, len(days), at_once):
        panel = panel_of(reduced, config, days[first : first + at_once], signals, progress=progress)
        panel = with_former_accounts(panel, place, config, signals, panel_parts, progress=progress)
        if first + at_once >= len(days) and len(panel):
            findings = check_panel(panel, panel_before(con, newest), fresh)
        write_signals(con, panel)
        paying = panel.loc[panel["is_customer"].astype(bool), "coverage"]
        rows, customers, known = rows + len(panel), customers + len(paying), known + float(paying.sum())
    findings += check_lists(reduced, config)
    write_quality(con, newest, findings, fresh)
    return Built(rows, customers, known / max(1, customers)), findings


def panel_of(
    reduced: Reduced,
    config: CompanyConfig,
    as_of_dates: Sequence[date],
    signals: Sequence[Signal],
    *,
    progress: Progress = silent,
    accounts_at_once: int = ACCOUNTS_AT_ONCE,
) -> pd.DataFrame:
    """Answer all as-of dates from reduced tables, a range of accounts at a time; see `build_panel`."""
    many = len(reduced.state.accounts)
    frame = PanelFrame(reduced.state, as_of_dates, signals)
    for low, answers in _answers(reduced, config, as_of_dates, signals, accounts_at_once):
        progress(low, many, f"computing {len(signals)} signals")
        frame.fill(low, *answers)
    progress(many, many, "signals are computed")
    return frame.finished()


def panel_parts(
    reduced: Reduced,
    config: CompanyConfig,
    as_of_dates: Sequence[date],
    signals: Sequence[Signal],
    *,
    accounts_at_once: int = ACCOUNTS_AT_ONCE,
) -> Iterator[pd.DataFrame]:
    """Yield the panel a range of accounts at a time, for panels that would not fit into memory."""
    for _, answers in _answers(reduced, config, as_of_dates, signals, accounts_at_once):
        frame = PanelFrame(answers[0].state, as_of_dates, signals)
        frame.fill(0, *answers)
        yield frame.finished()


def _answers(
    reduced: Reduced,
    config: CompanyConfig,
    as_of_dates: Sequence[date],
    signals: Sequence[Signal],
    accounts_at_once: int,
) -> Iterator[tuple[int, tuple[Engine, Iterator[tuple[Signal, Array]]]]]:
    """Yield ranges of accounts: the first one's position, their engine, and each signal's answer."""
    days = sorted(set(as_of_dates))
    silent: dict[str, list[int]] = {}
    for one in freshness(reduced, days, config):
        if one.stale:
            silent.setdefault(one.table, []).append(days.index(one.as_of))

    def answers(engine: Engine) -> Iterator[tuple[Signal, Array]]:
        for signal in signals:
            values = engine.value(signal)
            sources = sources_of(signal)
            for table in silent.keys() & (sources | ({"daily_users"} if "usage" in sources else set())):
                values = values.copy()
                where = values[:, silent[table]]
                told = engine.told_by(signal, table)[:, silent[table]]
                values[:, silent[table]] = np.where(told, np.nan, where)
            yield signal, values

    since = first_day_needed(reduced, as_of_dates, signals)
    for low, state in reduced.parts(since, _day(days[-1]), accounts_at_once):
        engine = Engine(state, config, Grid.of(len(state.accounts), as_of_dates))
        yield low, (engine, answers(engine))


def first_day_needed(reduced: Reduced, as_of_dates: Sequence[date], signals: Sequence[Signal]) -> int:
    """First day that any of the dates may look at through a signal over usage."""
    over_usage = [signal for signal in signals if signal.table in ("usage", "exec_activity")]
    reach = max((signal.aggregation.looks_back(signal.window_days) for signal in over_usage), default=0)
    lag = reduced.usage.lag if reduced.usage is not None else 0
    return _day(min(as_of_dates, default=EPOCH)) - reach - lag - 1


def _day(day: date) -> int:
    return (day - EPOCH).days


def write_signals(con: duckdb.DuckDBPyConnection, panel: pd.DataFrame) -> int:
    """Replace the panel's as-of dates in `signals.values`, all in one transaction.

    Unknown is NULL there: a NaN would compare as larger than every number. A signal that the table
    lacks, because an earlier version did not have it, becomes a new column.

    Args:
        con: The open warehouse.
        panel: As `build_panel` returns it.

    Returns:
        Number of rows written.
    """
    types = {name: _TYPES.get(name, "DOUBLE") for name in panel.columns}
    columns = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
    con = con.cursor()
    con.register("panel_to_write", panel)
    con.execute("BEGIN")
    try:
        con.execute("CREATE SCHEMA IF NOT EXISTS signals")
        declared = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
        con.execute(f"CREATE TABLE IF NOT EXISTS signals.values ({declared})")
        found = con.execute("SELECT column_name FROM (DESCRIBE signals.values)").fetchall()
        present = {row[0] for row in found}
        for name in [name for name in types if name not in present]:
            con.execute(f'ALTER TABLE signals.values ADD COLUMN "{name}" {types[name]}')
        con.execute(
            "DELETE FROM signals.values WHERE as_of IN (SELECT CAST(as_of AS DATE) FROM panel_to_write)"
        )
        con.execute(f"INSERT INTO signals.values BY NAME SELECT {columns} FROM panel_to_write")
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    finally:
        con.close()
    return len(panel)


def read_signals(con: duckdb.DuckDBPyConnection, as_of: date) -> pd.DataFrame:
    """Return the kept panel of one as-of date, in the shape that `build_panel` returns."""
    return con.execute(
        "SELECT * REPLACE (as_of::TIMESTAMP AS as_of, renewal_date::TIMESTAMP AS renewal_date)"
        " FROM signals.values WHERE as_of = ? ORDER BY account_id",
        [as_of],
    ).df()
