"""Companies that count daily users and name nobody (pre-aggregated data). As-of date: 1 March 2026."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lib.files import MAPPING, CompanyFiles
from tests.lib.signals_spec import TODAY, ago, ask
from tests.lib.world import World

from customer_health.sources.draft import draft_mapping

pytestmark = pytest.mark.usefixtures("in_columns")


@pytest.fixture
def world() -> World:
    world = World()
    world.contract("acme", seats=50)
    return world


def test_an_average_day_is_the_mean_of_the_counts(world: World) -> None:
    world.counted("acme", first=ago(56), last=ago(15), users=30)
    world.counted("acme", first=ago(14), last=ago(1), users=10)
    assert ask(world, "daily_users_28d") == 20
    assert ask(world, "daily_users_per_seat_28d") == 0.4


def test_a_falling_count_is_a_falling_trend_as_it_would_be_with_names(world: World) -> None:
    world.counted("acme", first=ago(90), last=ago(46), users=2)
    world.counted("acme", first=ago(45), last=ago(1), users=1)
    for user, last in (("ann", ago(1)), ("ben", ago(46))):
        world.daily_usage("named", first=ago(90), last=last, user=user)
    for name in ("usage_trend_slope", "usage_trend_slope_norm"):
        told = ask(world, name)
        assert told is not None
        assert told < 0
        assert told == ask(world, name, account="named")


def test_days_are_known_from_counts(world: World) -> None:
    world.counted("acme", first=ago(30), last=ago(21), users=3)
    world.counted("acme", first=ago(20), last=ago(1), users=0)
    assert ask(world, "days_since_last_usage") == 21
    assert ask(world, "active_days_28d") == 8
    assert ask(world, "silent_account") == 0


def test_nobody_for_a_month_is_silence(world: World) -> None:
    world.counted("acme", first=ago(90), last=ago(40), users=3)
    world.counted("acme", first=ago(39), last=ago(1), users=0)
    assert ask(world, "silent_account") == 1


@pytest.mark.parametrize(
    "name",
    [
        "active_users_28d", "power_user_ratio", "feature_adoption_score", "events_per_seat_28d",
        "usage_delta_28d", "stickiness_28d", "active_users_delta_28d",
    ],
)  # fmt: skip
def test_who_came_and_what_they_did_is_unknown_not_zero(world: World, name: str) -> None:
    world.counted("acme", first=ago(90), last=ago(1), users=30)
    assert ask(world, name) is None


def test_totals_of_events_and_counts_of_people_complete_each_other(world: World) -> None:
    world.daily_usage("acme", first=ago(90), last=ago(1), user="", events=100)
    world.counted("acme", first=ago(90), last=ago(1), users=25)
    assert ask(world, "events_per_seat_28d") == 56
    assert ask(world, "daily_users_per_seat_28d") == 0.5
    assert ask(world, "active_users_28d") is None


def test_named_users_are_believed_before_a_count(world: World) -> None:
    world.daily_usage("acme", first=ago(90), last=ago(1), user="ann")
    world.counted("acme", first=ago(90), last=ago(1), users=40)
    assert ask(world, "daily_users_28d") == 1


def test_a_count_is_known_when_it_is_known(world: World) -> None:
    world.counted("acme", first=ago(60), last=ago(2), users=4)
    world.add("daily_users", "acme", ago(1), TODAY, users=4_000)
    assert ask(world, "daily_users_28d") == pytest.approx(27 * 4 / 28)


def test_a_file_of_daily_active_users_is_mapped_as_it_is(tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    company.write("dau.csv", "org,date,dau\na1,2026-05-01,12\na1,2026-05-02,\na2,2026-05-01,-3\n")
    company.map(
        MAPPING + "  daily_users:\n    files: dau.csv\n"
        "    columns: {account_id: org, occurred_at: date, users: dau}\n"
    )
    company.load()
    assert company.rows("SELECT account_id, users FROM raw.daily_users") == [("a1", 12)]
    assert [row[:4] for row in company.quarantine()] == [
        ("daily_users", "dau.csv", 3, "users"),
        ("daily_users", "dau.csv", 4, "users"),
    ]


def test_the_draft_finds_a_file_of_daily_active_users(tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    (company.data / "usage.csv").unlink()
    company.write("product_daily.csv", "account_id,date,dau\na1,2026-05-01,12\na2,2026-05-01,3\n")
    drafted = draft_mapping(company.data)
    assert "  daily_users:\n    - files: product_daily.csv\n" in drafted
    assert "        users: dau\n" in drafted
