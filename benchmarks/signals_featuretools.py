"""Featuretools as a peer: deep feature synthesis with cut-off times, against ours, for a few accounts.

    python -m benchmarks.signals_featuretools --accounts 50 --dates 24

Featuretools runs in an environment of its own (.venv-featuretools, built on the first call). It answers
three of the signals, and so does ours beside it; both must be equal. Its cost grows with accounts times
dates, so the last line, for 10,000 accounts, is extrapolated and says so; ours is measured there too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

LARGE = 10_000  # accounts of the last lines
ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv-featuretools" / "bin" / "python"
SIGNALS = ("active_users_28d", "tickets_90d", "support_sentiment_90d")
# Featuretools has one window per call: entity, column, primitive and window of each signal.
ASKED = {
    "active_users_28d": ("usage", "NUM_UNIQUE(usage.user_id)", "num_unique", "28 days"),
    "tickets_90d": ("tickets", "COUNT(tickets)", "count", "90 days"),
    "support_sentiment_90d": ("ticket_messages", "MEAN(ticket_messages.sentiment)", "mean", "90 days"),
}
COLUMNS = {
    "usage": "account_id, user_id, occurred_at::TIMESTAMP AS occurred_at",
    "tickets": "account_id, ticket_id, occurred_at",
    "ticket_messages": "account_id, sentiment, occurred_at",
}


def theirs(folder: Path) -> None:
    """Run in Featuretools' environment: read the tables, answer, write the answer and what it cost."""
    import featuretools as ft
    import pandas as pd

    frames = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    cutoffs = frames.pop("cutoffs").sort_values("time")
    accounts = cutoffs[["account_id"]].drop_duplicates()
    answer, cpu = cutoffs.set_index(["account_id", "time"])[[]], 0.0
    for name, (table, feature, primitive, window) in ASKED.items():
        entities = ft.EntitySet(name)
        entities.add_dataframe(accounts.copy(), "accounts", index="account_id")
        rows = frames[table].sort_values("occurred_at").reset_index(drop=True)
        entities.add_dataframe(rows, table, index="row", make_index=True, time_index="occurred_at")
        entities.add_relationship("accounts", "account_id", table, "account_id")
        entities.add_last_time_indexes()
        begun = time.process_time()
        found, _ = ft.dfs(
            entityset=entities, target_dataframe_name="accounts", agg_primitives=[primitive],
            trans_primitives=[], max_depth=1, cutoff_time=cutoffs, cutoff_time_in_index=True,
            training_window=window, include_cutoff_time=False, n_jobs=1,
        )  # fmt: skip
        cpu += time.process_time() - begun
        answer[name] = found[feature].astype(float)
    answer.reset_index().to_parquet(folder / "answer.pq")
    (folder / "cost.json").write_text(json.dumps({"cpu": cpu}), encoding="utf-8")


def environment() -> Path:
    """Return the interpreter of Featuretools' environment, built if it is not there."""
    if not PYTHON.exists():
        print("building .venv-featuretools", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
        uv = [Path(sys.executable).parent / "uv", "pip", "install", "--quiet", "--system-certs"]
        pins = ["--python", PYTHON, "--requirement", ROOT / "requirements-featuretools.txt"]
        subprocess.run([*uv, *pins], check=True)
    return PYTHON


def answered(con: duckdb.DuckDBPyConnection, dates: Sequence[date]) -> tuple[pd.DataFrame, float]:
    """Our panel of the same signals, from the raw tables, and its CPU seconds."""
    from customer_health.company import CompanyConfig
    from customer_health.signals.build_panel import build_panel
    from customer_health.signals.catalogue import named

    config, signals = CompanyConfig(), named(SIGNALS)
    build_panel(con, config, dates[:1], signals=signals)  # compiles the kernels
    begun = time.process_time()
    panel = build_panel(con, config, dates, signals=signals)
    return panel, time.process_time() - begun


def main() -> None:
    """Draw a history, let both answer, check that they agree, print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=50)
    parser.add_argument("--dates", type=int, default=24)
    arguments = parser.parse_args()

    import numpy as np
    import pandas as pd
    from benchmarks.signals_data import DAYS, FIRST, generate

    from customer_health.warehouse.connect import open_warehouse

    dates = [FIRST + timedelta(days=DAYS - 30 * n) for n in reversed(range(arguments.dates))]
    with tempfile.TemporaryDirectory() as scratch, open_warehouse(f"duckdb:///{scratch}/b.duckdb") as con:
        folder = Path(scratch)
        # Featuretools knows one clock: here nothing arrives late.
        print(f"{generate(con, arguments.accounts, late_share=0.0):,} rows of usage")
        ours, cpu = answered(con, dates)
        for table, columns in COLUMNS.items():
            con.execute(f"COPY (SELECT {columns} FROM raw.{table}) TO '{folder}/{table}.parquet'")
        ours = ours.rename(columns={"as_of": "time"}).sort_values(["account_id", "time"])
        ours[["account_id", "time"]].to_parquet(folder / "cutoffs.parquet")
        subprocess.run([environment(), "-W", "ignore", __file__, "--answer", folder], check=True)
        answer = pd.read_parquet(folder / "answer.pq").sort_values(["account_id", "time"])
        cost = json.loads((folder / "cost.json").read_text(encoding="utf-8"))["cpu"]
    for name in SIGNALS:
        mine, other = ours[name].to_numpy(), answer[name].to_numpy()
        if name != "support_sentiment_90d":
            # Nothing to count: ours tells "never used it" from 0, Featuretools leaves both empty.
            mine, other = np.nan_to_num(mine), np.nan_to_num(other)
        np.testing.assert_allclose(mine, other, rtol=1e-9, err_msg=name)
    print(f"equal in {len(SIGNALS)} signals x {len(ours):,} rows (rtol 1e-9)")
    print(f"ours                                {cpu:10.2f} CPU s")
    print(f"Featuretools, deep feature synthesis{cost:10.2f} CPU s   {cost / cpu:,.0f} times ours")
    with tempfile.TemporaryDirectory() as scratch, open_warehouse(f"duckdb:///{scratch}/b.duckdb") as con:
        generate(con, LARGE, late_share=0.0)
        many = answered(con, dates)[1]
    theirs_there = cost * LARGE / arguments.accounts
    print(f"ours, {LARGE:,} accounts               {many:10.2f} CPU s   measured")
    print(
        f"Featuretools, {LARGE:,} accounts       {theirs_there:10.0f} CPU s   extrapolated from its accounts"
    )
    print(f"                                    {theirs_there / many:,.0f} times ours")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--answer"]:
        theirs(Path(sys.argv[2]))
    else:
        main()
