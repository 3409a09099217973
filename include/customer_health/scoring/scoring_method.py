"""Two ways to a score: the champion's probability, or the rules where there is no champion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.model.candidates.rules_v1 import rules_v1_seed
from customer_health.model.candidates.rules_v2 import SIGNALS as RULES_V2_SIGNALS
from customer_health.model.candidates.rules_v2 import points_of
from customer_health.model.registry.champion import Champion
from customer_health.scoring.attribution import Attribution, Reference, attribute_model, attribute_rules
from customer_health.scoring.score_scale import Floats, log_odds, mapping_for
from customer_health.scoring.smoothing import (
    RENEWAL,
    Memory,
    at_reference,
    hard_events,
    newly_struck,
    smooth,
)
from customer_health.signals.signal import Signal

# What a champion foretells besides leaving, as the ledger keeps it: other losses, and the share of ARR.
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
        heads: One column per name of `HEADS`; NaN where the champion does not foretell it.
        attribution: Points per signal and concept.
        health: Smoothed health part in log-odds; NaN where scores are not smoothed.
    """

    usable: npt.NDArray[np.bool_]
    score: Floats
    p90: Floats
    p180: Floats
    heads: pd.DataFrame
    attribution: Attribution
    health: Floats


def by_model(
    rows: pd.DataFrame,
    champion: Champion,
    config: CompanyConfig,
    catalogue: Mapping[str, Signal],
    memory: Callable[[pd.Series], Memory],
) -> Scored:
    """Score by the champion; rows without a finite prediction cannot be scored.

    Signals are judged as if every renewal were equally far, and the calendar gets what the true date
    adds. So a date that comes nearer moves the calendar's points and nobody else's.

    Args:
        memory: Recalls what earlier scores left for these accounts.
    """
    horizon = config.model.primary_horizon
    mapping = mapping_for(config.score.mapping, champion.anchors, _checked(horizon))
    if rows.empty:
        nothing = np.zeros(0)
        empty = attribute_rules(pd.DataFrame(), nothing, catalogue)
        return Scored(np.zeros(0, dtype=bool), nothing, nothing, nothing, _heads(0), empty, nothing)
    predicted = champion.predict(rows)
    # What the score follows: the probability to leave, or the expected loss of ARR.
    followed = predicted.get(f"risk{horizon}", predicted[f"p{horizon}"]).to_numpy(dtype=float)
    usable = np.isfinite(followed)
    rows = rows[usable]
    # A champion may have been trained for the primary horizon only; the other is unknown then.
    p90, p180 = predicted.reindex(columns=["p90", "p180"]).to_numpy(dtype=float)[usable].T
    today = log_odds(followed[usable])
    standard = at_reference(rows, horizon)
    health = _risk(champion, standard, horizon)
    contributions = champion.contributions(standard, horizon)
    date_itself = contributions.get(RENEWAL, 0.0)
    contributions = contributions.assign(**{RENEWAL: date_itself + (today - health)})
    reference = _reference(champion, horizon, today, contributions)
    smoothed = health
    if config.score.smoothing:
        known = memory(rows["account_id"])
        smoothed = smooth(health, known, newly_struck(hard_events(rows), known))
    carried = smoothed - health
    at = today + carried
    attribution = attribute_model(
        contributions,
        at,
        mapping,
        catalogue,
        reference=reference,
        carried=carried if config.score.smoothing else None,
    )
    kept = smoothed if config.score.smoothing else np.full(len(rows), np.nan)
    heads = predicted.reindex(columns=list(HEADS))[usable].reset_index(drop=True)
    return Scored(usable, mapping.score(mapping.raw(at)), p90, p180, heads, attribution, kept)


def _heads(rows: int) -> pd.DataFrame:
    return pd.DataFrame(np.nan, index=range(rows), columns=list(HEADS))


def _risk(champion: Champion, rows: pd.DataFrame, horizon: int) -> Floats:
    """Log-odds of `Champion.predict` at one horizon, without the heads that it does not need."""
    longer = [h for h in champion.heads if h >= horizon]  # a shorter horizon never has the higher risk
    logits = [champion.predict_logit(rows, h).to_numpy(dtype=float) for h in longer]
    lowest, highest = log_odds(np.array([0.0, 1.0]))
    return np.asarray(np.clip(np.min(logits, axis=0), lowest, highest))


def _checked(horizon: int) -> int:
    if horizon not in (90, 180):
        raise ConfigurationError(
            f"model.primary_horizon is {horizon} days.", hint="Scores are made from 90 or 180 days."
        )
    return horizon


def _reference(champion: Champion, horizon: int, today: Floats, contributions: pd.DataFrame) -> Reference:
    """The average account: the champion's, frozen with it, or today's where it brings none.

    A champion offers `reference`: per horizon the mean `log_odds` and the mean `contributions` per
    signal of its training day. Today's average moves a little every day, and every waterfall with it.
    """
    offered = (getattr(champion, "reference", None) or {}).get(horizon)
    if offered:
        return Reference(float(offered["log_odds"]), offered["contributions"])
    means = {str(name): float(mean) for name, mean in contributions.mean().items()}
    return Reference(float(today.mean()), means)


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
    return Scored(usable, score, unknown, unknown, _heads(len(score)), attribution, unknown)


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


def rescorer(champion: Champion | None, config: CompanyConfig) -> Callable[[pd.DataFrame], Floats]:
    """Return what turns panel rows into scores, without memory: for questions that begin with "if"."""
    if champion is None:
        return lambda rows: _rules(rows, config.score.rules)["score"].to_numpy(dtype=float)
    horizon = config.model.primary_horizon
    mapping = mapping_for(config.score.mapping, champion.anchors, horizon)
    return lambda rows: mapping.score(mapping.raw(_risk(champion, rows, horizon)))
