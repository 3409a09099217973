"""What is each source, concept and signal worth? Walk forward without it, and see who is no longer found.

Each one is hidden as if it had never been connected, and what the rest can tell, it will: the loss is what
nobody else knows. The price is kept small on purpose: one logistic regression per fold instead of every
candidate, and the last few folds only. So the differences count, not the level; trees, which bend more,
may make a little more or less of a single signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.model.candidates.candidate_list import Head, build, fit
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.data.features import RENEWAL, Feature
from customer_health.model.data.folds import Fold, walk_forward
from customer_health.model.data.training_data import TrainingData
from customer_health.model.data.training_panel import dates_of
from customer_health.model.evaluation.fold_store import FoldStore, digest_of, key_of
from customer_health.model.evaluation.fold_work import training_set_of
from customer_health.model.evaluation.metrics import (
    Sample,
    Tally,
    account_draws,
    auc,
    calendar_strata,
    interval,
    recall_at,
)
from customer_health.model.evaluation.training_gates import insufficiency
from customer_health.model.evaluation.walk_forward import countable
from customer_health.progress import Progress, silent
from customer_health.signals.signal_sources import groups_of, known_share

KIND = LogisticRegression.kind
FOLDS = 4
DRAWS = 200
LEAST_AUC = 0.002  # a difference that is certain can still be too small to act on
COLUMNS = (
    *("kind", "name", "signals", "known_share", "recall_loss", "recall_low", "recall_high"),
    *("auc_loss", "auc_low", "auc_high", "verdict"),
)


@dataclass(frozen=True)
class AblationReport:
    """The value-of-data report.

    Attributes:
        table: One row per source, concept and signal, most valuable first in each kind, with `COLUMNS`:
            the fall of recall at capacity and of AUC without it, and their 90 % intervals.
        why_not: Why nothing could be measured; empty if it was.
        recall: Recall at capacity with everything.
        auc: AUC with everything.
        lost: Lost account-months in the test periods.
        first: First test day.
        last: Last test day.
        horizon: Days ahead.
    """

    table: pd.DataFrame
    why_not: str = ""
    recall: float = float("nan")
    auc: float = float("nan")
    lost: int = 0
    first: date | None = None
    last: date | None = None
    horizon: int = 0

    def of(self, kind: str) -> pd.DataFrame:
        """Rows of one kind: "source", "concept" or "signal"."""
        return self.table[self.table["kind"] == kind].reset_index(drop=True)


def value_of_data(
    panel: pd.DataFrame,
    outcomes: pd.DataFrame,
    config: CompanyConfig,
    *,
    as_of: date,
    progress: Progress = silent,
    store: FoldStore | None = None,
    max_folds: int = FOLDS,
) -> AblationReport:
    """Hide every source, concept and signal in turn, at the primary horizon.

    Args:
        panel: The training panel.
        outcomes: Canonical outcomes; entries logged on `as_of` or later are not looked at.
        config: Company file.
        as_of: Today.
        progress: Called after each.
        store: Keeps fold results, so that a killed report goes on where it stopped.
        max_folds: Test periods, the youngest ones.
    """
    data = TrainingData.of(panel, outcomes, config, as_of=as_of)
    head = data.head(config.model.primary_horizon)
    folds, why_not = _folds(head, config.model, as_of, max_folds)
    empty = pd.DataFrame(columns=list(COLUMNS))
    if why_not:
        return AblationReport(empty, why_not, horizon=head.horizon_days)
    used = {feature.source for feature in data.features.features}
    groups = [(kind, name, names) for kind, name, names in groups_of(data.rows.columns) if used & set(names)]
    ablation = Ablation(head, folds, config.model, store or FoldStore(), as_of=as_of)
    whole = ablation.predictions(data.features.features)
    rows = []
    for done, (kind, name, names) in enumerate(groups, start=1):
        rest = [f for f in data.features.features if f.source not in names]
        lost = ablation.losses(whole, ablation.predictions(rest))
        share = known_share(data.rows, names)
        rows.append((kind, name, ", ".join(names), share, *lost["recall"], *lost["auc"], _verdict(lost)))
        progress(done, len(groups), f"without {kind} {name}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = {"source": 0, "concept": 1, "signal": 2}
    table = table.assign(rank=table["kind"].map(order)).sort_values(
        ["rank", "auc_loss", "name"], ascending=[True, False, True], ignore_index=True
    )
    recall, area = (ablation.level(whole, metric) for metric in ("recall", "auc"))
    days = sorted(fold.train_date.date() for fold in folds)
    return AblationReport(
        table.drop(columns="rank"), "", recall, area, ablation.lost, days[0], days[-1], head.horizon_days
    )


class Ablation:
    """The same folds, test rows and account draws for every set of features."""

    def __init__(
        self, head: Head, folds: Sequence[Fold], config: ModelConfig, store: FoldStore, *, as_of: date
    ) -> None:
        self.config, self.store = config, store
        head = replace(head, growth=None)  # several hundred fits: what a signal adds to the line itself
        final = head.labels_by(pd.Timestamp(as_of))
        self.training_sets = [
            training_set_of(head, fold.train_dates, fold.train_date, config) for fold in folds
        ]
        tests = [
            np.flatnonzero((head.rows["as_of"] == fold.train_date).to_numpy() & ~np.isnan(final))
            for fold in folds
        ]
        self.seen = [head.design.iloc[test] for test in tests]
        accounts = head.rows["account_id"]
        table = account_draws(accounts.iloc[np.concatenate(tests)], DRAWS, config.seed)
        self.samples = [
            Sample(
                final[test],
                calendar_strata(head.design[RENEWAL].to_numpy()[test]),
                table.loc[accounts.iloc[test]].to_numpy().T,
            )
            for test in tests
        ]
        self.horizon = head.horizon_days
        self.lost = int(sum(sample.y.sum() for sample in self.samples))

    def predictions(self, features: Sequence[Feature]) -> list[np.ndarray]:
        """Logits of each fold's test rows by a model of these features."""
        return [self._fold(features, number) for number in range(len(self.training_sets))]

    def _fold(self, features: Sequence[Feature], number: int) -> np.ndarray:
        training_set, seen = self.training_sets[number], self.seen[number]
        names = [feature.name for feature in features]

        def compute() -> np.ndarray:
            scorer = build(KIND, features, self.config, horizon_days=self.horizon)
            return fit(scorer, training_set, self.config.seed).predict_logit(seen)

        if self.store.folder is None:
            return compute()
        told = {"features": [list(vars(feature).values()) for feature in features], "horizon": self.horizon}
        key = key_of(
            f"worth-{KIND}",
            told,
            digest_of(training_set.design[names], training_set.y, training_set.weight, seen[names]),
        )
        return self.store.array(key, compute)

    def level(self, logits: Sequence[np.ndarray], metric: str) -> float:
        """The metric over all folds."""
        return float(self._tally(logits, metric).values[0])

    def losses(
        self, whole: Sequence[np.ndarray], rest: Sequence[np.ndarray]
    ) -> dict[str, tuple[float, float, float]]:
        """Fall of recall and AUC from the one to the other, each with its 90 % interval over accounts."""
        found = {}
        for metric in ("recall", "auc"):
            fall = self._tally(whole, metric).values - self._tally(rest, metric).values
            found[metric] = (float(fall[0]), *interval(fall))
        return found

    def _tally(self, logits: Sequence[np.ndarray], metric: str) -> Tally:
        parts = [
            recall_at(logit, sample, self.config.capacity_share) if metric == "recall" else auc(logit, sample)
            for logit, sample in zip(logits, self.samples, strict=True)
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total


def _folds(head: Head, config: ModelConfig, as_of: date, most: int) -> tuple[list[Fold], str]:
    """The youngest folds that hold enough losses, or why there are too few."""
    today, dates = pd.Timestamp(as_of), dates_of(head.rows)
    planned = walk_forward(dates, horizon_days=head.horizon_days, as_of=today)
    folds = countable(head, planned, as_of=today)
    labels = head.labels_by(today)
    why_not = insufficiency(
        planned=len(planned),
        folds=len(folds),
        churners=int(head.rows["account_id"][labels == 1].nunique()),
        horizon_days=head.horizon_days,
        months=(dates[-1] - dates[0]).days / 30.44 if dates else 0.0,
        config=config,
    )
    return folds[-most:], why_not or ""


def _verdict(lost: dict[str, tuple[float, float, float]]) -> str:
    """By recall, which is what a CSM feels; by AUC, the whole order, where recall cannot tell."""
    for metric, good in (("recall", "matters"), ("auc", "helps the order")):
        fall, low, high = lost[metric]
        if low > 0 or high < 0:
            if metric == "auc" and abs(fall) < LEAST_AUC:
                return "next to nothing"
            return good if low > 0 else "harms"
    return "cannot tell"
