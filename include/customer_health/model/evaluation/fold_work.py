"""The fits of a training, one by one: each hangs on the past of its fold alone, so their order is free.

So two processes can share them (`training_helpers`): whoever comes first keeps the result in the store.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd

from customer_health.company import ModelConfig
from customer_health.model.candidates import tuning
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.candidate_list import (
    RANKS,
    Head,
    TrainingSet,
    as_candidate,
    build,
    downsample,
    fit,
    single_models,
)
from customer_health.model.candidates.candidate_loaders import LOADERS
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.candidates.hazard import HazardTrees
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.features import RENEWAL, Feature
from customer_health.model.data.folds import Fold
from customer_health.model.data.revenue_growth import growth_of
from customer_health.model.data.training_panel import dates_of
from customer_health.model.evaluation.fold_store import FoldStore, digest_of, key_of

MIN_TRAIN_LOST = 20  # rows; below this a fold's models are noise
TUNE_EVERY = 3  # folds; an older choice stays legal, a younger one would not be
Settings = Mapping[str, Any]
Fits = Iterator[partial[Any]]


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from, and rows to be asked about afterwards.

    Attributes:
        training_set: What a candidate is taught with.
        asked: Features of the rows that it then predicts; None if it is only fitted.
    """

    training_set: TrainingSet
    asked: pd.DataFrame | None = None

    @cached_property
    def digest(self) -> str:
        """Hash of all rows; computed once, however many candidates learn from them."""
        learned = self.training_set
        parts: list[pd.DataFrame | np.ndarray] = [learned.design, learned.y, learned.weight]
        if learned.growth is not None:
            parts += [learned.growth.design, learned.growth.change]
        return digest_of(*parts, *([] if self.asked is None else [self.asked]))

    def key(self, kind: str, features: Sequence[Feature], config: ModelConfig, settings: Settings) -> str:
        """Hash of everything that a candidate's fit depends on."""
        head, learned = self.training_set.head, self.training_set
        told = {
            **settings,
            "features": [list(vars(feature).values()) for feature in features],
            "horizon": head.horizon_days,
            "seed": config.seed,
            "threads": config.threads,
            "asked": self.asked is not None,
        }
        own: list[pd.DataFrame | np.ndarray] = []
        if kind == HazardTrees.kind and head.times_by is not None:
            past = (head.rows["as_of"] < learned.today).to_numpy()
            own = [head.times_by(learned.today)[past], head.design[past]]
        if kind == DecisionModel.kind:  # it parts the rows by account
            own = [pd.factorize(head.rows["account_id"].loc[learned.design.index], sort=True)[0]]
        return key_of(kind, told, self.digest, *own)

    def fitted(self, kind: str, features: Sequence[Feature], config: ModelConfig, settings: Settings) -> Any:
        """Return a candidate that has learned from the rows."""
        horizon = self.training_set.head.horizon_days
        scorer = build(kind, features, config, horizon_days=horizon, settings=settings)
        return fit(scorer, self.training_set, config.seed)


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
) -> dict[str, Settings]:
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
    lesson = Lesson(training_set, head.design.iloc[rows])

    def attempt(kind: str, settings: Settings) -> np.ndarray:
        return predicted(kind, lesson, features, config, settings, store)

    return {kind: tuning.tune(kind, partial(attempt, kind), labels[rows]) for kind in tuning.GRID}


def predicted(
    kind: str,
    lesson: Lesson,
    features: Sequence[Feature],
    config: ModelConfig,
    settings: Settings,
    store: FoldStore,
) -> np.ndarray:
    """Return a candidate's log-odds of the rows that the lesson asks about, from the store if it has them."""
    asked = lesson.asked
    assert asked is not None
    if kind in RANKS:  # rules learn nothing: to ask them is cheaper than to look
        trusted = {RENEWAL, *(feature.name for feature in features)}
        # Rules may read what the company trusts, and no more: else a leak would crown them.
        asked = asked[[name for name in asked if name in trusted]]
        return np.asarray(lesson.fitted(kind, features, config, settings).predict_logit(asked), dtype=float)

    def compute() -> np.ndarray:
        found = lesson.fitted(kind, features, config, settings).predict_logit(asked)
        return np.asarray(found, dtype=float)

    return store.array(lesson.key(kind, features, config, settings), compute) if store.folder else compute()


@dataclass(frozen=True)
class HeadWork:
    """Everything that is fitted for one head.

    Attributes:
        head: Its rows.
        folds: Of its walk-forward.
        features: Columns that models may read.
        config: Of the model.
        as_of: The training date.
        store: Keeps results.
        models: Kinds to take through the folds besides baselines and ranks; default: those that compete.
    """

    head: Head
    folds: Sequence[Fold]
    features: Sequence[Feature]
    config: ModelConfig
    as_of: pd.Timestamp
    store: FoldStore
    models: Sequence[str] | None = None

    @cached_property
    def competing(self) -> tuple[str, ...]:
        """Models that take part, besides baselines and the blend."""
        return single_models(self.head, self.config) if self.models is None else tuple(self.models)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Everybody who predicts a fold, in the order of the fits."""
        return (NaiveBaseline.kind, *RANKS, *self.competing)

    @cached_property
    def final(self) -> np.ndarray:
        """Labels as known on the training date."""
        return self.head.labels_by(self.as_of)

    @cached_property
    def lost(self) -> int:
        """How many accounts had the loss, as known on the training date."""
        return int(self.head.rows["account_id"][self.final == 1].nunique())

    def settings(self, number: int) -> Mapping[str, Settings]:
        """Settings per kind in a fold: chosen in it, or in one of the two before it."""
        first = number - number % TUNE_EVERY
        if first not in self._chosen:
            dates, today = self.folds[first].train_dates, self.folds[first].train_date
            self._chosen[first] = tuned(self.head, dates, today, self.features, self.config, self.store)
        return self._chosen[first]

    @cached_property
    def _chosen(self) -> dict[int, Mapping[str, Settings]]:
        return {}

    def fold(self, number: int) -> FoldWork:
        """Return one fold, ready to be computed."""
        return FoldWork(self, number)

    @cached_property
    def last_lesson(self) -> Lesson:
        """Every row whose label is known today."""
        return Lesson(training_set_of(self.head, dates_of(self.head.rows), self.as_of, self.config))

    @cached_property
    def last_settings(self) -> Mapping[str, Settings]:
        """Settings per kind of the final fits."""
        close = pd.Timedelta(days=self.head.horizon_days)
        matured = [day for day in dates_of(self.head.rows) if day + close <= self.as_of]
        return tuned(self.head, matured, self.as_of, self.features, self.config, self.store)

    def fitted(self, kind: str) -> Candidate:
        """Return a candidate fitted on every row whose label is known today, from the store if it has it."""
        settings = self.last_settings.get(kind, {})

        def made() -> Candidate:
            return as_candidate(self.last_lesson.fitted(kind, self.features, self.config, settings))

        if self.store.folder is None:
            return made()
        key = self.last_lesson.key(kind, self.features, self.config, settings)
        files = json.loads(self.store.text(key, lambda: json.dumps(made().to_files())))
        return LOADERS[kind].from_files(files)

    def backwards(self) -> Fits:
        """Every fit of the folds, the last one first: for a helper who meets the training half-way."""
        for number in reversed(range(len(self.folds))):
            fold = self.fold(number)
            for kind in reversed(self.kinds):
                yield partial(fold.logits, kind)

    def backwards_last(self) -> Fits:
        """Likewise the final fits."""
        for kind in reversed(self.competing):
            yield partial(self.fitted, kind)


@dataclass(frozen=True)
class FoldWork:
    """One fold of one head.

    Attributes:
        work: Of the head.
        number: Of the fold.
    """

    work: HeadWork
    number: int

    @property
    def fold(self) -> Fold:
        """Its dates."""
        return self.work.folds[self.number]

    @cached_property
    def test(self) -> np.ndarray:
        """Positions of the rows that are predicted."""
        rows = self.work.head.rows
        return np.flatnonzero((rows["as_of"] == self.fold.train_date).to_numpy() & ~np.isnan(self.work.final))

    @cached_property
    def lesson(self) -> Lesson:
        """Its training rows, and its test rows: as they are, then with every renewal at the reference day."""
        head, fold = self.work.head, self.fold
        seen = head.design.iloc[self.test]
        both = seen if head.reference_of is None else pd.concat([seen, head.reference_of(self.test)])
        return Lesson(training_set_of(head, fold.train_dates, fold.train_date, self.work.config), both)

    def logits(self, kind: str) -> np.ndarray:
        """A candidate's log-odds of the test rows, and behind them those at the reference day."""
        work = self.work
        settings = work.settings(self.number).get(kind, {})
        return predicted(kind, self.lesson, work.features, work.config, settings, work.store)
