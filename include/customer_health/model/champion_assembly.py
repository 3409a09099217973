"""From the winners of the walk-forward to a champion: the final fits, and the score's scale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.model.candidates import calibration
from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.candidate import Candidate
from customer_health.model.candidates.expected_loss import ExpectedLoss
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.decision_window import DECISION
from customer_health.model.data.features import FeatureSet
from customer_health.model.data.fixed_distance import at_reference
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.fold_work import HeadWork
from customer_health.model.evaluation.walk_forward import blend_parts
from customer_health.model.registry.champion import Champion, anchors_of, attention_cut
from customer_health.model.registry.reference_account import reference_of
from customer_health.model.score_choice import Rival


def fit_winner(
    work: HeadWork, kind: str | None, evaluations: Sequence[Evaluation], *, calibrated: bool = False
) -> Candidate:
    """Fit a head's winner once more, on every row whose label is known today.

    Args:
        work: Of the head.
        kind: The winner; None: the naive baseline, because nobody won.
        evaluations: Walk-forward results: they say whom a blend is made of, and how to calibrate.
        calibrated: Straighten its probabilities where walk-forward says that this helps.
    """
    name, head = kind or NaiveBaseline.kind, work.head
    whole = Evaluation.joined(list(evaluations)).of("predictions", head.horizon_days, head.outcome)
    if name == Blend.kind:
        made: Candidate = Blend([work.fitted(one) for one in blend_parts(whole, work.competing)])
    else:
        made = work.fitted(name)
    line = calibration.line(whole, name) if calibrated else None
    return calibration.Calibrated(made, shift=line[0], slope=line[1]) if line else made


@dataclass(frozen=True)
class Fitted:
    """Every fitted head of a training.

    Attributes:
        heads: Per horizon, of leaving.
        others: Per outcome and horizon, of other losses.
        decision: Of the next decision; None if it could not be learned.
        health: What gives the score, if it is none of these.
        score_from: Who gives it.
    """

    heads: Mapping[int, Candidate]
    score_from: Rival
    others: Mapping[tuple[str, int], Candidate] = field(default_factory=dict)
    decision: Candidate | None = None
    health: Candidate | None = None


def assemble_champion(
    fitted: Fitted,
    shares: Mapping[str, float],
    features: FeatureSet,
    rows: pd.DataFrame,
    design: pd.DataFrame,
    config: CompanyConfig,
    as_of: date,
) -> Champion:
    """Pin the score's scale on the latest portfolio, and name the champion by its content.

    Args:
        fitted: The heads.
        shares: Share of ARR that goes with each loss.
        features: How rows become features.
        rows: Eligible panel rows.
        design: Their features.
        config: Company file.
        as_of: Training date.
    """
    heads, others = dict(fitted.heads), dict(fitted.others)
    if config.model.score_of == "expected_arr_loss":
        for horizon, logo in fitted.heads.items():
            parts = {LOGO: logo, **{name: head for (name, h), head in others.items() if h == horizon}}
            heads[horizon] = ExpectedLoss(parts, shares)
        others |= {(LOGO, horizon): logo for horizon, logo in fitted.heads.items()}
    source = fitted.score_from
    if source.head == DECISION and fitted.decision is not None:
        health = fitted.decision
    else:
        health = fitted.health or heads[source.horizon]
    latest = (rows["as_of"] == rows["as_of"].max()).to_numpy()
    red, green = config.score.red_share, config.score.green_share
    anchors = {
        horizon: anchors_of(head.predict_logit(design[latest]), red_share=red, green_share=green)
        for horizon, head in heads.items()
    }
    standard = features.design(at_reference(rows[latest], source.horizon))
    unnamed = Champion(
        model_id="",
        trained_as_of=as_of,
        features=features,
        heads=heads,
        anchors=anchors,
        primary_horizon=config.model.primary_horizon,
        others=others,
        loss_shares=shares,
        decision=fitted.decision,
        health=health,
        health_horizon=source.horizon,
        health_anchors=anchors_of(health.predict_logit(standard), red_share=red, green_share=green),
    )
    unnamed = replace(unnamed, attention=attention_cut(unnamed, rows[latest], config.score.attention_share))
    reference = reference_of(unnamed, rows[latest])
    content = json.dumps(
        [
            [head.to_files() for head in (*heads.values(), *others.values(), health)],
            fitted.decision.to_files() if fitted.decision else None,
            list(anchors.items()),
            dict(unnamed.health_anchors),
            unnamed.attention,
            features.to_json(),
            dict(shares),
            list(reference.items()),
        ]
    )
    model_id = f"model-{as_of:%Y%m%d}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    return replace(unnamed, model_id=model_id, reference=reference)
