"""What a training works on: the eligible rows, their features, and the labels as known on any day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.model.candidates.candidate_list import Head
from customer_health.model.data.decision_window import DECISION, SHORTEST, decision_window, in_sight
from customer_health.model.data.features import RENEWAL, FeatureSet, numbers
from customer_health.model.data.fixed_distance import at_reference
from customer_health.model.data.labels import eligible, loss_times, outcome_labels
from customer_health.model.data.revenue_growth import changes
from customer_health.model.data.training_panel import prepare
from customer_health.model.evaluation.fold_results import LOGO


@dataclass(frozen=True)
class TrainingData:
    """Rows, features and outcomes of one training day.

    Attributes:
        all_rows: Every panel row up to the day, in the panel's order; labels need those who left.
        mask: Which of them are eligible.
        rows: The eligible ones.
        features: The columns that they can carry.
        design: Those columns.
        outcomes: Canonical outcomes.
        growth: What became of the eligible rows' revenue, see `growth.changes`.
    """

    all_rows: pd.DataFrame
    mask: np.ndarray
    rows: pd.DataFrame
    features: FeatureSet
    design: pd.DataFrame
    outcomes: pd.DataFrame
    growth: pd.DataFrame

    @classmethod
    def of(
        cls, panel: pd.DataFrame, outcomes: pd.DataFrame, config: CompanyConfig, *, as_of: date
    ) -> TrainingData:
        """Cut the panel at the training day and choose its features.

        Raises:
            DataContractError: The panel breaks its contract.
        """
        rows = prepare(panel)
        rows = rows[rows["as_of"] <= pd.Timestamp(as_of)].reset_index(drop=True)
        mask = eligible(rows, config.model).to_numpy()
        kept = rows[mask].reset_index(drop=True)
        features = FeatureSet.of(kept, config.signals.profile)
        growth = changes(rows)[mask].reset_index(drop=True)
        return cls(rows, mask, kept, features, features.design(kept), outcomes, growth)

    def head(self, horizon: int, outcome: str = LOGO) -> Head:
        """Return the rows with the labels of one loss and horizon."""
        labels, times = self._labeller(outcome, horizon), self._timer(outcome)
        growth = self.growth if outcome == LOGO else None
        asked = self._at_reference(horizon)
        return Head(self.rows, self.design, horizon, labels, outcome, times, growth, asked)

    def decision_head(self) -> Head:
        """Return the rows with the labels of the next decision; see `decision_window`.

        Its horizon is the shortest window: the label of each row is unknown until its own has closed.
        """
        windows = decision_window(numbers(self.all_rows[RENEWAL]))
        labels, asked = self._labeller(LOGO, windows), self._at_reference(SHORTEST)
        beyond = ~in_sight(numbers(self.rows[RENEWAL]))

        def labels_by(day: pd.Timestamp) -> np.ndarray:
            return np.where(beyond, np.nan, labels(day))

        return Head(self.rows, self.design, SHORTEST, labels_by, DECISION, None, None, asked)

    def _at_reference(self, horizon: int) -> Callable[[np.ndarray], pd.DataFrame]:
        return lambda positions: self.features.design(at_reference(self.rows.iloc[positions], horizon))

    def _labeller(self, outcome: str, horizon: int | np.ndarray) -> Callable[[pd.Timestamp], np.ndarray]:
        @cache
        def labels_by(day: pd.Timestamp) -> np.ndarray:
            labels = outcome_labels(
                self.outcomes, self.all_rows, horizon_days=horizon, head=outcome, as_of=day
            )
            values: np.ndarray = labels.to_numpy()
            return np.asarray(values[self.mask], dtype=float)

        return labels_by

    def _timer(self, outcome: str) -> Callable[[pd.Timestamp], pd.DataFrame]:
        @cache
        def times_by(day: pd.Timestamp) -> pd.DataFrame:
            found = loss_times(self.outcomes, self.all_rows, head=outcome, as_of=day)
            return found[self.mask].reset_index(drop=True)

        return times_by
