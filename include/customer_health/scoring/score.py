"""Score every customer account as of one date."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.model.champion import Champion
from customer_health.model.rules import rules_v1_seed
from customer_health.scoring import why as wording
from customer_health.scoring.changes import changes_since
from customer_health.scoring.mapping import Floats, log_odds, mapping_for
from customer_health.scoring.reasons import (
    Attribution,
    attribute_model,
    attribute_rules,
    reasons_for,
    waterfalls,
)
from customer_health.scoring.tiers import Scheme, round_half_up, scheme_named
from customer_health.settings import CompanyConfig
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Signal

log = logging.getLogger(__name__)

# What the ledger publishes, then `waterfall` and `change` for those who show how a score came about.
COLUMNS = (
    *("account_id", "as_of", "score", "score_shown", "tier", "band", "p90", "p180", "expected_loss"),
    *("coverage", "why", "reasons", "mode", "model_id", "state", "waterfall", "change"),
)
SCORED, NOTICE_GIVEN, NOT_YET = "scored", "notice_given", "not_scored_yet"
# The signal that each rule reads, by the rule's reason code; it gives the reason its value and words.
RULE_SIGNALS: Mapping[str, str] = {
    "usage_decline": "usage_trend_slope",
    "low_adoption": "feature_adoption_score",
    "critical_tickets": "open_critical_tickets",
    "low_nps": "recent_nps",
    "arr_contraction": "arr_change_12m",
}


@dataclass(frozen=True)
class _Result:
    """Scores before the limits, with how they came about.

    Attributes:
        usable: Per row that went in, whether it could be scored; the rest holds those rows only.
    """

    usable: npt.NDArray[np.bool_]
    raw: Floats
    p90: Floats
    p180: Floats
    attribution: Attribution


def score_accounts(
    panel: pd.DataFrame,
    champion: Champion | None,
    config: CompanyConfig,
    *,
    as_of: date,
    previous: pd.DataFrame | None = None,
    catalogue: Mapping[str, Signal] = CATALOGUE,
) -> pd.DataFrame:
    """Score every customer account, with its reasons and its Why.

    An account that gave notice gets that as its state and no score: there is nothing left to foretell.
    One that is too new, has no known signal, or whose data yields no finite prediction, is
    `not_scored_yet` and the Why says so. One account's broken values never touch another's score.

    Args:
        panel: Signals with their context columns; rows of other dates are ignored.
        champion: The model; None scores by the rules, without probabilities.
        config: The company's numbers (primary horizon, mapping, scheme, minimal tenure).
        as_of: The day to score.
        previous: The latest scores published before; adds `change`, and does not touch any score.
        catalogue: Signals by name; defaults to the project's.

    Returns:
        One row per customer account with `COLUMNS`. Probabilities lie in 0 to 1. `expected_loss` is the
        probability at the primary horizon times ARR (its currency); NaN in rules mode, because a rule
        score is no probability. `waterfall` leads from the start to the score.

    Raises:
        DataContractError: The panel has no row of that day, or an account twice.
        ConfigurationError: Unknown scheme or mapping, or a primary horizon other than 90 or 180 days.
        FatalError: The champion has no usable anchors.
    """
    scheme, band = scheme_named(config.score.scheme), scheme_named("rag")
    rows = _customers(panel, as_of, catalogue)
    rows["state"], rows["why"] = _states(rows, config)
    scored = rows[rows["state"] == SCORED].reset_index(drop=True)
    result = (
        _by_rules(scored, catalogue) if champion is None else _by_model(scored, champion, config, catalogue)
    )
    if not result.usable.all():
        reason = wording.NO_DATA if champion is None else wording.BROKEN_DATA
        broken = rows["account_id"].isin(scored.loc[~result.usable, "account_id"])
        rows.loc[broken, ["state", "why"]] = [NOT_YET, reason]
        log.warning("%d accounts stay without a score: %s", int(broken.sum()), reason)
        scored = scored[result.usable].reset_index(drop=True)
    published = _published(scored, result, config, catalogue, scheme, band)
    rest = rows.loc[rows["state"] != SCORED, ["account_id", "coverage", "state", "why"]]
    frame = pd.concat([published, rest], ignore_index=True).reindex(columns=list(COLUMNS))
    frame["as_of"] = as_of
    frame["mode"] = "rules" if champion is None else "model"
    frame["model_id"] = config.score.rules if champion is None else champion.model_id
    frame["score_shown"] = frame["score_shown"].astype("Int64")
    frame["reasons"] = [value if isinstance(value, list) else [] for value in frame["reasons"]]
    for column in ("tier", "band", "waterfall", "change"):
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    frame = frame.sort_values("account_id", ignore_index=True)
    if previous is not None:
        frame["change"] = pd.Series(changes_since(previous, frame), dtype=object)
    log.info("scored %d accounts as of %s, %d without a score", len(published), as_of, len(rest))
    return frame


def _customers(panel: pd.DataFrame, as_of: date, catalogue: Mapping[str, Signal]) -> pd.DataFrame:
    """Customers of the day; infinite signal values become unknown."""
    rows = panel[pd.to_datetime(panel["as_of"]).dt.date == as_of]
    if rows.empty:
        raise DataContractError(
            f"The panel has no row of {as_of}.", hint="Build the signals of that day before scoring it."
        )
    rows = rows[rows["is_customer"].fillna(False).astype(bool)].reset_index(drop=True)
    if (repeated := rows["account_id"].duplicated()).any():
        raise DataContractError(
            f"{int(repeated.sum())} accounts appear twice on {as_of}, e.g. "
            f"{rows['account_id'][repeated].iloc[0]}.",
            hint="A panel has one row per account and day; build the signals of that day again.",
        )
    names = [name for name in catalogue if name in rows.columns]
    values = rows[names].astype(float)
    rows[names] = values.where(np.isfinite(values))
    return rows


def _states(rows: pd.DataFrame, config: CompanyConfig) -> tuple[pd.Series, pd.Series]:
    needed = config.model.min_tenure_days
    notice = rows["notice_given"].fillna(False).astype(bool)
    new = rows["tenure_days"].astype(float) < needed
    blind = ~(rows["coverage"].astype(float) > 0)
    state = np.select([notice, new | blind], [NOTICE_GIVEN, NOT_YET], SCORED)
    too_new = [
        wording.too_new(days, needed) if young else ""
        for days, young in zip(rows["tenure_days"], new, strict=True)
    ]
    text = np.select([notice, new, blind], [wording.NOTICE_GIVEN, too_new, wording.NO_DATA], "")
    return pd.Series(state, rows.index, dtype=object), pd.Series(text, rows.index, dtype=object)


def _by_model(
    rows: pd.DataFrame, champion: Champion, config: CompanyConfig, catalogue: Mapping[str, Signal]
) -> _Result:
    """Score by the champion; rows without a finite prediction cannot be scored.

    The log-odds are used as they are. Smoothing (of the health part only: the log-odds less the
    contributions of the calendar) and hysteresis belong between `today` and `mapping.raw`; they need
    yesterday's health part beside the published score.
    """
    horizon = config.model.primary_horizon
    if horizon not in (90, 180):
        raise ConfigurationError(
            f"model.primary_horizon is {horizon} days.", hint="Scores are made from 90 or 180 days."
        )
    mapping = mapping_for(config.score.mapping, champion.anchors, horizon)
    if rows.empty:
        nothing = np.zeros(0)
        empty = attribute_rules(pd.DataFrame(), nothing, catalogue)
        return _Result(np.zeros(0, dtype=bool), nothing, nothing, nothing, empty)
    predicted = champion.predict(rows)
    usable = np.isfinite(predicted[f"p{horizon}"].to_numpy(dtype=float))
    # A champion may have been trained for the primary horizon only; the other is unknown then.
    p90, p180 = predicted.reindex(columns=["p90", "p180"]).to_numpy(dtype=float)[usable].T
    today = log_odds(p90 if horizon == 90 else p180)
    contributions = champion.contributions(rows[usable], horizon)
    attribution = attribute_model(contributions, today, mapping, catalogue)
    return _Result(usable, mapping.raw(today), p90, p180, attribution)


def _by_rules(rows: pd.DataFrame, catalogue: Mapping[str, Signal]) -> _Result:
    """Score by the rules, where they know at least one of their inputs.

    An account of which they know nothing keeps its 100 points and would pass for healthy.
    """
    names = [name for name in RULE_SIGNALS.values() if name in rows]
    usable = rows[names].notna().any(axis=1).to_numpy(dtype=bool)
    table = rules_v1_seed(rows[usable])
    raw = table["score"].to_numpy(dtype=float)
    points = -table[list(RULE_SIGNALS)].rename(columns=dict(RULE_SIGNALS))
    unknown = np.full(len(raw), np.nan)
    return _Result(usable, raw, unknown, unknown, attribute_rules(points, raw, catalogue))


def _published(
    rows: pd.DataFrame,
    result: _Result,
    config: CompanyConfig,
    catalogue: Mapping[str, Signal],
    scheme: Scheme,
    band: Scheme,
) -> pd.DataFrame:
    score = np.clip(result.raw, 0.0, 100.0)
    shown = round_half_up(score)
    tier = scheme.of(shown)
    reasons = reasons_for(result.attribution, rows, catalogue)
    arr = rows["arr"].to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame(
        {
            "account_id": rows["account_id"],
            "score": score,
            "score_shown": shown,
            "tier": tier,
            "band": band.of(shown),
            "p90": result.p90,
            "p180": result.p180,
            "expected_loss": (result.p90 if config.model.primary_horizon == 90 else result.p180)
            * np.where(np.isfinite(arr), arr, np.nan),
            "coverage": rows["coverage"].astype(float),
            "why": [
                wording.why(listed, healthy=name == scheme.best, days_to_renewal=days)
                for listed, name, days in zip(reasons, tier, _days_to_renewal(rows), strict=True)
            ],
            "reasons": reasons,
            "state": SCORED,
            "waterfall": waterfalls(result.attribution, score),
        }
    )


def _days_to_renewal(rows: pd.DataFrame) -> list[float | None]:
    if "days_to_renewal" not in rows:
        return [None] * len(rows)
    return [None if pd.isna(days) else float(days) for days in rows["days_to_renewal"]]
