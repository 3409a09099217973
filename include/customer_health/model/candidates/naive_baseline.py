"""The naive baseline that any model must beat: the renewal date and the latest NPS.

It gets a fair form: ranges instead of straight lines, because a linear baseline is a straw man (on
real subscription data the same two columns scored 0.65 as lines and 0.68 as ranges).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from customer_health.model.candidates.constrained_logistic import (
    RENEWAL_EDGES,
    Bucket,
    Encoding,
    LogisticRegression,
)
from customer_health.model.data.features import RENEWAL, Feature

NPS_EDGES = (4.0, 7.0, 9.0)  # furious, detractor, passive, promoter
INPUTS = (Feature(RENEWAL, RENEWAL, "calendar", 0), Feature("recent_nps", "recent_nps", "sentiment", -1))


class NaiveBaseline(LogisticRegression):
    """Logistic regression on ranges of days to renewal and of the latest NPS."""

    kind: ClassVar[str] = "renewal_and_nps"

    def __init__(self, features: Sequence[Feature] = INPUTS, *, penalty: float = 1.0) -> None:
        super().__init__(features, penalty=penalty)

    def encoding(self, feature: Feature, values: np.ndarray) -> Encoding:
        """Ranges for both."""
        return Bucket(RENEWAL_EDGES if feature.name == RENEWAL else NPS_EDGES)
