"""scikit-learn's `LogisticRegression` on the same encoded columns as ours: the textbook candidate.

It may give a signal either sign and shrinks all of them alike. Where the constrained line earns nothing over
it, the model card shows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.candidates.candidate import stable
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.data.features import Feature
from customer_health.model.data.revenue_growth import Growth

PENALTY = 100.0  # scikit-learn's 1 / C; its default of 1 overfits some seventy correlated signals


class PlainLogistic(LogisticRegression):
    """An L2 logistic regression fitted by scikit-learn; encoded, explained and kept like ours."""

    kind: ClassVar[str] = "plain_logistic"

    def __init__(self, features: Sequence[Feature], *, penalty: float | None = None, **changes: Any) -> None:
        super().__init__(features, penalty=PENALTY if penalty is None else penalty, **changes)

    def fit(
        self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray, *, growth: Growth | None = None
    ) -> Self:
        """Fit encodings and coefficients; `growth` is not used."""
        from sklearn.linear_model import LogisticRegression as Library

        self.encodings = [self.encoding(f, design[f.name].to_numpy()) for f in self.features]
        x = np.column_stack([np.zeros((len(design), 0)), *self._encoded(design)])
        self.means = stable(np.average(x, axis=0, weights=weight))
        found = Library(C=1 / self.penalty, max_iter=500, tol=1e-6).fit(
            x - self.means, y.astype(int), sample_weight=weight
        )
        self.intercept = float(stable(found.intercept_)[0])
        self.coefficients = stable(found.coef_[0])
        return self
