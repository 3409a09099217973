"""Simulated companies whose truth is known: panels, outcomes, true probabilities, and two oracles.

Two upper bounds for any model, which only a simulator can give:

- state-oracle: the true probability, which knows health, mood and frailty of every account.
- feature-oracle: what the signals can tell at best: trees distilled from the true probability on
  the accounts of the *other* seeds, who share the rules of life and nothing else.

Everything that takes long is kept as Parquet beside the company, under a name that holds a hash of
what it was made from, so a benchmark that was killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
from tests.lib.oracle import true_probability

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.model.data.features import FeatureSet
from customer_health.model.data.training_panel import as_of_dates
from customer_health.settings import load_settings
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import CATALOGUE
from customer_health.simulator.canonical_exports import build_world
from customer_health.simulator.world import World
from customer_health.warehouse.connect import open_warehouse

MONTHS = 24
TREES = {
    "objective": "cross_entropy",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 150,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,
    "verbosity": -1,
}
ROUNDS = 400


@dataclass(frozen=True)
class Company:
    """One simulated company as a training sees it, and what only its maker knows."""

    seed: int
    folder: Path
    as_of: date
    panel: pd.DataFrame
    outcomes: pd.DataFrame
    config: CompanyConfig

    def truth(self, days: Sequence[date], horizon: int, *, paths: int) -> pd.DataFrame:
        """Return `account_id`, `as_of` and the true probability `p` of leaving, kept on disk per day."""
        world: World | None = None
        parts = []
        for day in days:
            path = self.folder / "truth" / f"{day}_{horizon}_{paths}.parquet"
            if not path.exists():
                world = world or _world(self.folder, self.as_of)
                true = true_probability(world, day, horizon, paths=paths)
                table = true.rename("p").reset_index().assign(as_of=pd.Timestamp(day))
                path.parent.mkdir(exist_ok=True)
                table.to_parquet(path.with_suffix(".partial"))
                path.with_suffix(".partial").replace(path)
            parts.append(pd.read_parquet(path))
        return pd.concat(parts, ignore_index=True)


def _world(folder: Path, as_of: date) -> World:
    born = json.loads((folder / "company" / "company.json").read_text(encoding="utf-8"))
    start = date.fromisoformat(born["start"])
    return build_world(start=start, through=as_of, accounts=born["accounts"], seed=born["seed"])


def company(folder: Path, seed: int, accounts: int, as_of: date) -> Company:
    """Simulate, ingest and check a company through the same steps as a real one, and build its panel."""
    home = folder / f"s{seed}"
    settings = load_settings(home=home)
    simulator = {"accounts": accounts, "seed": seed}
    settings = settings.model_copy(
        update={"config": settings.config.model_copy(update={"simulator": simulator})}
    )
    config = pipeline.company_config(settings)
    words = json.dumps([str(as_of), MONTHS, [repr(signal) for signal in CATALOGUE.values()]])
    name = f"panel_{hashlib.sha256(words.encode()).hexdigest()[:10]}.parquet"
    if not (home / name).exists():
        pipeline.ingest(settings, as_of=as_of)
        pipeline.check_quality(settings, as_of=as_of, now=datetime.combine(as_of, time(), UTC))
        pipeline.read_texts(settings, as_of=as_of)
        with open_warehouse(settings.warehouse_url) as con:
            panel = build_panel(con, config, as_of_dates(as_of, months=MONTHS), state_dir=settings.state)
            cut = datetime.combine(as_of, time())
            outcomes = con.execute("SELECT * FROM raw.outcomes WHERE known_at < ?", [cut]).df()
        outcomes.to_parquet(home / "outcomes.parquet")
        panel.to_parquet(home / "panel.partial")
        (home / "panel.partial").replace(home / name)
    panel = pd.read_parquet(home / name)
    return Company(seed, home, as_of, panel, pd.read_parquet(home / "outcomes.parquet"), config)


def distil(design: pd.DataFrame, p: np.ndarray, seen: pd.DataFrame) -> np.ndarray:
    """Learn the true probability from signals of other accounts; return log-odds for `seen`."""
    import lightgbm as lgb

    data = lgb.Dataset(design.to_numpy(), label=p, params={"verbosity": -1, "max_bin": 63, "num_threads": 1})
    grown = lgb.train({**TREES, "seed": 1}, data, num_boost_round=ROUNDS)
    return np.asarray(grown.predict(seen[design.columns].to_numpy(), raw_score=True), dtype=float)


def feature_oracle(
    own: pd.DataFrame, others: Sequence[tuple[pd.DataFrame, pd.DataFrame]], features: FeatureSet
) -> np.ndarray:
    """Return the feature-oracle's log-odds for `own` rows.

    Args:
        own: Panel rows to predict.
        others: Per other company its eligible panel rows and their truth (`account_id`, `as_of`, `p`).
        features: The features that the model under test sees.
    """
    parts = []
    for rows, truth in others:
        known = rows.assign(as_of=pd.to_datetime(rows["as_of"]).astype("datetime64[us]")).merge(
            truth.assign(as_of=truth["as_of"].astype("datetime64[us]")), on=["account_id", "as_of"]
        )
        parts.append((features.design(known)[features.names], known["p"].to_numpy()))
    design = pd.concat([part for part, _ in parts], ignore_index=True)
    p = np.concatenate([part for _, part in parts])
    return distil(design, p, features.design(own))


def expected_auc(score: np.ndarray, p: np.ndarray) -> float:
    """Return the AUC that the true probabilities promise to a ranking: no luck of the draw in it."""
    order = np.argsort(score, kind="stable")
    ranked, lost, kept = score[order], p[order], 1 - p[order]
    below = np.concatenate([[0.0], np.cumsum(kept)])
    first = np.searchsorted(ranked, ranked, side="left")
    last = np.searchsorted(ranked, ranked, side="right")
    own = lost * kept  # a pair of a row with itself is none
    won = lost @ (0.5 * (below[first] + below[last])) - 0.5 * own.sum()
    return float(won / (lost.sum() * kept.sum() - own.sum()))
