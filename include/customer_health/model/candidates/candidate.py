"""What every candidate for champion can do, so that folds, blends and artefacts need not know which."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import ClassVar, Protocol, Self

import numpy as np
import pandas as pd

from customer_health.errors import FatalError, suggest

SIGNIFICANT_DIGITS = 9


class Scorer(Protocol):
    """Something that can be fitted and ranks accounts by risk.

    Attributes:
        kind: Its name in tables, files and configuration.
        is_probability: Its logits are calibrated quantities and not merely a rank.
    """

    kind: ClassVar[str]
    is_probability: ClassVar[bool]

    def fit(self, design: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> Self:
        """Learn from rows with labels 0/1 and positive weights; scaling and encoding included."""
        ...

    def predict_logit(self, design: pd.DataFrame) -> np.ndarray:
        """Return the log-odds of loss, one per row."""
        ...


class Candidate(Scorer, Protocol):
    """A scorer that can also explain itself, and travel as text."""

    def contributions(self, design: pd.DataFrame) -> pd.DataFrame:
        """Split each logit over the sources of the features; plus `base` they add up to it."""
        ...

    @property
    def base(self) -> float:
        """The logit of an account about which nothing speaks."""
        ...

    def to_files(self) -> dict[str, str]:
        """Return the fitted state as text files by name."""
        ...

    @classmethod
    def from_files(cls, files: Mapping[str, str]) -> Self:
        """Read what `to_files` wrote."""
        ...


# Kind -> class that reads its files; candidate_loaders.py fills it, so that composite candidates can read
# their parts without importing every other one.
LOADERS: dict[str, type[Candidate]] = {}


def read(kind: str, files: Mapping[str, str]) -> Candidate:
    """Read a fitted candidate from its files.

    Raises:
        FatalError: A newer version wrote a kind that this one does not know.
    """
    import_module("customer_health.model.candidates.candidate_loaders")  # by name: it imports every kind
    if kind not in LOADERS:
        raise FatalError(f"There is no candidate '{kind}'.", hint=suggest(kind, LOADERS))
    return LOADERS[kind].from_files(files)


def stable(values: np.ndarray) -> np.ndarray:
    """Round to nine significant digits.

    Fitted numbers are used as they will be stored, so that a champion predicts the same before and
    after its artefact is read; and the last bits of a matrix product, which depend on the number of
    threads, cannot change a file's hash.
    """
    return np.array([float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}") for value in np.ravel(values)]).reshape(
        np.shape(values)
    )
