"""Do they get help when they ask? (B1, B2, B3, B7) As-of date: 1 March 2026."""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import ago, ask
from tests.lib.world import World

from customer_health.company import CompanyConfig


@pytest.fixture
def world() -> World:
    return World()


def test_open_critical_tickets_are_open_until_solved(world: World) -> None:
    world.ticket("acme", occurred=ago(20), priority="critical")
    world.ticket("acme", occurred=ago(20), priority="critical", resolved_at=ago(2))
    world.ticket("acme", occurred=ago(20), priority="critical", resolved_at="2026-03-04")  # not yet solved
    world.ticket("acme", occurred=ago(20), priority="high")
    assert ask(world, "open_critical_tickets") == 2


def test_open_unanswered_tickets_3d_waited_longer_than_three_days(world: World) -> None:
    world.ticket("acme", occurred=ago(5))
    world.ticket("acme", occurred=ago(3))  # three days, not more
    world.ticket("acme", occurred=ago(9), first_response_at=ago(8))
    world.ticket("acme", occurred=ago(9), resolved_at=ago(8))  # solved without an answer on record
    assert ask(world, "open_unanswered_tickets_3d") == 1


def test_avg_resolution_time_days_covers_tickets_solved_in_90_days(world: World) -> None:
    world.ticket("acme", occurred=ago(10), resolved_at=ago(8))
    world.ticket("acme", occurred=ago(10), resolved_at=ago(4))
    world.ticket("acme", occurred=ago(10))
    assert ask(world, "avg_resolution_time_days") == 4


def test_tickets_90d_is_zero_when_nobody_asked_for_help(world: World) -> None:
    """No tickets is a fact, once there is a ticket system."""
    world.ticket("acme", occurred=ago(10))
    world.account("quiet")
    assert ask(world, "tickets_90d") == 1
    assert ask(world, "tickets_90d", "quiet") == 0


def test_a_company_without_a_ticket_system_has_unknown_tickets(world: World) -> None:
    world.account("acme")
    assert ask(world, "tickets_90d") is None
    assert ask(world, "open_critical_tickets") is None


def test_escalations_90d_count_from_the_day_of_the_escalation(world: World) -> None:
    world.ticket("acme", occurred=ago(200), escalated_at=ago(10))
    world.ticket("acme", occurred=ago(10), escalated_at="2026-03-02")
    assert ask(world, "escalations_90d") == 1


def test_first_response_hours_90d_does_not_count_nights_and_weekends(world: World) -> None:
    """Asked on Friday at 16:00, answered on Monday at 10:00: two working hours."""
    world.ticket("acme", occurred="2026-02-20 16:00", first_response_at="2026-02-23 10:00")
    assert ask(world, "first_response_hours_90d") == 2


def test_working_hours_follow_the_companys_clock_through_daylight_saving() -> None:
    """Berlin works 9-17; in July that is 7-15 UTC, in January 8-16 UTC."""
    hours = {"signals": {"business_hours": {"timezone": "Europe/Berlin"}}}
    world = World(CompanyConfig.model_validate(hours))
    world.ticket("summer", occurred="2025-07-01 06:00", first_response_at="2025-07-01 08:00")
    world.ticket("winter", occurred="2026-01-13 06:00", first_response_at="2026-01-13 08:30")
    assert ask(world, "first_response_hours_90d", "summer", "2025-08-01") == 1
    assert ask(world, "first_response_hours_90d", "winter", "2026-02-01") == 0.5


def test_critical_tickets_90d_and_open_tickets_measure_the_load(world: World) -> None:
    world.contract("acme", seats=10)
    world.ticket("acme", occurred=ago(50), priority="critical", resolved_at=ago(49))
    world.ticket("acme", occurred=ago(40))
    assert ask(world, "critical_tickets_90d") == 1
    assert ask(world, "open_tickets") == 1
    assert ask(world, "oldest_open_ticket_days") == 40
    assert ask(world, "tickets_per_seat_90d") == 0.2
