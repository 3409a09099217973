"""Afterwards: what happened to each renewal, and who had been right about it on the quarter's first day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest
from tests.lib.ledger import score_row

from customer_health.kpis.renewals.forecast_accuracy import keep_renewals
from customer_health.kpis.renewals.renewal_outcomes import arr_after
from customer_health.ledger import report_numbers, scores
from customer_health.ledger.renewals import CSM, FINAL, Call, record_call

OPENED, DUE, SETTLED = date(2026, 7, 1), date(2026, 8, 15), date(2026, 11, 15)


def contract(con, account, occurred, arr, *, term_end=DUE, known=None, **fields):
    row = {
        "contract_id": f"c-{account}",
        "account_id": account,
        "arr": arr,
        "occurred_at": occurred,
        "known_at": known or occurred,
        "term_end": term_end,
    } | fields
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    con.execute(f"INSERT INTO raw.contracts ({names}) VALUES ({marks})", list(row.values()))


def published(engine, rows, as_of=OPENED):
    frame = pd.DataFrame(
        [score_row(name, 60, renewal_date=DUE, arr=100.0, **fields) for name, fields in rows.items()]
    )
    scores.publish(engine, frame, as_of, published_at=datetime(2026, 7, 1, 5, tzinfo=UTC))


def call(engine, account, retained, kind=CSM, at=datetime(2026, 6, 20, tzinfo=UTC)):
    record_call(
        engine, Call("2026-Q3", kind, retained, "dana@example.com", at, account_id=account, note="by phone")
    )


def told(content, group="all"):
    return {row["caller"]: row for row in content["accuracy"] if row["group"] == group}


def test_what_a_customer_pays_after_the_decision(warehouse):
    for account in ("renewed", "shrank", "left", "lapsed", "said_so", "late"):
        contract(warehouse, account, "2025-08-15", 100)
    contract(warehouse, "renewed", "2026-08-15", 120, term_end=date(2027, 8, 15))
    contract(warehouse, "shrank", "2026-08-10", 60, term_end=date(2027, 8, 15))
    contract(warehouse, "left", "2026-08-15", 0, status="ended")
    warehouse.execute(
        "INSERT INTO raw.outcomes (account_id, kind, occurred_at, known_at) "
        "VALUES ('said_so', 'logo_churn', '2026-08-16', '2026-08-20')"
    )
    contract(warehouse, "late", "2026-09-10", 100, term_end=date(2027, 8, 15), known="2026-10-30")
    due = dict.fromkeys(("renewed", "shrank", "left", "lapsed", "said_so", "late"), DUE)

    assert arr_after(warehouse, due, as_of=SETTLED) == {
        "renewed": 120, "shrank": 60, "left": 0, "lapsed": 0, "said_so": 0, "late": 100,
    }  # fmt: skip


def test_a_decision_that_has_not_settled_is_not_judged(warehouse):
    contract(warehouse, "acme", "2025-08-15", 100)
    assert arr_after(warehouse, {"acme": DUE}, as_of=date(2026, 9, 14)) == {}
    assert arr_after(warehouse, {"acme": DUE}, as_of=date(2026, 9, 15)) == {"acme": 0.0}


def test_a_customer_who_was_merged_has_renewed_with_its_survivor(warehouse):
    for account, into in (("big", None), ("small", "big")):
        warehouse.execute(
            "INSERT INTO raw.accounts (account_id, merged_into, merged_at, occurred_at, known_at) "
            "VALUES (?, ?, '2026-08-01', '2024-01-01', '2026-08-01')",
            [account, into],
        )
    contract(warehouse, "small", "2026-08-01", 0, status="ended")
    contract(warehouse, "big", "2026-08-01", 300, term_end=None)
    assert arr_after(warehouse, {"small": DUE}, as_of=SETTLED) == {"small": 300}


def test_each_caller_is_graded_on_what_it_said_when_the_quarter_opened(warehouse, ledger):
    """Two customers of 100 each: one stayed, one left. The model says 90 and 50, the CSM 100 and 100."""
    published(ledger, {"stays": {"p_decision": 0.1}, "leaves": {"p_decision": 0.5}})
    for account in ("stays", "leaves"):
        contract(warehouse, account, "2025-08-15", 100)
        call(ledger, account, 100)
    contract(warehouse, "stays", "2026-08-15", 130, term_end=date(2027, 8, 15))
    call(ledger, "leaves", 0, FINAL)
    found = keep_renewals(warehouse, ledger, as_of=SETTLED)

    graded = told(found)
    assert graded["model"]["error"] == pytest.approx((10 + 50) / 200)
    assert graded["model"]["brier"] == pytest.approx((0.1**2 + 0.5**2) / 2)
    assert (graded["csm"]["error"], graded["csm"]["bias"], graded["csm"]["brier"]) == (0.5, 0.5, 0.5)
    assert (graded["final"]["renewals"], graded["final"]["error"]) == (1, 0.0)
    assert graded["final"]["model_error"] == 0.5, "on the one renewal that the lead spoke about"
    assert {"segment: enterprise", "owner: dana@example.com"} < {row["group"] for row in found["accuracy"]}
    line = found["quarters"][0]
    assert (line["quarter"], line["arr"], line["expected"]) == ("2026-Q3", 200.0, 140.0)
    assert (line["retained"], line["left"], line["inside"]) == (100.0, 1, True)


def test_a_call_on_the_eve_of_the_decision_is_no_forecast(warehouse, ledger):
    published(ledger, {"acme": {"p_decision": 0.1}})
    contract(warehouse, "acme", "2025-08-15", 100)
    call(ledger, "acme", 0, at=datetime(2026, 8, 14, tzinfo=UTC))
    assert set(told(keep_renewals(warehouse, ledger, as_of=SETTLED))) == {"model"}


def test_a_quarter_that_has_not_settled_is_left_out(warehouse, ledger):
    published(ledger, {"acme": {"p_decision": 0.1}})
    contract(warehouse, "acme", "2025-08-15", 100)
    assert keep_renewals(warehouse, ledger, as_of=date(2026, 10, 31))["quarters"] == []
    assert len(keep_renewals(warehouse, ledger, as_of=date(2026, 11, 1))["quarters"]) == 1


def test_what_is_learned_later_changes_no_earlier_grade(warehouse, ledger):
    published(ledger, {"acme": {"p_decision": 0.1}})
    contract(warehouse, "acme", "2025-08-15", 100)
    before = keep_renewals(warehouse, ledger, as_of=SETTLED)
    contract(warehouse, "acme", "2026-08-15", 100, term_end=date(2027, 8, 15), known="2026-11-15")
    assert keep_renewals(warehouse, ledger, as_of=SETTLED) == before
    corrected = keep_renewals(warehouse, ledger, as_of=date(2026, 11, 16))
    assert (before["quarters"][0]["retained"], corrected["quarters"][0]["retained"]) == (0.0, 100.0)


def test_a_quarter_whose_scores_were_let_go_of_keeps_its_grade(warehouse, ledger):
    published(ledger, {"acme": {"p_decision": 0.1}})
    contract(warehouse, "acme", "2025-08-15", 100)
    keep_renewals(warehouse, ledger, as_of=SETTLED)
    later = keep_renewals(warehouse, ledger, as_of=date(2029, 1, 1))
    assert [line["quarter"] for line in later["quarters"]] == ["2026-Q3"]
    assert report_numbers.latest(ledger, report_numbers.RENEWALS)[0] == date(2029, 1, 1)
