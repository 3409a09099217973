"""Probability to score: two presets, both strictly falling in the probability.

`anchored` is linear in log-odds, like a credit score: a fixed number of points halves the odds. Two
probabilities of the champion, frozen with it, sit on the boundaries of Green and Red, so a score means
the same risk next month. Beyond the outermost tier boundaries the line bends towards 0 and 100 without
reaching them: cut off there, four accounts in ten would share the score 100 and have no rank. `linear`
is 100 x (1 - p): literal, but with a base rate of a few percent it calls nearly everybody healthy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from customer_health.errors import ConfigurationError, FatalError, suggest

Floats = npt.NDArray[np.float64]

GREEN_BOUNDARY = 70.5  # half a point above the last Yellow score: the float that rounds to 71
RED_BOUNDARY = 40.5  # likewise: the float that rounds to 41
# Between the knees lies every boundary of the shipped schemes, so bending the tails moves nobody's tier.
LOWER_KNEE = 29.5  # the float that rounds to 30, where Critical ends
UPPER_KNEE = GREEN_BOUNDARY
_SMALLEST_P = 1e-9  # log-odds of 0 and 1 are infinite; beyond this every score is 0 or 100 anyway


@dataclass(frozen=True)
class Anchored:
    """Linear in log-odds through (l_green, 70.5) and (l_red, 40.5), with bent tails."""

    l_green: float
    l_red: float

    def raw(self, log_odds: Floats) -> Floats:
        """Position on the straight line; points add up here."""
        slope = (GREEN_BOUNDARY - RED_BOUNDARY) / (self.l_red - self.l_green)
        return GREEN_BOUNDARY - slope * (log_odds - self.l_green)

    def log_odds_at(self, raw: Floats) -> Floats:
        """Log-odds at a position on the straight line: the inverse of `raw`."""
        slope = (GREEN_BOUNDARY - RED_BOUNDARY) / (self.l_red - self.l_green)
        return self.l_green + (GREEN_BOUNDARY - raw) / slope

    def slope_from(self, reference: float, log_odds: Floats) -> Floats:
        """Points per unit of log-odds between the reference and each account (constant here)."""
        return np.full_like(log_odds, -(GREEN_BOUNDARY - RED_BOUNDARY) / (self.l_red - self.l_green))

    def score(self, raw: Floats) -> Floats:
        """Bend the tails: exponential beyond the knees, with the line's own slope there."""
        room = 100.0 - UPPER_KNEE
        above = 100.0 - room * np.exp(-np.maximum(raw - UPPER_KNEE, 0.0) / room)
        below = LOWER_KNEE * np.exp(-np.maximum(LOWER_KNEE - raw, 0.0) / LOWER_KNEE)
        return np.where(raw > UPPER_KNEE, above, np.where(raw < LOWER_KNEE, below, raw))


@dataclass(frozen=True)
class Linear:
    """100 x (1 - p)."""

    def raw(self, log_odds: Floats) -> Floats:
        """Score; it lies between 0 and 100 by construction."""
        return 100.0 * (1.0 - _sigmoid(log_odds))

    def log_odds_at(self, raw: Floats) -> Floats:
        """Log-odds at a score: the inverse of `raw`."""
        return log_odds(1.0 - raw / 100.0)

    def score(self, raw: Floats) -> Floats:
        """Nothing to bend."""
        return np.clip(raw, 0.0, 100.0)

    def slope_from(self, reference: float, log_odds: Floats) -> Floats:
        """Points per unit of log-odds along the secant from the reference to each account.

        The secant makes contributions in log-odds add up to the difference in points exactly, although
        the curve bends. Where both ends meet it is the tangent.
        """
        at = _sigmoid(np.array([reference]))[0]
        distance = log_odds - reference
        close = np.abs(distance) < 1e-6
        secant = (_sigmoid(log_odds) - at) / np.where(close, 1.0, distance)
        return np.asarray(-100.0 * np.where(close, at * (1.0 - at), secant))


ScoreMapping = Anchored | Linear


def tail_slope(score: float) -> float:
    """Shown points per point on the straight line, around an anchored score."""
    if score > UPPER_KNEE:
        return (100.0 - score) / (100.0 - UPPER_KNEE)
    return min(score / LOWER_KNEE, 1.0)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-values)))


def log_odds(p: Floats) -> Floats:
    """log(p / (1 - p)), with p kept away from 0 and 1; NaN stays NaN."""
    kept = np.clip(p, _SMALLEST_P, 1.0 - _SMALLEST_P)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def mapping_for(preset: str, anchors: Mapping[str, float]) -> ScoreMapping:
    """Build the mapping of a champion.

    Args:
        preset: `anchored` or `linear`.
        anchors: The champion's `p_green` and `p_red`, with every renewal at the reference day.

    Raises:
        ConfigurationError: No such preset.
        FatalError: The champion has no usable anchors.
    """
    if preset == "linear":
        return Linear()
    if preset != "anchored":
        raise ConfigurationError(
            f"There is no mapping '{preset}'.", hint=suggest(preset, ("anchored", "linear"))
        )
    green, red = float(anchors.get("p_green", np.nan)), float(anchors.get("p_red", np.nan))
    if not 0.0 < green < red < 1.0:
        raise FatalError(
            f"The champion's anchors are p_green={green}, p_red={red}.",
            hint="They must satisfy 0 < p_green < p_red < 1. Train again, or choose the mapping 'linear'.",
        )
    ends = log_odds(np.array([green, red]))
    return Anchored(float(ends[0]), float(ends[1]))
