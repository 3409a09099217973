"""How the day before was scored, so that today's change can be told apart into its causes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from customer_health.company import CompanyConfig
from customer_health.model.candidates.constrained_logistic import LIMIT
from customer_health.model.data.features import RENEWAL
from customer_health.model.registry.champion import Champion
from customer_health.scoring import change_causes as cc
from customer_health.scoring.attribution import Attribution
from customer_health.scoring.headlines import capped, ceilings_of, headlines_of
from customer_health.scoring.score_scale import Floats
from customer_health.scoring.scoring_method import Scored, by_model, by_rules, dated, scale_of
from customer_health.scoring.smoothing import recall
from customer_health.signals.signal import Signal


@dataclass(frozen=True)
class Earlier:
    """What scored the day that today is compared with.

    Attributes:
        as_of: That day.
        panel: Its signals, as they are known now.
        champion: Who scored it; None: the rules.
        config: The company file, with the settings of that day's scoring.
    """

    as_of: date
    panel: pd.DataFrame
    champion: Champion | None
    config: CompanyConfig


def settings_of(config: CompanyConfig) -> dict[str, Any]:
    """Return the settings that move scores: kept with each day's run."""
    return {"score": config.score.model_dump(mode="json"), "facts": config.facts.model_dump(mode="json")}


def with_settings(config: CompanyConfig, kept: Mapping[str, Any] | None) -> CompanyConfig:
    """Return the company file with the settings of an earlier run; as it is where none can be read."""
    if not kept:
        return config
    try:
        parts = {name: type(getattr(config, name)).model_validate(kept[name]) for name in ("score", "facts")}
    except (KeyError, ValidationError):  # another version's settings
        return config
    return config.model_copy(update=parts)


def change_causes(
    scored: pd.DataFrame,
    score: Floats,
    attribution: Attribution,
    uncapped: Scored,
    earlier: Earlier,
    previous: pd.DataFrame,
    champion: Champion | None,
    config: CompanyConfig,
    catalogue: Mapping[str, Signal],
    *,
    as_of: date,
) -> list[list[cc.Cause] | None]:
    """Say what changed each score since the earlier day, in points that add up to the change.

    Args:
        scored: Today's scored rows, with their `facts`.
        score: Today's scores of these rows.
        attribution: How they came about.
        uncapped: The same before ceilings.
        earlier: How the day before was scored.
        previous: What was published then.
        champion: Who scores today.
        config: Today's company file.
        catalogue: Signals by name.
        as_of: Today.

    Returns:
        Per row its causes, or None where that day has no score of the account to compare with.
    """
    found: list[list[cc.Cause] | None] = [None] * len(scored)
    then = previous[pd.to_datetime(previous["as_of"]).dt.date == earlier.as_of].set_index("account_id")
    then = then[pd.to_numeric(then["score"], errors="coerce").notna()]
    old = earlier.panel.drop_duplicates("account_id").set_index("account_id", drop=False)
    both = scored["account_id"].isin(then.index) & scored["account_id"].isin(old.index)
    rows = scored[both]
    if _scores_alike(earlier, champion, config):
        again = uncapped.only(both.to_numpy())
        again = replace(again, usable=np.ones(len(rows), dtype=bool))
    else:
        again = _score(rows.reset_index(drop=True), earlier, previous, catalogue, as_of)
    rows = rows[again.usable]
    if rows.empty:
        return found
    places = np.flatnonzero(both.to_numpy())[again.usable]
    rows = rows.reset_index(drop=True)
    before_rows = old.loc[rows["account_id"]].reset_index(drop=True)
    then = then.loc[rows["account_id"]]
    facts = _facts(rows, earlier.config, config, catalogue, as_of)
    before, after, score_of = _sides(before_rows, rows, then, again, earlier, catalogue)
    limits = earlier.config.facts
    data = cc.data_step(
        before,
        after,
        score_of,
        published=then["score"].to_numpy(dtype=float),
        ceilings=(ceilings_of(then["facts"], limits), ceilings_of(facts, limits)),
        passed=_passed(before_rows, rows, (as_of - earlier.as_of).days),
        handed=again.handed - _handed(then),
        catalogue=catalogue,
    )
    stand = capped(again.score, again.attribution, facts, limits)
    today = (score[places], _rows_of(attribution, places))
    ours = _ours(rows, stand, today, earlier, champion, config, facts, again, as_of, previous, catalogue)
    for place, causes in zip(places.tolist(), cc.joined(data, *ours), strict=True):
        found[place] = causes
    return found


def _scores_alike(earlier: Earlier, champion: Champion | None, config: CompanyConfig) -> bool:
    """Whether the earlier day was scored as today is, row by row: then today's rows need no second score.

    A champion without a frozen scale pins it on the portfolio of the day; its rows depend on each other.
    """
    frozen = champion is None or bool(
        champion.health_anchors and champion.reference.get(champion.health_horizon)
    )
    same = _name(champion, config) == _name(earlier.champion, earlier.config)
    return frozen and same and settings_of(config) == settings_of(earlier.config)


def _handed(then: pd.DataFrame) -> Floats:
    """What was left in each score of a model before the one that made it, in log-odds."""
    return np.array(
        [float(value.get("handed", 0.0)) if isinstance(value, Mapping) else 0.0 for value in then["carried"]]
    )


def _score(
    rows: pd.DataFrame,
    by: Earlier,
    previous: pd.DataFrame,
    catalogue: Mapping[str, Signal],
    as_of: date,
) -> Scored:
    """Score today's rows as the earlier day was scored."""
    model = by.champion
    if model is None:
        return by_rules(rows, catalogue, by.config.score.rules)
    return by_model(
        rows,
        model,
        by.config,
        catalogue,
        lambda accounts: recall(
            previous, accounts, as_of=as_of, model_id=model.model_id, meaning=model.meaning
        ),
    )


def _ours(
    rows: pd.DataFrame,
    stand: tuple[Floats, Attribution],
    today: tuple[Floats, Attribution],
    earlier: Earlier,
    champion: Champion | None,
    config: CompanyConfig,
    facts: list[Any],
    again: Scored,
    as_of: date,
    previous: pd.DataFrame,
    catalogue: Mapping[str, Signal],
) -> list[list[list[cc.Cause]]]:
    """The steps that are ours: another model first, then other settings."""
    other_model = _name(champion, config) != _name(earlier.champion, earlier.config)
    other_config = settings_of(config) != settings_of(earlier.config)
    if not other_model:
        return [cc.own_step(cc.CONFIG, stand, today)] if other_config else []
    if not other_config:
        return [cc.own_step(cc.MODEL, stand, today)]
    between = _score(rows, Earlier(as_of, rows, champion, earlier.config), previous, catalogue, as_of)
    if not between.usable.all():
        return [cc.own_step(cc.MODEL, stand, today)]
    middle = capped(between.score, between.attribution, facts, earlier.config.facts)
    return [cc.own_step(cc.MODEL, stand, middle), cc.own_step(cc.CONFIG, middle, today)]


def _name(champion: Champion | None, config: CompanyConfig) -> str:
    return config.score.rules if champion is None else champion.model_id


def _sides(
    old: pd.DataFrame,
    new: pd.DataFrame,
    then: pd.DataFrame,
    again: Scored,
    earlier: Earlier,
    catalogue: Mapping[str, Signal],
) -> tuple[cc.Side, cc.Side, Callable[[Floats], Floats]]:
    """Both days on the line on which contributions add up, and from that line to scores."""
    if earlier.champion is None:
        parts = by_rules(old, catalogue, earlier.config.score.rules)
        was = parts.attribution.signals.reindex(range(int(parts.usable.sum())), fill_value=0.0)
        was.index = np.flatnonzero(parts.usable)
        was = was.reindex(range(len(old))).fillna(0.0)
        now = again.attribution.signals.reset_index(drop=True)
        was = was.reindex(columns=now.columns, fill_value=0.0)
        sums = was.sum(axis=1).to_numpy(float), now.sum(axis=1).to_numpy(float)
        return (
            cc.Side(was, sums[0], sums[0], sums[0], _known(old, was)),
            cc.Side(now, sums[1], sums[1], sums[1], _known(new, now)),
            lambda points: np.clip(100.0 + points, 0.0, 100.0),
        )
    model = earlier.champion
    was, now = _contributions(model, old, catalogue), again.contributions.reset_index(drop=True)
    h_old, h_new = _health(model, old), again.today
    carried = [value if isinstance(value, Mapping) else {} for value in then["carried"]]
    kept = np.array([float(value.get("health", np.nan)) for value in carried])
    sum_old = np.where(np.isfinite(kept), kept, h_old)
    smoothed = pd.to_numeric(then["health_log_odds"], errors="coerce").to_numpy(dtype=float)
    held_old = np.where(np.isfinite(smoothed), smoothed, sum_old)
    held_new = np.where(np.isfinite(again.health), again.health, h_new)
    mapping = scale_of(model, earlier.config, h_new)
    return (
        cc.Side(was, sum_old, h_old, held_old, _known(old, was)),
        cc.Side(now, h_new, h_new, held_new, _known(new, now)),
        lambda health: mapping.score(mapping.raw(health)),
    )


def _contributions(model: Champion, rows: pd.DataFrame, catalogue: Mapping[str, Signal]) -> pd.DataFrame:
    table = model.health_contributions(rows).reset_index(drop=True)
    return table.drop(columns=[name for name in table if dated(name, catalogue)])


def _health(model: Champion, rows: pd.DataFrame) -> Floats:
    health = model.health_logit(rows).to_numpy(dtype=float)
    return np.asarray(np.clip(np.nan_to_num(health), -LIMIT, LIMIT))


def _known(rows: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Context such as plan and segment is always known; a signal where it has a value."""
    table = rows.reindex(columns=parts.columns).notna().reset_index(drop=True)
    for name in parts.columns:
        if name not in rows:
            table[name] = True
    return table


def _facts(
    rows: pd.DataFrame,
    before: CompanyConfig,
    now: CompanyConfig,
    catalogue: Mapping[str, Signal],
    as_of: date,
) -> list[Any]:
    if before.facts == now.facts:
        return list(rows["facts"])
    return list(headlines_of(rows, before.facts, catalogue, as_of=as_of))


def _passed(old: pd.DataFrame, new: pd.DataFrame, days: int) -> npt.NDArray[np.bool_]:
    """Accounts whose renewal date lay between both days, and which stayed."""
    if RENEWAL not in old or RENEWAL not in new:
        return np.zeros(len(new), dtype=bool)
    left = pd.to_numeric(old[RENEWAL], errors="coerce").to_numpy(dtype=float)
    now = pd.to_numeric(new[RENEWAL], errors="coerce").to_numpy(dtype=float)
    return np.asarray((left <= days) & ~(now <= left - days + 0.5))


def _rows_of(attribution: Attribution, places: npt.NDArray[np.int64]) -> Attribution:
    return Attribution(
        attribution.start,
        attribution.signals.iloc[places].reset_index(drop=True)
        if len(attribution.signals)
        else attribution.signals,
        attribution.concepts.iloc[places].reset_index(drop=True),
    )
