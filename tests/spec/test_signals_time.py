"""Two clocks: a score of a date may only know what was known before that date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.lib.signals_random import FIRST, RandomWorld
from tests.lib.slow_engine.slow_facts import _working_seconds
from tests.lib.world import World

from customer_health.company import BusinessHours
from customer_health.signals.business_hours import hours_between
from customer_health.signals.catalogue import CATALOGUE
from customer_health.warehouse.tables import TABLES

DATES = [FIRST.date() + timedelta(days=n) for n in range(60, 220, 20)]


def test_a_fact_learned_after_the_as_of_date_is_invisible() -> None:
    """The score of 1 March saw what 1 March knew."""
    world = World()
    world.usage("acme", user="ann", occurred="2026-02-20", known="2026-02-20")
    world.usage("acme", user="ben", occurred="2026-02-20", known="2026-03-05")

    panel = world.panel("2026-03-01", "2026-03-06").set_index(["account_id", "as_of"])

    assert panel.at[("acme", "2026-03-01"), "active_users_28d"] == 1
    assert panel.at[("acme", "2026-03-06"), "active_users_28d"] == 2


@settings(max_examples=4, phases=(Phase.explicit, Phase.generate), deadline=None)
@given(seed=st.integers(0, 10**6), days=st.integers(5, 150))
def test_a_late_file_changes_only_dates_after_it_was_known(seed: int, days: int) -> None:
    """Old facts of every table arrive at once; every earlier panel stays as it was, to the byte."""
    world, later = RandomWorld(seed), RandomWorld(seed + 1)
    arrived = FIRST + timedelta(days=days, hours=7)
    before = world.panel(*DATES)
    for table, rows in later.rows.items():
        if table == "accounts":
            continue
        key = TABLES[table].key[0]
        for number, row in enumerate(rows):
            late = row | {"known_at": max(row["known_at"], arrived)}
            named = {} if key in ("account_id", "contract_id") else {key: f"late-{number}"}
            world.rows[table].append(late | named)
    after = world.panel(*DATES)

    def early(panel: pd.DataFrame) -> pd.DataFrame:
        return panel[panel["as_of"] <= pd.Timestamp(arrived.date())].reset_index(drop=True)

    pd.testing.assert_frame_equal(early(before), early(after), check_exact=True)
    assert not before.equals(after)


def test_a_fact_of_midnight_belongs_to_the_day_that_begins() -> None:
    world = World()
    world.ticket("acme", occurred="2026-02-01")
    world.ticket("acme", occurred="2026-02-28 23:59:59")
    world.ticket("acme", occurred="2026-03-01 00:00:00")
    assert world.signals("2026-03-01").at["acme", "tickets_90d"] == 2


def test_a_call_in_new_york_on_the_night_of_the_change_of_clocks_counts_once() -> None:
    """1:30 happens twice that night; in UTC, which is what arrives, the two are an hour apart."""
    world, zone = World(), ZoneInfo("America/New_York")
    for fold in (0, 1):
        local = datetime(2025, 11, 2, 1, 30, tzinfo=zone, fold=fold)
        moment = local.astimezone(UTC).replace(tzinfo=None)
        world.interaction("acme", kind="call", occurred=moment)
    late = datetime(2025, 11, 2, 22, 0, tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
    world.interaction("acme", kind="call", occurred=late)  # the 3rd in UTC

    panel = world.panel("2025-11-03", "2025-11-04").set_index(["account_id", "as_of"])

    assert panel.at[("acme", "2025-11-03"), "interactions_90d"] == 2
    assert panel.at[("acme", "2025-11-04"), "interactions_90d"] == 3


def test_nothing_but_accounts_is_no_error_and_nothing_is_known() -> None:
    """A company that connected only its CRM: every signal is unknown, none is zero."""
    world = World()
    world.account("acme")
    row = world.signals("2026-03-01").loc["acme"]
    assert row["coverage"] == 0
    assert row[list(CATALOGUE)].isna().all()


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
# Around the changes of clocks of 2025 and 2026, on both sides of the equator.
CHANGES = [datetime.fromisoformat(day) for day in ("2025-03-30", "2025-10-05", "2025-10-26", "2026-03-08")]


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    minutes=st.lists(st.integers(-5 * 1440, 5 * 1440), min_size=2, max_size=2),
    week=st.sampled_from(["09-17 MTWTF", "00-24 MTWTFSS", "08-12.5 SS", "02-04 S"]),
)
def test_working_hours_follow_every_clock_through_every_change(
    zone: str, day: datetime, minutes: list[int], week: str
) -> None:
    """Walking from day to day on the wall clock gives the same; nights have an hour more or less."""
    opens, closes = (float(hour) for hour in week.split()[0].split("-"))
    weekdays = {"MTWTF": (0, 1, 2, 3, 4), "MTWTFSS": tuple(range(7)), "SS": (5, 6), "S": (6,)}[
        week.split()[1]
    ]
    hours = BusinessHours(timezone=zone, opens=opens, closes=closes, weekdays=weekdays)
    start, end = (day + timedelta(minutes=number) for number in minutes)
    seconds = [np.array([moment.replace(tzinfo=UTC).timestamp()]) for moment in (start, end)]

    fast = hours_between(*seconds, hours)[0]

    assert fast == pytest.approx(_working_seconds(start, end, hours) / 3600, abs=1e-6)


@settings(max_examples=2, phases=(Phase.explicit, Phase.generate), deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_in_which_rows_arrive_changes_nothing(seed: int) -> None:
    """Files are read in any order, and a re-run reads them in another one."""
    world, shuffled = RandomWorld(seed), RandomWorld(seed)
    for rows in shuffled.rows.values():
        Random(seed).shuffle(rows)

    pd.testing.assert_frame_equal(world.panel(*DATES), shuffled.panel(*DATES), rtol=1e-12)


@settings(max_examples=2, phases=(Phase.explicit, Phase.generate), deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_merged_account_counts_as_if_its_facts_had_always_been_the_survivors(seed: int) -> None:
    merged, renamed = RandomWorld(seed), RandomWorld(seed)
    gone, survivor = merged.names[0], merged.names[-1]
    merged.rows["accounts"][0]["merged_into"] = survivor
    renamed.rows["accounts"] = [r | {"merged_into": None} for r in renamed.rows["accounts"][1:]]
    for name, rows in renamed.rows.items():
        if name != "accounts":
            renamed.rows[name] = [
                r | {"account_id": survivor} if r["account_id"] == gone else r for r in rows
            ]

    pd.testing.assert_frame_equal(merged.panel(*DATES), renamed.panel(*DATES), rtol=1e-12)
