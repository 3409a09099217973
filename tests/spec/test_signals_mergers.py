"""Merged accounts on both clocks: what a day could not know yet, it does not see."""

from __future__ import annotations

from datetime import date

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.lib.signals_random import ACCOUNTS, RandomWorld
from tests.lib.world import World
from tests.unit.test_signals_reference import GENERATE, assert_engine_agrees

from customer_health.kpis.retention import retention
from customer_health.signals.former_accounts import eras

MARCH, AUGUST = "2026-03-01", "2026-08-01"


def merged_in_july() -> World:
    """Small was merged into big on 10 July 2026."""
    world = World()
    world.account("big", created="2025-01-01")
    world.account("small", created="2025-06-01", merged_into="big", merged_at="2026-07-10")
    world.contract("big", occurred="2025-01-01", arr=10_000, seats=100)
    world.contract("small", occurred="2025-06-01", arr=2_000, seats=20)
    world.ticket("small", occurred="2026-02-20")
    return world


def test_in_march_nobody_knows_of_the_merger_in_july() -> None:
    panel = merged_in_july().signals(MARCH)
    assert panel["arr"].to_dict() == {"big": 10_000, "small": 2_000}
    assert panel["open_tickets"].to_dict() == {"big": 0, "small": 1}


def test_from_the_day_after_on_the_survivor_stands_for_both() -> None:
    world = merged_in_july()
    assert world.signals("2026-07-10").index.tolist() == ["big", "small"]
    assert world.signals("2026-07-11").index.tolist() == ["big"]
    panel = world.signals(AUGUST)
    assert panel["arr"].to_dict() == {"big": 12_000}
    assert panel["open_tickets"].to_dict() == {"big": 1}


def test_one_pass_over_many_dates_sees_each_date_as_it_was() -> None:
    world = merged_in_july()
    panel = world.panel(date(2026, 3, 1), date(2026, 8, 1))
    found = panel.set_index(["as_of", "account_id"])["arr"]
    assert {(str(day)[:10], name): arr for (day, name), arr in found.items()} == {
        (MARCH, "big"): 10_000,
        (MARCH, "small"): 2_000,
        (AUGUST, "big"): 12_000,
    }


def test_a_customer_that_left_before_it_was_merged_takes_nobody_along() -> None:
    """Small left on 1 February; in March it is gone, and from July on big is still a customer."""
    world = merged_in_july()
    world.outcome("small", occurred="2026-02-01")
    assert world.signals(MARCH)["is_customer"].to_dict() == {"big": True, "small": False}
    assert world.signals(AUGUST)["is_customer"].to_dict() == {"big": True}
    panel = world.panel(date(2026, 1, 1), date(2026, 3, 1), date(2026, 8, 1))
    assert panel["is_customer"].tolist().count(False) == 1


def test_a_loss_that_is_logged_after_the_merger_is_the_survivors() -> None:
    world = merged_in_july()
    world.outcome("small", occurred="2026-07-20")
    assert world.signals("2026-07-15")["is_customer"].to_dict() == {"big": True}
    assert world.signals(AUGUST)["is_customer"].to_dict() == {"big": False}


def merged_link_by_link() -> World:
    """One into two in March, two into three in June; each with a contract of 100."""
    world = World()
    for name, into, day in (
        ("one", "two", "2026-03-10"),
        ("two", "three", "2026-06-10"),
        ("three", None, None),
    ):
        world.account(name, merged_into=into, merged_at=day)
        world.contract(name, arr=100)
    return world


def test_a_chain_of_mergers_opens_link_by_link() -> None:
    """One into two in March, two into three in June."""
    world = merged_link_by_link()
    found = [world.signals(day)["arr"].to_dict() for day in ("2026-03-01", "2026-04-01", "2026-07-01")]
    assert found == [{"one": 100, "two": 100, "three": 100}, {"two": 200, "three": 100}, {"three": 300}]


def test_a_merger_without_a_date_has_always_been() -> None:
    world = World()
    world.account("old", merged_into="acme")
    world.contract("old", arr=500)
    world.contract("acme", arr=1_000)
    assert world.signals("2021-01-01")["arr"].to_dict() == {"acme": 1_500}


@settings(max_examples=4, phases=GENERATE)
@given(seed=st.integers(0, 10**6), order=st.permutations(ACCOUNTS[:4]))
@example(seed=7, order=["a", "b", "c", "d"])
def test_chained_mergers_give_every_date_what_its_definition_says(seed: int, order: list[str]) -> None:
    """Against the slow twin, which looks at every date with the accounts of that date."""
    world = RandomWorld(seed, per_table=20)
    for row in world.rows["accounts"]:
        row |= {"merged_into": None, "merged_at": None}
        if row["account_id"] in order[:3]:
            row |= {
                "merged_into": order[order.index(row["account_id"]) + 1],
                "merged_at": world.dice.choice((None, world.when(), world.when())),
            }
    assert_engine_agrees(world)


def test_mergers_that_go_round_in_a_circle_are_one_group() -> None:
    found = eras({"a": "b", "b": "a", "x": "y"}, {"a": 100}, [date(1970, 4, 1), date(1970, 6, 1)])
    assert [(sorted(era.members), sorted(era.apart), era.dates) for era in found] == [
        (["a", "b"], ["a"], (date(1970, 4, 1),))
    ]


def left_in_february() -> World:
    """Small left on 1 February, its contract shows no end, and big swallowed it on 10 July."""
    world = merged_in_july()
    world.outcome("small", occurred="2026-02-01", known="2026-02-03")
    return world


def test_contracts_of_a_customer_that_left_before_its_merger_add_nothing_to_the_survivor() -> None:
    panel = left_in_february().signals(AUGUST)
    assert panel["arr"].to_dict() == {"big": 10_000}
    assert panel["seats"].to_dict() == {"big": 100}


def test_a_back_test_from_before_the_merger_sees_two_customers_of_which_one_left() -> None:
    """On 2 February nobody had logged it; in March small is gone, with the contract that it had."""
    world = left_in_february()
    assert world.signals("2026-02-02")["is_customer"].to_dict() == {"big": True, "small": True}
    march = world.signals(MARCH)
    assert march["is_customer"].to_dict() == {"big": True, "small": False}
    assert march["arr"].to_dict() == {"big": 10_000, "small": 2_000}


def test_a_customer_that_came_back_before_its_merger_brings_its_new_contract() -> None:
    world = left_in_february()
    world.contract("small", occurred="2026-04-01", arr=3_000, seats=30, contract="small-2")
    assert world.signals(AUGUST)["arr"].to_dict() == {"big": 13_000}


def test_a_survivor_that_had_left_itself_is_a_customer_by_the_one_it_swallowed() -> None:
    world = merged_in_july()
    world.outcome("big", occurred="2026-02-01")
    panel = world.signals(AUGUST)
    assert panel["is_customer"].to_dict() == {"big": True}
    assert panel["arr"].to_dict() == {"big": 2_000}


def test_a_loss_between_two_mergers_ends_what_stood_together_then() -> None:
    """One into two in March, two into three in June; one was lost in April, and two with it, not three."""
    world = merged_link_by_link()
    world.outcome("one", occurred="2026-04-01")
    assert world.signals("2026-05-01")["is_customer"].to_dict() == {"three": True, "two": False}
    assert world.signals("2026-07-01")["arr"].to_dict() == {"three": 100}


def test_the_panel_and_the_retention_count_the_same_arr() -> None:
    """The same company by both: who left before the merger is in neither."""
    world = left_in_february()
    for number in range(10):
        world.contract(f"other-{number}", arr=100)
    panel = world.signals(AUGUST)
    found = retention(world.connect(), date(2026, 8, 1))[0]
    assert found.start + found.expansion - found.contraction - found.churn == panel["arr"].sum() == 11_000
