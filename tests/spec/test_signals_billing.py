"""Do they pay, and on time? (C3) As-of date: 1 March 2026."""

from __future__ import annotations

import pytest
from tests.lib.signals_spec import ago, ask
from tests.lib.world import World


@pytest.fixture
def world() -> World:
    return World()


def test_payment_delay_days_does_not_offset_late_by_early(world: World) -> None:
    world.invoice("acme", occurred=ago(90), due_at=ago(60), paid_at=ago(50))  # 10 days late
    world.invoice("acme", occurred=ago(90), due_at=ago(60), paid_at=ago(80))  # 20 days early
    assert ask(world, "payment_delay_days") == 5


def test_overdue_days_max_is_the_oldest_unpaid_invoice(world: World) -> None:
    world.invoice("acme", occurred=ago(90), due_at=ago(45))
    world.invoice("acme", occurred=ago(60), due_at=ago(30))
    world.invoice("acme", occurred=ago(90), due_at=ago(80), paid_at=ago(3))
    assert ask(world, "overdue_days_max") == 45


def test_open_overdue_invoices_and_overdue_amount_are_what_is_owed_now(world: World) -> None:
    world.invoice("acme", occurred=ago(60), due_at=ago(30), amount=100.0)
    world.invoice("acme", occurred=ago(20), due_at="2026-03-20", amount=100.0)  # not yet due
    world.invoice("acme", occurred=ago(60), due_at=ago(30), paid_at=ago(2), amount=100.0)
    assert ask(world, "open_overdue_invoices") == 1
    assert ask(world, "overdue_amount") == 100
