"""Panel of many as-of dates: a pure scan, ours, and what most people write.

    python -m benchmarks.signals_panel --accounts 2000 --dates 24

Prints CPU seconds (all threads of this process) and ratios after checking that results are equal.
Ours answers the whole catalogue, and once more only the signals of `signals_peers`, which the others answer:
compare those rows. A loop over accounts is run for a few accounts and extrapolated, which its row says.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks import signals_peers as peers
from benchmarks.signals_data import DAYS, FIRST, generate

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import CATALOGUE
from customer_health.warehouse.connect import open_warehouse

FLOOR = """SELECT max(account_id), max(user_id), max(feature), sum(events), max(occurred_at), max(known_at)
    FROM raw.usage"""


def measured(name: str, work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """Run once and return the answer with its CPU and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    taken = {"method": name, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return answer, taken


def check_equal(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Compare every column that both have, rtol 1e-9."""
    ours = ours.assign(power_users=(ours["power_user_ratio"] * ours["seats"]).round(6))
    ours = ours.sort_values(["as_of", "account_id"]).reset_index(drop=True)
    theirs = theirs.sort_values(["as_of", "account_id"]).reset_index(drop=True)
    shared = [name for name in theirs.columns if name not in ("account_id", "as_of")]
    for name in shared:
        np.testing.assert_allclose(
            ours[name], theirs[name].astype(float), rtol=1e-9, atol=1e-12, err_msg=name
        )
    print(f"equal in {len(shared)} signals x {len(ours):,} rows (rtol 1e-9)")


def extrapolated(rows: list[dict[str, Any]], name: str, times: float) -> None:
    """Replace the last measurement by what the whole would cost."""
    last = rows[-1]
    rows[-1] = {"method": name, "cpu_s": last["cpu_s"] * times, "wall_s": last["wall_s"] * times}


def main() -> None:
    """Generate, measure, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument(
        "--dates", type=int, default=26, help="as-of dates, 28 days apart, ending with the data"
    )
    parser.add_argument("--no-queries", action="store_true", help="leave out the query per as-of date")
    parser.add_argument("--file", type=Path, help="keep the raw tables here, or find them here")
    options = parser.parse_args()
    last = FIRST + timedelta(days=DAYS)
    dates = sorted(last - timedelta(days=28 * n) for n in range(options.dates))
    config, rows = CompanyConfig(), []
    alike = [CATALOGUE[name] for name in peers.PEERS]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        file = options.file or Path(folder) / "b.duckdb"
        made = file.exists()
        con = stack.enter_context(open_warehouse(f"duckdb:///{file}"))

        def run(name: str, work: Callable[[], Any]) -> Any:
            answer, taken = measured(name, work)
            rows.append(taken)
            return answer

        if not made:
            generate(con, options.accounts)
        usage = con.execute("SELECT count(*) FROM raw.usage").fetchall()[0][0]
        print(f"{options.accounts:,} accounts, {usage:,} usage rows, {len(dates)} as-of dates")
        warm = Path(folder) / "warm"
        build_panel(con, config, dates[:1], state_dir=warm)  # imports and compiled loops are not measured
        con.execute(FLOOR).fetchall()
        run("floor: scan and sum", lambda: con.execute(FLOOR).fetchall())
        state = Path(folder) / "state"
        ours = run("ours, from raw", lambda: build_panel(con, config, dates, state_dir=state))
        again = run("ours, from kept state", lambda: build_panel(con, config, dates, state_dir=state))
        pd.testing.assert_frame_equal(ours, again)
        del again
        state = Path(folder) / "few"
        same = run(
            "ours, the peers' signals, from raw",
            lambda: build_panel(con, config, dates, signals=alike, state_dir=state),
        )
        pd.testing.assert_frame_equal(
            same.drop(columns="coverage"), ours[list(same.columns.drop("coverage"))]
        )
        run(
            "ours, the peers' signals, from kept state",
            lambda: build_panel(con, config, dates, signals=alike, state_dir=state),
        )
        if not options.no_queries:
            check_equal(
                ours, run("DuckDB, a query per as-of date", lambda: peers.duckdb_per_date(con, dates))
            )
            tables = peers.load(con)
            check_equal(
                ours, run("Polars, a query per as-of date", lambda: peers.polars_per_date(tables, dates))
            )
            few = dates[:: max(1, len(dates) // 3)]
            work = run(f"pandas group-bys, {len(few)} dates", lambda: peers.pandas_per_date(tables, few))
            check_equal(ours[ours["as_of"].isin(work["as_of"])], work)
            extrapolated(rows, "pandas group-bys (extrapolated)", len(dates) / len(few))
            some = sorted(ours["account_id"].unique())[:: max(1, options.accounts // 20)][:20]
            work = run(f"loop, {len(some)} accounts, 1 date", lambda: peers.loop(tables, some, dates[-1]))
            there = ours["account_id"].isin(some) & (ours["as_of"] == pd.Timestamp(dates[-1]))
            check_equal(ours[there], work)
            extrapolated(rows, "loop (extrapolated)", options.accounts / len(some) * len(dates))
    table = pd.DataFrame(rows)
    table["ratio_to_floor"] = table["cpu_s"] / table["cpu_s"].iloc[0]
    print(table.round(2).to_string(index=False))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


if __name__ == "__main__":
    main()
