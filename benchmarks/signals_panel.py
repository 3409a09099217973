"""Panel of many as-of dates: a pure scan, ours, and what most people write (a query per date).

    python -m benchmarks.signals_panel --accounts 2000 --dates 26

Prints CPU seconds (all threads of this process) and ratios after checking that results are equal.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.signals_data import DAYS, FIRST, generate
from customer_health.settings import CompanyConfig
from customer_health.signals.build import build_panel
from customer_health.warehouse.connect import open_warehouse

FLOOR = """SELECT max(account_id), max(user_id), max(feature), sum(events), max(occurred_at), max(known_at)
    FROM raw.usage"""

# The signals that read usage, and one of each other kind, for one as-of date.
PER_DATE = """
WITH seen AS (
    SELECT * FROM raw.usage WHERE occurred_at < $d AND known_at < $d AND occurred_at >= $d - 90
), daily AS (
    SELECT account_id, occurred_at AS day, count(DISTINCT user_id) AS users FROM seen GROUP BY ALL
), began AS (
    SELECT account_id, min(occurred_at) AS first, max(occurred_at) AS last FROM raw.usage
    WHERE occurred_at < $d AND known_at < $d GROUP BY ALL
), grid AS (
    SELECT b.account_id, ($d - n::INT) AS day FROM began b, range(1, 91) t(n) WHERE $d - n::INT >= b.first
), slope AS (
    SELECT g.account_id, regr_slope(coalesce(users, 0), g.day - DATE '2024-01-01') AS usage_trend_slope
    FROM grid g LEFT JOIN daily USING (account_id, day) GROUP BY ALL HAVING count(*) >= 14
), user_days AS (
    SELECT account_id, user_id, count(DISTINCT occurred_at) AS days FROM seen WHERE occurred_at >= $d - 30
    GROUP BY ALL
), power AS (
    SELECT account_id, count(*) FILTER (days >= 12) AS power FROM user_days GROUP BY ALL
), windows AS (
    SELECT account_id,
        count(DISTINCT user_id) FILTER (occurred_at >= $d - 28) AS active_users_28d,
        sum(events) FILTER (occurred_at >= $d - 28) AS now, sum(events) FILTER (occurred_at < $d - 28
            AND occurred_at >= $d - 56) AS before,
        count(DISTINCT feature) FILTER (occurred_at >= $d - 30) AS features
    FROM seen GROUP BY ALL
), names AS (
    SELECT count(DISTINCT feature) AS many FROM raw.usage WHERE occurred_at < $d AND known_at < $d
), tickets AS (
    SELECT account_id, count(*) FILTER (occurred_at >= $d - 90) AS tickets_90d,
        count(*) FILTER (priority = 'critical' AND (resolved_at IS NULL OR resolved_at >= $d))
            AS open_critical_tickets,
        avg(epoch(resolved_at - occurred_at) / 86400) FILTER (resolved_at < $d AND resolved_at >= $d - 90)
            AS avg_resolution_time_days
    FROM raw.tickets WHERE occurred_at < $d AND known_at < $d GROUP BY ALL
), messages AS (
    SELECT account_id, avg(sentiment) AS support_sentiment_90d FROM raw.ticket_messages
    WHERE occurred_at < $d AND known_at < $d AND occurred_at >= $d - 90 GROUP BY ALL
), nps AS (
    SELECT account_id, arg_max(score, occurred_at) AS recent_nps FROM raw.surveys
    WHERE occurred_at < $d AND known_at < $d AND occurred_at >= $d - 180 GROUP BY ALL
), invoices AS (
    SELECT account_id, avg(greatest(0, epoch(paid_at - due_at) / 86400)) FILTER (paid_at >= $d - 365)
        AS payment_delay_days
    FROM raw.invoices WHERE occurred_at < $d AND known_at < $d AND paid_at < $d GROUP BY ALL
)
SELECT a.account_id, usage_trend_slope,
    CASE WHEN b.account_id IS NULL THEN NULL ELSE coalesce(active_users_28d, 0) END AS active_users_28d,
    CASE WHEN b.account_id IS NULL THEN NULL ELSE coalesce(features, 0) / many END AS feature_adoption_score,
    CASE WHEN b.first <= $d - 56 AND before > 0 THEN (coalesce(now, 0) - before) / before
        END AS usage_delta_28d,
    CASE WHEN b.account_id IS NULL THEN NULL ELSE coalesce(power, 0) END AS power_users,
    $d - b.last AS days_since_last_usage,
    coalesce(tickets_90d, 0) AS tickets_90d, coalesce(open_critical_tickets, 0) AS open_critical_tickets,
    avg_resolution_time_days, support_sentiment_90d, recent_nps, payment_delay_days
FROM raw.accounts a LEFT JOIN began b USING (account_id) LEFT JOIN slope USING (account_id)
LEFT JOIN windows USING (account_id) LEFT JOIN power USING (account_id) LEFT JOIN tickets USING (account_id)
LEFT JOIN messages USING (account_id) LEFT JOIN nps USING (account_id) LEFT JOIN invoices USING (account_id)
, names
ORDER BY a.account_id
"""


def measured(name: str, work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """Run once and return the answer with its CPU and wall seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = work()
    taken = {"method": name, "cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return answer, taken


def check_equal(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Compare every column that both have, rtol 1e-9."""
    ours = ours.assign(power_users=ours["power_user_ratio"] * ours["seats"])
    ours = ours.sort_values(["as_of", "account_id"]).reset_index(drop=True)
    theirs = theirs.sort_values(["as_of", "account_id"]).reset_index(drop=True)
    shared = [name for name in theirs.columns if name not in ("account_id", "as_of")]
    for name in shared:
        np.testing.assert_allclose(
            ours[name], theirs[name].astype(float), rtol=1e-9, atol=1e-12, err_msg=name
        )
    print(f"equal in {len(shared)} signals x {len(ours):,} rows (rtol 1e-9)")


def main() -> None:
    """Generate, measure, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument(
        "--dates", type=int, default=26, help="as-of dates, 28 days apart, ending with the data"
    )
    parser.add_argument("--no-queries", action="store_true", help="leave out the query per as-of date")
    options = parser.parse_args()
    last = FIRST + timedelta(days=DAYS)
    dates = sorted(last - timedelta(days=28 * n) for n in range(options.dates))
    config, rows = CompanyConfig(), []
    with tempfile.TemporaryDirectory() as folder, open_warehouse(f"duckdb:///{folder}/b.duckdb") as con:

        def run(name: str, work: Callable[[], Any]) -> Any:
            answer, taken = measured(name, work)
            rows.append(taken)
            return answer

        usage = generate(con, options.accounts)
        print(f"{options.accounts:,} accounts, {usage:,} usage rows, {len(dates)} as-of dates")
        build_panel(con, config, dates[:1])  # imports and compiled kernels are not what is measured
        con.execute(FLOOR).fetchall()
        run("floor: scan and sum", lambda: con.execute(FLOOR).fetchall())
        state = Path(folder) / "state"
        ours = run("ours, from raw", lambda: build_panel(con, config, dates, state_dir=state))
        again = run("ours, from kept state", lambda: build_panel(con, config, dates, state_dir=state))
        pd.testing.assert_frame_equal(ours, again)
        if not options.no_queries:
            check_equal(ours, run("DuckDB, a query per as-of date", lambda: _per_date(con, dates)))
    table = pd.DataFrame(rows)
    table["ratio_to_floor"] = table["cpu_s"] / table["cpu_s"].iloc[0]
    print(table.round(2).to_string(index=False))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def _per_date(con: Any, dates: list[date]) -> pd.DataFrame:
    frames = [con.execute(PER_DATE, {"d": day}).df().assign(as_of=pd.Timestamp(day)) for day in dates]
    return pd.concat(frames, ignore_index=True)


if __name__ == "__main__":
    main()
