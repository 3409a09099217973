"""Signals of very many accounts: from kept state, day by day, growth, and little memory.

    python -m benchmarks.signals_scale --accounts 10000 30000 100000 --folder big

Every measurement runs in a process of its own, so that CPU seconds (all threads) and peak memory are its
own. Histories beyond 10,000 accounts are copies of the first 10,000 under other names. The folder needs
about 2 GB per 100,000 accounts for raw tables and as much again for the state; both are deleted after
each size, the first 10,000 accounts stay. `--memory` limits DuckDB, which then spills to the folder.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.memory import Memory
from benchmarks.signals_data import DAYS, FIRST, generate
from benchmarks.signals_peers import PEERS

if TYPE_CHECKING:
    import duckdb

ALIKE = 10_000  # accounts that are drawn; further ones are copies of them
LAST = FIRST + timedelta(days=DAYS)
FLOOR = """SELECT max(account_id), max(user_id), max(feature), sum(events), max(occurred_at), max(known_at)
    FROM raw.usage"""


def dates(many: int, apart: int = 28) -> list[date]:
    """As-of dates that end with the data."""
    return sorted(LAST - timedelta(days=apart * n) for n in range(many))


def connect(path: Path, memory: str = "") -> duckdb.DuckDBPyConnection:
    """Open the warehouse; with a limit it spills beside the file."""
    import duckdb

    con = duckdb.connect(str(path))
    con.execute("SET TimeZone = 'UTC'")
    if memory:
        con.execute(f"SET memory_limit = '{memory}'")
        con.execute("SET preserve_insertion_order = false")
        con.execute(f"SET temp_directory = '{path.with_suffix('.spill')}'")
    return con


def make(path: Path, accounts: int) -> None:
    """Write the raw tables of `accounts` accounts."""
    base = path.parent / f"base{min(accounts, ALIKE)}.duckdb"
    if not base.exists():
        with connect(base) as con:
            generate(con, min(accounts, ALIKE))
    shutil.copy(base, path)
    con = connect(path)
    found = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'").fetchall()
    tables = [row[0] for row in found]
    names = {table: set(con.sql(f"SELECT * FROM raw.{table} LIMIT 0").columns) for table in tables}
    tables = [table for table in tables if "account_id" in names[table]]
    for copy in range(1, -(-accounts // ALIKE)):
        # Ids begin with one letter; a copy's ids begin with another word.
        for table in tables:
            ids = [
                name for name in names[table] if name.endswith("_id") and name not in ("_load_id", "user_id")
            ]
            renamed = ", ".join(f"'{copy}' || {name} AS {name}" for name in ids)
            con.execute(
                f"INSERT INTO raw.{table} SELECT * REPLACE ({renamed}) FROM raw.{table} "
                "WHERE account_id LIKE 'a%'"
            ).fetchall()
    note_load(con, "1", tables)
    con.close()


def note_load(con: duckdb.DuckDBPyConnection, load: str, tables: Sequence[str]) -> None:
    """Note which load brought rows to which tables, as ingestion does."""
    con.execute("CREATE SCHEMA IF NOT EXISTS ops")
    con.execute("CREATE TABLE IF NOT EXISTS ops.loads (load_id VARCHAR, table_name VARCHAR)")
    con.executemany("INSERT INTO ops.loads VALUES (?, ?)", [[load, table] for table in tables])


def append_day(con: duckdb.DuckDBPyConnection) -> None:
    """One more day as a new load of every table that has news: usage, tickets, answers, calls, payments."""
    after = f"DATE '{LAST}'"
    moved = f"{after}::TIMESTAMP AS known_at, '2' AS _load_id"
    con.execute(
        f"INSERT INTO raw.usage SELECT * REPLACE ({after} AS occurred_at, {moved}) "
        f"FROM raw.usage WHERE occurred_at = {after} - 7"
    ).fetchall()
    keys = {"tickets": "ticket_id", "surveys": "survey_id", "interactions": "interaction_id"}
    for table, key in keys.items():
        con.execute(
            f"INSERT INTO raw.{table} SELECT * REPLACE ({after}::TIMESTAMP AS occurred_at, {moved}, "
            f"'2' || {key} AS {key}) FROM raw.{table} WHERE occurred_at::DATE = {after} - 30"
        ).fetchall()
    con.execute(  # tickets that are solved today come again, with a new load
        "CREATE TEMP TABLE solved AS SELECT * REPLACE (TIMESTAMP '" + str(LAST) + "' AS resolved_at, "
        "'2' AS _load_id) FROM raw.tickets WHERE resolved_at IS NULL AND hash(ticket_id) % 100 = 0"
    ).fetchall()
    con.execute("DELETE FROM raw.tickets WHERE ticket_id IN (SELECT ticket_id FROM solved)").fetchall()
    con.execute("INSERT INTO raw.tickets FROM solved").fetchall()
    note_load(con, "2", ["usage", *keys])


def measure(name: str, path: Path, memory: str) -> dict[str, Any]:
    """Run one measurement in this process; start-up (imports, compiled loops and queries) is not measured."""
    from customer_health.company import CompanyConfig
    from customer_health.signals.build_panel import build_panel

    config = CompanyConfig()
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / "few.duckdb"
        make(few, 20)
        with connect(few) as warm:
            for _ in range(2):
                build_panel(warm, config, dates(2), state_dir=few.with_suffix(".state"))
            append_day(warm)
            build_panel(warm, config, dates(2), state_dir=few.with_suffix(".state"))
    with connect(path, memory) as con:
        wall, cpu = time.perf_counter(), time.process_time()
        with Memory() as held:
            rows = work(name, con, path.with_suffix(".state"))
        taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return taken | {"rows": rows, "whole": held.whole, "own": held.own}


def work(name: str, con: duckdb.DuckDBPyConnection, state: Path) -> int:
    """Do what is measured and return the number of rows computed."""
    from customer_health.company import CompanyConfig
    from customer_health.signals.build_panel import build_panel, panel_parts
    from customer_health.signals.catalogue import CATALOGUE, select
    from customer_health.signals.state.reduction import reduce_warehouse
    from customer_health.signals.state.table_reader import Warehouse

    config = CompanyConfig()
    signals = select(config.signals.profile)
    if name == "scan":
        con.execute(FLOOR).fetchall()
    elif name == "raw":
        shutil.rmtree(state, ignore_errors=True)
        reduce_warehouse(Warehouse(con), config, signals, state_dir=state)
    elif name == "append":
        append_day(con)
    elif name == "daily":
        return len(build_panel(con, config, [LAST + timedelta(days=1)], state_dir=state))
    else:
        many, apart = (int(part) for part in name.removesuffix(" few").split("x"))
        reduced = reduce_warehouse(Warehouse(con), config, signals, state_dir=state)
        if name.endswith("few"):
            signals = [CATALOGUE[peer] for peer in PEERS]
        return sum(len(part) for part in panel_parts(reduced, config, dates(many, apart), signals))
    return 0


def apart(name: str, path: Path, memory: str = "") -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.signals_scale", "--measure", name, "--folder", str(path)]
    run = subprocess.run([*command, "--memory", memory], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    print(
        f"{path.stem:>12} {name:>9} {memory or '-':>6}  CPU {found['cpu']:8.2f} s  "
        f"wall {found['wall']:8.2f} s  memory {found['own']:5.2f} GB, with mapped files "
        f"{found['whole']:5.2f} GB  {found['rows']:>10,} rows",
        flush=True,
    )
    return found


def exponent(few: tuple[int, float], many: tuple[int, float]) -> float:
    """Growth exponent between two sizes."""
    return math.log(many[1] / few[1]) / math.log(many[0] / few[0])


def main() -> None:
    """Generate what is missing, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[2000, 10_000])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--memory", default="", help="such as 500MB: limit of one more run from raw")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.folder, options.memory)))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for accounts in sorted(options.accounts):
        path = options.folder / f"a{accounts}.duckdb"
        if not path.exists():
            make(path, accounts)
        for name in ("scan", "raw", "24x28", "24x28 few", "append", "daily", "1x1", "30x24"):
            found[accounts, name] = apart(name, path)
        if options.memory:
            apart("raw", path, options.memory)
            apart("24x28", path, options.memory)
        path.unlink()
        shutil.rmtree(path.with_suffix(".state"), ignore_errors=True)
        shutil.rmtree(path.with_suffix(".spill"), ignore_errors=True)
        cpu = {name: taken["cpu"] for (many, name), taken in found.items() if many == accounts}
        shares = {name: taken / cpu["scan"] for name, taken in cpu.items()}
        print(
            f"{accounts:,} accounts: 24 dates from state {shares['24x28']:.2f}x a scan of raw usage "
            f"({shares['24x28 few']:.2f}x for {len(PEERS)} signals); state from raw {shares['raw']:.2f}x; "
            f"30 times as many dates {cpu['30x24'] / cpu['1x1']:.1f}x"
        )
    few, many = min(options.accounts), max(options.accounts)
    if few < many:
        for name in ("scan", "raw", "24x28", "daily"):
            grown = exponent((few, found[few, name]["cpu"]), (many, found[many, name]["cpu"]))
            print(f"growth exponent in accounts, {name}: {grown:.2f}")


if __name__ == "__main__":
    main()
