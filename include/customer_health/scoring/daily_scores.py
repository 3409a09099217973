"""Score every customer account as of one date."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError
from customer_health.model.data.features import RENEWAL
from customer_health.model.data.track_record import TrackRecord
from customer_health.model.registry.champion import Champion
from customer_health.scoring import lifecycle
from customer_health.scoring import why as wording
from customer_health.scoring.attribution import waterfalls
from customer_health.scoring.earlier_scoring import Earlier, change_causes
from customer_health.scoring.headlines import capped, gravity, headlines_of, held_by
from customer_health.scoring.hysteresis import settle
from customer_health.scoring.known_weight import judged, known_share, missing
from customer_health.scoring.levers import levers
from customer_health.scoring.reasons import reasons_for
from customer_health.scoring.score_changes import changes_since
from customer_health.scoring.scoring_method import HEADS, Scored, by_model, by_rules, rescorer
from customer_health.scoring.smoothing import Memory, hard_events, recall
from customer_health.scoring.tiers import round_half_up, scheme_named
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Signal

log = logging.getLogger(__name__)

# What the ledger publishes: the score, how it came about, what would help, and what tomorrow needs of it.
COLUMNS = (
    *("account_id", "as_of", "score", "score_shown", "tier", "band", "held_band"),
    *("p90", "p180", "p_decision", *HEADS, "attention", "review", "meaning", "expected_loss", "coverage"),
    *("lifecycle_score", "lifecycle"),
    *("why", "reasons", "facts", "mode", "model_id", "state"),
    *("waterfall", "change", "lever", "health_log_odds", "carried"),
)
TEXT_OR_NONE = ("tier", "band", "held_band", "waterfall", "change", "lever", "carried", "lifecycle")
SCORED, NOTICE_GIVEN, NOT_YET = "scored", "notice_given", "not_scored_yet"
TOO_LITTLE = "too_little_known"
ONBOARDING = "onboarding"
RULES = "rules"  # what a score by the rules means


def score_accounts(
    panel: pd.DataFrame,
    champion: Champion | None,
    config: CompanyConfig,
    *,
    as_of: date,
    previous: pd.DataFrame | None = None,
    earlier: Earlier | None = None,
    reference: pd.DataFrame | None = None,
    with_levers: bool = True,
    catalogue: Mapping[str, Signal] = CATALOGUE,
    records: Mapping[str, TrackRecord] | None = None,
) -> pd.DataFrame:
    """Score every customer account, with its reasons and its Why.

    An account that gave notice gets that as its state and no score: there is nothing left to predict.
    One that is younger than `model.min_tenure_days` is in its `onboarding`: it has a lifecycle score instead,
    with a meaning of its own, or says why there is none. One that has no known signal, or whose data yields
    no finite prediction, is `not_scored_yet` and the Why says so. One of which too little is known of what
    matters is `too_little_known`: no score, and the Why names what is missing. Headline facts are listed for
    every customer, scored or not. One account's broken values never touch another's score.

    Args:
        panel: Signals with their context columns; rows of other dates are ignored.
        champion: The model; None scores by the rules, without probabilities.
        config: The company's numbers (primary horizon, mapping, scheme, minimal tenure).
        as_of: The day to score.
        previous: The latest score of each account published for an earlier day. Today's change is
            counted from there, and what it left over is smoothed on. Scores of this day or later are
            ignored, so that a day scored again, or filled in afterwards, comes out the same.
        earlier: How the day of those scores was scored; without it a change is told by comparing what was
            published, which adds up less exactly and tells no cause.
        reference: Customers that stayed, in their first weeks, as `lifecycle.reference_of` chooses them.
        with_levers: Whether to search what would help each account, which moves no score and takes longest.
        catalogue: Signals by name; defaults to the project's.
        records: What each headline fact has cost in the company's history, where the rules score; a champion
            brings its own.

    Returns:
        One row per customer account with `COLUMNS`. `tier` and `band` follow from the score that people
        see, always; `held_band` follows bad news at once and good news only when it has lasted, and is
        what ends an episode. Probabilities lie in 0 to 1 and are those of the model, never smoothed:
        `p_decision` of being lost at the next decision, `p90` and `p180` of leaving, those of `HEADS` of
        other losses, `loss90` and `loss180` of the share of ARR that all losses together are expected to
        take. `expected_loss` is ARR (its currency) times the share of it that is expected to go at the next
        decision, or where that is not predicted at the primary horizon; NaN in rules mode, because a rule
        score is not a probability. `attention` marks low health, and near decisions at a high risk;
        `review` marks customers without either at whom headline facts pile up. `meaning`
        says what the score is: health with the renewal at a fixed distance, or rules. `waterfall` leads
        from the start to the score.

    Raises:
        DataContractError: The panel has no row of that day, or an account twice.
        ConfigurationError: Unknown scheme or mapping, or a primary horizon other than 90 or 180 days.
        FatalError: The champion has no usable anchors.
    """
    if previous is not None:
        previous = previous[pd.to_datetime(previous["as_of"]) < pd.Timestamp(as_of)]
    scheme = scheme_named(config.score.scheme)
    model_id = config.score.rules if champion is None else champion.model_id
    meaning = RULES if champion is None else champion.meaning
    rows = _customers(panel, as_of, catalogue)
    rows["state"], rows["why"] = _states(rows, config)
    happened = headlines_of(
        rows,
        config.facts,
        catalogue,
        as_of=as_of,
        currency=config.money.currency or "",
        records=records if champion is None else champion.track_records,
    )
    rows["facts"] = pd.Series(happened, rows.index, dtype=object)
    scored = rows[rows["state"] == SCORED].reset_index(drop=True)

    def memory(accounts: pd.Series) -> Memory:
        return recall(previous, accounts, as_of=as_of, model_id=model_id, meaning=meaning)

    result = (
        by_rules(scored, catalogue, config.score.rules)
        if champion is None
        else by_model(scored, champion, config, catalogue, memory)
    )
    if not result.usable.all():
        reason = wording.NO_DATA if champion is None else wording.BROKEN_DATA
        broken = rows["account_id"].isin(scored.loc[~result.usable, "account_id"])
        rows.loc[broken, ["state", "why"]] = [NOT_YET, reason]
        log.warning("%d accounts stay without a score: %s", int(broken.sum()), reason)
        scored = scored[result.usable].reset_index(drop=True)
    weights = judged(result.weights, scored, catalogue)
    dim = known_share(weights, scored) < config.score.known_floor
    if dim.any():
        values = scored.loc[dim, list(weights.index)].astype(float).to_dict("records")
        for account, row in zip(scored.loc[dim, "account_id"], values, strict=True):
            at = rows["account_id"] == account
            said = wording.too_little_known(missing(weights, row, catalogue))
            rows.loc[at, ["state", "why"]] = [TOO_LITTLE, said]
        result, scored = result.only(~dim), scored[~dim].reset_index(drop=True)
    score, attribution = capped(result.score, result.attribution, scored["facts"].tolist(), config.facts)
    held = [
        held_by(facts, config.facts) if lower else None
        for facts, lower in zip(scored["facts"], score < result.score, strict=True)
    ]
    uncapped = result
    result = replace(result, score=score, attribution=attribution)
    known = memory(scored["account_id"])
    published = _published(scored, result, config, catalogue, known, as_of, meaning).assign(
        as_of=as_of, model_id=model_id
    )
    causes = (
        None
        if earlier is None or previous is None
        else change_causes(
            scored,
            score,
            attribution,
            uncapped,
            earlier,
            previous,
            champion,
            config,
            catalogue,
            as_of=as_of,
        )
    )
    changes = changes_since(previous, published, causes)
    published["change"] = pd.Series(changes, published.index, dtype=object)
    _explain(published, _days_to_renewal(scored), scheme.best, config.facts.review_from)
    published["lever"] = None
    if with_levers:
        found = levers(
            scored,
            published["score_shown"].to_numpy(),
            rescorer(champion, config, scored),
            catalogue,
            currency=config.money.currency or "",
            held=held,
        )
        published["lever"] = pd.Series(found, published.index, dtype=object)
    _onboard(rows, reference, config, catalogue)
    rest = rows.loc[
        rows["state"] != SCORED,
        ["account_id", "coverage", "state", "why", "facts", "lifecycle_score", "lifecycle"],
    ]
    frame = pd.concat([published, rest], ignore_index=True).reindex(columns=list(COLUMNS))
    frame["as_of"] = as_of
    frame["mode"] = "rules" if champion is None else "model"
    frame["model_id"] = model_id
    frame["meaning"] = np.where(frame["state"] == ONBOARDING, lifecycle.MEANING, meaning)
    frame["lifecycle_score"] = frame["lifecycle_score"].astype("Int64")
    frame["attention"] = frame["attention"].astype("boolean")
    frame["review"] = _to_review(frame, config)
    frame["score_shown"] = frame["score_shown"].astype("Int64")
    frame["reasons"] = [value if isinstance(value, list) else [] for value in frame["reasons"]]
    for column in TEXT_OR_NONE:
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    frame = frame.sort_values("account_id", ignore_index=True)
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
    state = np.select([notice, blind, new], [NOTICE_GIVEN, NOT_YET, ONBOARDING], SCORED)
    text = np.select([notice, blind], [wording.NOTICE_GIVEN, wording.NO_DATA], "")
    return pd.Series(state, rows.index, dtype=object), pd.Series(text, rows.index, dtype=object)


def _onboard(
    rows: pd.DataFrame, reference: pd.DataFrame | None, config: CompanyConfig, catalogue: Mapping[str, Signal]
) -> None:
    """Write score, words and evidence of the accounts in their onboarding into their rows."""
    rows["lifecycle_score"] = pd.Series(pd.NA, rows.index, dtype="Int64")
    at = rows.index[rows["state"] == ONBOARDING]
    live = lifecycle.BEGUN in rows and bool(rows[lifecycle.BEGUN].notna().any())
    found = lifecycle.lifecycle_of(rows.loc[at], reference, config.onboarding, catalogue, live=live)
    told = pd.Series([dict(one.told) for one in found], at, dtype=object)
    rows["lifecycle"] = told.reindex(rows.index)
    rows.loc[at, "why"] = [one.why for one in found]
    rows.loc[at, "lifecycle_score"] = pd.array([one.score for one in found], dtype="Int64")


def _published(
    rows: pd.DataFrame,
    result: Scored,
    config: CompanyConfig,
    catalogue: Mapping[str, Signal],
    memory: Memory,
    as_of: date,
    meaning: str,
) -> pd.DataFrame:
    """Everything that follows from the day's scores alone, and the band that an episode hangs on."""
    scheme, band = scheme_named(config.score.scheme), scheme_named("rag")
    shown = round_half_up(result.score)
    arr = rows["arr"].to_numpy(dtype=float, na_value=np.nan)
    events = hard_events(rows)
    carried: list[dict[str, Any]] = [
        {
            "meaning": meaning,
            "events": {name: count for name, count in zip(events, row, strict=True) if count},
            **({"health": today} if math.isfinite(today) else {}),  # before earlier days weighed in it
            **({"line": line} if math.isfinite(line) else {}),  # for a model that measures on another scale
            **({"handed": handed} if handed else {}),
        }
        for row, today, line, handed in zip(
            events.to_numpy().tolist(),
            result.today.tolist(),
            result.line.tolist(),
            result.handed.tolist(),
            strict=True,
        )
    ]
    held, state = settle(
        shown,
        band,
        [row.get("band") or {} for row in memory.carried],
        as_of=as_of,
        margin=config.score.tier_margin,
        confirmation_days=config.score.tier_confirmation_days,
    )
    for row, entry in zip(carried, state, strict=True):
        row["band"] = entry
    return pd.DataFrame(
        {
            "account_id": rows["account_id"],
            "score": result.score,
            "score_shown": shown,
            "tier": scheme.of(shown),
            "band": band.of(shown),
            "held_band": held,
            "p90": result.p90,
            "p180": result.p180,
            **{name: result.heads[name].to_numpy(dtype=float) for name in HEADS},
            "p_decision": result.p_decision,
            "attention": (shown <= _low_health()) | result.urgent,
            "expected_loss": _share_at_risk(result, config) * np.where(np.isfinite(arr), arr, np.nan),
            "coverage": rows["coverage"].astype(float),
            "reasons": reasons_for(
                result.attribution,
                rows,
                catalogue,
                currency=config.money.currency or "",
                organisation_from=config.facts.organisation_from_seats,
            ),
            "facts": rows["facts"],
            "state": SCORED,
            "waterfall": waterfalls(result.attribution, result.score),
            "health_log_odds": result.health,
            "carried": carried,
        }
    )


def _to_review(frame: pd.DataFrame, config: CompanyConfig) -> pd.Series:
    """Which customers a person should look at although no score asks for it: facts pile up there.

    The score stays what was measured. A fact that the history never saw cost an account costs no points, and
    five of them at once do not either; that is a reason to look, not to score by feeling.
    """
    least = config.facts.review_from
    if least is None:
        return pd.Series(False, frame.index, dtype="boolean")
    grave = np.array([gravity(facts) >= least for facts in frame["facts"]], dtype=bool)
    settled = frame["attention"].fillna(False).astype(bool) | (frame["state"] == NOTICE_GIVEN)
    return pd.Series(grave & ~settled, frame.index, dtype="boolean")


def _low_health() -> int:
    """Highest whole score of low health: where At Risk ends in the operational scheme."""
    return next(tier.highest for tier in scheme_named("four_tier").tiers if tier.name == "At Risk")


def _share_at_risk(result: Scored, config: CompanyConfig) -> np.ndarray:
    """Share of its ARR that each account is expected to lose, 0 to 1; NaN by the rules.

    By leaving at its next decision or, where that is not predicted, within the horizon; and, if it stays, by
    downgrading or shrinking.
    """
    horizon = config.model.primary_horizon
    within = {90: result.p90, 180: result.p180}.get(horizon, result.p180)
    leaves = np.where(np.isfinite(result.p_decision), result.p_decision, within)
    share = result.heads.get(f"loss{horizon}", pd.Series(np.nan, result.heads.index)).to_numpy(dtype=float)
    # The share within the horizon holds leaving as well: what is left of it belongs to those who stay.
    rest = np.clip((np.nan_to_num(share) - within) / np.maximum(1 - within, 1e-9), 0.0, 1.0)
    return np.asarray(leaves + (1 - leaves) * np.where(np.isfinite(share), rest, 0.0))


def _explain(rows: pd.DataFrame, days: list[float | None], best: str, review_from: int | None) -> None:
    """Write the Why of scored rows; where the score does not follow the facts, with what they have cost."""
    rows["facts"] = pd.Series(
        [
            wording.with_record(facts, reasons, healthy=tier == best)
            if tier == best or (not urgent and review_from is not None and gravity(facts) >= review_from)
            else facts
            for facts, reasons, tier, urgent in zip(
                rows["facts"], rows["reasons"], rows["tier"], rows["attention"], strict=True
            )
        ],
        rows.index,
        dtype=object,
    )
    columns = ("reasons", "facts", "tier", "waterfall")
    everything = zip(*(rows[name] for name in columns), days, strict=True)
    whys = [
        wording.why(reasons, healthy=tier == best, days_to_renewal=left, steps=steps, facts=facts)
        for reasons, facts, tier, steps, left in everything
    ]
    rows["why"] = pd.Series(whys, rows.index, dtype=object)


def _days_to_renewal(rows: pd.DataFrame) -> list[float | None]:
    if RENEWAL not in rows:
        return [None] * len(rows)
    return [None if pd.isna(days) else float(days) for days in rows[RENEWAL]]
