"""Measure what a training costs, against the project's limits: CPU seconds of LightGBM, and the wall clock.

    python -m benchmarks.model_cost --folder .benchmarks/model --seed 11 --accounts 10000

The panel is that of `benchmarks.model_quality --oracle`, simulated and ingested if it is not there yet.
Nothing is taken from kept fold results. The wall clock also counts everybody else who uses the machine, so
the CPU time of this process stands beside it.
"""

from __future__ import annotations

import argparse
import time
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks.model_oracle import Company, company
from tests.lib.model_worlds import LAST

from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate_list import Head, build
from customer_health.model.data.features import FeatureSet
from customer_health.model.data.folds import walk_forward
from customer_health.model.data.labels import eligible, outcome_labels
from customer_health.model.data.training_panel import dates_of, prepare
from customer_health.model.evaluation.fold_work import training_set_of
from customer_health.model.training import train

FOLDS = 12
LIMIT_LIGHTGBM = 10.0  # CPU seconds
LIMIT_ALL = 300.0  # seconds of wall clock


def lightgbm_seconds(world: Company) -> float:
    """Fit and predict LightGBM in twelve folds of both horizons; return the CPU seconds of that alone."""
    rows = prepare(world.panel)
    rows = rows[eligible(rows, world.config.model)].reset_index(drop=True)
    features = FeatureSet.of(rows, world.config.signals.profile)
    design = features.design(rows)
    spent, done = 0.0, 0
    for horizon in world.config.model.horizons:
        head = Head(rows, design, horizon, partial(_labels, world, rows, horizon))
        today = pd.Timestamp(world.as_of)
        for fold in walk_forward(dates_of(rows), horizon_days=horizon, as_of=today)[: FOLDS - done]:
            training_set = training_set_of(head, fold.train_dates, fold.train_date, world.config.model)
            seen = design[(rows["as_of"] == fold.train_date).to_numpy()]
            trees = build(BoostedTrees.kind, features.features, world.config.model, horizon_days=horizon)
            begin = time.process_time()
            trees.fit(training_set.design, training_set.y, training_set.weight).predict_logit(seen)
            spent += time.process_time() - begin
            done += 1
    verdict = _verdict(spent, LIMIT_LIGHTGBM)
    print(f"{done} folds of LightGBM: {spent:.1f} CPU s   goal {LIMIT_LIGHTGBM:.0f}   {verdict}", flush=True)
    return spent


def _labels(world: Company, rows: pd.DataFrame, horizon: int, day: pd.Timestamp) -> np.ndarray:
    labels = outcome_labels(world.outcomes, rows, horizon_days=horizon, as_of=day)
    return np.asarray(labels, dtype=float)


def training_seconds(world: Company, effort: str) -> float:
    """Train the logo heads with all candidates and gates, from nothing; return the wall-clock seconds."""
    model = world.config.model.model_copy(update={"effort": effort, "loss_types": ("logo_churn",)})
    wall, cpu = time.perf_counter(), time.process_time()
    train(world.panel, world.outcomes, world.config.model_copy(update={"model": model}), as_of=world.as_of)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        f"all candidates and gates, {effort}: {wall:.0f} s of wall clock, {cpu:.0f} CPU s"
        f"   goal {LIMIT_ALL:.0f}   {_verdict(wall, LIMIT_ALL)}",
        flush=True,
    )
    return wall


def _verdict(seconds: float, limit: float) -> str:
    return "met" if seconds <= limit else "MISSED"


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path(".benchmarks/model"), help="what is kept")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--as-of", type=date.fromisoformat, default=LAST)
    parser.add_argument("--effort", nargs="+", choices=["quick", "thorough"], default=["quick", "thorough"])
    arguments = parser.parse_args()
    world = company(arguments.folder, arguments.seed, arguments.accounts, arguments.as_of)
    lightgbm_seconds(world)
    for effort in arguments.effort:
        training_seconds(world, effort)


if __name__ == "__main__":
    main()
