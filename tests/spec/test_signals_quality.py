"""A broken pipe is not a broken customer: what the gate after the signals sees."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from tests.lib.world import World

from customer_health.company import CompanyConfig
from customer_health.signals.build import build_and_check
from customer_health.signals.catalogue import named
from customer_health.signals.quality import check_panel

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

    assert before["days_since_last_usage"].eq(5).all()
    assert after[["usage_delta_28d", "days_since_last_usage", "silent_account"]].isna().all(axis=None)
    assert after["tickets_90d"].notna().all()
    assert (after["coverage"] < before["coverage"]).all()


def test_one_silent_account_is_a_silent_customer(world: World) -> None:
    for account in ACCOUNTS[1:]:
        world.daily_usage(account, first="2026-02-21", last="2026-04-09")
    signals = world.signals("2026-04-10", signals=SIGNALS)
    assert signals.at["a00", "days_since_last_usage"] == 49
    assert signals.at["a00", "silent_account"] == 1


def test_a_source_that_always_pauses_is_given_its_time() -> None:
    """Invoices come monthly: three weeks without one are no finding."""
    world = World()
    for account in ACCOUNTS:
        for day in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01"):
            world.invoice(account, occurred=day, due_at=day, paid_at=day)
    names = named(["payment_delay_days", "open_overdue_invoices"])
    assert world.signals("2026-02-25", signals=names)["open_overdue_invoices"].eq(0).all()
    assert world.signals("2026-06-25", signals=names)["open_overdue_invoices"].isna().all()


def test_the_company_may_say_how_long_a_source_may_be_silent(world: World) -> None:
    world.config = CompanyConfig.model_validate({"signals": {"stale_after_days": {"usage": 30}}})
    assert world.signals("2026-03-01", signals=SIGNALS)["days_since_last_usage"].eq(9).all()


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
        (
            {name: BEFORE[name] for name in ("daily_users_28d", "active_users_7d", "usage_delta_28d")},
            ("frozen", "usage"),
        ),
    ],
)
def test_a_change_that_no_customer_makes_is_told(change: dict[str, object], told: tuple[str, str]) -> None:
    """Seconds for days, percent for shares, a third suddenly unknown, the same file delivered again."""
    assert told in {(one.check, one.subject) for one in check_panel(MOVED.assign(**change), BEFORE)}


def test_an_ordinary_week_has_no_findings() -> None:
    assert check_panel(MOVED, BEFORE) == []


def test_missing_accounts_are_told() -> None:
    few = MOVED.iloc[:40]
    assert {one.check for one in check_panel(few, BEFORE)} == {"volume"}
    assert timedelta(days=7) == few["as_of"].iloc[0] - BEFORE["as_of"].iloc[0]
