"""Who competes: the candidates of a training, by effort, and how each is built and taught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate import Candidate, Scorer
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.corrected_line import CorrectedLine
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.candidates.external_score import ExternalScore
from customer_health.model.candidates.hazard import HazardTrees, spells_of
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.plain_logistic import PlainLogistic
from customer_health.model.candidates.random_forest import RandomForest
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.candidates.rules_v2 import RuleScoreV2
from customer_health.model.data.features import EXTERNAL_SCORE, Feature
from customer_health.model.data.revenue_growth import Growth

CORE = (LogisticRegression.kind, BoostedTrees.kind)  # compete for every head
MONTH = 30  # days between the as-of dates of training rows
RANKS = (RuleScore.kind, RuleScoreV2.kind)  # they order accounts, and know no probabilities
BASELINES = (NaiveBaseline.kind, RuleScore.kind)
WORDS: Mapping[str, str] = {
    NaiveBaseline.kind: "renewal date + NPS",
    RuleScore.kind: "the rule score",
    RuleScoreV2.kind: "the second rule score",
    LogisticRegression.kind: "logistic regression",
    PlainLogistic.kind: "plain logistic regression",
    BoostedTrees.kind: "LightGBM",
    RandomForest.kind: "random forest",
    HazardTrees.kind: "hazard model",
    CorrectedLine.kind: "corrected line",
    ExternalScore.kind: "brought score",
    Blend.kind: "blend",
    DecisionModel.kind: "decision model",
}


@dataclass(frozen=True)
class Head:
    """All rows of one outcome and horizon: what the folds cut from.

    Attributes:
        rows: Eligible panel rows: `account_id`, `as_of`, and context.
        design: Their features.
        horizon_days: Length of the label's window.
        labels_by: Labels of the rows as known on a given day; NaN where unknown.
        outcome: Which loss; a key of `labels.HEADS`.
        times_by: `labels.loss_times` of the rows as known on a given day; None if no candidate asks.
        growth: `growth.changes` of the rows; None if it shall not help.
        reference_of: Features of some rows, by position, with every renewal at the reference day
            (`fixed_distance.at_reference`): what an account's health is judged by.
    """

    rows: pd.DataFrame
    design: pd.DataFrame
    horizon_days: int
    labels_by: Callable[[pd.Timestamp], np.ndarray]
    outcome: str = "logo_churn"
    times_by: Callable[[pd.Timestamp], pd.DataFrame] | None = None
    growth: pd.DataFrame | None = None
    reference_of: Callable[[np.ndarray], pd.DataFrame] | None = None

    @property
    def title(self) -> str:
        """As progress and logs say it."""
        what = "" if self.outcome == "logo_churn" else f"{self.outcome}, "
        return f"{what}{self.horizon_days} days"


@dataclass(frozen=True)
class TrainingSet:
    """What a candidate is taught with on one day.

    Attributes:
        design: Features of the training rows.
        y: Labels 0/1.
        weight: One per row.
        head: Where the rows come from, for candidates that learn otherwise.
        today: The training day.
        growth: What became of accounts' revenue by then, for candidates that learn from it, too.
    """

    design: pd.DataFrame
    y: np.ndarray
    weight: np.ndarray
    head: Head
    today: pd.Timestamp
    growth: Growth | None = None


def single_models(head: Head, config: ModelConfig) -> tuple[str, ...]:
    """Kinds of the models that compete for a head, besides baselines and the blend."""
    kinds: tuple[str, ...] = CORE
    if head.times_by is not None and head.outcome == "logo_churn":
        kinds = (*kinds, HazardTrees.kind, CorrectedLine.kind)
    if config.effort == "thorough":
        kinds = (*kinds, PlainLogistic.kind, RandomForest.kind)
    if head.design[EXTERNAL_SCORE].notna().any() and head.outcome == "logo_churn":
        kinds = (*kinds, ExternalScore.kind)
    return kinds


def build(
    kind: str,
    features: Sequence[Feature],
    config: ModelConfig,
    *,
    horizon_days: int,
    settings: Mapping[str, Any] | None = None,
) -> Scorer:
    """Return an unfitted candidate."""
    chosen = dict(settings or {})
    trees: Mapping[str, Any] = {"seed": config.seed, "threads": config.threads, "changes": chosen}
    makers: Mapping[str, Callable[[], Scorer]] = {
        NaiveBaseline.kind: NaiveBaseline,
        RuleScore.kind: RuleScore,
        RuleScoreV2.kind: RuleScoreV2,
        LogisticRegression.kind: lambda: LogisticRegression(
            features, repeats=max(horizon_days / MONTH, 1.0), prior=True, **chosen
        ),
        PlainLogistic.kind: lambda: PlainLogistic(features, **chosen),
        BoostedTrees.kind: lambda: BoostedTrees(features, **trees),
        RandomForest.kind: lambda: RandomForest(features, **trees),
        HazardTrees.kind: lambda: HazardTrees(features, horizon_days=horizon_days, **trees),
        CorrectedLine.kind: lambda: CorrectedLine(
            features,
            repeats=max(horizon_days / MONTH, 1.0),
            seed=config.seed,
            threads=config.threads,
            changes=chosen,
        ),
        ExternalScore.kind: ExternalScore,
        DecisionModel.kind: lambda: DecisionModel(features, seed=config.seed, threads=config.threads),
    }
    return makers[kind]()


def fit(scorer: Scorer, training_set: TrainingSet, seed: int) -> Scorer:
    """Fit a candidate in its own way."""
    if isinstance(scorer, HazardTrees):
        head = training_set.head
        assert head.times_by is not None
        past = (head.rows["as_of"] < training_set.today).to_numpy()
        times = head.times_by(training_set.today)[past]
        spells = spells_of(
            times,
            head.rows["as_of"][past],
            today=training_set.today,
            horizon_days=head.horizon_days,
            seed=seed,
        )
        return scorer.fit_spells(head.design[past], spells)
    if isinstance(scorer, LogisticRegression | CorrectedLine):
        return scorer.fit(
            training_set.design, training_set.y, training_set.weight, growth=training_set.growth
        )
    if isinstance(scorer, DecisionModel):
        accounts = training_set.head.rows["account_id"].loc[training_set.design.index]
        return scorer.fit(training_set.design, training_set.y, training_set.weight, accounts)
    return scorer.fit(training_set.design, training_set.y, training_set.weight)


def as_candidate(scorer: Scorer) -> Candidate:
    """Narrow a scorer that can also explain itself and travel; rule scores cannot."""
    assert hasattr(scorer, "contributions")
    return cast(Candidate, scorer)


def downsample(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
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
