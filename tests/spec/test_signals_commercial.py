"""What is at stake, and when is it decided? (C1, C2, C4, U9) As-of date: 1 March 2026."""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import TODAY, ago, ask
from tests.lib.world import World

from customer_health.signals.catalogue import named


@pytest.fixture
def world() -> World:
    return World()


def test_days_to_renewal_counts_down_to_the_term_end(world: World) -> None:
    world.contract("acme", ends="2026-03-31")
    assert ask(world, "days_to_renewal") == 30


def test_an_evergreen_contract_has_no_renewal_and_is_not_less_covered(world: World) -> None:
    world.contract("acme", ends=None)
    dated = ["days_to_renewal", "days_to_notice_deadline", "term_days"]
    row = world.signals(TODAY, signals=named(dated)).loc["acme"]
    assert row[dated].isna().all()
    assert row["coverage"] == 1


def test_a_contract_that_ends_without_a_known_notice_period_is_a_gap(world: World) -> None:
    world.contract("acme", starts="2025-12-01", ends="2026-12-01")
    row = world.signals(TODAY, signals=named(["days_to_notice_deadline", "term_days"])).loc["acme"]
    assert row["coverage"] == 0.5


def test_auto_renewal_moves_the_date_by_a_term(world: World) -> None:
    world.contract("acme", starts="2025-01-01", ends="2026-01-01", auto_renew=True)
    assert ask(world, "days_to_renewal") == 306


@pytest.mark.parametrize(
    ("starts", "ends", "renewal"),
    [
        ("2016-12-01", "2017-12-01", "2026-12-01"),  # nine years later, and still on the first
        ("2019-12-01", "2020-12-01", "2026-12-01"),  # the first term had a 29 February
        ("2017-01-01", "2017-12-31", "2026-12-31"),  # the last day of the term was written down
        ("2026-01-31", "2026-02-28", "2026-11-30"),  # monthly, on the last day where a month is short
        ("2026-01-01", "2026-02-01", "2026-12-01"),
        ("2026-01-01", "2026-01-31", "2026-11-30"),  # monthly, by last days
        ("2025-11-30", "2026-02-28", "2026-11-30"),  # quarterly from 30 November
        ("2026-02-28", "2026-05-30", "2026-11-30"),  # the same contract one quarter on
        ("2024-02-29", "2025-02-28", "2027-02-28"),  # since a leap day
        (None, "2020-12-31", "2026-12-31"),  # of a term without a start only the year is sure
        ("2026-10-01", "2026-10-31", "2026-11-30"),
        ("2026-08-03", "2026-09-02", "2026-12-02"),
        ("2026-01-05", "2026-02-04", "2026-12-04"),
        ("2026-09-01", "2026-10-15", "2026-11-28"),  # 44 days are not months: it renews by 44 days
    ],
)
def test_a_term_signed_in_months_renews_in_months(
    world: World, starts: str | None, ends: str, renewal: str
) -> None:
    """As of 21 November 2026; year after year of 365 days would drift away from the signed day."""
    world.contract("acme", occurred="2016-01-01", starts=starts, ends=ends, auto_renew=True)
    found = world.signals("2026-11-21").at["acme", "renewal_date"]
    assert str(found)[:10] == renewal


def test_a_renewal_booked_late_is_overdue_and_then_lapsed(world: World) -> None:
    """Paperwork may take 30 days; after that the account is not a customer."""
    world.contract("acme", ends="2026-02-20")
    assert ask(world, "days_to_renewal") == -9
    assert not world.signals("2026-04-01").at["acme", "is_customer"]


def test_of_several_contracts_the_nearest_renewal_counts_and_arr_adds_up(world: World) -> None:
    world.contract("acme", contract="c1", ends="2026-12-01", arr=1000)
    world.contract("acme", contract="c2", ends="2026-03-11", arr=500)
    row = world.signals(TODAY).loc["acme"]
    assert (row["days_to_renewal"], row["arr"]) == (10, 1500)


def test_arr_change_12m_compares_with_a_year_ago(world: World) -> None:
    world.contract("acme", arr=10000)
    world.contract("acme", occurred=ago(100), arr=8000)
    assert ask(world, "arr_change_12m") == -2000
    assert ask(world, "arr_change_12m_rel") == pytest.approx(-0.2)


def test_arr_change_12m_of_a_young_customer_starts_at_their_signature(world: World) -> None:
    world.contract("acme", occurred=ago(200), arr=10000)
    world.contract("acme", occurred=ago(100), arr=15000)
    assert ask(world, "arr_change_12m") == 5000


def test_contract_modification_attempts_180d_count_requests(world: World) -> None:
    world.contract_event("acme", kind="modification_requested", occurred=ago(9))
    world.contract_event("acme", kind="modification_requested", occurred=ago(200))
    world.contract_event("acme", kind="renewed", occurred=ago(9))
    assert ask(world, "contract_modification_attempts_180d") == 1


def test_days_to_notice_deadline_comes_before_the_renewal(world: World) -> None:
    world.contract("acme", ends="2026-06-29", notice_days=90)
    world.contract("zeta", ends="2026-06-29")
    assert ask(world, "days_to_notice_deadline") == 30
    assert ask(world, "days_to_notice_deadline", "zeta") is None


def test_term_days_and_auto_renew_share_describe_how_they_are_bound(world: World) -> None:
    world.contract("acme", contract="c1", starts="2026-02-10", ends="2026-03-10", auto_renew=True)
    world.contract("acme", contract="c2", starts="2025-06-01", ends="2026-06-01", auto_renew=False)
    assert ask(world, "term_days") == 28
    assert ask(world, "auto_renew_share") == 0.5


def test_seats_change_12m_rel_sees_a_contraction_at_equal_price(world: World) -> None:
    world.contract("acme", arr=10000, seats=100)
    world.contract("acme", occurred=ago(100), arr=10000, seats=80)
    assert ask(world, "seats_change_12m_rel") == pytest.approx(-0.2)


def test_price_increase_180d_expansions_365d_and_contractions_365d_are_counted(world: World) -> None:
    world.contract_event("acme", kind="price_increase_announced", occurred=ago(20))
    for kind in ("expanded", "upgraded", "contracted"):
        world.contract_event("acme", kind=kind, occurred=ago(200))
    assert ask(world, "price_increase_180d") == 1
    assert ask(world, "expansions_365d") == 2
    assert ask(world, "contractions_365d") == 1


def test_usage_revenue_90d_and_usage_revenue_delta_90d_follow_metered_invoices(world: World) -> None:
    world.invoice("acme", occurred=ago(20), kind="usage", amount=60.0)
    world.invoice("acme", occurred=ago(120), kind="usage", amount=100.0)
    world.invoice("acme", occurred=ago(180), kind="usage", amount=0.0)
    world.invoice("acme", occurred=ago(20), kind="subscription", amount=5000.0)
    assert ask(world, "usage_revenue_90d") == 60
    assert ask(world, "usage_revenue_delta_90d") == pytest.approx(-0.4)


def test_a_customer_of_four_months_does_not_grow_by_400_percent(world: World) -> None:
    """Their first bills fill the whole of the last 90 days, and a part of the 90 days before."""
    for days in (110, 80, 50, 20):
        world.invoice("acme", occurred=ago(days), kind="usage", amount=100.0)
    assert ask(world, "usage_revenue_delta_90d") is None
