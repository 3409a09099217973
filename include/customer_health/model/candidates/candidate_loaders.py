"""From a candidate's kind to the class that reads its files."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.errors import FatalError, suggest
from customer_health.model.candidates.blend import PARTS, Blend
from customer_health.model.candidates.calibration import Calibrated
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.expected_loss import ExpectedLoss
from customer_health.model.candidates.naive_baseline import NaiveBaseline

LOADERS: Mapping[str, type[Candidate]] = {
    **PARTS,
    Blend.kind: Blend,
    NaiveBaseline.kind: NaiveBaseline,
    Calibrated.kind: Calibrated,
    ExpectedLoss.kind: ExpectedLoss,
}


def read(kind: str, files: Mapping[str, str]) -> Candidate:
    """Read a fitted candidate from its files.

    Raises:
        FatalError: A newer version wrote a kind that this one does not know.
    """
    if kind not in LOADERS:
        raise FatalError(f"There is no candidate '{kind}'.", hint=suggest(kind, LOADERS))
    return LOADERS[kind].from_files(files)
