"""Print champion, challengers, baselines and two oracles side by side, and what a training costs.

    python -m benchmarks.model_quality                      a made-up panel, in seconds
    python -m benchmarks.model_quality --oracle --seeds 11 12 13 --accounts 10000
                                                            simulated companies, with the truth beside
    python -m benchmarks.model_quality --home .customer_health --as-of 2026-01-05
                                                            the panel of a real or simulated company

All train through the same function as the train_model DAG. CPU seconds are of one core. `eAUC` is the AUC
that the true probabilities promise to a ranking (no luck of the draw); `closed` is the share of the gap
between renewal date + NPS and the feature-oracle that a model closes. The oracles' other columns are
measured by what happened, like everybody's: a goal beyond them cannot be met on that company. Results of
folds, truths and panels are kept in `--folder`: after a kill the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import date, datetime
from datetime import time as clock
from pathlib import Path

import numpy as np
import pandas as pd
from tests.lib.model_worlds import LAST, make_world

from customer_health.company import CompanyConfig
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.candidate_list import WORDS
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.features import RENEWAL, FeatureSet
from customer_health.model.data.labels import eligible
from customer_health.model.data.training_panel import as_of_dates, prepare
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.evaluation.metrics import PROBABILITY, RANKING, Sample, calendar_strata, recall_at
from customer_health.model.reports.training_report import Training
from customer_health.model.training import train
from customer_health.settings import load_settings

SHOWN = [
    "auc",
    "cal_auc",
    "recall",
    "lift",
    "pr_auc",
    "brier",
    "ece",
    "predicted_to_observed",
    "slope",
    "profit",
]
GOALS = {
    90: {"auc": 0.85, "cal_auc": 0.79, "recall": 0.59, "ece": 0.003},
    180: {"auc": 0.80, "cal_auc": 0.76, "recall": 0.46, "ece": 0.006},
}
PATHS = 32


def company(home: Path, as_of: date) -> tuple[pd.DataFrame, pd.DataFrame, CompanyConfig]:
    """Read outcomes and build the panel of an ingested company."""
    from customer_health.signals.build_panel import build_panel
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
    for (head, horizon), table in overall.groupby(["head", "horizon"]):
        print(f"\n{head}, {horizon} days, all test periods")
        print(table.pivot(index="candidate", columns="metric", values="value")[SHOWN].round(4).to_string())
    print("\nPaired differences, 90 % interval from drawing accounts")
    print(training.evaluation.comparisons.round(4).to_string(index=False))


def with_oracles(folder: Path, seeds: Sequence[int], accounts: int, as_of: date, effort: str) -> None:
    """Train on every simulated company, and compare with its truth."""
    from benchmarks.model_oracle import company as simulated

    worlds = {seed: simulated(folder, seed, accounts, as_of) for seed in seeds}
    tables = []
    for seed, world in worlds.items():
        # The truth is about leaving; the other heads would only cost time here.
        model = world.config.model.model_copy(update={"effort": effort, "loss_types": ("logo_churn",)})
        config = world.config.model_copy(update={"model": model})
        begin = time.process_time()
        store = FoldStore(world.folder / "folds")
        training = train(world.panel, world.outcomes, config, as_of=as_of, store=store)
        seconds = time.process_time() - begin
        print(f"\nSeed {seed}: {seconds:.0f} CPU s, {store.hits} fold results were kept from before")
        print(*training.lines(), sep="\n")
        for horizon in training.heads:
            table = compare(training, horizon, seed, worlds)
            tables.append(table)
            print(f"\nSeed {seed}, {horizon} days: mean over test periods; closed: mean and worst")
            print(summary(table).to_string())
            goals(table, horizon)
    every = pd.concat(tables, ignore_index=True)
    for horizon, table in every.groupby("horizon"):
        print(f"\nAll {len(seeds)} seeds, {horizon} days")
        print(summary(table).to_string())
        goals(table, int(str(horizon)))


def compare(training: Training, horizon: int, seed: int, worlds: dict) -> pd.DataFrame:  # type: ignore[type-arg]
    """Measure every candidate and both oracles per test period of one seed."""
    from benchmarks.model_oracle import expected_auc, feature_oracle

    own = worlds[seed]
    predictions = training.evaluation.of("predictions", horizon)
    days = [day.date() for day in sorted(predictions["train_date"].unique())]
    config = CompanyConfig()
    rows = prepare(own.panel)
    rows = rows[eligible(rows, config.model) & rows["as_of"].isin(pd.to_datetime(days))]
    features = training.champion.features if training.champion else FeatureSet.of(rows)
    others = []
    for other, world in worlds.items():
        if other != seed:
            panel = world.panel[eligible(world.panel, config.model)]
            others.append((panel, world.truth(days, horizon, paths=PATHS)))
    rows = rows.assign(feature_oracle=feature_oracle(rows, others, features) if others else np.nan)
    truth = own.truth(days, horizon, paths=PATHS)
    keyed = rows[["account_id", "as_of", "feature_oracle"]].merge(
        truth.assign(as_of=truth["as_of"].astype("datetime64[us]")), on=["account_id", "as_of"]
    )
    predictions = predictions.merge(
        keyed.rename(columns={"as_of": "train_date"}), on=["account_id", "train_date"]
    )
    clipped = predictions["p"].clip(1e-6, 1 - 1e-6)
    predictions["state_oracle"] = np.log(clipped / (1 - clipped))
    kinds = [kind for kind in (*WORDS, "feature_oracle", "state_oracle") if kind in predictions]
    found = []
    for day, test in predictions.groupby("train_date"):
        p = test["p"].to_numpy()
        reached = {kind: expected_auc(test[kind].to_numpy(), p) for kind in kinds}
        floor, ceiling = reached[NaiveBaseline.kind], reached["feature_oracle"]
        measured = training.evaluation.of("folds", horizon)
        measured = measured[measured["train_date"] == day].set_index("candidate")
        for kind in kinds:
            known = measured.loc[kind] if kind in measured.index else luck(test[kind].to_numpy(), test)
            found.append(
                {
                    "seed": seed,
                    "horizon": horizon,
                    "day": day,
                    "candidate": kind,
                    "eAUC": reached[kind],
                    "closed": (reached[kind] - floor) / (ceiling - floor),
                    "to_state": (reached[kind] - floor) / (reached["state_oracle"] - floor),
                    **{name: known.get(name, np.nan) for name in SHOWN},
                }
            )
    return pd.DataFrame(found)


def luck(logit: np.ndarray, test: pd.DataFrame) -> dict[str, float]:
    """Measure an oracle by what happened, as the candidates are: what nobody could have beaten."""
    y, share = test["y"].to_numpy(), CompanyConfig().model.capacity_share
    sample = Sample(y, calendar_strata(test[RENEWAL].to_numpy()), np.ones((1, len(y))))
    tallies = {name: metric(logit, sample) for name, metric in {**RANKING, **PROBABILITY}.items()}
    tallies["recall"] = recall_at(logit, sample, share)
    return {name: float(tally.values[0]) for name, tally in tallies.items()}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Average over test periods."""
    order = [kind for kind in (*WORDS, "feature_oracle", "state_oracle") if kind in set(table["candidate"])]
    mean = table.groupby("candidate")[["eAUC", "closed", "to_state", *SHOWN]].mean().loc[order]
    mean.insert(2, "worst", table.groupby("candidate")["closed"].min().loc[order])
    return mean.round(4)


def goals(table: pd.DataFrame, horizon: int) -> None:
    """Say which goals of the project the blend meets."""
    own = table[table["candidate"] == Blend.kind]
    mean = own[["closed", *GOALS[horizon]]].mean()
    checks = [
        ("gap closed, mean", mean["closed"], 0.85, 1),
        ("gap closed, worst fold", own["closed"].min(), 0.80, 1),
    ]
    checks += [(name, mean[name], goal, -1 if name == "ece" else 1) for name, goal in GOALS[horizon].items()]
    for name, value, goal, sign in checks:
        verdict = "met" if sign * (value - goal) >= 0 else "MISSED"
        print(f"  {name:24} {value:.4f}   goal {goal}   {verdict}", flush=True)


def main() -> None:
    """Parse the arguments, train, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, help="home of an ingested company; default: a made-up panel")
    parser.add_argument("--as-of", type=date.fromisoformat, default=LAST, help="training date (%(default)s)")
    parser.add_argument("--accounts", type=int, default=2000, help="of each company (%(default)s)")
    parser.add_argument("--strength", type=float, default=1.0, help="0: losses of the made-up one are chance")
    parser.add_argument("--oracle", action="store_true", help="simulate companies and compare with the truth")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--folder", type=Path, default=Path(".benchmarks/model"), help="what is kept")
    parser.add_argument("--effort", choices=["quick", "thorough"], default="thorough")
    arguments = parser.parse_args()
    if arguments.oracle and len(set(arguments.seeds)) < 2:
        parser.error("the feature oracle of a company is taught by the others: name two seeds or more")
    if arguments.oracle:
        with_oracles(arguments.folder, arguments.seeds, arguments.accounts, arguments.as_of, arguments.effort)
        return
    if arguments.home:
        panel, outcomes, config = company(arguments.home, arguments.as_of)
    else:
        world = make_world(arguments.accounts, 24, strength=arguments.strength)
        panel, outcomes, config = world.panel, world.outcomes, CompanyConfig()
    config = config.model_copy(update={"model": config.model.model_copy(update={"effort": arguments.effort})})
    begin = time.process_time()
    training = train(panel, outcomes, config, as_of=arguments.as_of, horizons=config.model.horizons)
    report(training, time.process_time() - begin, len(panel))


if __name__ == "__main__":
    main()
