"""How fast bulk files are loaded, against the engine's own copy of the same file.

    python benchmarks/bulk_load.py --rows 50000000 --folder /var/tmp/bulk

Writes a Parquet file of usage in canonical columns, then measures in fresh processes: (1) CREATE TABLE AS
of the same file, (2) our load through mapping, provenance and bookkeeping, (3) the gate over the new rows.
Checks first that both tables hold the same numbers. Prints seconds, CPU seconds, ratio and peak memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "include")]

AS_OF = date(2026, 1, 1)
MAPPING = """
version: 1
company: Benchmark
tables:
  accounts:
    files: accounts.parquet
    columns: {account_id: account_id, occurred_at: occurred_at}
  contracts:
    files: accounts.parquet
    columns: {contract_id: account_id, account_id: account_id, occurred_at: occurred_at}
  usage:
    files: usage.parquet
    columns:
      {account_id: account_id, user_id: user_id, feature: feature, events: events, occurred_at: occurred_at}
"""


def write(folder: Path, rows: int) -> None:
    """Write usage of about 5,000 rows per account over two years, ordered by day, and its accounts."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mapping.yaml").write_text(MAPPING)
    accounts, users, features = max(1, rows // 5000), 20, 12
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT 'a' || i AS account_id, TIMESTAMP '2023-01-01' AS occurred_at "
            f"FROM range({accounts}) t(i)) TO '{folder}/accounts.parquet'"
        )
        per_day = -(-rows // 730)
        each = features * users
        con.execute(
            # Within a day k runs once, in no order, over (feature, user, account): keys never repeat.
            f"COPY (SELECT 'a' || (k // {each} * 7919 % {accounts}) AS account_id, "
            f"'u' || (k // {each} * 7919 % {accounts}) || '-' || (k // {features} % {users}) AS user_id, "
            f"'feature_' || (k % {features}) AS feature, CAST(1 + hash(k, d) % 40 AS DOUBLE) AS events, "
            f"DATE '2024-01-01' + CAST(d AS INTEGER) AS occurred_at "
            f"FROM (SELECT d, i, i * 1000003 % {per_day} AS k FROM range(730) t(d), range({per_day}) s(i)) "
            f"WHERE d * {per_day} + i < {rows} ORDER BY d) "
            f"TO '{folder}/usage.parquet' (ROW_GROUP_SIZE 1000000)"
        )


def copy(folder: Path) -> None:
    """The engine's own copy of the file, columns as the contract has them."""
    import duckdb

    with duckdb.connect(str(folder / "copy.duckdb")) as con:
        con.execute("SET memory_limit = '2GB'")
        con.execute(f"CREATE TABLE usage AS SELECT * FROM read_parquet('{folder}/usage.parquet')")


def load(folder: Path) -> None:
    """Our load of all three tables."""
    from customer_health.sources.load import ingest

    ingest(_settings(folder), as_of=AS_OF)


def gate(folder: Path) -> None:
    """The gate over what was loaded."""
    from customer_health.warehouse.connect import open_warehouse
    from customer_health.warehouse.gate import run_gate

    with open_warehouse(_settings(folder).warehouse_url, locked=False) as con:
        con.execute("SET memory_limit = '2GB'")
        run_gate(con, as_of=AS_OF, report_dir=folder / "home" / "reports")


def _settings(folder: Path):  # type: ignore[no-untyped-def]
    from customer_health.settings import Settings

    home = folder / "home"
    return Settings(
        home=home,
        warehouse_url=f"duckdb:///{home}/warehouse.duckdb",
        ledger_url="sqlite://",
        data=str(folder),
        mapping=folder / "mapping.yaml",
    )


def _equal(folder: Path) -> bool:
    import duckdb

    keys = "sum(hash(account_id, user_id, feature))"
    query = f"SELECT count(*), sum(events), min(occurred_at), max(occurred_at), {keys} FROM"
    with duckdb.connect(str(folder / "copy.duckdb"), read_only=True) as con:
        copied = con.execute(f"{query} usage").fetchall()
    with duckdb.connect(str(folder / "home" / "warehouse.duckdb"), read_only=True) as con:
        return bool(con.execute(f"{query} raw.usage").fetchall() == copied)


def _measured(step: str, folder: Path, rows: int) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, __file__, "--step", step, "--folder", str(folder), "--rows", str(rows)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Run one step, or all of them and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--folder", type=Path, required=True, help="a scratch folder with room for the files")
    parser.add_argument("--step", choices=("write", "copy", "load", "gate"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if arguments.step:
        begun = time.perf_counter()
        if arguments.step == "write":
            write(folder, arguments.rows)
        else:
            {"copy": copy, "load": load, "gate": gate}[arguments.step](folder)
        from benchmarks.memory import held

        seconds = time.perf_counter() - begun
        print(json.dumps({"s": seconds, "cpu": time.process_time(), "mb": held("VmHWM") * 1024}))
        return
    if not (folder / "usage.parquet").exists():
        # In a process of its own: a child's peak memory begins at its parent's.
        _measured("write", folder, arguments.rows)
    for left in (folder / "copy.duckdb", folder / "home" / "warehouse.duckdb"):
        left.unlink(missing_ok=True)
    results = {step: _measured(step, folder, arguments.rows) for step in ("copy", "load", "gate")}
    if not _equal(folder):
        raise SystemExit("the loaded table differs from the copy")
    size = (folder / "usage.parquet").stat().st_size / 1e6
    print(f"{arguments.rows:,} usage rows, {size:,.0f} MB of Parquet; loaded table equals the copy")
    for step, name in (("copy", "CREATE TABLE AS"), ("load", "our load"), ("gate", "gate")):
        found, base = results[step], results["copy"]
        print(
            f"{name:16} {found['s']:7.1f} s  {found['cpu']:7.1f} CPU s  {found['s'] / base['s']:5.2f}x wall  "
            f"{found['cpu'] / base['cpu']:5.2f}x CPU  {arguments.rows / found['s'] / 1e6:6.2f} M rows/s  "
            f"peak {found['mb']:,.0f} MB"
        )


if __name__ == "__main__":
    main()
