"""Walk-forward evaluation of all candidates, and the choice of a champion that earned it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.model.baselines import NaiveBaseline
from customer_health.model.blend import Blend
from customer_health.model.candidate import Candidate, Scorer
from customer_health.model.features import RENEWAL, Feature
from customer_health.model.folds import Fold
from customer_health.model.linear import LogisticRegression
from customer_health.model.metrics import (
    PROBABILITY,
    RANKING,
    Sample,
    Tally,
    account_draws,
    calendar_strata,
    interval,
    recall_at,
)
from customer_health.model.rules import RuleScore
from customer_health.model.trees import BoostedTrees
from customer_health.settings import ModelConfig

BASELINES = (NaiveBaseline.kind, RuleScore.kind)
SINGLES = (LogisticRegression.kind, BoostedTrees.kind)
DUELS = (("auc", NaiveBaseline.kind), ("cal_auc", NaiveBaseline.kind), ("auc", RuleScore.kind))
WORDS = {
    "auc": "AUC",
    "cal_auc": "calendar-adjusted AUC",
    NaiveBaseline.kind: "renewal date + NPS",
    RuleScore.kind: "the rule score",
}
DRAWS = 300
MIN_TRAIN_LOST = 20  # rows; below this a fold's models are noise
MIN_TEST_LOST = 3  # rows; below this a fold's AUC is


@dataclass(frozen=True)
class Head:
    """All rows of one horizon: what the folds cut from.

    Attributes:
        rows: Eligible panel rows: `account_id`, `as_of`.
        design: Their features.
        horizon_days: Length of the label's window.
        labels_by: Labels of the rows as known on a given day; NaN where unknown.
    """

    rows: pd.DataFrame
    design: pd.DataFrame
    horizon_days: int
    labels_by: Callable[[pd.Timestamp], np.ndarray]


@dataclass(frozen=True)
class Evaluation:
    """What walk-forward found.

    Attributes:
        folds: Per horizon, fold and candidate: counts and metrics.
        overall: Per horizon, candidate and metric: value over all folds and its 90 % interval.
        comparisons: Per horizon, candidate and baseline: paired differences of AUC and
            calendar-adjusted AUC with their interval; `bound` is the lower bound that decides.
        predictions: Per horizon, test row and candidate: the logit, and the label `y`.
    """

    folds: pd.DataFrame
    overall: pd.DataFrame
    comparisons: pd.DataFrame
    predictions: pd.DataFrame

    @classmethod
    def joined(cls, parts: Sequence[Evaluation]) -> Evaluation:
        """Put the horizons below each other."""
        tables = (
            pd.concat([getattr(part, name) for part in parts], ignore_index=True) if parts else pd.DataFrame()
            for name in ("folds", "overall", "comparisons", "predictions")
        )
        return cls(*tables)

    def value(self, horizon: int, candidate: str, metric: str = "auc") -> float:
        """Look up one overall metric; NaN if it was not measured."""
        if self.overall.empty:
            return float("nan")
        table = self.overall
        hit = table[
            (table["horizon"] == horizon) & (table["candidate"] == candidate) & (table["metric"] == metric)
        ]
        return float(hit["value"].iloc[0]) if len(hit) else float("nan")


def singles(features: Sequence[Feature], config: ModelConfig) -> list[Candidate]:
    """Return the unfitted models that compete, alone and blended."""
    return [
        LogisticRegression(features),
        BoostedTrees(features, seed=config.seed, threads=config.threads),
    ]


def thin(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Keep every lost row and a share of the kept ones, which then weigh more.

    Kept rows are plentiful and nearly copies of each other: a third of them fits the same model in a
    third of the time, and the weights leave the probabilities as they are.

    Returns:
        Positions of the rows to train on, and their weights.
    """
    lost, kept = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    wanted = max(25 * len(lost), 12_000, len(kept) // 5)
    if wanted >= len(kept):
        return np.sort(np.concatenate([lost, kept])), np.ones(len(lost) + len(kept))
    chosen = np.random.default_rng(seed).choice(kept, size=wanted, replace=False)
    positions = np.sort(np.concatenate([lost, chosen]))
    return positions, np.where(y[positions] == 1, 1.0, len(kept) / wanted)


def countable(head: Head, folds: Sequence[Fold], *, as_of: pd.Timestamp) -> list[Fold]:
    """Keep the folds with enough losses to learn from and to be judged by."""
    final = head.labels_by(as_of)
    kept = []
    for fold in folds:
        known = head.labels_by(fold.train_date)[head.rows["as_of"].isin(fold.train_dates).to_numpy()]
        test = final[(head.rows["as_of"] == fold.train_date).to_numpy()]
        if (known == 1).sum() >= MIN_TRAIN_LOST and (test == 1).sum() >= MIN_TEST_LOST:
            kept.append(fold)
    return kept


def walk(
    head: Head,
    folds: Sequence[Fold],
    features: Sequence[Feature],
    config: ModelConfig,
    *,
    as_of: pd.Timestamp,
    tick: Callable[[str], None],
) -> pd.DataFrame:
    """Retrain at every fold's date with what was known then, and predict that day's accounts.

    Returns:
        Test rows with `horizon`, `train_date`, `account_id`, `y`, `days_to_renewal` and a logit per
        candidate.
    """
    final = head.labels_by(as_of)
    tables = []
    for fold in folds:
        labels = head.labels_by(fold.train_date)
        train = np.flatnonzero(head.rows["as_of"].isin(fold.train_dates).to_numpy() & ~np.isnan(labels))
        test = np.flatnonzero((head.rows["as_of"] == fold.train_date).to_numpy() & ~np.isnan(final))
        picked, weight = thin(labels[train], config.seed)
        design, y = head.design.iloc[train[picked]], labels[train][picked]
        seen = head.design.iloc[test]
        logits: dict[str, np.ndarray] = {}
        scorers: list[Scorer] = [NaiveBaseline(), RuleScore(), *singles(features, config)]
        for scorer in scorers:
            logits[scorer.kind] = scorer.fit(design, y, weight).predict_logit(seen)
            tick(f"{head.horizon_days} days, {fold.train_date:%b %Y}: {scorer.kind}")
        logits[Blend.kind] = np.mean([logits[kind] for kind in SINGLES], axis=0)
        tables.append(
            pd.DataFrame(
                {
                    "horizon": head.horizon_days,
                    "train_date": fold.train_date,
                    "account_id": head.rows["account_id"].to_numpy()[test],
                    "y": final[test],
                    RENEWAL: seen[RENEWAL].to_numpy(),
                    **logits,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def measure(predictions: pd.DataFrame, config: ModelConfig) -> Evaluation:
    """Compute all metrics of one horizon, per fold and over all folds, with paired intervals."""
    horizon = int(predictions["horizon"].iloc[0])
    draws = account_draws(predictions["account_id"], DRAWS, config.seed)
    kinds = [kind for kind in (*BASELINES, *SINGLES, Blend.kind) if kind in predictions]
    sums: dict[tuple[str, str], Tally] = {}
    fold_rows = []
    for day, test in predictions.groupby("train_date", sort=True):
        sample = Sample(
            test["y"].to_numpy(),
            calendar_strata(test[RENEWAL].to_numpy()),
            draws.loc[test["account_id"]].to_numpy().T,
        )
        for kind in kinds:
            tallies = _tallies(kind, test[kind].to_numpy(), sample, config)
            for metric, tally in tallies.items():
                known = sums.get((kind, metric))
                sums[kind, metric] = tally if known is None else known + tally
            fold_rows.append(
                {
                    "horizon": horizon,
                    "train_date": day,
                    "candidate": kind,
                    "rows": len(test),
                    "lost": int(test["y"].sum()),
                    **{metric: float(tally.values[0]) for metric, tally in tallies.items()},
                }
            )
    overall = pd.DataFrame(
        [
            (horizon, kind, metric, float(tally.values[0]), *interval(tally.values))
            for (kind, metric), tally in sums.items()
        ],
        columns=["horizon", "candidate", "metric", "value", "low", "high"],
    )
    return Evaluation(pd.DataFrame(fold_rows), overall, _compare(horizon, kinds, sums), predictions)


def _tallies(kind: str, logit: np.ndarray, sample: Sample, config: ModelConfig) -> Mapping[str, Tally]:
    found = {name: metric(logit, sample) for name, metric in RANKING.items()}
    recall = recall_at(logit, sample, config.capacity_share)
    found["recall"] = recall
    found["lift"] = Tally(recall.above / config.capacity_share, recall.below)
    if kind != RuleScore.kind:  # it ranks, but knows no probabilities
        found |= {name: metric(logit, sample) for name, metric in PROBABILITY.items()}
    return found


def _compare(horizon: int, kinds: Sequence[str], sums: Mapping[tuple[str, str], Tally]) -> pd.DataFrame:
    rows = []
    rivals = [(kind, baseline) for kind in (*SINGLES, Blend.kind) for baseline in BASELINES if kind in kinds]
    rivals += [(kind, Blend.kind) for kind in SINGLES if Blend.kind in kinds]
    # The best of several candidates is the luckiest, too: its bound pays for having been picked.
    level = 1 - 0.10 / (len(SINGLES) + 1)
    for kind, rival in rivals:
        for metric in ("auc", "cal_auc"):
            gain = sums[kind, metric].values - sums[rival, metric].values
            low, high = interval(gain)
            rows.append(
                {
                    "horizon": horizon,
                    "candidate": kind,
                    "against": rival,
                    "metric": metric,
                    "gain": float(gain[0]),
                    "low": low,
                    "high": high,
                    "bound": interval(gain, level)[0],
                    "error": float(np.nanstd(gain[1:])),
                }
            )
    return pd.DataFrame(rows)


def choose(evaluation: Evaluation, horizon: int) -> tuple[str | None, str]:
    """Pick the champion of a horizon, or none, and say why in one sentence.

    The blend goes first, being the safest; a single model takes its place only if it is better by
    more than the paired standard error. Whoever is picked must beat both baselines beyond doubt.

    Against renewal date + NPS that includes the calendar-adjusted AUC: knowing the calendar a little
    better than the baseline's ranges do is no insight into customers.

    Returns:
        Kind of the champion (None: no model) and the reason.
    """
    table = evaluation.comparisons
    table = table[table["horizon"] == horizon]
    duels = {
        (row["metric"], row["candidate"], row["against"]): row for row in table.to_dict(orient="records")
    }
    best = Blend.kind
    for kind in SINGLES:
        duel = duels["auc", kind, Blend.kind]
        if duel["gain"] > duel["error"] and evaluation.value(horizon, kind) > evaluation.value(horizon, best):
            best = kind
    for metric, rival in DUELS:
        duel = duels[metric, best, rival]
        if not duel["bound"] > 0:
            own, theirs = (evaluation.value(horizon, kind, metric) for kind in (best, rival))
            doubt = (
                f", a lead that chance explains (lower bound {duel['bound']:+.3f})" if own > theirs else ""
            )
            return None, (
                f"the model does not beat {WORDS[rival]} on this data: {WORDS[metric]} {own:.2f} against "
                f"{theirs:.2f}, {horizon} days ahead{doubt}"
            )
    duel = duels["auc", best, NaiveBaseline.kind]
    own, naive, rules = (
        evaluation.value(horizon, kind) for kind in (best, NaiveBaseline.kind, RuleScore.kind)
    )
    folds = evaluation.folds["train_date"][evaluation.folds["horizon"] == horizon].nunique()
    return best, (
        f"{horizon} days ahead the {best} model reaches AUC {own:.2f} against {naive:.2f} for renewal date "
        f"+ NPS and {rules:.2f} for the rule score ({folds} test periods; lead over renewal date + NPS "
        f"{duel['gain']:+.3f}, 90 % interval {duel['low']:+.3f} to {duel['high']:+.3f})"
    )
