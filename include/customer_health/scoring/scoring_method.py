"""Two ways to a score: the champion's probability, or the rules where there is no champion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.model.candidates.constrained_logistic import LIMIT
from customer_health.model.candidates.rules_v1 import rules_v1_seed
from customer_health.model.candidates.rules_v2 import SIGNALS as RULES_V2_SIGNALS
from customer_health.model.candidates.rules_v2 import points_of
from customer_health.model.data.features import RENEWAL, numbers
from customer_health.model.registry.champion import Champion, anchors_of, decides_soon
from customer_health.scoring.attribution import (
    CALENDAR,
    Attribution,
    Reference,
    attribute_model,
    attribute_rules,
)
from customer_health.scoring.known_weight import rule_weights
from customer_health.scoring.score_scale import Floats, ScoreMapping, mapping_for
from customer_health.scoring.smoothing import (
    Memory,
    handed_over,
    hard_events,
    newly_struck,
    smooth,
)
from customer_health.signals.signal import Signal

# What a champion predicts besides leaving, as the ledger keeps it: other losses, and the share of ARR.
HEADS = tuple(name for h in (90, 180) for name in (f"p{h}_downgrade", f"p{h}_contraction", f"loss{h}"))
# The signal that each rule reads, by the rule's reason code; it gives the reason its value and words.
RULE_SIGNALS: Mapping[str, str] = {
    "usage_decline": "usage_trend_slope",
    "low_adoption": "feature_adoption_score",
    "critical_tickets": "open_critical_tickets",
    "low_nps": "recent_nps",
    "arr_contraction": "arr_change_12m",
}


@dataclass(frozen=True)
class Scored:
    """Scores with how they came about.

    Attributes:
        usable: Per row that went in, whether it could be scored; the rest holds those rows only.
        score: 0 to 100.
        p90: Probability to leave within 90 days; NaN by the rules.
        p180: Likewise within 180 days.
        p_decision: To be lost at the next decision; NaN where that is not predicted.
        heads: One column per name of `HEADS`; NaN where the champion does not predict it.
        attribution: Points per signal and concept.
        contributions: Per signal, in log-odds, dates left out; without columns by the rules.
        health: Smoothed health in log-odds; NaN where scores are not smoothed.
        today: Health of the day alone, in log-odds; NaN by the rules.
        urgent: A decision is near, and the risk until then is high.
        weights: How much each signal usually moves scores.
        line: Place on the straight line of scores, before ceilings; NaN where scores are not smoothed.
        handed: What is left in `health` of another model's score, in log-odds.
    """

    usable: npt.NDArray[np.bool_]
    score: Floats
    p90: Floats
    p180: Floats
    p_decision: Floats
    heads: pd.DataFrame
    attribution: Attribution
    contributions: pd.DataFrame
    health: Floats
    today: Floats
    urgent: npt.NDArray[np.bool_]
    weights: Mapping[str, float]
    line: Floats
    handed: Floats

    def only(self, kept: npt.NDArray[np.bool_]) -> Scored:
        """Leave out scored rows; `usable` stays as it was."""
        parts = self.attribution
        return replace(
            self,
            score=self.score[kept],
            p90=self.p90[kept],
            p180=self.p180[kept],
            p_decision=self.p_decision[kept],
            heads=self.heads[kept].reset_index(drop=True),
            attribution=replace(parts, signals=parts.signals[kept], concepts=parts.concepts[kept]),
            contributions=self.contributions[kept],
            health=self.health[kept],
            today=self.today[kept],
            urgent=self.urgent[kept],
            line=self.line[kept],
            handed=self.handed[kept],
        )


def by_model(
    rows: pd.DataFrame,
    champion: Champion,
    config: CompanyConfig,
    catalogue: Mapping[str, Signal],
    memory: Callable[[pd.Series], Memory],
) -> Scored:
    """Score by the champion; rows without a finite prediction cannot be scored.

    The score follows health: the champion's log-odds with every renewal at the same distance. What the true
    date adds is told by `p_decision`, `p90` and `p180`, and moves no score.

    Args:
        memory: Recalls what earlier scores left for these accounts.
    """
    if rows.empty:
        nothing, none = np.zeros(0), np.zeros(0, dtype=bool)
        empty = attribute_rules(pd.DataFrame(), nothing, catalogue)
        return Scored(
            usable=none,
            score=nothing,
            p90=nothing,
            p180=nothing,
            p_decision=nothing,
            heads=_heads(0),
            attribution=empty,
            contributions=pd.DataFrame(),
            health=nothing,
            today=nothing,
            urgent=none,
            weights={},
            line=nothing,
            handed=nothing,
        )
    health = champion.health_logit(rows).to_numpy(dtype=float)
    usable = np.isfinite(health)
    rows, health = rows[usable], np.clip(health[usable], -LIMIT, LIMIT)
    mapping = scale_of(champion, config, health)
    predicted = champion.predict(rows)
    # A champion may have been trained for one horizon only; the other is unknown then.
    columns = ["p90", "p180", "p_decision"]
    p90, p180, decision = predicted.reindex(columns=columns).to_numpy(dtype=float).T
    # A contract's form tells customers apart, but no date does: it is booked on no concept.
    contributions = champion.health_contributions(rows)
    contributions = contributions.drop(columns=[name for name in contributions if dated(name, catalogue)])
    reference = _reference(champion, health, contributions)
    smoothed, handed = health, np.zeros(len(rows))
    if config.score.smoothing:
        known = memory(rows["account_id"]).on(mapping)
        smoothed = smooth(health, known, newly_struck(hard_events(rows), known))
        handed = handed_over(health, smoothed, known)
    attribution = attribute_model(
        contributions,
        smoothed,
        mapping,
        catalogue,
        reference=reference,
        carried=smoothed - health if config.score.smoothing else None,
    )
    kept = smoothed if config.score.smoothing else np.full(len(rows), np.nan)
    heads = predicted.reindex(columns=list(HEADS)).reset_index(drop=True)
    line = mapping.raw(smoothed)
    score = mapping.score(line)
    urgent = _urgent(rows, p90 if np.isfinite(p90).any() else p180, champion.attention)
    weights = _weights(champion, contributions)
    line = line if config.score.smoothing else kept
    return Scored(
        usable=usable,
        score=score,
        p90=p90,
        p180=p180,
        p_decision=decision,
        heads=heads,
        attribution=attribution,
        contributions=contributions,
        health=kept,
        today=health,
        urgent=urgent,
        weights=weights,
        line=line,
        handed=handed,
    )


def scale_of(champion: Champion, config: CompanyConfig, health: Floats) -> ScoreMapping:
    """The champion's frozen scale.

    A champion that was trained before scores meant health has none: until the next training the scale is
    pinned on the day's portfolio.
    """
    anchors = champion.health_anchors
    if not anchors and len(health):
        red, green = config.score.red_share, config.score.green_share
        anchors = anchors_of(health, red_share=red, green_share=green)
    return mapping_for(config.score.mapping, anchors)


def dated(name: object, catalogue: Mapping[str, Signal]) -> bool:
    """Whether a signal is a date: it is booked on no concept."""
    signal = catalogue.get(str(name))
    return signal is not None and str(signal.concept) == CALENDAR


def _urgent(rows: pd.DataFrame, p: Floats, cut: float) -> npt.NDArray[np.bool_]:
    """A decision within 90 days, or any day, at a probability that the champion calls high."""
    days = numbers(rows[RENEWAL]) if RENEWAL in rows else np.full(len(rows), np.nan)
    return np.asarray(decides_soon(days) & (p >= cut))


def _heads(rows: int) -> pd.DataFrame:
    return pd.DataFrame(np.nan, index=range(rows), columns=list(HEADS))


def _weights(champion: Champion, contributions: pd.DataFrame) -> Mapping[str, float]:
    """How far each signal spreads the portfolio, in log-odds: the champion's, or today's."""
    offered = (champion.reference.get(champion.health_horizon) or {}).get("weights")
    if offered:
        return dict(offered)
    return {str(name): float(spread) for name, spread in contributions.std(ddof=0).items()}


def _reference(champion: Champion, health: Floats, contributions: pd.DataFrame) -> Reference:
    """The average account: the champion's, frozen with it, or today's where it brings none.

    Today's average moves a little every day, and every waterfall with it.
    """
    offered = champion.reference.get(champion.health_horizon) if champion.health_anchors else None
    if offered:
        return Reference(float(offered["log_odds"]), offered["contributions"])
    means = {str(name): float(mean) for name, mean in contributions.mean().items()}
    return Reference(float(health.mean()), means)


def by_rules(rows: pd.DataFrame, catalogue: Mapping[str, Signal], rules: str = "rules_v1_seed") -> Scored:
    """Score by the rules, where they know at least one of their inputs.

    An account of which they know nothing keeps its 100 points and would pass for healthy. The rules
    are not smoothed: what they count is what was seen that day.

    Args:
        rules: Which set, as in `score.rules` of the company file.
    """
    names = [name for name in _inputs(rules) if name in rows]
    usable = rows[names].notna().any(axis=1).to_numpy(dtype=bool)
    table = _rules(rows[usable], rules)
    score = table["score"].to_numpy(dtype=float)
    points = -table.drop(columns="score")
    unknown = np.full(len(score), np.nan)
    attribution = attribute_rules(points, score, catalogue)
    weights = rule_weights(rules)
    heads, calm = _heads(len(score)), np.zeros(len(score), dtype=bool)
    return Scored(
        usable,
        score,
        *(unknown, unknown, unknown),
        heads,
        attribution,
        pd.DataFrame(index=points.index),
        *(unknown, unknown),
        calm,
        weights,
        unknown,
        np.zeros(len(score)),
    )


def _inputs(rules: str) -> tuple[str, ...]:
    """Signals of which one must be known. The renewal date alone says nothing about a customer's health."""
    names = tuple(RULE_SIGNALS.values()) if rules == "rules_v1_seed" else RULES_V2_SIGNALS
    return tuple(name for name in names if name != RENEWAL)


def _rules(rows: pd.DataFrame, rules: str) -> pd.DataFrame:
    """`score`, and the points that each signal cost."""
    if rules == "rules_v2":
        points = points_of(rows)
        return points.assign(score=np.clip(100 - points.sum(axis=1), 0, 100))
    return rules_v1_seed(rows)[["score", *RULE_SIGNALS]].rename(columns=dict(RULE_SIGNALS))


def rescorer(
    champion: Champion | None, config: CompanyConfig, rows: pd.DataFrame
) -> Callable[[pd.DataFrame], Floats]:
    """Return what turns panel rows into scores, without memory: for questions that begin with "if".

    Args:
        champion: Who scores; None: the rules.
        config: Company file.
        rows: The day's scored rows, for a champion without a frozen scale.
    """
    if champion is None:
        return lambda asked: _rules(asked, config.score.rules)["score"].to_numpy(dtype=float)

    def health(asked: pd.DataFrame) -> Floats:
        return np.asarray(np.clip(champion.health_logit(asked).to_numpy(dtype=float), -LIMIT, LIMIT))

    mapping = scale_of(champion, config, health(rows) if len(rows) else np.zeros(0))
    return lambda asked: mapping.score(mapping.raw(health(asked)))
