"""One formatter: the same amount reads the same on every page, message and report."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health import wording


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (999_600, "USD", "$1M"),
        (999_600, "EUR", "€1M"),
        (999_600, None, "1M"),
        (999.6, "USD", "$1K"),
        (240_000, "GBP", "£240K"),
        (42_800, "CHF", "CHF 42.8K"),
        (-3_000, "CHF", "−CHF 3K"),
        (1_234_567, "JPY", "¥1.23M"),
        (2_500_000_000, "USD", "$2.5B"),
        (0, "USD", "$0"),
        (12, "<b>", "12"),
        (None, "USD", "unknown"),
        (float("nan"), "USD", "unknown"),
    ],
)
def test_amounts_carry_three_figures_and_their_own_currency(amount, currency, text):
    assert wording.money(amount, currency) == text


@given(st.floats(min_value=1, max_value=9e11))
def test_no_amount_reads_as_a_thousand_of_the_smaller_unit(amount):
    assert "1000" not in wording.money(amount, "USD")
    assert "1,000" not in wording.money(amount, "USD")


def test_a_sum_over_unknown_parts_is_at_least_what_is_known():
    assert wording.total([1_000.0, None], "EUR") == "at least €1K"
    assert wording.total([None, float("nan")], "EUR") == "unknown"
    assert wording.total([1_000.0, 2_000.0], "EUR") == "€3K"
    assert wording.total([], "EUR") == "€0"


def test_halves_round_up_as_people_round():
    assert [wording.half_up(x) for x in (72.5, 73.5, 0.4)] == [73.0, 74.0, 0.0]
    assert wording.percent(0.625) == "63%"


def test_dates_and_instants_are_written_one_way():
    assert wording.day(date(2027, 1, 14)) == wording.day("2027-01-14") == "14 Jan 2027"
    assert wording.day(None) == "none known"
    at = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
    assert wording.moment(at) == "Mon 23 Nov 17:00 UTC"
    assert wording.moment(at.isoformat(), "Europe/Berlin") == "Mon 23 Nov 18:00 (Europe/Berlin)"
    assert wording.moment(at, "Nowhere/Here") == "Mon 23 Nov 17:00 UTC"


def test_a_change_shows_its_direction_by_more_than_a_sign():
    assert wording.change(57.0, 45.0) == "▲ 12"
    assert wording.money_change(1.0e6, 2.2e6, "USD") == "▼ $1.2M"
    assert wording.change(57.2, 57.0) == "±0"
    assert wording.change(None, 3.0) == ""


def test_nouns_agree_with_their_count():
    assert [wording.plural(n, "account") for n in (1, 1_203)] == ["1 account", "1,203 accounts"]


def test_shares_are_written_one_way_wherever_people_read_them():
    """No page, message or report writes a share by itself: "53.9 %" beside "90%" are two ways."""
    root = Path(wording.__file__).parent
    pages = root.parent.parent / "plugins" / "customer_health_airflow"
    own = {root / "wording.py", *(root / "signals" / "catalogue").glob("*.py")}  # phrases have a rounder
    code = [path for room in (root, pages) for path in room.rglob("*.py") if path not in own]
    by_itself = [str(path) for path in code if re.search(r"\{[^{}]+:\.?\d*%\}", path.read_text("utf-8"))]
    texts = [path for room in (root, pages) for path in room.rglob("*.html")]
    spaced = re.compile(r"\}\} %|\d %(?! \d|\})|~ \" %")  # `index % 3` counts
    apart = [str(path) for path in texts if spaced.search(path.read_text("utf-8"))]
    assert by_itself == []
    assert apart == []
