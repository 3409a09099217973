"""The stores stop growing: what nobody asks for any more goes, and what somebody asks for stays."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from customer_health.ledger import decisions, schema
from customer_health.ledger.decisions import Decision
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.thinning import retain
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse

TODAY = date(2026, 12, 31)
NOW = datetime.combine(TODAY, time(4), UTC)
DAYS = [TODAY - timedelta(days=back) for back in range(400)]
OPENED = date(2026, 2, 10)


@pytest.fixture
def lived(tmp_path: Path) -> Settings:
    """Four hundred days of two accounts, `b` with an episode, in ledger and warehouse."""
    settings = load_settings({}, home=tmp_path)
    run = {"accounts": 2, "mode": "rules", "code_version": "1"}
    with writing(open_ledger(settings.ledger_url)) as connection:
        runs = [{"as_of": day, "first_published_at": NOW, "published_at": NOW, **run} for day in DAYS]
        connection.execute(insert(schema.score_runs), runs)
        rows = [{"as_of": day, "account_id": one, "state": "scored"} for day in DAYS for one in ("a", "b")]
        connection.execute(insert(schema.scores), rows)
        episode = {"episode_id": "e", "account_id": "b", "opened_as_of": OPENED, "red_since": OPENED}
        more = {"opened_at": NOW, "opened_score": 10, "inherited": False, "lowest_score": 10}
        connection.execute(insert(schema.episodes).values(**episode, **more, closed_as_of=OPENED))
    with open_warehouse(settings.warehouse_url) as con:
        con.execute('CREATE TABLE signals."values" (as_of DATE, account_id VARCHAR, recent_nps DOUBLE)')
        con.execute('CREATE TABLE signals.findings (as_of DATE, "check" VARCHAR)')
        values = [[day, account, 7.0] for day in DAYS for account in ("a", "b", "prospect")]
        con.executemany('INSERT INTO signals."values" VALUES (?, ?, ?)', values)
        con.executemany(
            "INSERT INTO signals.findings VALUES (?, 'x')", [[day] for day in (*DAYS, date(2025, 1, 1))]
        )
    return settings


def _kept(settings: Settings, account: str) -> set[date]:
    with open_warehouse(settings.warehouse_url) as con:
        rows = con.execute('SELECT as_of FROM signals."values" WHERE account_id = ?', [account]).fetchall()
        return {row[0] for row in rows}


def test_signals_go_with_the_scores_that_they_explain_and_trainings_keep_their_days(lived: Settings) -> None:
    counts = retain(lived, now=NOW).counts()
    for_ever = {day for day in DAYS if (TODAY - day).days <= 90 or day.weekday() == 0 or day.day == 1}
    assert _kept(lived, "prospect") == for_ever
    assert _kept(lived, "a") == for_ever
    around = _kept(lived, "b") - for_ever
    assert {OPENED - timedelta(days=2), OPENED + timedelta(days=60)} <= around
    assert counts["signals"] == 3 * len(DAYS) - 2 * len(for_ever) - len(for_ever | around)
    assert counts["findings"] == 1
    again = retain(lived, now=NOW).counts()
    assert {name: count for name, count in again.items() if count} == {}


def test_a_home_without_signals_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert retain(load_settings({}, home=tmp_path), now=NOW).lines() == ["Nothing was old enough."]


def test_the_pages_of_great_expectations_go_after_a_month_and_the_gates_own_report_stays(
    lived: Settings,
) -> None:
    folder = lived.reports / "2026-11-01"
    folder.mkdir(parents=True)
    for name in ("data_docs.zip", "gate.html"):
        (folder / name).write_text("x")
        old = (NOW - timedelta(days=60)).timestamp()
        os.utime(folder / name, (old, old))
    assert retain(lived, now=NOW).counts()["data_docs"] == 1
    assert [path.name for path in folder.iterdir()] == ["gate.html"]


def test_that_there_was_nothing_to_do_is_worth_a_month_and_what_was_done_is_kept(lived: Settings) -> None:
    ledger = open_ledger(lived.ledger_url)
    made = [Decision("a", name, name, "why") for name in ("no_match", "unchanged", "fired")]
    first = TODAY - timedelta(days=31)
    for day in (first, TODAY):
        with writing(ledger) as connection:
            decisions.replace(connection, day, made, now=NOW)
    assert {row["outcome"] for row in decisions.of(ledger, first)} == {"fired"}
    assert len(decisions.of(ledger, TODAY)) == 3


def test_a_full_disk_stops_nobody_from_making_room(lived: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    old = lived.preview / "slack" / "old.md"
    old.parent.mkdir(parents=True)
    old.write_text("said")
    long_ago = (NOW - timedelta(days=91)).timestamp()
    os.utime(old, (long_ago, long_ago))
    full = shutil.disk_usage(lived.home)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    done = retain(lived, now=NOW)
    assert done.counts()["previews"] == 1
    assert int(done.counts()["scores"]) > 0
    assert "old days stay for now" in done.lines()[-1]
