"""Who gives the score keeps it as long as nobody is better than chance explains."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.data.decision_window import DECISION, SHORTEST
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.walk_forward import health_column
from customer_health.model.registry.champion import MIN_SPREAD, Champion, anchors_of, logit_of
from customer_health.model.score_choice import Rival, choose_score, in_office

ACCOUNTS, DAY = 1200, pd.Timestamp("2026-01-01")
BLEND, LINE = Rival(LOGO, 180, Blend.kind), Rival(LOGO, 90, LogisticRegression.kind)
AHEAD = Rival(DECISION, SHORTEST, DecisionModel.kind)


def measured(signal: dict[Rival, float]) -> tuple[Evaluation, pd.DataFrame]:
    """Test rows on which each rival's ranking holds so much of what decides."""
    rng = np.random.default_rng(5)
    risk = rng.normal(size=ACCOUNTS)
    lost = (rng.random(ACCOUNTS) < 1 / (1 + np.exp(2.2 - 1.2 * risk))).astype(float)
    keys = pd.DataFrame({"account_id": [f"a{n}" for n in range(ACCOUNTS)], "train_date": DAY})
    parts = []
    for number, (rival, much) in enumerate(signal.items()):
        noise = np.random.default_rng(number).normal(size=ACCOUNTS)
        parts.append(
            keys.assign(
                head=rival.head,
                horizon=rival.horizon,
                y=lost,
                **{health_column(rival.kind): much * risk + (1 - much) * noise},
            )
        )
    predictions = pd.concat(parts, ignore_index=True)
    nothing = pd.DataFrame()
    return Evaluation(nothing, nothing, nothing, predictions), keys.assign(y=lost)


def champion(kind: Any, horizon: int) -> Champion:
    nothing: Any = None
    return Champion(
        "model-1", date(2026, 1, 1), nothing, {}, {}, 180, health=kind(()), health_horizon=horizon
    )


def test_the_candidate_that_gave_the_score_before_keeps_it_where_chance_explains_the_lead() -> None:
    evaluation, decisions = measured({BLEND: 0.76, AHEAD: 0.755})
    rivals = [BLEND, AHEAD]
    fresh = choose_score(evaluation, decisions, rivals, seed=1)
    kept = choose_score(evaluation, decisions, rivals, seed=1, incumbent=champion(DecisionModel, SHORTEST))

    assert fresh.winner is not None
    assert fresh.winner.kind == Blend.kind
    assert kept.winner is not None
    assert kept.winner.kind == DecisionModel.kind
    assert "against the 180-day blend model" in kept.sentence(), "what is at hand is told all the same"


def test_it_is_replaced_where_another_is_better_beyond_a_standard_error() -> None:
    evaluation, decisions = measured({BLEND: 0.9, AHEAD: 0.4})
    chosen = choose_score(
        evaluation, decisions, [BLEND, AHEAD], seed=1, incumbent=champion(DecisionModel, SHORTEST)
    )
    assert chosen.winner is not None
    assert chosen.winner.kind == Blend.kind


def test_a_kind_that_competes_no_more_protects_nothing() -> None:
    evaluation, decisions = measured({BLEND: 0.76, AHEAD: 0.755})
    old = champion(LogisticRegression, 90)
    assert in_office(old) == LINE
    chosen = choose_score(evaluation, decisions, [BLEND, AHEAD], seed=1, incumbent=old)
    assert chosen.winner is not None
    assert chosen.winner.kind == Blend.kind
    assert in_office(replace(old, health=None)) is None


@pytest.mark.parametrize("spread", [0.001, 0.1, 2.0])
def test_red_is_at_least_twice_as_likely_to_leave_as_green(spread: float) -> None:
    logits = -3 + spread * np.linspace(-1, 1, 500)
    found = anchors_of(logits, red_share=0.08, green_share=0.70)
    apart = logit_of(found["p_red"]) - logit_of(found["p_green"])
    assert apart >= MIN_SPREAD - 1e-6
    red = float((logits >= logit_of(found["p_red"])).mean())
    assert red == pytest.approx(0.08, abs=0.01) if spread == 2.0 else red == 0
