"""Who wins a head: whoever beats the baselines beyond doubt, and before others who serves already."""

from __future__ import annotations

import pandas as pd

from customer_health.model.candidates.blend import Blend
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.selection import choose, stand_in

LINE, BLEND, NAIVE, RULES = LogisticRegression.kind, Blend.kind, NaiveBaseline.kind, RuleScore.kind
HORIZON = 90


def measured(areas: dict[str, float], error: float) -> Evaluation:
    """Every candidate's AUC; a lead counts as proved when it is larger than the error."""
    of = {"horizon": HORIZON, "head": LOGO}
    overall = [
        {**of, "candidate": kind, "metric": metric, "value": area, "low": area, "high": area}
        for kind, area in areas.items()
        for metric in ("auc", "cal_auc")
    ]
    duels = []
    for kind, own in areas.items():
        for rival, theirs in areas.items():
            gain = own - theirs
            span = {"gain": gain, "error": error, "low": gain - error, "high": gain + error}
            duels += [
                {**of, "metric": metric, "candidate": kind, "against": rival, **span, "bound": gain - error}
                for metric in ("auc", "cal_auc")
            ]
    folds = pd.DataFrame([{**of, "candidate": kind, "train_date": 1} for kind in areas])
    return Evaluation(folds, pd.DataFrame(overall), pd.DataFrame(duels), pd.DataFrame())


def test_who_serves_already_is_kept_where_another_leads_by_chance_only():
    found = measured({BLEND: 0.72, LINE: 0.71, NAIVE: 0.6, RULES: 0.55}, error=0.02)
    assert choose(found, HORIZON)[0] == BLEND
    assert choose(found, HORIZON, incumbent=LINE)[0] == LINE


def test_who_serves_without_having_proved_itself_keeps_nobody_out_who_has():
    found = measured({BLEND: 0.63, LINE: 0.615, NAIVE: 0.6, RULES: 0.55}, error=0.02)
    kind, why = choose(found, HORIZON, incumbent=LINE)
    assert kind == BLEND
    assert "AUC 0.63 against 0.60" in why


def test_nobody_wins_by_a_lead_that_chance_explains():
    found = measured({BLEND: 0.61, LINE: 0.605, NAIVE: 0.6, RULES: 0.55}, error=0.02)
    kind, why = choose(found, HORIZON)
    assert kind is None
    assert "a lead that chance explains" in why


def test_who_stands_in_is_the_better_of_two_and_the_date_where_next_to_nobody_was_lost():
    nothing = Evaluation.joined([])
    assert stand_in(nothing, HORIZON, lost=12) == LINE
    assert stand_in(nothing, HORIZON, lost=11) == NAIVE
    assert stand_in(measured({LINE: 0.6, NAIVE: 0.61}, error=0.02), HORIZON, lost=50) == NAIVE
    assert stand_in(measured({LINE: 0.61, NAIVE: 0.6}, error=0.02), HORIZON, lost=50) == LINE
