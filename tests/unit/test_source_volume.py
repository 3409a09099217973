"""When a source has brought too little: half of an export is missing, not a quiet week of a small company."""

from __future__ import annotations

import numpy as np
import pytest

from customer_health.signals.quality.source_checks import LOOK, broken_since

WEEKS = LOOK // 7


def days(*weeks: float) -> np.ndarray:
    """Rows of each day, from rows of each week, oldest first."""
    return np.repeat(np.array(weeks) / 7, 7)


def test_half_of_a_steady_source_is_missing():
    assert broken_since(days(*[700] * (WEEKS - 1), 280)) == pytest.approx(700)


def test_a_quiet_week_of_a_source_that_brings_little_is_no_break():
    """Three of 191 nights lived by forty customers stopped for this: 14 messages where 32 are usual."""
    usual = [32, 41, 27, 36, 22, 33, 30, 38] * 2
    assert broken_since(days(*usual, 14)) is None
    assert broken_since(days(*usual, 0)) is not None


def test_by_chance_alone_next_to_no_night_stops():
    """Threads of one to five messages, ten a week, over a thousand companies."""
    random = np.random.default_rng(7)
    stops = 0
    for _ in range(1000):
        threads = random.poisson(10 / 7, LOOK)
        stops += broken_since(np.array([random.integers(1, 6, count).sum() for count in threads])) is not None
    assert stops <= 2
