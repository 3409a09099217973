"""Which readings before today the demo lives through, and where a model is due among them."""

from __future__ import annotations

from datetime import date, timedelta

from customer_health_airflow.local.past_weeks import readings_before, trained_anew

TODAY = date(2026, 11, 29)


def test_a_quarter_is_thirteen_weeks_and_one_model() -> None:
    days = readings_before(TODAY)
    assert [TODAY - day for day in days] == [timedelta(weeks=number) for number in range(13, 0, -1)]
    assert trained_anew(days) == []


def test_a_year_has_readings_from_more_than_a_year_ago_and_newer_models_for_the_quarter() -> None:
    days = readings_before(TODAY, "year")
    assert days == sorted(days)
    assert TODAY - days[0] > timedelta(days=365 + 7)  # Red for a year, and seen so twice
    assert days[-13:] == readings_before(TODAY)
    assert trained_anew(days) == [days[-14], days[-13]]
