"""Has the world moved away from what the model was taught? Signals, gaps, freshness and calibration.

The population stability index of two samples of the same world is not zero: with B bins and n and m rows
it is about (B - 1)(1/n + 1/m). A fixed threshold of 0.1 cries wolf at 200 rows and sleeps at 8,000, so
the threshold scales with the rows. Periods should be a year apart, or a quarter long, else seasons trip it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from customer_health.wording import percent

BINS = 10
MIN_ROWS = 400
MIN_SHIFT, PAGE_ABOVE_CHANCE = 0.02, 0.20
GAP_JUMP = 0.10  # rise of the share of unknown values
STALE_FACTOR = 2.0  # rise of the median age, for signals that count days since something
POISSON_LEVEL = 0.01


def threshold(rows: int, reference_rows: int, bins: int = BINS) -> tuple[float, float]:
    """Return the index above which to warn, and above which to call somebody."""
    chance = (bins - 1) * (1 / max(rows, 1) + 1 / max(reference_rows, 1))
    return max(MIN_SHIFT, 3 * chance), PAGE_ABOVE_CHANCE + chance


def stability(reference: np.ndarray, current: np.ndarray, bins: int = BINS) -> float:
    """Population stability index over the reference's quantiles; values only, gaps are counted apart."""
    old, new = (values[np.isfinite(values)] for values in (reference, current))
    if not len(old) or not len(new):
        return float("nan")
    edges = np.unique(np.quantile(old, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for values in (old, new):
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        shares.append((counts + 0.5) / (counts.sum() + 0.5 * len(counts)))
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def of_signals(reference: pd.DataFrame, current: pd.DataFrame, signals: Sequence[str]) -> pd.DataFrame:
    """Compare each signal of the current rows with those of a reference period.

    Args:
        reference: Eligible panel rows of the same weeks last year, or of the last quarter.
        current: Eligible panel rows of now.
        signals: Columns to compare.

    Returns:
        One row per signal, the worst first: `psi`, `warn_above`, `page_above`, `unknown_then`,
        `unknown_now`, `level` ("fine", "warn", "page", "too few") and `why`.
    """
    found = []
    for name in signals:
        if name not in reference or name not in current:
            continue
        old, new = (
            pd.to_numeric(t[name], errors="coerce").to_numpy(dtype=float) for t in (reference, current)
        )
        gaps = tuple(float(np.isnan(values).mean()) if len(values) else 1.0 for values in (old, new))
        index = stability(old, new)
        warn, page = threshold(int(np.isfinite(new).sum()), int(np.isfinite(old).sum()))
        level, why = "fine", ""
        if min(len(old), len(new)) < MIN_ROWS:
            level, why = "too few", f"fewer than {MIN_ROWS} rows to compare"
        elif len(new) and np.isnan(new).all() and not np.isnan(old).all():
            level, why = "page", "unknown everywhere: its source has probably stopped"
        elif gaps[1] - gaps[0] > GAP_JUMP:
            level, why = "warn", f"unknown for {percent(gaps[1])} of the accounts, {percent(gaps[0])} before"
        elif np.isfinite(index) and index > page:
            level, why = "page", f"distribution moved (index {index:.2f}, chance alone gives {warn / 3:.3f})"
        elif np.isfinite(index) and index > warn:
            level, why = "warn", f"distribution moved (index {index:.2f})"
        elif name.startswith("days_since") and np.nanmedian(new) > STALE_FACTOR * max(np.nanmedian(old), 7):
            level, why = "warn", f"median age {np.nanmedian(new):.0f} days, {np.nanmedian(old):.0f} before"
        found.append((name, index, warn, page, *gaps, level, why))
    columns = ["signal", "psi", "warn_above", "page_above", "unknown_then", "unknown_now", "level", "why"]
    table = pd.DataFrame(found, columns=columns)
    rank = table["level"].map({"page": 0, "warn": 1, "fine": 2, "too few": 3})
    order = table.assign(rank=rank).sort_values(["rank", "psi"], ascending=[True, False]).index
    return table.loc[order].reset_index(drop=True)


def of_calibration(expected: float, observed: int) -> tuple[float, float, str]:
    """Test one-sidedly whether more, or fewer, losses came than were predicted (Poisson).

    Args:
        expected: Sum of the predicted probabilities.
        observed: Losses among the same predictions.

    Returns:
        Probability of so many or more, of so few or fewer, and "fine", "too low" or "too high"
        (what the predictions were).
    """
    more = 1 - _poisson_below(observed, expected)
    fewer = _poisson_below(observed + 1, expected)
    verdict = "too low" if more < POISSON_LEVEL else "too high" if fewer < POISSON_LEVEL else "fine"
    return more, fewer, verdict


def _poisson_below(count: int, mean: float) -> float:
    """P(X < count) for a Poisson variable."""
    if mean <= 0:
        return 1.0 if count > 0 else 0.0
    terms = [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count)]
    return min(float(sum(terms)), 1.0)
