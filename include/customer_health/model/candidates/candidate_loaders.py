"""Every kind of candidate that can be read from an artefact: importing this module registers them."""

from __future__ import annotations

from customer_health.model.candidates.blend import PARTS, Blend
from customer_health.model.candidates.calibration import Calibrated
from customer_health.model.candidates.candidate import LOADERS, read
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.candidates.expected_loss import ExpectedLoss
from customer_health.model.candidates.naive_baseline import NaiveBaseline

__all__ = ["LOADERS", "read"]

LOADERS.update(
    {
        **PARTS,
        Blend.kind: Blend,
        NaiveBaseline.kind: NaiveBaseline,
        Calibrated.kind: Calibrated,
        ExpectedLoss.kind: ExpectedLoss,
        DecisionModel.kind: DecisionModel,
    }
)
