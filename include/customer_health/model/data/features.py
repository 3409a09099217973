"""What a candidate sees of a panel row: the signals of the profile and what is known of the contract.

The panel keeps values as people read them (currency, days, plan names). This module turns them into
one table of floats, the design, by rules that are frozen with the model: a plan that did not exist
at training time is not a plan in particular, a missing value stays NaN and is handled by each candidate.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_health.errors import DataContractError
from customer_health.signals.catalogue import CATALOGUE, select
from customer_health.signals.signal import Concept, Direction

RENEWAL = "days_to_renewal"
# Read by the naive baseline and by the rule score, whichever profile the model uses.
REFERENCE_INPUTS = (
    RENEWAL,
    "recent_nps",
    "usage_trend_slope",
    "feature_adoption_score",
    "open_critical_tickets",
    "arr_change_12m",
)
EXTERNAL_SCORE = "brought_score"  # another tool's score, if there is one: seen by its own candidate only
LOGARITHMS = ("arr", "seats", "tenure_days")
CATEGORIES = ("segment", "plan")
MAX_CATEGORIES = 8
RISK_DIRECTION = {Direction.LOWER_IS_HEALTHIER: 1, Direction.HIGHER_IS_HEALTHIER: -1, Direction.NEUTRAL: 0}


@dataclass(frozen=True)
class Feature:
    """One column of the design.

    Attributes:
        name: The column.
        source: The signal or context column that it speaks for when reasons are given.
        concept: Concept group of the source.
        direction: 1 if more of it can only mean more risk, -1 if only less, 0 if either.
    """

    name: str
    source: str
    concept: str
    direction: int


@dataclass(frozen=True)
class FeatureSet:
    """The columns of a design and the vocabulary they were built with; frozen with the model.

    Attributes:
        features: In order.
        vocabulary: Accepted values of each category; the rest count as none of them.
    """

    features: tuple[Feature, ...]
    vocabulary: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, panel: pd.DataFrame, profile: str = "full") -> FeatureSet:
        """Choose the features that this panel can carry.

        A signal that is unknown everywhere, or the same everywhere, cannot tell accounts apart and is
        left out; that is how a company without billing data trains all the same.

        Args:
            panel: Eligible rows.
            profile: Signal profile of the company file.
        """
        signals = {signal.name for signal in select(profile)} | {RENEWAL}
        features = []
        for name, signal in CATALOGUE.items():
            if signal.outcome_adjacent or name not in signals or name not in panel:
                continue
            if panel[name].nunique(dropna=False) < 2:
                continue
            direction = 0 if signal.concept is Concept.CALENDAR else RISK_DIRECTION[signal.direction]
            features.append(Feature(name, name, str(signal.concept), direction))
        features += [
            Feature(f"log_{name}", name, str(Concept.COMMERCIAL), 0)
            for name in LOGARITHMS
            if panel[name].nunique(dropna=False) > 1
        ]
        vocabulary = {}
        for name in CATEGORIES:
            counts = panel[name].dropna().astype(str).value_counts()
            values = sorted(counts.index, key=lambda value: (-counts[value], value))[:MAX_CATEGORIES]
            vocabulary[name] = tuple(sorted(values)) if len(counts) > 1 else ()
            features += [
                Feature(f"{name}={value}", name, str(Concept.COMMERCIAL), 0) for value in vocabulary[name]
            ]
        return cls(tuple(features), vocabulary)

    def without(self, sources: Collection[str]) -> FeatureSet:
        """Leave out every feature that speaks for one of these panel columns, or is named so."""
        kept = tuple(f for f in self.features if f.source not in sources and f.name not in sources)
        return FeatureSet(kept, self.vocabulary)

    @property
    def names(self) -> list[str]:
        """Names of the design's columns, in order."""
        return [feature.name for feature in self.features]

    @property
    def sources(self) -> list[str]:
        """Panel columns that the features speak for, each once, in order."""
        return list(dict.fromkeys(feature.source for feature in self.features))

    def design(self, panel: pd.DataFrame) -> pd.DataFrame:
        """Turn panel rows into floats; NaN means unknown.

        Returns:
            The features, and the inputs of the baseline and of the rules, on the panel's index.

        Raises:
            DataContractError: The panel lacks a column that the model was trained with.
        """
        missing = [name for name in self.sources if name not in panel]
        if missing:
            raise DataContractError(
                f"The model reads {', '.join(missing)}, which the signals panel does not have.",
                hint="Train again, or bring the signal back; until then the rule score is used.",
            )
        columns: dict[str, np.ndarray] = {}
        for feature in self.features:
            if feature.name in panel:
                columns[feature.name] = numbers(panel[feature.source])
            elif feature.name == f"log_{feature.source}":
                columns[feature.name] = np.log1p(np.clip(numbers(panel[feature.source]), 0, None))
            else:
                value = feature.name.partition("=")[2]
                columns[feature.name] = (panel[feature.source].astype(str) == value).to_numpy(float)
        for name in (*REFERENCE_INPUTS, EXTERNAL_SCORE):
            if name not in columns:
                columns[name] = numbers(panel[name]) if name in panel else np.full(len(panel), np.nan)
        return pd.DataFrame(columns, index=panel.index)

    def to_json(self) -> dict[str, Any]:
        """Plain data for the artefact."""
        return {
            "features": [[f.name, f.source, f.concept, f.direction] for f in self.features],
            "vocabulary": {name: list(values) for name, values in self.vocabulary.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FeatureSet:
        """Read what `to_json` wrote."""
        return cls(
            tuple(Feature(*row) for row in data["features"]),
            {name: tuple(values) for name, values in data["vocabulary"].items()},
        )


def numbers(column: pd.Series) -> np.ndarray:
    """Read a column as float64; booleans become 0 and 1, infinities and text become NaN."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)
