"""What a ranking is worth in money, and whether its log-odds are stretched or squeezed.

The expected profit is ours: contact an account if its probability times what a save would bring exceeds
the cost of contacting it, then count what really happened (after Verbraken, Verbeke & Baesens 2013, with
each account's own value). Unlike AUC it punishes wrong probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from customer_health.company import EconomicsConfig
from customer_health.model.candidates.constrained_logistic import sigmoid
from customer_health.model.evaluation.metrics import Sample, Tally

SLOPE_BINS = 40


def profit(logit: np.ndarray, sample: Sample, config: EconomicsConfig) -> Tally:
    """Profit per account, in currency: saves that the contacts would bring, less their cost."""
    if sample.arr is None:
        return Tally(np.full(len(sample.weights), np.nan), np.zeros(len(sample.weights)))
    gain = config.save_rate * config.gross_margin * np.nan_to_num(sample.arr)
    contacted = sigmoid(logit) * gain > config.contact_cost
    earned = np.where(contacted, sample.y * gain - config.contact_cost, 0.0)
    return Tally(sample.weights @ earned, sample.weights.sum(axis=1))


def arr_recall(logit: np.ndarray, sample: Sample, share: float) -> Tally:
    """Share of the lost ARR among the riskiest `share` of accounts, ranked by probability times ARR."""
    if sample.arr is None:
        return Tally(np.full(len(sample.weights), np.nan), np.zeros(len(sample.weights)))
    arr = np.nan_to_num(sample.arr)
    order = np.argsort(-sigmoid(logit) * arr, kind="stable")
    weights = sample.weights[:, order].astype(float)
    seen, lost = np.cumsum(weights, axis=1), np.cumsum(weights * (sample.y * arr)[order], axis=1)
    found = [
        np.interp(share * n[-1], np.append(0, n), np.append(0, y)) for n, y in zip(seen, lost, strict=True)
    ]
    return Tally(np.array(found), lost[:, -1])


@dataclass(frozen=True)
class SlopeTally:
    """Calibration slope in the making: per draw and bin the rows, the losses and the mean log-odds."""

    rows: np.ndarray
    lost: np.ndarray
    logit: np.ndarray

    def __add__(self, other: SlopeTally) -> SlopeTally:
        pairs = ((self.rows, other.rows), (self.lost, other.lost), (self.logit, other.logit))
        return SlopeTally(*(np.concatenate(pair, axis=1) for pair in pairs))

    @property
    def lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Intercept and slope of the logistic regression of losses on log-odds, per draw."""
        draws = len(self.rows)
        a, b = np.zeros(draws), np.ones(draws)
        for _ in range(30):
            p = sigmoid(a[:, None] + b[:, None] * self.logit)
            gap, spread = self.lost - self.rows * p, self.rows * p * (1 - p)
            g0, g1 = gap.sum(axis=1), (gap * self.logit).sum(axis=1)
            s0, s1 = spread.sum(axis=1), (spread * self.logit).sum(axis=1)
            s2 = (spread * self.logit**2).sum(axis=1)
            det = np.maximum(s0 * s2 - s1**2, 1e-9)
            step_a, step_b = (s2 * g0 - s1 * g1) / det, (s0 * g1 - s1 * g0) / det
            a, b = a + np.clip(step_a, -2, 2), b + np.clip(step_b, -1, 1)
        return a, b

    @property
    def values(self) -> np.ndarray:
        """The slope per draw: 1 is right, below 1 the predictions are too extreme, NaN without losses."""
        return np.where(self.lost.sum(axis=1) > 0, self.lines[1], np.nan)


def slope(logit: np.ndarray, sample: Sample) -> SlopeTally:
    """Collect what the calibration slope needs, in bins of equal size."""
    rank = np.argsort(np.argsort(logit, kind="stable"), kind="stable")
    member = np.eye(SLOPE_BINS, dtype=np.float32)[rank * SLOPE_BINS // max(len(logit), 1)]
    rows = (sample.weights @ member).astype(float)
    lost = (sample.weights @ (member * sample.y[:, None])).astype(float)
    total = (sample.weights @ (member * logit[:, None])).astype(float)
    mean = np.divide(total, rows, out=np.zeros_like(rows), where=rows > 0)
    return SlopeTally(rows, lost, mean)
