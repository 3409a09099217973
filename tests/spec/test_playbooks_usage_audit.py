"""The usage audit of the save play: what it counts, what it calls unknown, and where people find it."""

from datetime import date

import pytest
from tests.lib.ledger import day, morning, promised, publish
from tests.lib.world import World

from customer_health.company import CompanyConfig
from customer_health.destinations import usage_audit_table
from customer_health.destinations.crm.task_text import task_markdown
from customer_health.destinations.preview import PreviewDestination
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.playbooks.playbook_run import run_playbooks
from customer_health.playbooks.usage_audit import read_audits
from customer_health.playbooks.warehouse_context import of_warehouse

AS_OF = date(2026, 11, 2)


@pytest.fixture
def world():
    return World()


def audit(world, seats=10.0, as_of=AS_OF):
    con = world.connect()
    try:
        return read_audits(con, {"acme": seats}, as_of)["acme"]
    finally:
        con.close()


def test_it_counts_distinct_users_of_30_60_and_90_days_against_the_seats(world):
    world.usage("acme", user="ann", occurred="2026-10-30")
    world.usage("acme", user="ann", occurred="2026-10-31")
    world.usage("acme", user="ben", occurred="2026-09-20")
    world.usage("acme", user="cem", occurred="2026-08-20")
    world.usage("other", user="dee", occurred="2026-10-30")

    found = audit(world)

    assert found["active"] == {"30": 1, "60": 2, "90": 3}
    assert found["utilisation"] == 0.1
    assert usage_audit_table.rows(found)[:2] == [
        ("Licensed seats", "10"),
        ("Active, 30 days", "1 (10% of seats)"),
    ]


def test_what_happened_or_became_known_on_the_day_or_later_is_not_in_it(world):
    world.usage("acme", user="ann", occurred="2026-10-30")
    world.usage("acme", user="ben", occurred="2026-11-02")
    world.usage("acme", user="cem", occurred="2026-10-20", known="2026-11-05")
    world.contact("acme", "c1", user_id="ann", team="Sales", known="2026-11-03")

    found = audit(world)
    assert found["active"]["30"] == 1
    assert found["teams"] == []
    later = audit(world, as_of=date(2026, 11, 6))
    assert later["active"]["30"] == 3
    assert later["teams"] == [{"team": "Sales", "active_30": 1, "active_90": 1}]


def test_a_feature_is_dropped_when_it_was_in_use_and_nobody_touched_it_for_30_days(world):
    for number in (1, 2, 3):
        world.usage("acme", user="ann", feature="reports", occurred=f"2026-09-0{number}")
        world.usage("acme", user="ben", feature="reports", occurred=f"2026-09-0{number}")
    world.usage("acme", user="ann", feature="tried_once", occurred="2026-09-01")
    world.usage("acme", user="ann", feature="dashboards", occurred="2026-10-30")

    found = audit(world)

    assert found["dropped"] == [{"feature": "reports", "last_used": "2026-09-03", "users": 2}]
    assert "• reports: last on 3 Sep 2026, 2 users within a year" in list(usage_audit_table.notes(found))


def test_the_trend_compares_the_last_four_weeks_with_the_four_before(world):
    for user in ("ann", "ben"):
        world.daily_usage("acme", first="2026-09-07", last="2026-10-04", user=user)
    world.daily_usage("acme", first="2026-10-05", last="2026-11-01", user="ann")

    found = audit(world)

    assert found["change"] == -0.5
    assert len(found["weeks"]) == 13
    assert found["weeks"][-1] == ("2026-10-26", 1)
    assert usage_audit_table.headline(found) == (
        "2 of 10 seats in use (20%), 50% fewer than the four weeks before."
    )


def test_use_that_began_this_month_has_no_share_and_is_not_unknown(world):
    world.daily_usage("acme", first="2026-10-12", last="2026-11-01", user="ann")
    found = audit(world)
    assert found["change"] is None
    assert ("Last 4 weeks", "nobody before") in usage_audit_table.rows(found)


def test_teams_are_named_where_they_are_known_and_the_rest_is_said(world):
    for user, team in (("ann", "Sales"), ("ben", "Sales"), ("cem", None)):
        world.usage("acme", user=user, occurred="2026-10-01")
        world.contact("acme", f"c-{user}", user_id=user, team=team)
    world.usage("acme", user="ann", occurred="2026-10-30")

    found = audit(world)

    assert found["teams"] == [{"team": "Sales", "active_30": 1, "active_90": 2}]
    assert found["team_known"] == pytest.approx(2 / 3)
    assert any("the team of 67% of the users is known" in note for note in usage_audit_table.notes(found))


@pytest.mark.parametrize(
    ("facts", "seats", "said"),
    [
        ([], 10.0, "Unknown: no use of this account was recorded within a year."),
        ([{"user": "", "occurred": "2026-10-30"}], 10.0, "Unknown: the source knows accounts, not users."),
    ],
)
def test_what_nobody_recorded_is_unknown_and_not_zero(world, facts, seats, said):
    world.usage("other", occurred="2026-10-30")
    for fact in facts:
        world.usage("acme", **fact)

    found = audit(world, seats)

    assert found["active"] == {"30": None, "60": None, "90": None}
    assert found["utilisation"] is None
    assert said in list(usage_audit_table.notes(found))
    assert ("Active, 30 days", "unknown") in usage_audit_table.rows(found)


def test_unknown_seats_leave_the_users_and_make_no_share(world):
    world.usage("acme", user="ann", occurred="2026-10-30")
    found = audit(world, None)
    assert usage_audit_table.rows(found)[:2] == [("Licensed seats", "unknown"), ("Active, 30 days", "1")]
    assert usage_audit_table.headline(found) == "1 people use it; seats unknown."


def test_a_source_that_has_been_silent_for_a_month_does_not_say_that_nobody_works(world):
    world.usage("acme", user="ann", occurred="2026-09-20")
    found = audit(world)
    assert found["active"] == {"30": None, "60": 1, "90": 1}
    assert any("usage data reaches 20 Sep 2026" in note for note in usage_audit_table.notes(found))


def test_a_company_without_usage_gets_an_audit_that_says_so(world):
    con = world.connect()
    con.execute("DROP TABLE raw.usage")
    found = read_audits(con, {"acme": 10.0}, AS_OF)["acme"]
    con.close()
    assert found["unknown"] == "no product usage is connected"
    assert found["seats"] == 10.0


def fall(ledger, world, tmp_path):
    """Acme turns Red on day 2, with its usage at hand; returns the preview's folder."""
    con = world.connect()
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90}, seats=10.0)
        run_playbooks(
            ledger,
            CompanyConfig(),
            as_of=day(number),
            now=morning(number),
            background=of_warehouse(con, day(number)),
        )
    con.close()
    for row in admin.find(ledger):
        if row["state"] == "pending":
            PreviewDestination(row["destination"], tmp_path).deliver(outbox.effect_of(row))
    return tmp_path / day(2).isoformat()


def test_it_reaches_the_task_the_thread_and_a_picture_in_the_preview(ledger, world, tmp_path):
    world.daily_usage("acme", first="2026-08-10", last="2026-10-30", user="ann")
    page = fall(ledger, world, tmp_path)

    (task,) = promised(ledger, "create_task", account_id="acme", step="usage_audit")
    text = task_markdown(task["payload"])
    assert "| Licensed seats  |               10 |" in text
    assert "| Active, 30 days | 1 (10% of seats) |" in text
    (table,) = [row for row in promised(ledger, "reply") if row["step"] == "reply_usage_audit"]
    message = blocks.message(table["payload"])
    assert slack_limits.problems(message) == []
    assert "Licensed seats" in message["blocks"][1]["text"]["text"]
    (file,) = promised(ledger, "attach_file")
    assert file["after_key"] == table["after_key"] == promised(ledger, "notify", account_id="acme")[0]["key"]
    (picture,) = (page / "slack").glob("*.png")
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stem in (page / "slack" / f"{picture.stem}.md").read_text()


def test_an_empty_table_of_usage_says_nothing_about_an_account(world):
    """Usage may lie in another warehouse, or its first load may be due."""
    assert audit(world)["unknown"] == "no product usage is at hand"


def test_an_account_without_usage_gets_the_alert_and_no_empty_picture(ledger, world, tmp_path):
    fall(ledger, world, tmp_path)
    assert promised(ledger, "attach_file") == []
    (task,) = promised(ledger, "create_task", account_id="acme", step="usage_audit")
    assert "Unknown: no product usage is at hand." in task_markdown(task["payload"])


def test_running_the_day_again_promises_the_audit_once(ledger, world, tmp_path):
    world.daily_usage("acme", first="2026-08-10", last="2026-10-30", user="ann")
    fall(ledger, world, tmp_path)
    before = len(admin.find(ledger))
    con = world.connect()
    again = run_playbooks(
        ledger, CompanyConfig(), as_of=day(2), now=morning(2), background=of_warehouse(con, day(2))
    )
    con.close()
    assert again.numbers["effects"] == 0
    assert len(admin.find(ledger)) == before


def test_equal_audits_give_equal_pictures(world):
    world.daily_usage("acme", first="2026-08-10", last="2026-10-30", user="ann")
    found = audit(world)
    assert usage_audit_table.picture(found) == usage_audit_table.picture(found)
