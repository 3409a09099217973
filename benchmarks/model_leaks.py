"""Plant four fields of hindsight in simulated companies: how many are caught, how many signals accused.

    python -m benchmarks.model_leaks --seeds 11 12 13 --accounts 10000

The four are the CRM's current-state fields (cancellation requested, seats now, weeks since the last
update) and a cancellation flag that somebody ticked for only 30 % of those who left.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.model_oracle import company

from customer_health.model.data.features import FeatureSet
from customer_health.model.data.labels import eligible, loss_times
from customer_health.model.data.training_panel import prepare
from customer_health.model.evaluation import leak_detector
from customer_health.model.training import STATIC
from customer_health.warehouse.connect import open_warehouse

TRAPS = ("cancellation_requested", "seats_now", "weeks_since_crm_update", "cancellation_sometimes")


def examine(folder: Path, seed: int, accounts: int, as_of: date) -> tuple[int, int, int]:
    """Print the verdicts for one company; return traps caught, signals accused, signals tested."""
    found = company(folder, seed, accounts, as_of)
    rows = prepare(found.panel)
    mask = eligible(rows, found.config.model).to_numpy()
    times = loss_times(found.outcomes, rows, as_of=as_of)[mask]
    rows = rows[mask].reset_index(drop=True)
    outcomes = leak_detector.Outcomes(
        times["loss_after"].to_numpy(), times["known_for"].to_numpy(), rows["account_id"].to_numpy()
    )
    with open_warehouse(f"duckdb:///{found.folder}/warehouse.duckdb") as con:
        snapshot = con.execute("SELECT * FROM raw.crm_snapshot").df()
    left = set(found.outcomes.loc[found.outcomes["kind"] == "logo_churn", "account_id"])
    ticked = np.random.default_rng(seed).random(len(snapshot))
    gone = snapshot["account_id"].isin(left).to_numpy()
    snapshot["cancellation_sometimes"] = np.where(gone, ticked < 0.30, ticked < 0.01)
    fields = snapshot.drop_duplicates("account_id").set_index("account_id").reindex(rows["account_id"])
    numbers = pd.DataFrame({name: pd.to_numeric(fields[name]).to_numpy(dtype=float) for name in TRAPS})
    measured = leak_detector.separations(numbers, TRAPS, outcomes)
    alone = {finding.column: finding.test for finding in leak_detector.judge(measured)}
    caught = {finding.column for finding in leak_detector.without_past(snapshot, rows, outcomes)} & set(TRAPS)
    features = FeatureSet.of(rows)
    names = [f.name for f in features.features if f.concept != "calendar"]
    table = leak_detector.separations(features.design(rows), names, outcomes)
    static = [f.name for f in features.features if f.source in STATIC]
    accused = leak_detector.judge(table, static=static)
    told = f"{len(caught)} of {len(TRAPS)} traps caught, {len(accused)} of {len(names)} signals accused"
    print(f"\nSeed {seed}: {told}")
    for name in TRAPS:
        near, _, retention = measured.loc[name, ["near", "far", "retention"]]
        verdict = alone.get(name, "-")
        print(f"  {name:26} near AUC {near:.3f}  retention {retention:.2f}  by its numbers: {verdict}")
    worst = table.drop(index=static, errors="ignore")
    print(
        f"  honest signals: highest near AUC {table['near'].max():.3f}, highest retention above near 0.60: "
        f"{worst.loc[worst['near'] > leak_detector.WORTH_ASKING, 'retention'].max():.2f}"
    )
    for finding in accused:
        print(f"  accused: {finding.sentence()}")
    return len(caught), len(accused), len(names)


def main() -> None:
    """Examine every seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 1, 1))
    parser.add_argument("--folder", type=Path, default=Path(".benchmarks/model"))
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        examine(arguments.folder, seed, arguments.accounts, arguments.as_of)


if __name__ == "__main__":
    main()
