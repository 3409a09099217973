"""Print how good the champion, its challengers and the baselines are, and what a training costs.

    python -m benchmarks.model_quality                      a made-up panel, in seconds
    python -m benchmarks.model_quality --home .customer_health --as-of 2026-01-05
                                                            the panel of a real or simulated company

Both train through the same function as the train_model DAG. CPU seconds are of one core.
"""

from __future__ import annotations

import argparse
import time
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path

import pandas as pd
from tests.lib.model_worlds import LAST, make_world

from customer_health.model.panel import as_of_dates
from customer_health.model.report import Training
from customer_health.model.training import train
from customer_health.settings import CompanyConfig, load_settings

SHOWN = ["auc", "cal_auc", "recall", "lift", "pr_auc", "brier", "ece", "predicted_to_observed"]


def company(home: Path, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame, CompanyConfig]:
    """Read outcomes and build the panel of an ingested company."""
    from customer_health.signals.build import build_panel
    from customer_health.warehouse.connect import open_warehouse

    settings = load_settings(home=home)
    dates = as_of_dates(as_of, months=settings.config.model.history_months)
    with open_warehouse(settings.warehouse_url) as con:
        cut = datetime.combine(as_of, clock())
        outcomes = con.execute("SELECT * FROM raw.outcomes WHERE known_at < ?", [cut]).df()
        panel = build_panel(con, settings.config, dates, state_dir=settings.state)
    return panel, outcomes, settings.config


def report(training: Training, seconds: float, rows: int) -> None:
    """Print the tables."""
    print(f"{rows:,} panel rows, {seconds:.1f} CPU s for the whole training")
    print(training.why, *training.lines(), sep="\n")
    overall = training.evaluation.overall
    if overall.empty:
        return
    for horizon, table in overall.groupby("horizon"):
        print(f"\n{horizon} days, all test periods")
        print(table.pivot(index="candidate", columns="metric", values="value")[SHOWN].round(4).to_string())
    print("\nPaired differences, 90 % interval from drawing accounts")
    print(training.evaluation.comparisons.round(4).to_string(index=False))


def main() -> None:
    """Parse the arguments, train, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="home of an ingested company; default: a made-up panel")
    parser.add_argument("--as-of", type=date.fromisoformat, default=LAST, help="training date (%(default)s)")
    parser.add_argument("--accounts", type=int, default=2000, help="of the made-up company (%(default)s)")
    parser.add_argument("--strength", type=float, default=1.0, help="0: its losses cannot be foreseen")
    arguments = parser.parse_args()
    if arguments.home:
        panel, outcomes, config = company(arguments.home, arguments.as_of)
    else:
        world = make_world(arguments.accounts, 24, strength=arguments.strength)
        panel, outcomes, config = world.panel, world.outcomes, CompanyConfig()
    begin = time.process_time()
    training = train(panel, outcomes, config, as_of=arguments.as_of, horizons=config.model.horizons)
    report(training, time.process_time() - begin, len(panel))


if __name__ == "__main__":
    main()
