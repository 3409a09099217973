"""Revenue retention and interventions, with numbers that can be checked by eye."""

from datetime import timedelta

import duckdb
import pytest
from tests.lib.ledger import day, morning, publish

from customer_health.company import CompanyConfig
from customer_health.errors import FatalError
from customer_health.kpis.alert_precision import alert_precision, graded, precision_by_reason
from customer_health.kpis.interventions import (
    TimeToIntervention,
    save_rate,
    time_to_intervention,
)
from customer_health.kpis.kpi_report import build_report
from customer_health.kpis.retention import Retention, retention, start_of
from customer_health.ledger import episode_events, episodes, report_numbers
from customer_health.ledger.outbox import admin
from customer_health.ledger.score_history import segments_at
from customer_health.playbooks.playbook_run import run_playbooks


def contract(con, account, occurred, arr, *, status="active", known=None, term_end=None):
    con.execute(
        "INSERT INTO raw.contracts (contract_id, account_id, arr, status, occurred_at, known_at, term_end) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [f"c-{account}", account, arr, status, occurred, known or occurred, term_end],
    )


def test_a_customer_who_was_merged_is_no_loss_and_the_survivor_has_not_grown(warehouse):
    """Small was merged into big in February, long after the year began; a customer that left still left."""
    for account, into, since in (("big", None, None), ("small", "big", "2026-02-01"), ("left", None, None)):
        warehouse.execute(
            "INSERT INTO raw.accounts (account_id, merged_into, merged_at, occurred_at, known_at) "
            "VALUES (?, ?, ?, '2024-01-01', '2024-01-01')",
            [account, into, since],
        )
        contract(warehouse, account, "2025-01-01", 100)
    contract(warehouse, "small", "2026-02-01", 0, status="ended")
    contract(warehouse, "big", "2026-02-01", 200)
    contract(warehouse, "left", "2026-03-01", 0, status="ended")

    total = retention(warehouse, day(1))[0]

    assert (total.accounts, total.start) == (2, 300)
    assert (total.expansion, total.contraction, total.churn) == (0, 0, 100)


@pytest.mark.parametrize(("left", "churn"), [("2026-01-15", 100), ("2026-03-01", 200)])
def test_a_loss_ends_the_contracts_of_those_who_had_been_merged_by_then(warehouse, left, churn):
    """Small was merged into big in February. Its loss before then is its own; afterwards both are gone."""
    for account, into, since in (("big", None, None), ("small", "big", "2026-02-01"), ("other", None, None)):
        warehouse.execute(
            "INSERT INTO raw.accounts (account_id, merged_into, merged_at, occurred_at, known_at) "
            "VALUES (?, ?, ?, '2024-01-01', '2024-01-01')",
            [account, into, since],
        )
        contract(warehouse, account, "2025-01-01", 100)
    columns = "account_id, kind, occurred_at, known_at"
    warehouse.execute(
        f"INSERT INTO raw.outcomes ({columns}) VALUES ('small', 'logo_churn', ?, ?)", [left, left]
    )
    total = retention(warehouse, day(1))[0]
    assert total.start == 300
    assert total.contraction + total.churn == churn


def test_a_merger_that_lies_ahead_changes_no_retention(warehouse):
    for account, into in (("big", None), ("small", "big")):
        warehouse.execute(
            "INSERT INTO raw.accounts (account_id, merged_into, merged_at, occurred_at, known_at) "
            "VALUES (?, ?, '2027-01-01', '2024-01-01', '2024-01-01')",
            [account, into],
        )
        contract(warehouse, account, "2025-01-01", 100)
    assert retention(warehouse, day(1))[0].accounts == 2


def test_who_changed_segment_counts_in_the_one_that_it_was_in(warehouse, ledger):
    """A mid-market customer that grew into an enterprise in spring is what mid-market gained."""
    for account in ("grew", "same"):
        warehouse.execute(
            "INSERT INTO raw.accounts (account_id, segment, occurred_at, known_at) "
            "VALUES (?, 'enterprise', '2024-01-01', '2024-01-01')",
            [account],
        )
        contract(warehouse, account, "2025-01-01", 100)
    contract(warehouse, "grew", "2026-05-01", 180)
    publish(ledger, -369, {"grew": {"segment": "mid_market"}})
    publish(ledger, -200, {"same": {"segment": "enterprise", "score": 70}, "grew": {"segment": "enterprise"}})

    rows = retention(warehouse, day(1), segments_at(ledger, start_of(day(1))))

    assert {row.segment: (row.accounts, row.expansion) for row in rows[1:]} == {
        "enterprise": (1, 0),
        "mid_market": (1, 80),
    }
    assert {row.segment for row in retention(warehouse, day(1))} == {"all", "enterprise"}


def test_the_bridge_from_last_years_revenue_to_this_years(warehouse):
    """Start 400: one grew by 50, one shrank by 20, one left with 100; a newcomer does not count."""
    for account in ("grew", "shrank", "left", "stayed"):
        contract(warehouse, account, "2025-01-01", 100)
    contract(warehouse, "grew", "2026-02-01", 150)
    contract(warehouse, "shrank", "2026-02-01", 80)
    contract(warehouse, "left", "2026-02-01", 0, status="ended")
    contract(warehouse, "newcomer", "2026-02-01", 999)

    total = retention(warehouse, day(1))[0]

    assert (total.start, total.expansion, total.contraction, total.churn) == (400, 50, 20, 100)


def test_a_loss_learned_later_does_not_change_what_was_reported(warehouse):
    contract(warehouse, "late", "2025-01-01", 100)
    contract(warehouse, "late", "2026-02-01", 0, status="ended", known="2026-11-05")

    assert retention(warehouse, day(1))[0].churn == 0
    assert retention(warehouse, day(9))[0].churn == 100


def test_a_term_that_ran_out_and_a_logged_churn_both_end_the_revenue(warehouse):
    contract(warehouse, "lapsed", "2025-01-01", 100, term_end="2026-06-01")
    contract(warehouse, "churned", "2025-01-01", 100)
    warehouse.execute(
        "INSERT INTO raw.outcomes (account_id, kind, occurred_at, known_at) "
        "VALUES ('churned', 'logo_churn', '2026-05-01', '2026-05-01')"
    )

    assert retention(warehouse, day(1))[0].churn == 200


def test_retention_formulas_and_too_few_customers():
    assert Retention("all", 50, 400, 50, 20, 100).nrr == pytest.approx(0.825)
    assert Retention("all", 50, 400, 50, 20, 100).grr == pytest.approx(0.7)
    assert Retention("all", 3, 400, 50, 20, 100).nrr is None


def test_a_warehouse_without_tables_says_what_to_run():
    with pytest.raises(FatalError, match="Run ingest first"):
        retention(duckdb.connect(), day(1))


def test_an_account_that_recovers_for_two_readings_within_60_days_is_saved(ledger):
    config = CompanyConfig()
    story = {1: (60, 60), 2: (20, 20), 20: (55, 20), 21: (55, 20)}
    for number, (first, second) in story.items():
        publish(ledger, number, {"back": first, "stuck": second})
        run_playbooks(ledger, config, as_of=day(number), now=morning(number))

    assert save_rate(ledger, day(30)).maturing == 2
    matured = save_rate(ledger, day(90))
    assert (matured.episodes, matured.saved, matured.rate) == (2, 1, None)


def test_alerts_are_graded_by_who_left_in_time_and_by_those_who_called(ledger, warehouse):
    """Twelve turned Red: six left within the horizon, one too late to count, two were false alarms."""
    names = [f"a{n:02d}" for n in range(12)]
    for number, score in ((1, 60), (2, 20)):
        publish(ledger, number, dict.fromkeys(names, score))
        run_playbooks(ledger, CompanyConfig(), as_of=day(number), now=morning(number))
    left = dict.fromkeys(names[:6], 50) | {names[6]: 200}
    for name, after in left.items():
        warehouse.execute(
            "INSERT INTO raw.outcomes (account_id, kind, occurred_at, known_at) "
            "VALUES (?, 'logo_churn', ?, ?)",
            [name, day(2 + after), day(3 + after)],
        )
    opened = {episode.account_id: episode.episode_id for episode in episodes.all_of(ledger)}
    for name in names[:11]:
        outcome = "false_alarm" if name in names[9:11] else "saved"
        episode_events.record_outcome(
            ledger, opened[name], outcome, by="dana", reason="we talked to them", now=morning(9)
        )

    def rows(number):
        return graded(warehouse, ledger, day(number), horizon_days=90)

    young = alert_precision(rows(60), horizon_days=90)
    grown = alert_precision(rows(100), horizon_days=90)

    assert (young.episodes, young.maturing, young.share_lost) == (0, 12, None)
    assert (grown.episodes, grown.lost, grown.share_lost) == (12, 6, 0.5)
    assert (grown.judged, grown.share_right) == (11, pytest.approx(9 / 11))
    assert precision_by_reason(rows(100), horizon_days=90) == {"usage_decline": grown}


def test_time_to_intervention_runs_from_publication_to_the_first_completed_task(ledger, warehouse):
    publish(ledger, 1, {"acme": 60, "bolt": 60})
    publish(ledger, 2, {"acme": 20, "bolt": 20})
    run_playbooks(ledger, CompanyConfig(), as_of=day(2), now=morning(2))
    keys = [
        row["key"]
        for row in admin.find(ledger)
        if row["verb"] == "create_task" and row["account_id"] == "acme" and row["playbook"] == "critical_save"
    ]
    for number, key in enumerate(keys[:2]):
        finished = (morning(2) + timedelta(hours=30 + number)).replace(tzinfo=None)
        warehouse.execute(
            "INSERT INTO raw.crm_tasks (task_id, account_id, effect_key, completed_at, known_at) "
            "VALUES (?, 'acme', ?, ?, ?)",
            [key, key, finished, finished],
        )

    times = time_to_intervention(warehouse, ledger, day(5))

    assert times.hours == (30.0,)
    assert times.waiting == (67.0,)  # bolt: nobody came yet; it counts


def test_the_median_of_waiting_episodes_is_not_the_median_of_the_finished_ones():
    times = TimeToIntervention(hours=(10.0,) * 6, waiting=(100.0,) * 6)
    assert times.quantile(0.5) == 10.0
    assert times.quantile(0.9) is None  # half were never acted on
    assert times.within_goal == 0.5
    assert TimeToIntervention((1.0,), ()).quantile(0.5) is None


def test_the_report_says_not_enough_data_instead_of_inventing(ledger, warehouse, tmp_path):
    report = build_report(warehouse, ledger, as_of=day(1), folder=tmp_path / "reports")

    assert report.path.read_text().count("not enough data yet") >= 4
    assert "nrr" not in report.counts()
    assert len(report.lines()) == 4
    kept = report_numbers.latest(ledger, report_numbers.KPIS)
    assert kept[0] == day(1)
    assert kept[1]["precision"]["share_lost"] is None, "the page shows a dash where nobody can know"
