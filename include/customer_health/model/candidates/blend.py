"""The blend: the mean of the logits of a line, trees, the line with its correction, and any other that helps.

Where one of them errs another is often right: on every simulated company the mean came closer to the best
possible prediction than any of its parts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from customer_health.model.candidates.boosted_trees import BoostedTrees
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.corrected_line import CorrectedLine
from customer_health.model.candidates.external_score import ExternalScore
from customer_health.model.candidates.hazard import HazardTrees
from customer_health.model.candidates.plain_logistic import PlainLogistic
from customer_health.model.candidates.random_forest import RandomForest

PARTS: Mapping[str, type[Candidate]] = {
    LogisticRegression.kind: LogisticRegression,
    PlainLogistic.kind: PlainLogistic,
    BoostedTrees.kind: BoostedTrees,
    RandomForest.kind: RandomForest,
    HazardTrees.kind: HazardTrees,
    CorrectedLine.kind: CorrectedLine,
    ExternalScore.kind: ExternalScore,
}


class Blend:
    """Equal-weight mean of logits; it explains itself by the mean of its parts' explanations."""

    kind: ClassVar[str] = "blend"
    is_probability: ClassVar[bool] = True

    def __init__(self, parts: Sequence[Candidate]) -> None:
        self.parts = tuple(parts)

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Fit every part."""
        for part in self.parts:
            part.fit(design, y, weight)
        return self

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """See `Scorer.predict_logit`."""
        return np.asarray(np.mean([part.predict_logit(design) for part in self.parts], axis=0), dtype=float)

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """See `Candidate.contributions`."""
        tables = [part.contributions(design) for part in self.parts]
        sources = list(dict.fromkeys(name for table in tables for name in table))
        total = sum(table.reindex(columns=sources, fill_value=0.0).to_numpy() for table in tables)
        return pd.DataFrame(total / len(tables), index=design.index, columns=sources)

    @property
    def base(self) -> float:
        """Mean of the parts' bases."""
        return float(np.mean([part.base for part in self.parts]))

    def to_files(self) -> dict[str, str]:
        """See `Candidate.to_files`."""
        files = {f"{self.kind}.json": json.dumps({"parts": [part.kind for part in self.parts]})}
        for part in self.parts:
            files |= part.to_files()
        return files

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """See `Candidate.from_files`."""
        kinds = json.loads(files[f"{cls.kind}.json"])["parts"]
        return cls([PARTS[kind].from_files(files) for kind in kinds])
