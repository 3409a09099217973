"""A contract that begins on the day of a loss is a return: for the score, for retention, for the renewals."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.lib.world import World

from customer_health.kpis.renewals.renewal_outcomes import arr_after
from customer_health.kpis.retention import retention

AS_OF = date(2026, 6, 1)
LOSS = datetime(2026, 1, 10, 12)  # noqa: DTZ001


def company(returns: dict[str, datetime | None]) -> World:
    """Every account had a contract until noon of the loss, and some another one from a moment on."""
    world = World()
    for name, back in returns.items():
        world.account(name, created="2024-01-01", segment=name)
        world.contract(name, occurred="2024-01-01", arr=1_000, contract=f"{name}-1")
        world.outcome(name, occurred=LOSS)
        if back is not None:
            world.contract(name, occurred=back, arr=700, contract=f"{name}-2")
    return world


def stayed(world: World) -> dict[str, bool]:
    """By retention: a year ago everybody paid, and who is not all churn pays still."""
    with world.connect() as con:
        return {
            each.segment: each.churn < each.start for each in retention(con, AS_OF) if each.segment != "all"
        }


def test_who_signs_anew_on_the_day_of_the_loss_has_come_back() -> None:
    """The old contract ended at noon, the new one is dated on the day: midnight."""
    world = company({"anew": datetime(2026, 1, 10), "gone": None, "before": datetime(2026, 1, 9)})  # noqa: DTZ001
    expected = {"anew": True, "gone": False, "before": False}
    assert world.signals(AS_OF)["is_customer"].to_dict() == expected
    assert stayed(world) == expected
    with world.connect() as con:
        after = arr_after(con, dict.fromkeys(expected, date(2026, 1, 10)), as_of=AS_OF)
    assert {name: arr > 0 for name, arr in after.items()} == expected


hours = st.integers(-72, 72)


@settings(max_examples=15, deadline=None)
@example([0, -12, -13, 11, 12])
@given(st.lists(st.none() | hours, min_size=5, max_size=12))
def test_score_and_retention_tell_the_same_customers_apart(after: list[int | None]) -> None:
    returns = {
        f"a{n}": None if hour is None else LOSS + timedelta(hours=hour) for n, hour in enumerate(after)
    }
    world = company(returns)
    assert world.signals(AS_OF)["is_customer"].to_dict() == stayed(world)
