"""Walk-forward: retrain at every date of the past with what was known then, and predict that day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.model.candidates import tuning
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate_list import (
    RANKS,
    WORDS,
    Head,
    TrainingSet,
    build,
    downsample,
    fit,
    single_models,
)
from customer_health.model.candidates.constrained_logistic import LogisticRegression, sigmoid
from customer_health.model.candidates.corrected_line import CorrectedLine
from customer_health.model.candidates.hazard import HazardTrees
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.features import RENEWAL, Feature
from customer_health.model.data.folds import Fold
from customer_health.model.data.revenue_growth import growth_of
from customer_health.model.evaluation.fold_store import FoldStore, key_of

MIN_TRAIN_LOST = 20  # rows; below this a fold's models are noise
MIN_TEST_LOST = 3  # rows; below this a fold's AUC is
TUNE_EVERY = 3  # folds; an older choice stays legal, a younger one would not be
CONTEXT = ("arr", "segment", "plan")
Tick = Callable[[str], None]


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
    tick: Tick,
    store: FoldStore | None = None,
    models: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Take every candidate through all folds.

    Args:
        models: Kinds to take, besides baselines and ranks; default: those that compete for the head, and
            their blend.

    Returns:
        Test rows with `head`, `horizon`, `train_date`, `account_id`, context, `y`, `days_to_renewal`
        and a logit per candidate; and, under `health_column`, the same with every renewal at the
        reference day: what a score made from the candidate would follow. Rules follow what they say.
    """
    kept = store or FoldStore()
    final = head.labels_by(as_of)
    competing = single_models(head, config) if models is None else tuple(models)
    kinds = (NaiveBaseline.kind, *RANKS, *competing)
    trusted = {RENEWAL, *(feature.name for feature in features)}
    settings: dict[str, Mapping[str, Any]] = {}
    tables: list[pd.DataFrame] = []
    for number, fold in enumerate(folds):
        training_set = training_set_of(head, fold.train_dates, fold.train_date, config)
        test = np.flatnonzero((head.rows["as_of"] == fold.train_date).to_numpy() & ~np.isnan(final))
        seen = head.design.iloc[test]
        both = seen if head.reference_of is None else pd.concat([seen, head.reference_of(test)])
        if number % TUNE_EVERY == 0:
            settings = tuned(head, fold.train_dates, fold.train_date, features, config, kept)
        logits = {}
        for kind in kinds:
            chosen = settings.get(kind, {})
            # Rules may read what the company trusts, and no more: else a leak would crown them.
            read = both[[name for name in both if name in trusted]] if kind in RANKS else both
            found = _predicted(kind, training_set, read, features, config, chosen, kept)
            logits[kind] = found[: len(test)]
            at_distance = found[: len(test)] if kind in RANKS else found[-len(test) :]
            logits[health_column(kind)] = at_distance
            tick(f"{head.title}, {fold.train_date:%b %Y}: {WORDS[kind]}")
        context = {name: head.rows[name].to_numpy()[test] for name in CONTEXT if name in head.rows}
        table = pd.DataFrame(
            {
                "head": head.outcome,
                "horizon": head.horizon_days,
                "train_date": fold.train_date,
                "account_id": head.rows["account_id"].to_numpy()[test],
                **context,
                "y": final[test],
                RENEWAL: seen[RENEWAL].to_numpy(),
                **logits,
            }
        )
        if models is not None:
            tables.append(table)
            continue
        close = pd.Timedelta(days=head.horizon_days)
        mature = [one for one in tables if one["train_date"].iloc[0] + close <= fold.train_date]
        parts = blend_parts(pd.concat(mature) if mature else None, competing)
        table[Blend.kind] = np.mean([logits[kind] for kind in parts], axis=0)
        at_distance = np.mean([logits[health_column(kind)] for kind in parts], axis=0)
        table[health_column(Blend.kind)] = at_distance
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def health_column(kind: str) -> str:
    """Column of a candidate's log-odds with every renewal at the reference day."""
    return f"health:{kind}"


def training_set_of(
    head: Head, dates: Sequence[pd.Timestamp], today: pd.Timestamp, config: ModelConfig
) -> TrainingSet:
    """Collect the rows of these dates whose labels were known on the day, thinned."""
    labels = head.labels_by(today)
    train = np.flatnonzero(head.rows["as_of"].isin(dates).to_numpy() & ~np.isnan(labels))
    picked, weight = downsample(labels[train], config.seed)
    growth = None
    if head.growth is not None:
        growth = growth_of(head.growth, head.design, today=today, seed=config.seed)
    return TrainingSet(head.design.iloc[train[picked]], labels[train][picked], weight, head, today, growth)


def tuned(
    head: Head,
    dates: Sequence[pd.Timestamp],
    today: pd.Timestamp,
    features: Sequence[Feature],
    config: ModelConfig,
    store: FoldStore,
) -> dict[str, Mapping[str, Any]]:
    """Choose settings per kind inside the training window; nothing is tuned in a quick training."""
    if config.effort == "quick" or head.outcome != "logo_churn":
        return {}
    train, test = tuning.inner_split(dates, head.horizon_days)
    if not train:
        return {}
    labels = head.labels_by(today)
    rows = np.flatnonzero(head.rows["as_of"].isin(test).to_numpy() & ~np.isnan(labels))
    training_set = training_set_of(head, train, test[0], config)
    if (training_set.y == 1).sum() < MIN_TRAIN_LOST:  # nobody had left yet: nothing to fit a choice on
        return {}
    seen = head.design.iloc[rows]

    def attempt(kind: str, settings: Mapping[str, Any]) -> np.ndarray:
        return _predicted(kind, training_set, seen, features, config, settings, store)

    return {
        kind: tuning.tune(kind, lambda settings, kind=kind: attempt(kind, settings), labels[rows])  # type: ignore[misc]
        for kind in tuning.GRID
    }


def _predicted(
    kind: str,
    training_set: TrainingSet,
    seen: pd.DataFrame,
    features: Sequence[Feature],
    config: ModelConfig,
    settings: Mapping[str, Any],
    store: FoldStore,
) -> np.ndarray:
    def compute() -> np.ndarray:
        scorer = build(kind, features, config, horizon_days=training_set.head.horizon_days, settings=settings)
        return fit(scorer, training_set, config.seed).predict_logit(seen)

    told = {
        **settings,
        "features": [list(vars(feature).values()) for feature in features],
        "horizon": training_set.head.horizon_days,
        "seed": config.seed,
    }
    parts: list[pd.DataFrame | np.ndarray] = [training_set.design, training_set.y, training_set.weight, seen]
    if kind == "hazard" and training_set.head.times_by is not None:
        past = (training_set.head.rows["as_of"] < training_set.today).to_numpy()
        parts += [training_set.head.times_by(training_set.today)[past], training_set.head.design[past]]
    if training_set.growth is not None:
        parts += [training_set.growth.design, training_set.growth.change]
    return store.array(key_of(kind, told, *parts), compute) if store.folder else compute()


def blend_parts(matured: pd.DataFrame | None, kinds: Sequence[str]) -> tuple[str, ...]:
    """Choose whose logits to average, from test predictions whose outcome is known.

    Those that complement each other best go first: a straight line; trees, those of the hazard model if
    it takes part, because it learned from rows that the others could not use; and the line with its
    correction. Each other candidate joins if the average's log-loss falls by more than its standard error.
    """
    trees = HazardTrees.kind if HazardTrees.kind in kinds else BoostedTrees.kind
    parts: tuple[str, ...] = (LogisticRegression.kind, trees)
    if CorrectedLine.kind in kinds:
        parts = (*parts, CorrectedLine.kind)
    others = [kind for kind in kinds if kind not in parts]
    if matured is None or matured["y"].sum() < tuning.MIN_LOST:
        return parts
    y = matured["y"].to_numpy()
    now = _loss(matured, parts, y)
    for kind in others:
        then = _loss(matured, (*parts, kind), y)
        gain = now - then
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            parts, now = (*parts, kind), then
    return parts


def _loss(table: pd.DataFrame, kinds: Sequence[str], y: np.ndarray) -> np.ndarray:
    p = np.clip(sigmoid(table[list(kinds)].to_numpy().mean(axis=1)), 1e-9, 1 - 1e-9)
    return np.asarray(-(y * np.log(p) + (1 - y) * np.log(1 - p)), dtype=float)
