"""Who gives the score: whatever ranked best by walk-forward, judged as it would serve.

Every candidate is judged by the same question on the same test rows: with the renewal at the reference day
for everybody, whom does it rank lowest, and who was lost at the next decision? A 180-day model that failed
its gate may lose to a 90-day model, to the rules, or to renewal date + NPS, of which at a fixed distance
only the NPS is left. None of them is used because of what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.model.candidates.candidate_list import WORDS
from customer_health.model.candidates.constrained_logistic import LogisticRegression
from customer_health.model.candidates.decision_model import DecisionModel
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.candidates.rules_v1 import RuleScore
from customer_health.model.candidates.rules_v2 import RuleScoreV2
from customer_health.model.data.decision_window import DECISION, SHORTEST
from customer_health.model.evaluation.fold_results import LOGO, Evaluation
from customer_health.model.evaluation.metrics import Sample, account_draws, auc
from customer_health.model.evaluation.selection import MIN_PRIOR_LOST
from customer_health.model.evaluation.walk_forward import health_column
from customer_health.model.registry.champion import Champion

MIN_LOST = 20  # test rows; fewer losses rank nobody
MARGIN = 0.005  # of AUC; within it, and within one paired standard error, the order of preference decides
DRAWS = 200
RULES = {RuleScore.kind: "rules_v1_seed", RuleScoreV2.kind: "rules_v2"}
KEYS = ["account_id", "train_date"]


@dataclass(frozen=True)
class Rival:
    """One that could give the score.

    Attributes:
        head: `logo_churn`, or `decision`.
        horizon: Of the head whose health it is; for rules, of the rows that they were measured on.
        kind: The candidate.
        auc: At the next decision, on the rows that all rivals share.
    """

    head: str
    horizon: int
    kind: str
    auc: float = float("nan")

    @property
    def words(self) -> str:
        """As a sentence says it."""
        name = WORDS[self.kind]
        if self.kind in RULES:
            return name
        if self.kind == NaiveBaseline.kind:
            return "the latest NPS"
        if self.kind == DecisionModel.kind:
            return f"the {name}"
        return f"the {self.horizon}-day {name.removesuffix(' model')} model"


@dataclass(frozen=True)
class Choice:
    """Who gives the score.

    Attributes:
        winner: None if nothing could be measured.
        rivals: All that were measured, best first.
        rows: Test rows that all of them share.
        lost: Lost ones among them.
    """

    winner: Rival | None
    rivals: tuple[Rival, ...] = ()
    rows: int = 0
    lost: int = 0

    def sentence(self) -> str:
        """Say who gives the score and what else was at hand; empty if nothing was measured."""
        if self.winner is None:
            return ""
        others = [f"{one.words} {one.auc:.3f}" for one in self.rivals if one != self.winner]
        told = f"the score follows {self.winner.words}: at the next decision it ranks with AUC "
        return f"{told}{self.winner.auc:.3f}" + (f", against {', '.join(others[:4])}" if others else "")

    def table(self) -> list[dict[str, Any]]:
        """Plain data, best first."""
        return [{**vars(one), "chosen": one == self.winner} for one in self.rivals]


def choose_score(
    evaluation: Evaluation,
    decision: pd.DataFrame,
    preferred: Sequence[Rival],
    seed: int,
    incumbent: Champion | None = None,
) -> Choice:
    """Compare everything at hand, and pick the best.

    Whoever gives the score already is kept where the best one's lead is no more than chance explains: every
    change of hands moves the whole portfolio, whatever its customers did.

    Args:
        evaluation: Walk-forward of all heads.
        decision: `account_id`, `train_date`, `y`: labels of the next decision as known today.
        preferred: Who could give the score, in the order that decides between equals.
        seed: Of the bootstrap.
        incumbent: The champion in use.
    """
    table, present = _common_rows(evaluation, decision, preferred)
    if not present or table["y"].sum() < MIN_LOST:
        return Choice(None)
    weights = account_draws(table["account_id"], DRAWS, seed).loc[table["account_id"]].to_numpy().T
    days = np.unique(table["train_date"], return_inverse=True)[1].ravel()
    sample = Sample(table["y"].to_numpy(), days, weights)
    areas = {
        one: auc(table[_name(one)].to_numpy(dtype=float), sample, within_calendar=True).values
        for one in present
    }
    best = max(present, key=lambda one: areas[one][0])
    winner = best
    office = in_office(incumbent)
    for one in sorted(present, key=lambda each: each != office):
        gap = areas[best] - areas[one]
        error = float(np.nanstd(gap[1:]))
        if gap[0] <= (max(MARGIN, error) if one == office else min(MARGIN, error)):
            winner = one
            break
    rated = {one: Rival(one.head, one.horizon, one.kind, round(float(areas[one][0]), 6)) for one in present}
    ranked = sorted(rated.values(), key=lambda one: -one.auc)
    return Choice(rated[winner], tuple(ranked), len(table), int(table["y"].sum()))


def in_office(champion: Champion | None) -> Rival | None:
    """Return who gives the score of a champion; None if the rules do, or nobody knows any more."""
    found: object = champion.health if champion is not None else None
    while hasattr(found, "inner"):
        found = found.inner
    if champion is None or found is None:
        return None
    kind = str(getattr(found, "kind", ""))
    return Rival(DECISION if kind == DecisionModel.kind else LOGO, champion.health_horizon, kind)


def _name(rival: Rival) -> str:
    return f"{rival.head}:{rival.horizon}:{rival.kind}"


def _common_rows(
    evaluation: Evaluation, decision: pd.DataFrame, preferred: Sequence[Rival]
) -> tuple[pd.DataFrame, list[Rival]]:
    """Test rows on which rivals can be compared: a head that shares too few losses stays out."""
    table, present = pd.DataFrame(), list[Rival]()
    known = decision.dropna(subset=["y"])
    for head, horizon in dict.fromkeys((one.head, one.horizon) for one in preferred):
        found = evaluation.of("predictions", horizon, head)
        own = [one for one in preferred if (one.head, one.horizon) == (head, horizon)]
        own = [one for one in own if health_column(one.kind) in found]
        if found.empty or not own:
            continue
        columns = {health_column(one.kind): _name(one) for one in own}
        part = found[[*KEYS, *columns]].rename(columns=columns)
        part = part.merge(known[[*KEYS, "y"]], on=KEYS) if table.empty else table.merge(part, on=KEYS)
        if part["y"].sum() >= MIN_LOST:
            table, present = part, [*present, *own]
    return table, [one for one in preferred if one in present]


def order_of_preference(
    kinds: Mapping[int, str | None], shown: Mapping[int, str], primary: int, rules: str
) -> list[Rival]:
    """List who could give the score; among equals the first is taken.

    Args:
        kinds: Per horizon the candidate that passed its gate, or None.
        shown: Per horizon the best candidate, whether it passed or not.
        primary: The company's horizon.
        rules: The company's rule set.
    """
    horizons = [primary, *(horizon for horizon in kinds if horizon != primary)]
    passed = [Rival(LOGO, horizon, kind) for horizon in horizons if (kind := kinds[horizon])]
    failed = [Rival(LOGO, horizon, shown[horizon]) for horizon in horizons if not kinds[horizon]]
    sets = sorted(RULES, key=lambda kind: RULES[kind] != rules)
    measured_on = next((horizon for horizon in horizons if kinds[horizon]), primary)
    return list(
        dict.fromkeys(
            [
                *passed,
                Rival(DECISION, SHORTEST, DecisionModel.kind),
                *(Rival(LOGO, measured_on, kind) for kind in sets),
                *(Rival(LOGO, horizon, LogisticRegression.kind) for horizon in horizons),
                *failed,
                Rival(LOGO, measured_on, NaiveBaseline.kind),
            ]
        )
    )


def who_scores(choice: Choice, reports: Mapping[int, Any], config: CompanyConfig) -> tuple[Rival | None, str]:
    """Return the head that gives the score, or None and the rule set that does.

    Where nothing could be measured, the line that starts from what the documents say does, once a dozen
    losses have corrected it: below that it would be the rules with noise.

    Args:
        choice: What was measured.
        reports: `HeadReport` per horizon.
        config: Company file.
    """
    wanted, rules = config.model.primary_horizon, config.score.rules
    if choice.winner is not None:
        if choice.winner.kind in RULES:
            return None, RULES[choice.winner.kind]
        return choice.winner, rules
    for horizon in (wanted, *(h for h in reports if h != wanted)):
        if reports[horizon].kind is not None:
            return Rival(LOGO, horizon, str(reports[horizon].kind)), rules
    if reports[wanted].churners >= MIN_PRIOR_LOST:
        return Rival(LOGO, wanted, LogisticRegression.kind), rules
    return None, rules
