"""The champion: the fitted heads that score accounts until the next training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.errors import FatalError
from customer_health.model.candidates.candidate import Candidate, stable
from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.candidates.expected_loss import LOGO, expected_share
from customer_health.model.candidates.naive_baseline import NaiveBaseline
from customer_health.model.data.decision_window import SHORTEST, decision_window
from customer_health.model.data.features import RENEWAL, FeatureSet, numbers
from customer_health.model.data.fixed_distance import at_reference, reference_days
from customer_health.model.data.track_record import TrackRecord

# Red has at least twice the odds of Green: where a model hardly tells customers apart, fixed shares of the
# portfolio would turn Red by noise, and back.
MIN_SPREAD = float(np.log(2.0))
NEAR = 90  # days to a decision that is near
LOW = 0.3  # of the way from Red (40.5) to Green (70.5): a score of 49.5, where At Risk ends


def anchors_of(logits: np.ndarray, *, red_share: float, green_share: float) -> dict[str, float]:
    """Read the two probabilities that pin the score's scale from the portfolio of the training day.

    They are frozen with the model, so that a score means the same risk until the next training.

    Args:
        logits: Log-odds of every eligible account.
        red_share: The riskiest share, which turns Red above `p_red`; a smaller one where its odds are not
            twice those of Green.
        green_share: The safest share, which stays Green below `p_green`.

    Returns:
        `p_red` and `p_green`, with p_green < p_red whatever the portfolio looks like.
    """
    green, red = np.quantile(logits, [green_share, 1 - red_share])
    pair = stable(sigmoid(np.array([max(red, green + MIN_SPREAD), green])))
    return {"p_red": float(pair[0]), "p_green": float(pair[1])}


def attention_cut(champion: Champion, rows: pd.DataFrame, share: float) -> float:
    """Choose from which probability on a near decision asks for attention, so that `share` of all do.

    Low health asks for it anyway; what is left of the share goes to the riskiest near decisions.

    Args:
        champion: Fitted heads and anchors.
        rows: Eligible panel rows of the training day.
        share: Of the accounts that people can attend to.

    Returns:
        A probability of leaving within the shortest horizon; 1 if low health alone fills the share.
    """
    if rows.empty:
        return 1.0
    low = low_health(champion, rows)
    near = decides_soon(numbers(rows[RENEWAL])) & ~low
    risk = champion.predict(rows)[f"p{min(champion.heads)}"].to_numpy(dtype=float)
    urgent = risk[near]
    room = round(share * len(rows)) - int(low.sum())
    if room <= 0 or not len(urgent):
        return 1.0
    cut = np.sort(urgent)[::-1][min(room, len(urgent)) - 1]
    # A decision that is no riskier than the average account needs no attention, however much room there is.
    return float(stable(np.array(max(cut, float(risk.mean())))))


def decides_soon(days_to_renewal: np.ndarray) -> np.ndarray:
    """Customers with a decision within `NEAR` days: a contract without a date may be ended any day."""
    return np.asarray(np.isnan(days_to_renewal) | (days_to_renewal <= NEAR))


def low_health(champion: Champion, rows: pd.DataFrame) -> np.ndarray:
    """Accounts whose health lies below the line between At Risk and Attention, half-way to Red."""
    logits = champion.health_logit(rows).to_numpy()
    red, green = (logit_of(champion.health_anchors[name]) for name in ("p_red", "p_green"))
    return np.asarray(logits >= red - LOW * (red - green))


def logit_of(p: float) -> float:
    """Log-odds of one probability."""
    return float(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Champion:
    """What scoring needs of a training, and nothing more.

    Attributes:
        model_id: Names the training date and the content of the artefact.
        trained_as_of: The training date.
        features: How panel rows become features.
        heads: Fitted candidate per horizon in days. The primary horizon's earned its place; another
            horizon may be served by the naive baseline, when nothing better was found for it.
        anchors: Per horizon, the probabilities `p_red` and `p_green` that pin the score.
        primary_horizon: The company's horizon.
        others: Heads of other losses: (outcome, horizon) -> fitted candidate.
        loss_shares: Share of its ARR that an account loses with each outcome.
        reference: Per horizon the average account of the training day, from which points are counted:
            mean `log_odds`, and mean `contributions` per signal; see `reference_of`.
        decision: Fitted candidate for the next decision; None if nothing could be learned about it.
        health: What gives the score, with every renewal at the reference day; None in champions that were
            trained before scores meant that: then the primary horizon's head does.
        health_horizon: Its horizon, which says where the reference day lies.
        health_anchors: Probabilities `p_red` and `p_green` of that head at the reference day.
        attention: Probability within the shortest horizon from which a near decision asks for attention.
        track_records: By headline fact, what it has cost in the company's history; empty in champions that
            were trained before it was counted.
    """

    model_id: str
    trained_as_of: date
    features: FeatureSet
    heads: Mapping[int, Candidate]
    anchors: Mapping[int, Mapping[str, float]]
    primary_horizon: int
    others: Mapping[tuple[str, int], Candidate] = field(default_factory=dict)
    loss_shares: Mapping[str, float] = field(default_factory=dict)
    reference: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    decision: Candidate | None = None
    health: Candidate | None = None
    health_horizon: int = SHORTEST
    health_anchors: Mapping[str, float] = field(default_factory=dict)
    attention: float = 1.0
    track_records: Mapping[str, TrackRecord] = field(default_factory=dict)

    @property
    def meaning(self) -> str:
        """What a score of this champion means, as every published row says."""
        return f"health_{reference_days(self.health_horizon)}d"

    def _standard(self, panel: pd.DataFrame) -> pd.DataFrame:
        return self.features.design(at_reference(panel, self.health_horizon))

    def health_logit(self, panel: pd.DataFrame) -> pd.Series:
        """Log-odds that the score follows: with every renewal at the reference day, on the panel's index."""
        head = self.health or self.head(self.primary_horizon)
        return pd.Series(head.predict_logit(self._standard(panel)), index=panel.index)

    def health_contributions(self, panel: pd.DataFrame) -> pd.DataFrame:
        """Split `health_logit` over the signals, as `contributions` does."""
        head = self.health or self.head(self.primary_horizon)
        return head.contributions(self._standard(panel))

    def kind_of(self, horizon: int) -> str | None:
        """Kind of the head of a horizon, whatever it is wrapped in."""
        found: object = self.others.get((LOGO, horizon), self.heads.get(horizon))
        while hasattr(found, "inner"):
            found = found.inner
        return getattr(found, "kind", None)

    def head(self, horizon: int) -> Candidate:
        """Return the fitted candidate of a horizon.

        Raises:
            FatalError: That horizon has none.
        """
        if horizon not in self.heads:
            raise FatalError(
                f"The champion {self.model_id} has no head for {horizon} days.",
                hint=f"It predicts: {', '.join(f'{h} days' for h in sorted(self.heads))}.",
            )
        return self.heads[horizon]

    def predict_logit(self, panel: pd.DataFrame, horizon: int) -> pd.Series:
        """Log-odds of what gives the score at `horizon` days, on the panel's index."""
        return pd.Series(self.head(horizon).predict_logit(self.features.design(panel)), index=panel.index)

    def predict(self, panel: pd.DataFrame) -> pd.DataFrame:
        """Probability of leaving, per horizon; never higher for a shorter horizon than a longer one.

        Returns:
            `account_id`, `as_of` and one column per horizon (`p90`, `p180`) on the panel's index; then
            `p_decision`, of being lost at the next decision, where that is predicted; then
            one per other outcome and horizon (`p180_downgrade`), and per horizon for which other
            outcomes are predicted the expected lost share of ARR (`loss180`). The outcomes'
            probabilities overlap. Where the score means the expected loss, `risk180` is what it
            follows; elsewhere it follows `p180`, and there is no such column.
        """
        design = self.features.design(panel)
        risk, logo = np.ones(len(panel)), np.ones(len(panel))
        leaving: dict[str, np.ndarray] = {}
        rest: dict[str, np.ndarray] = {}
        for horizon in sorted(self.heads, reverse=True):
            risk = np.minimum(risk, sigmoid(self.heads[horizon].predict_logit(design)))
            own = self.others.get((LOGO, horizon))
            logo = np.minimum(logo, risk if own is None else sigmoid(own.predict_logit(design)))
            leaving = {f"p{horizon}": logo, **leaving}
            if own is not None:
                rest[f"risk{horizon}"] = rest[f"loss{horizon}"] = risk
        for (outcome, horizon), head in self.others.items():
            if outcome != LOGO:
                rest[f"p{horizon}_{outcome}"] = sigmoid(head.predict_logit(design))
        for horizon in self.heads:
            side = {
                name: rest[f"p{horizon}_{name}"] for name, h in self.others if h == horizon and name != LOGO
            }
            if side and f"loss{horizon}" not in rest:
                p = {LOGO: leaving[f"p{horizon}"], **side}
                rest[f"loss{horizon}"] = expected_share(p, self.loss_shares)
        ahead = {} if self.decision is None else {"p_decision": self._at_decision(panel, design, leaving)}
        return panel[["account_id", "as_of"]].assign(**leaving, **ahead, **rest)

    def _at_decision(
        self, panel: pd.DataFrame, design: pd.DataFrame, leaving: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Probability of being lost at the next decision; where a horizon asks the same, its number."""
        assert self.decision is not None
        p = sigmoid(self.decision.predict_logit(design))
        window = decision_window(numbers(panel[RENEWAL]))
        for horizon in sorted(self.heads):
            if horizon <= SHORTEST:
                p = np.maximum(p, leaving[f"p{horizon}"])
        if SHORTEST in self.heads and self.kind_of(SHORTEST) != NaiveBaseline.kind:
            p = np.where(window <= SHORTEST, leaving[f"p{SHORTEST}"], p)
        return np.asarray(p, dtype=float)

    def contributions(self, panel: pd.DataFrame, horizon: int) -> pd.DataFrame:
        """Split each row's log-odds over the signals; `base(horizon)` plus a row adds up to its logit.

        Returns:
            One column per signal (and per context column: arr, seats, tenure_days, plan, segment) on
            the panel's index; positive means more risk.
        """
        return self.head(horizon).contributions(self.features.design(panel))

    def base(self, horizon: int) -> float:
        """Log-odds of an account about which nothing speaks."""
        return self.head(horizon).base
