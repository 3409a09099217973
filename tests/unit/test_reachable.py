"""What a lever may ask for: what is possible, and what a quarter of work can change."""

from __future__ import annotations

import numpy as np

from customer_health.scoring.reachable import within_a_quarter
from customer_health.signals.catalogue import CATALOGUE


def reached(name: str, now: float, goal: float) -> float:
    return float(within_a_quarter((CATALOGUE[name],), np.array([[now]]), np.array([[goal]]))[0, 0])


def test_nobody_fills_more_than_every_seat() -> None:
    """Who is beyond that already (guests, shared seats) is not sent back."""
    assert reached("active_users_per_seat_28d", 0.4, 1.04) == 1.0
    assert reached("active_users_per_seat_28d", 1.2, 1.3) == 1.2


def test_a_mean_over_a_year_moves_by_its_newest_quarter() -> None:
    """Twelve months of late payments are not undone by three good ones."""
    assert round(reached("payment_delay_days", 40.0, 0.0), 6) == 30.027397
    assert reached("avg_resolution_time_days", 10.0, 2.0) == 2.0  # 90 days: all of it


def test_contacts_are_made_one_by_one() -> None:
    """Two within a quarter, not nine."""
    assert reached("contacts_known", 1.0, 10.0) == 3.0


def test_what_is_unknown_stays_unknown() -> None:
    """No lever moves it."""
    assert np.isnan(reached("contacts_known", float("nan"), float("nan")))
