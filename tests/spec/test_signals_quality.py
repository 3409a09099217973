"""A broken pipe is not a broken customer: what the gate after the signals sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.world import World

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError
from customer_health.model.candidates.rules_v1 import rules_v1_seed
from customer_health.signals import build_panel
from customer_health.signals.build_panel import build_and_check
from customer_health.signals.catalogue import CATALOGUE, named
from customer_health.signals.quality.freshness import sources_of
from customer_health.signals.quality.panel_checks import check_panel

ACCOUNTS = [f"a{number:02d}" for number in range(25)]
SIGNALS = named(
    ["usage_delta_28d", "days_since_last_usage", "silent_account", "tickets_90d", "exec_activity_90d"]
)


@pytest.fixture
def world() -> World:
    """25 accounts that work every day until 20 February."""
    world = World()
    for account in ACCOUNTS:
        world.daily_usage(account, first="2025-12-20", last="2026-02-20")
    world.ticket(ACCOUNTS[0], occurred="2026-01-10")
    return world


def test_a_silent_source_makes_its_signals_unknown_and_nobody_unhealthy(world: World) -> None:
    """On 1 March all accounts are silent for 9 days at once: that is the connector."""
    before, after = (world.signals(day, signals=SIGNALS) for day in ("2026-02-25", "2026-03-01"))

    assert before["days_since_last_usage"].eq(1).all()  # four lost days are nobody's absence
    assert after[["usage_delta_28d", "days_since_last_usage", "silent_account"]].isna().all(axis=None)
    assert after["tickets_90d"].notna().all()
    assert (after["coverage"] < before["coverage"]).all()


def counted(world: World, *, until: date, accounts: list[str]) -> list[str]:
    """As many accounts again whose people are counted every day, and never named."""
    names = [f"c{account}" for account in accounts]
    for number, name in enumerate(names):
        for ago in range(75):
            day = until - timedelta(days=ago + 1)
            world.add("daily_users", name, day, day, users=5 + (number + ago) % 4)
    return names


@pytest.mark.parametrize("silent", ["usage", "daily_users"])
def test_the_silence_of_counts_is_not_that_of_named_users(silent: str) -> None:
    """Half of the accounts name their users, of the others they are counted: one of the two sources stops."""
    world, stopped = World(), MARCH - timedelta(days=9)
    ends = {name: stopped if name == silent else MARCH for name in ("usage", "daily_users")}
    for account in ACCOUNTS:
        world.daily_usage(account, first="2025-12-20", last=str(ends["usage"] - timedelta(days=1)))
    counts = counted(world, until=ends["daily_users"], accounts=ACCOUNTS)
    found = world.signals(str(MARCH), signals=named(["days_since_last_usage", "daily_users_28d"]))
    quiet, heard = (ACCOUNTS, counts) if silent == "usage" else (counts, ACCOUNTS)
    assert (
        found.loc[quiet].iloc[:, :].filter(["days_since_last_usage", "daily_users_28d"]).isna().all(axis=None)
    )
    assert found.loc[heard].filter(["days_since_last_usage", "daily_users_28d"]).notna().all(axis=None)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda row: row["account_id"] < "ca10", "volume: daily_users brought 70 rows in its last week, 40%"),
        (lambda row: row.update(users=100 * row["users"]) or True, "unit: A typical users of daily_users is"),
    ],
)
def test_counts_that_are_half_or_in_another_unit_stop_the_run(
    broken: Callable[[dict[str, Any]], bool], told: str
) -> None:
    world = World()
    counted(world, until=MARCH, accounts=ACCOUNTS)
    build_and_check(world.connect(), CompanyConfig(), [MARCH])
    since = MARCH - timedelta(days=28 if "unit" in told else 7)
    rows = world.rows["daily_users"]
    world.rows["daily_users"] = [row for row in rows if row["known_at"].date() < since or broken(row)]
    with pytest.raises(DataContractError, match=told):
        build_and_check(world.connect(), CompanyConfig(), [MARCH])


def test_one_silent_account_is_a_silent_customer(world: World) -> None:
    for account in ACCOUNTS[1:]:
        world.daily_usage(account, first="2026-02-21", last="2026-04-09")
    signals = world.signals("2026-04-10", signals=SIGNALS)
    assert signals.at["a00", "days_since_last_usage"] == 49
    assert signals.at["a00", "silent_account"] == 1


def test_a_source_that_always_pauses_is_given_its_time() -> None:
    """Invoices come monthly: three weeks without one are not finding."""
    world = World()
    for account in ACCOUNTS:
        for day in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
            world.invoice(account, occurred=day, due_at=day, paid_at=day)
    names = named(["payment_delay_days", "open_overdue_invoices"])
    assert world.signals("2026-02-25", signals=names)["open_overdue_invoices"].eq(0).all()
    assert world.signals("2026-06-25", signals=names)["open_overdue_invoices"].isna().all()


def test_the_company_may_say_how_long_a_source_may_be_silent(world: World) -> None:
    world.config = CompanyConfig.model_validate({"signals": {"stale_after_days": {"usage": 30}}})
    assert world.signals("2026-03-01", signals=SIGNALS)["usage_delta_28d"].eq(0).all()


def test_a_vendor_that_is_behind_by_its_own_account_is_given_that_time_too(world: World) -> None:
    """Nine days of silence: two more than a week, which days of lateness excuse, and one does not."""
    world.config = CompanyConfig.model_validate({"signals": {"late_days": {"usage": 5}}})
    assert world.signals("2026-03-01", signals=SIGNALS)["usage_delta_28d"].notna().all()
    world.config = CompanyConfig.model_validate({"signals": {"late_days": {"usage": 1}}})
    assert world.signals("2026-03-01", signals=SIGNALS)["usage_delta_28d"].isna().all()


def test_findings_are_kept_and_told(world: World) -> None:
    con = world.connect()
    for day in (date(2026, 2, 20), date(2026, 3, 1)):
        _, findings = build_and_check(con, CompanyConfig(), [day])
    told = {(one.check, one.subject) for one in findings}
    assert ("stale", "usage") in told
    kept = con.execute("SELECT source FROM signals.freshness WHERE stale AND as_of = '2026-03-01'").fetchall()
    assert kept == [("usage",)]


def panel(day: str, **columns: object) -> pd.DataFrame:
    size = 60
    frame = {"account_id": [f"a{n}" for n in range(size)], "as_of": pd.Timestamp(day), "is_customer": True}
    return pd.DataFrame(frame | columns)


DRAWN = np.linspace(1.0, 9.0, 60)
BEFORE = panel(
    "2026-02-22", payment_delay_days=DRAWN, daily_users_28d=DRAWN, active_users_7d=DRAWN,
    usage_delta_28d=DRAWN / 10, support_sentiment_90d=DRAWN / 10,
)  # fmt: skip
MOVED = BEFORE.assign(
    as_of=pd.Timestamp("2026-03-01"), daily_users_28d=DRAWN + 0.1, active_users_7d=DRAWN + 1,
    usage_delta_28d=DRAWN / 9,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"payment_delay_days": DRAWN * 24 * 3600}, ("unit", "payment_delay_days")),
        ({"support_sentiment_90d": DRAWN * 10}, ("range", "support_sentiment_90d")),
        ({"payment_delay_days": np.where(DRAWN < 5, np.nan, DRAWN)}, ("null_share", "payment_delay_days")),
        ({"payment_delay_days": np.full(60, 5.0)}, ("constant", "payment_delay_days")),
        (
            {name: BEFORE[name] for name in ("daily_users_28d", "active_users_7d", "usage_delta_28d")},
            ("frozen", "usage"),
        ),
    ],
)
def test_a_change_that_no_customer_makes_is_told(change: dict[str, object], told: tuple[str, str]) -> None:
    """Seconds for days, percent for shares, a third unknown, one value for all, the same file again."""
    assert told in {(one.check, one.subject) for one in check_panel(MOVED.assign(**change), BEFORE)}


def test_an_ordinary_week_has_no_findings() -> None:
    assert check_panel(MOVED, BEFORE) == []


def test_missing_accounts_are_told() -> None:
    few = MOVED.iloc[:40]
    assert {one.check for one in check_panel(few, BEFORE)} == {"volume"}
    assert timedelta(days=7) == few["as_of"].iloc[0] - BEFORE["as_of"].iloc[0]


MARCH = date(2026, 3, 1)
Rows = dict[str, list[dict[str, Any]]]


def delivered(*, days: int = 75) -> World:
    """25 accounts that work, ask for help, pay and answer every few days, in office hours, until 1 March."""
    world = World()
    for day in range(days):
        morning = datetime.combine(MARCH, datetime.min.time()) - timedelta(days=days - day)
        for number, account in enumerate(ACCOUNTS):
            world.usage(account, occurred=morning, events=3 + (number + day) % 5)
            if (number + day) % 3:
                continue
            asked = morning + timedelta(hours=8 + (number * 7 + day) % 9, minutes=5)
            world.ticket(account, occurred=asked, resolved_at=asked + timedelta(hours=5))
            world.invoice(account, occurred=morning, amount=100.0 + number + day, due_at=morning)
            world.interaction(account, occurred=asked, kind="call")
    return world


def in_last_week(row: dict[str, Any]) -> bool:
    return bool(row["known_at"].date() >= MARCH - timedelta(days=7))


def half_of_usage(rows: Rows) -> None:
    rows["usage"] = [row for row in rows["usage"] if not in_last_week(row) or row["account_id"] < "a10"]


def amounts_in_cents(rows: Rows) -> None:
    for row in rows["invoices"]:
        if row["known_at"].date() >= MARCH - timedelta(days=28):
            row["amount"] *= 100


def tickets_in_local_time(rows: Rows) -> None:
    for row in filter(in_last_week, rows["tickets"]):
        for name in ("occurred_at", "resolved_at", "known_at"):
            row[name] += timedelta(hours=-6)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (half_of_usage, "volume: usage brought 70 rows in its last week, 40% of a usual week"),
        (amounts_in_cents, "unit: A typical amount of invoices is 1"),
        (tickets_in_local_time, "time_zone: The hours of tickets.resolved_at lie 6 hours earlier"),
    ],
)
def test_a_source_that_delivers_something_wrong_stops_the_run_and_says_what_to_do(
    broken: Callable[[Rows], None], told: str
) -> None:
    """Half an export, cents for currency, local time for UTC."""
    world = delivered()
    build_and_check(world.connect(), CompanyConfig(), [MARCH])  # as delivered, there is nothing to see
    broken(world.rows)
    con = world.connect()

    with pytest.raises(DataContractError) as refused:
        build_and_check(con, CompanyConfig(), [MARCH])

    assert told in str(refused.value)
    assert "the scores of the day before stay" in str(refused.value)
    assert con.execute("SELECT count(*) > 5 FROM ops.signal_sources").fetchall() == [(True,)]
    # A person who has looked at it lets it pass, by the words of the message.
    check = told.split(":")[0]
    subjects = {"volume": "usage", "time_zone": "tickets.resolved_at"}
    words = [f"{check}:{subjects.get(check)}", "unit:invoices.amount"]
    words += ["time_zone:tickets.occurred_at", "time_zone:tickets.first_response_at"]
    build_and_check(con, CompanyConfig.model_validate({"signals": {"accepted": words}}), [MARCH])


@pytest.mark.parametrize("weeks", [1, 2, 5, 8])
def test_half_an_export_stays_half_an_export_until_it_is_whole_or_accepted(weeks: int) -> None:
    """The weeks after the break do not become the usual ones, however long nobody looks."""
    world = delivered(days=7 * (weeks + 8))
    broke, whole = MARCH - timedelta(weeks=weeks), list(world.rows["usage"])
    world.rows["usage"] = [
        row for row in whole if row["known_at"].date() < broke or row["account_id"] < "a10"
    ]
    with pytest.raises(DataContractError, match="40% of a usual week"):
        build_and_check(world.connect(), CompanyConfig(), [MARCH])
    accepted = CompanyConfig.model_validate({"signals": {"accepted": ["volume:usage"]}})
    build_and_check(world.connect(), accepted, [MARCH])

    fixed = MARCH - timedelta(days=7)
    world.rows["usage"] = [
        row for row in whole if not broke <= row["known_at"].date() < fixed or row["account_id"] < "a10"
    ]
    build_and_check(world.connect(), CompanyConfig(), [MARCH])


def test_history_that_was_deleted_stops_the_run() -> None:
    world = delivered()
    con = world.connect()
    build_and_check(con, CompanyConfig(), [MARCH - timedelta(days=1)])
    con.execute("DELETE FROM raw.tickets WHERE occurred_at < '2026-02-20'")
    with pytest.raises(DataContractError, match=r"tickets holds .* rows; .* were known on an earlier date"):
        build_and_check(con, CompanyConfig(), [MARCH])


def test_a_source_that_is_some_days_late_is_not_taken_for_a_thin_one() -> None:
    world = delivered()
    world.rows["usage"] = [
        row for row in world.rows["usage"] if row["known_at"].date() < MARCH - timedelta(days=5)
    ]
    _, findings = build_and_check(world.connect(), CompanyConfig(), [MARCH])
    assert "stale" not in {one.check for one in findings}


def test_customers_who_stop_one_after_the_other_are_no_broken_export() -> None:
    """As little as half an export, but from no day to the next: 15 of 25 accounts stop within two weeks."""
    world = delivered()
    stops = {account: 22 - k for k, account in enumerate(account for account in ACCOUNTS if account >= "a10")}
    world.rows["usage"] = [
        row
        for row in world.rows["usage"]
        if row["known_at"].date() < MARCH - timedelta(days=stops.get(row["account_id"], 0))
    ]
    con = world.connect()
    build_and_check(con, CompanyConfig(), [MARCH])
    week = dict(
        con.execute("SELECT measure, value FROM ops.signal_sources WHERE source = 'usage'").fetchall()
    )
    assert week["last_week"] < 0.5 * week["usual_week"]


@given(
    table=st.sampled_from(["usage", "tickets", "invoices", "interactions"]),
    silent=st.integers(min_value=25, max_value=60),
)
@settings(max_examples=6)
def test_a_source_that_fell_silent_makes_nobody_look_unhealthier(table: str, silent: int) -> None:
    """Whatever source dies, and whenever: its signals are unknown, coverage falls, and no rule holds it
    against anybody."""
    world = delivered(days=110)
    world.ticket(ACCOUNTS[0], occurred="2025-12-20", priority="critical")
    whole = world.signals(MARCH)
    cut = MARCH - timedelta(days=silent)
    world.rows[table] = [row for row in world.rows[table] if row["known_at"].date() < cut]
    dead = world.signals(MARCH)

    lost = [name for name, one in CATALOGUE.items() if table in sources_of(one)]
    assert lost
    assert dead[lost].isna().all(axis=None)
    assert (dead["coverage"] < whole["coverage"]).all()
    assert (rules_v1_seed(dead)["score"] >= rules_v1_seed(whole)["score"]).all()


def test_a_range_is_filled_in_by_one_pass_and_gives_what_single_days_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The DAG of one day and a range over many write the same partitions, in however many parts."""
    monkeypatch.setattr(build_panel, "ROWS_AT_ONCE", 4 * len(ACCOUNTS))
    world = delivered(days=80)
    days = [MARCH - timedelta(days=n) for n in range(10)]
    one_by_one, at_once = world.connect(), world.connect()
    for day in days:
        build_and_check(one_by_one, CompanyConfig(), [day])
    build_and_check(at_once, CompanyConfig(), days)
    kept = [
        con.execute("SELECT * FROM signals.values ORDER BY as_of, account_id").df()
        for con in (one_by_one, at_once)
    ]
    assert len(kept[0]) == len(days) * len(ACCOUNTS)
    pd.testing.assert_frame_equal(*kept, check_exact=True)


def test_a_column_that_is_filled_with_its_default_is_told() -> None:
    found = check_panel(MOVED.assign(payment_delay_days=0.0), BEFORE)
    assert ("constant", "payment_delay_days") in {(one.check, one.subject) for one in found}
