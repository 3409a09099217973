"""How good a ranking or a probability was, and how sure we are of it.

Every metric takes weights of shape (draws, rows): the first draw is the sample itself, the others are
account-cluster bootstrap draws, so one pass gives the value and its interval. Accounts are drawn and
not rows, because the rows of one account repeat each other: row-wise intervals came out 15 % too small.

scikit-learn has most of them, for one vector of weights at a time: a thousand draws would be a thousand
sorts. Where one sample is measured once (leaks, gates, optimism), its `roc_auc_score` is used.
The tests hold ours against its `roc_auc_score`, `average_precision_score`, `brier_score_loss` and
`calibration_curve`; the last returns no counts, which tables and error bars need. For strata of the
calendar, recall at capacity and the expected calibration error it has no function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.model.candidates.constrained_logistic import sigmoid

CALENDAR_EDGES = 28.0  # days of one stratum of the calendar-adjusted AUC
BINS = 10
Metric = Callable[[np.ndarray, "Sample"], "Tally"]


@dataclass(frozen=True)
class Sample:
    """The test rows of one fold.

    Attributes:
        y: Labels 0/1.
        strata: Code of each row's place in the renewal calendar.
        weights: (draws, rows): how often each bootstrap draw holds the row; draw 0 is all ones.
        arr: Annual recurring revenue of each row, if known.
    """

    y: np.ndarray
    strata: np.ndarray
    weights: np.ndarray
    arr: np.ndarray | None = None


def account_draws(accounts: pd.Series, draws: int, seed: int) -> pd.DataFrame:
    """Draw accounts with replacement.

    Returns:
        Accounts x (1 + draws) counts; column 0 is all ones. Rows of all folds take their weights from
        the same table, so that differences between candidates are paired, and folds stay dependent
        in the way they really are.
    """
    names = sorted(accounts.unique())
    random = np.random.default_rng(seed)
    counts = random.multinomial(len(names), np.full(len(names), 1 / max(len(names), 1)), size=draws)
    return pd.DataFrame(np.vstack([np.ones(len(names)), counts]).T, index=names, dtype=np.float32)


def calendar_strata(days_to_renewal: np.ndarray) -> np.ndarray:
    """Group rows that are equally near to their renewal: 4-week ranges; evergreen is its own group."""
    weeks = np.floor(np.nan_to_num(days_to_renewal, nan=-1e6) / CALENDAR_EDGES)
    return np.asarray(np.unique(np.clip(weeks, -2, 26), return_inverse=True)[1]).ravel()


@dataclass(frozen=True)
class Tally:
    """A ratio in the making, so that folds add up: one entry per draw (and per bin, if there are bins)."""

    above: np.ndarray
    below: np.ndarray

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.above + other.above, self.below + other.below)

    @property
    def values(self) -> np.ndarray:
        """The metric per draw; NaN where a draw holds nothing to measure. Bins add up as distances."""
        above = np.abs(self.above).sum(axis=1) if self.above.ndim == 2 else self.above
        values = np.full(len(above), np.nan)
        np.divide(above, self.below, out=values, where=self.below > 0)
        return values


def auc(score: np.ndarray, sample: Sample, *, within_calendar: bool = False) -> Tally:
    """Chance that a lost account was ranked above a kept one, ties counting half.

    Args:
        score: Higher means more risk.
        sample: Labels, strata, weights.
        within_calendar: Compare only accounts equally near to renewal. A model that merely knows the
            calendar has an ordinary AUC of 0.7 and more, and 0.5 here.
    """
    strata = sample.strata if within_calendar else np.zeros(len(score), dtype=int)
    lost, kept = np.flatnonzero(sample.y == 1), np.flatnonzero(sample.y == 0)
    # Ranks make (stratum, score) one sortable number without losing ties.
    rank = np.unique(score, return_inverse=True)[1].ravel()
    width = int(rank.max(initial=0)) + 1
    key = strata * width + rank
    order = kept[np.argsort(key[kept], kind="stable")]
    under, upto = (np.searchsorted(key[order], key[lost], side=side) for side in ("left", "right"))
    first = np.searchsorted(key[order], strata[lost] * width)
    last = np.searchsorted(key[order], (strata[lost] + 1) * width)
    cumulated = np.cumsum(sample.weights[:, order], axis=1, dtype=float)
    mass = np.hstack([np.zeros((len(cumulated), 1)), cumulated])
    weight = sample.weights[:, lost]
    won = (weight * (0.5 * (mass[:, under] + mass[:, upto]) - mass[:, first])).sum(axis=1)
    return Tally(won, (weight * (mass[:, last] - mass[:, first])).sum(axis=1))


def calendar_auc(score: np.ndarray, sample: Sample) -> Tally:
    """AUC among accounts equally near to renewal."""
    return auc(score, sample, within_calendar=True)


def _captured(score: np.ndarray, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """From the riskiest down, at the end of each group of ties: cumulated weight, cumulated losses."""
    order = np.argsort(-score, kind="stable")
    weights = sample.weights[:, order].astype(float)
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    return np.cumsum(weights, axis=1)[:, ends], np.cumsum(weights * sample.y[order], axis=1)[:, ends]


def recall_at(score: np.ndarray, sample: Sample, share: float) -> Tally:
    """Share of the lost accounts among the riskiest `share` of all; ties are broken on average."""
    total, lost = _captured(score, sample)
    found = [
        np.interp(share * x[-1], np.append(0, x), np.append(0, y)) for x, y in zip(total, lost, strict=True)
    ]
    return Tally(np.array(found), lost[:, -1])


def average_precision(score: np.ndarray, sample: Sample) -> Tally:
    """Area under the precision-recall curve, as a step function; folds count by their losses."""
    total, lost = _captured(score, sample)
    precision = np.divide(lost, total, out=np.zeros_like(lost), where=total > 0)
    return Tally((np.diff(lost, axis=1, prepend=0) * precision).sum(axis=1), lost[:, -1])


def brier(logit: np.ndarray, sample: Sample) -> Tally:
    """Mean squared error of the probability."""
    return Tally(sample.weights @ (sigmoid(logit) - sample.y) ** 2, sample.weights.sum(axis=1))


def calibration_error(logit: np.ndarray, sample: Sample) -> Tally:
    """Expected calibration error over ten bins of equal size; small folds inflate it by pure chance."""
    excess = np.eye(BINS)[mass_bins(logit)] * (sigmoid(logit) - sample.y)[:, None]
    return Tally(sample.weights @ excess, sample.weights.sum(axis=1))


def predicted_to_observed(logit: np.ndarray, sample: Sample) -> Tally:
    """Losses predicted per loss observed; 1 is right."""
    return Tally(sample.weights @ sigmoid(logit), sample.weights @ sample.y)


RANKING: Mapping[str, Metric] = {"auc": auc, "cal_auc": calendar_auc, "pr_auc": average_precision}
PROBABILITY: Mapping[str, Metric] = {
    "brier": brier,
    "ece": calibration_error,
    "predicted_to_observed": predicted_to_observed,
}


def mass_bins(risk: np.ndarray) -> np.ndarray:
    """Number of the equal-size bin, 0 (safest) to 9, of each row."""
    rank = np.argsort(np.argsort(risk, kind="stable"), kind="stable")
    return rank * BINS // max(len(risk), 1)


def interval(draws: np.ndarray, level: float = 0.90) -> tuple[float, float]:
    """Percentile interval of bootstrap draws; its lower end is the one-sided 95 % bound by default."""
    known = draws[1:][np.isfinite(draws[1:])]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
