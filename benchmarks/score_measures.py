"""S1 to S6: stability, ranking, early warning, urgency and calibration of the published score."""

from __future__ import annotations

import numpy as np
import pandas as pd
from benchmarks.score_company import Lived
from benchmarks.score_lines import NOT_GREEN, RED, ROAR, Line, at_most, closed, ranked, riskiest

from customer_health.model.data.features import RENEWAL
from customer_health.model.data.fixed_distance import NOTICE, TENURE, distance_bands
from customer_health.model.decision_walk import calibration_gap
from customer_health.model.registry.champion import NEAR
from customer_health.scoring.scoring_method import rescorer
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Concept

FALL, OWN = 20, 5  # points; a fall of which the customer's own part is smaller than that is the date's
WEEK = pd.Timedelta(days=7)
DATES = (RENEWAL, NOTICE, TENURE, *(n for n, s in CATALOGUE.items() if s.concept is Concept.CALENDAR))


def pairs(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return readings and the same accounts' readings a week before, row by row."""
    ordered = rows.sort_values(["account_id", "as_of"], ignore_index=True)
    before = ordered.groupby("account_id")["as_of"].shift(1)
    later = np.flatnonzero((ordered["as_of"] - before == WEEK).to_numpy())
    now, then = ordered.iloc[later], ordered.iloc[later - 1]
    return now.reset_index(drop=True), then.reset_index(drop=True)


def stability(lived: Lived, rows: pd.DataFrame) -> list[Line]:
    """S1: large weekly falls, what made them, and what a renewal does to the score."""
    now, then = pairs(rows)
    fell = (then["score_shown"] - now["score_shown"]).to_numpy(dtype=float)
    large = fell >= FALL
    passed = (now[RENEWAL] - then[RENEWAL]).to_numpy(dtype=float) > 0
    date = np.zeros(len(now))
    for day in now.loc[large, "as_of"].unique():
        fallen = large & (now["as_of"] == day).to_numpy()
        score = rescorer(lived.champion_of(pd.Timestamp(day).date()), lived.config, then[fallen])
        dated = then[fallen].assign(**{name: now.loc[fallen, name] for name in set(DATES) & set(now)})
        date[fallen] = score(then[fallen]) - score(dated)
    alone = large & ((fell - date < OWN) | passed)
    step = (now["score"] - then["score"]).to_numpy(dtype=float)
    gap = float(step[passed].mean()) if passed.any() else float("nan")
    weeks = 1000 / max(len(now), 1)
    note = f"{int(large.sum())} of {len(now):,} account-weeks, {int(alone.sum())} by the date"
    news = np.array(
        [bool(_codes(new) - _codes(old)) for new, old in zip(now["facts"], then["facts"], strict=True)]
    )
    quiet = large & ~news
    share = alone.sum() / max(large.sum(), 1)
    told = f"{gap:+.2f}, {int(passed.sum())} renewals"
    return [
        at_most(
            "S1", "weekly falls of 20 points or more, per 1,000 account-weeks", large.sum() * weeks, 2, note
        ),
        Line("S1", "likewise, in weeks in which no headline fact began", quiet.sum() * weeks),
        at_most("S1", "share of them by the date, or in the week of a renewal", share, 0.05),
        at_most("S1", "mean step at a renewal, points (either way)", abs(gap), 2, told),
    ]


def _codes(listed: object) -> set[str]:
    return {str(fact["code"]) for fact in listed} if isinstance(listed, list) else set()


def ranking(rows: pd.DataFrame) -> list[Line]:
    """S2: expected AUC at the decision, of the way from renewal date + NPS to the feature oracle."""
    own = rows[rows["in_sight"]]
    found = {name: ranked(own, name, "true_decision") for name in ("naive_decision", "oracle_decision")}
    floor, ceiling = found["naive_decision"], found["oracle_decision"]
    told = f"naive {floor:.3f}, feature oracle {ceiling:.3f}"
    lines = []
    for name, risk in (
        ("score", -own["score"].to_numpy()),
        ("p_decision", own["p_decision"].to_numpy(float)),
    ):
        reached = ranked(own, risk, "true_decision")
        lines.append(Line("S2", f"{name}: gap closed at the decision", closed(reached, floor, ceiling), 0.75,
                          note=f"AUC {reached:.3f}; {told}"))  # fmt: skip
    return lines


def early_warning(rows: pd.DataFrame) -> list[Line]:
    """S3: where the later losses stood, at equal numbers of Red, Red-or-At-Risk and Green on each day."""
    lines = []
    for weeks, green, roar in ((13, None, None), (26, 0.50, 0.27), (39, 0.58, 0.20)):
        lost = _before_loss(rows, weeks)
        ours, best = (_shares(rows, risk, lost) for risk in ("risk", "oracle_health"))
        published = rows[lost]
        shown = (
            f"{len(published)} losses; feature oracle {best[0]:.0%}, {best[1]:.0%}; as published "
            f"{_mean(published['band'] == 'Green'):.0%}, {_mean(published['score_shown'] <= 49):.0%}"
        )
        limit = None if green is None else max(green, _or(best[0], 0.0) + 0.05)
        least = None if roar is None else min(roar, _or(best[1], 1.0) - 0.05)
        lines.append(
            Line("S3", f"{weeks} weeks before a loss: Green", ours[0], limit, least=False, note=shown)
        )
        lines.append(Line("S3", f"{weeks} weeks before a loss: Red or At Risk", ours[1], least))
        lines.append(
            Line("S3", f"{weeks} weeks before a loss: Red", ours[2], note=f"feature oracle {best[2]:.0%}")
        )
    return lines


def _before_loss(rows: pd.DataFrame, weeks: int) -> np.ndarray:
    return rows["days_left"].between(7 * weeks - 3, 7 * weeks + 3).to_numpy()


def _shares(rows: pd.DataFrame, risk: str, lost: np.ndarray) -> tuple[float, float, float]:
    if rows[risk].isna().all():
        return float("nan"), float("nan"), float("nan")
    found = riskiest(rows, risk, (RED, ROAR, NOT_GREEN))[lost]
    return 1 - _mean(found[NOT_GREEN]), _mean(found[ROAR]), _mean(found[RED])


def _mean(values: pd.Series) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _or(value: float, other: float) -> float:
    return other if np.isnan(value) else value


def urgency(rows: pd.DataFrame, weekly: pd.DataFrame) -> list[Line]:
    """S4: near decisions, and whether "attention needed" catches what p90 alone would.

    Args:
        rows: Monthly rows with truth.
        weekly: All rows.
    """
    near = rows[rows[RENEWAL] <= NEAR]
    p180, ahead = (
        ranked(near, near[name].to_numpy(float), "true_decision") for name in ("p180", "p_decision")
    )
    lines = [
        Line(
            "S4", "decisions within 90 days: AUC of p_decision", ahead, p180 - 0.01, note=f"p180 {p180:.3f}"
        ),
    ]
    asked = weekly["attention"].fillna(False).astype(bool)
    room = asked.groupby(weekly["as_of"]).transform("sum")
    order = weekly.assign(_p=weekly["p90"].astype(float)).sort_values(
        ["_p", "account_id"], ascending=[False, True]
    )
    alone = (order.groupby("as_of").cumcount().reindex(weekly.index) < room) & weekly["p90"].notna()
    for weeks in (8, 13):
        lost = _before_loss(weekly, weeks)
        caught, other = _mean(asked[lost]), _mean(alone[lost])
        told = f"{int(lost.sum())} losses; p90 alone, as many accounts"
        lines.append(
            Line("S4", f"{weeks} weeks before a loss: attention needed", caught, _nothing(other), note=told)
        )
    soon = rows["lost_90"] == 1
    wanted = rows["attention"].fillna(False).astype(bool)
    held, told = "share of 90-day losses that were attention needed", f"{int(soon.sum())} losses"
    lines.append(Line("attention", held, _mean(wanted[soon]), 0.78, note=told))
    lines.append(at_most("attention", "share of accounts that are attention needed", _mean(wanted), 0.30))
    return lines


def _nothing(value: float) -> float | None:
    return None if np.isnan(value) else value


def calibration(rows: pd.DataFrame) -> list[Line]:
    """S5: p_decision against what happened, beside the true probability against the same."""
    own = rows[rows["in_sight"] & rows["p_decision"].notna()]
    if own.empty:
        return [Line("S5", "ECE of p_decision", float("nan"), 0.015, least=False, note="not predicted")]
    p, y = own["p_decision"].to_numpy(float), own["lost_decision"].to_numpy(float)
    true = own["true_decision"].to_numpy(float)
    bands = distance_bands(own[RENEWAL].to_numpy(dtype=float))
    lines = []
    for name, gap in (("ten bins", calibration_gap), ("distance", lambda a, b: _by_band(bands, a, b))):
        ours, oracle, sure = gap(p, y), gap(true, y), gap(p, true)
        limit = min(0.015, 1.5 * oracle)
        told = f"the true probability's own {oracle:.4f}; against the truth {sure:.4f}"
        lines.append(at_most("S5", f"ECE of p_decision by {name}", ours, limit, told))
    return lines


def _by_band(bands: np.ndarray, p: np.ndarray, target: np.ndarray) -> float:
    gaps = [abs((p - target)[bands == band].sum()) for band in np.unique(bands)]
    return float(np.sum(gaps) / max(len(p), 1))


def heads(rows: pd.DataFrame) -> list[Line]:
    """S6: the heads of 90 and 180 days, by what the truth promises and by what happened."""
    lines = []
    for horizon in (90, 180):
        target = f"true_{horizon}"
        floor, ceiling = ranked(rows, f"naive_{horizon}", target), ranked(rows, f"oracle_{horizon}", target)
        reached = ranked(rows, rows[f"p{horizon}"].to_numpy(float), target)
        told = f"AUC {reached:.3f}; naive {floor:.3f}, feature oracle {ceiling:.3f}"
        lines.append(Line("S6", f"p{horizon}: gap closed", closed(reached, floor, ceiling), 0.85, note=told))
    return lines
