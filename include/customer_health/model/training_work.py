"""What a training fits, head by head: the training and its helpers ask here, so that they mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from customer_health.company import ModelConfig
from customer_health.model.candidates.candidate_list import Head
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.data.decision_window import DECISION
from customer_health.model.data.features import FeatureSet
from customer_health.model.data.folds import walk_forward
from customer_health.model.data.training_data import TrainingData
from customer_health.model.data.training_panel import dates_of
from customer_health.model.decision_walk import decision_folds
from customer_health.model.evaluation.fold_results import LOGO
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.evaluation.fold_work import Fits, HeadWork
from customer_health.model.evaluation.selection import MIN_PRIOR_LOST
from customer_health.model.evaluation.walk_forward import countable

OTHER_FOLDS = {"quick": 3, "thorough": 6}  # for losses other than the logo's


@dataclass(frozen=True)
class TrainingWork:
    """How the heads of one training are put to work.

    Attributes:
        features: Columns that models may read.
        config: Of the model.
        today: The training date.
        store: Keeps results.
    """

    features: FeatureSet
    config: ModelConfig
    today: pd.Timestamp
    store: FoldStore

    def leaving(self, head: Head) -> HeadWork:
        """The logo's loss within a horizon: every complete test period."""
        return self._countable(head, None)

    def other(self, head: Head) -> HeadWork:
        """Another loss, which informs and decides nothing: the last few test periods."""
        return self._countable(head, OTHER_FOLDS[self.config.effort])

    def decision(self, head: Head) -> HeadWork:
        """The next decision: the decision model, on a few test periods of all the history."""
        folds = decision_folds(head, self.config, as_of=self.today)
        features, models = self.features.features, (DecisionModel.kind,)
        return HeadWork(head, folds, features, self.config, self.today, self.store, models)

    def tested(self, work: HeadWork) -> bool:
        """Whether there are losses to learn from; the gates of the company's own horizons ask for more."""
        other = work.head.outcome not in (LOGO, DECISION)
        return bool(work.folds) and work.lost >= (
            self.config.min_unique_churners if other else MIN_PRIOR_LOST
        )

    def _countable(self, head: Head, most: int | None) -> HeadWork:
        limit = {} if most is None else {"max_folds": most}
        planned = walk_forward(dates_of(head.rows), horizon_days=head.horizon_days, as_of=self.today, **limit)
        folds = countable(head, planned, as_of=self.today)
        return HeadWork(head, folds, self.features.features, self.config, self.today, self.store)

    def backwards(self, data: TrainingData) -> Iterator[Fits]:
        """What a training does, stage by stage, each from its end, where the training comes last."""
        leaving = [self.leaving(data.head(horizon)) for horizon in self.config.horizons]
        first = [work for work in (*leaving, self.decision(data.decision_head())) if self.tested(work)]
        yield (fit for work in reversed(first) for fit in work.backwards())
        names = [name for name in self.config.loss_types if name != LOGO]
        others = [self.other(data.head(horizon, name)) for name in names for horizon in self.config.horizons]
        yield (fit for work in reversed(first) for fit in work.backwards_last())
        for work in filter(self.tested, reversed(others)):
            yield work.backwards_last()
            yield work.backwards()
