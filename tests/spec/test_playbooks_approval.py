"""What a person must agree to, who may, until when, and when the gate lets growth go by itself."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import insert
from tests.lib.ledger import day, morning, promised, publish, run
from tests.lib.remote import Remote

from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.errors import FatalError
from customer_health.ledger import delivery_log, kill_switches, report_numbers
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.schema import champions, episodes
from customer_health.playbooks.graduation import gate
from customer_health.playbooks.reminders import follow_up


@pytest.fixture
def critical(ledger):
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number)
    return ledger


def sent(ledger, tmp_path, destination, now):
    remote = Remote(tmp_path, destination)
    deliver(ledger, remote, now=lambda: now)
    return remote.history()


def test_a_concession_and_a_mail_to_a_customer_never_leave_unasked(critical, tmp_path):
    waiting = {row["step"] for row in admin.awaiting(critical)}
    assert waiting == {"concession_review", "draft_email"}
    concession = promised(critical, "create_task", step="concession_review")[0]
    mail = promised(critical, "draft_email")[0]

    assert concession["key"] not in sent(critical, tmp_path, "crm", morning(3))
    assert sent(critical, tmp_path, "email", morning(3)) == []
    admin.approve(critical, mail["key"], by="lee", reason="well put", now=morning(3))
    assert sent(critical, tmp_path, "email", morning(3)) == [mail["key"]]
    assert delivery_log.of(critical, mail["key"])[0]["detail"] == "lee: well put"


def test_what_was_declined_or_expired_stays_so(critical, tmp_path):
    concession, mail = sorted(admin.awaiting(critical), key=lambda row: row["step"])
    admin.decline(critical, concession["key"], by="lee", reason="too early", now=morning(3))
    with pytest.raises(FatalError, match="declined"):
        admin.approve(critical, concession["key"], by="lee", reason="changed my mind", now=morning(3))

    with pytest.raises(FatalError, match="expired at"):
        admin.approve(critical, mail["key"], by="lee", reason="late", now=morning(5))
    assert follow_up(critical, CompanyConfig(), now=morning(5)).numbers["approvals_expired"] == 1
    assert {row["state"] for row in promised(critical, "draft_email")} == {"expired"}
    assert sent(critical, tmp_path, "email", morning(6)) == []
    with pytest.raises(FatalError, match="only what was sent"):
        admin.resend(critical, mail["key"], "please send", now=morning(6))


def test_only_those_who_may_approve_do_and_with_a_reason(critical):
    key = admin.awaiting(critical)[0]["key"]
    with pytest.raises(FatalError, match="may not approve"):
        admin.approve(critical, key, by="dana", reason="fine", now=morning(3), approvers=["lee"])
    with pytest.raises(FatalError, match="name and a reason"):
        admin.approve(critical, key, by="lee", reason=" ", now=morning(3), approvers=["lee"])
    with pytest.raises(FatalError, match="no effect with the key"):
        admin.approve(critical, key[:-1], by="lee", reason="fine", now=morning(3))


def test_a_segment_may_opt_out_of_approval_for_mails_but_not_for_concessions(ledger):
    settings = CompanyConfig.model_validate({"playbooks": {"auto_send_segments": ["enterprise"]}})
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {"acme": score, "calm": 90})
        run(ledger, number, settings)

    assert [row["step"] for row in admin.awaiting(ledger)] == ["concession_review"]
    assert promised(ledger, "draft_email")[0]["state"] == "pending"


def test_the_brakes_summary_waits_until_somebody_says_that_the_customers_moved(ledger, tmp_path):
    names = [f"a{n}" for n in range(8)]
    for number, score in ((1, 80), (2, 20)):
        publish(ledger, number, dict.fromkeys(names, score))
        run(ledger, number)
    (summary,) = [row for row in admin.awaiting(ledger) if row["playbook"] == "alert_brake"]

    assert summary["key"] not in sent(ledger, tmp_path, "slack", morning(3))
    admin.approve(ledger, summary["key"], by="lee", reason="price rise, it is real", now=morning(3))
    assert summary["key"] in sent(ledger, tmp_path, "slack", morning(3))


def test_a_stopped_destination_gets_nothing_and_loses_nothing(critical, tmp_path):
    kill_switches.stop(critical, "destination", "slack", by="lee", reason="wrong workspace", now=morning(2))
    assert sent(critical, tmp_path, "slack", morning(2)) == []
    kill_switches.start(critical, "destination", "slack")
    assert len(sent(critical, tmp_path, "slack", morning(2))) == 3  # baseline, alert, Monday's digest


def proven(ledger, *, recall=0.85, churners=60, share=0.3, saved=20, lost=20):
    one = {"name": "attention needed", "share": share, "recall": recall, "precision": 0.06}
    one |= {"losses": churners, "lift": recall / share, "days": 12}
    report_numbers.keep(ledger, report_numbers.GRADUATION, day(0), {"horizon_days": 90, "readings": [one]})
    with writing(ledger) as connection:
        connection.execute(
            insert(champions).values(
                model_id="m",
                folder="x",
                sha256={},
                decision="model",
                why="",
                trained_as_of=date(2026, 1, 1),
                summary={"horizons": {"180": {"recall": 0.4, "churners": 300}}},
                promoted_at=morning(1),
            )
        )
        opened = date(2026, 6, 1)
        for number in range(saved + lost):
            back = opened + timedelta(days=10) if number < saved else None
            connection.execute(
                insert(episodes).values(
                    episode_id=f"ep-{number}",
                    account_id=f"s{number}",
                    opened_as_of=opened,
                    opened_at=morning(1),
                    opened_score=20,
                    inherited=False,
                    red_since=opened,
                    lowest_score=20,
                    recovered_as_of=back,
                    closed_as_of=back,
                    outcome="recovered" if back else None,
                )
            )
    from customer_health.ledger.schema import score_runs, scores

    with writing(ledger) as connection:
        connection.execute(
            insert(score_runs).values(
                as_of=date(2026, 7, 31),
                first_published_at=morning(1),
                published_at=morning(1),
                accounts=1,
                mode="model",
                code_version="x",
            )
        )
        rows = [
            {"as_of": date(2026, 7, 31), "account_id": f"s{number}", "state": "scored"}
            for number in range(saved + lost)
        ]
        connection.execute(insert(scores), rows)


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ({}, True),
        ({"recall": 0.79}, False),
        ({"churners": 29}, False),
        ({"share": 0.43}, False),  # not twice as many as by chance
        ({"saved": 12, "lost": 28}, False),  # exactly 30 %
        ({"saved": 10, "lost": 9}, False),  # too few episodes
    ],
)
def test_growth_is_automated_only_after_80_percent_recall_and_30_percent_saves(ledger, given, passed):
    proven(ledger, **given)
    with ledger.connect() as connection:
        found = gate(connection, CompanyConfig(), day(1))
    assert found.passed is passed
    assert "needs 80% of at least 30" in found.why
    assert [one["name"] for one in found.readings] == [
        "attention needed", "walk-forward, riskiest 10%, 180 days"
    ]  # fmt: skip


def test_what_is_graded_later_changes_no_gate_of_an_earlier_day(ledger):
    proven(ledger)
    with ledger.connect() as connection:
        assert not gate(connection, CompanyConfig(), day(-1)).passed


@pytest.mark.parametrize("graduated", [False, True])
def test_before_graduation_an_expansion_waits_and_afterwards_it_leaves_but_never_for_a_flight_risk(
    ledger, graduated
):
    if graduated:
        proven(ledger)
    good = {"score": 90, "reasons": [], "days_to_renewal": 50.0}
    publish(ledger, 1, {"acme": good, "risk": good | {"notice_given": True}})
    run(ledger, 1)

    (row,) = promised(ledger, "create_opportunity")
    assert row["account_id"] == "acme"
    assert row["state"] == ("pending" if graduated else "awaiting_approval")
    assert "needs" in row["payload"]["approval_waived" if graduated else "approval_asks"]
