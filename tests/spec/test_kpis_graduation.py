"""What "predicts 80 % of churn" reads: losses among the accounts that needed attention, at what that took."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete
from tests.lib.ledger import day, publish

from customer_health.company import CompanyConfig
from customer_health.kpis.graduation_readings import keep_readings
from customer_health.ledger import report_numbers
from customer_health.ledger.engine import writing
from customer_health.ledger.schema_page import portfolio_rows
from customer_health.model.monitoring.recall_readings import recall_readings

AS_OF = day(100)


def left(con, account, number):
    con.execute(
        "INSERT INTO raw.outcomes (outcome_id, account_id, kind, occurred_at, known_at) "
        "VALUES (?, ?, ?, ?, ?)",
        [f"o-{account}", account, "logo_churn", day(number), day(number)],
    )


def kept(ledger):
    _, content = report_numbers.latest(ledger, report_numbers.GRADUATION)
    return {one["name"]: one for one in content["readings"]}


def test_recall_is_told_with_the_share_and_the_precision_it_took(warehouse, ledger):
    """Two of ten needed attention; one of them left, and so did one that nobody was asked to look at."""
    rows = {f"a{n}": {"score": 90, "attention": n < 2} for n in range(10)}
    rows["a1"]["score"] = 30
    publish(ledger, 1, rows)
    left(warehouse, "a0", 40)
    left(warehouse, "a9", 80)
    keep_readings(warehouse, ledger, CompanyConfig(), as_of=AS_OF)
    one = kept(ledger)["attention needed"]
    assert (one["share"], one["recall"], one["precision"], one["losses"]) == (0.2, 0.5, 0.5, 2)
    assert one["lift"] == 2.5
    red = kept(ledger)["Red and Yellow"]
    assert (red["share"], red["recall"], red["precision"]) == (0.1, 0.0, 0.0)


def test_a_day_whose_horizon_has_not_passed_is_not_graded(warehouse, ledger):
    publish(ledger, 20, {"a": {"score": 20, "attention": True}})
    left(warehouse, "a", 40)
    keep_readings(warehouse, ledger, CompanyConfig(), as_of=AS_OF)
    assert kept(ledger)["attention needed"] == {
        "name": "attention needed", "share": None, "recall": None, "precision": None, "losses": 0, "days": 0,
        "lift": None,
    }  # fmt: skip


def test_one_day_a_week_is_graded_and_who_left_counts_once_among_the_losses(warehouse, ledger):
    for number in range(1, 9):  # 1 November 2026 is a Sunday
        publish(
            ledger, number, {"a": {"score": 20, "attention": True}, "b": {"score": 90, "attention": False}}
        )
    left(warehouse, "a", 60)
    keep_readings(warehouse, ledger, CompanyConfig(), as_of=AS_OF)
    one = kept(ledger)["attention needed"]
    assert (one["days"], one["losses"]) == (2, 1)


def test_a_day_that_retention_thinned_out_is_not_graded(warehouse, ledger):
    """What stays around episodes is what was flagged: it would find every loss."""
    publish(ledger, 1, {"a": {"score": 20, "attention": True}, "b": {"score": 90, "attention": False}})
    publish(ledger, 2, {"a": {"score": 20, "attention": True}, "b": {"score": 90, "attention": False}})
    with writing(ledger) as connection:
        connection.execute(
            delete(portfolio_rows).where(portfolio_rows.c.as_of == day(1), portfolio_rows.c.account_id == "b")
        )
    left(warehouse, "a", 60)
    keep_readings(warehouse, ledger, CompanyConfig(), as_of=AS_OF)
    one = kept(ledger)["attention needed"]
    assert (one["days"], one["share"]) == (1, 0.5)


flags = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)


@given(flags)
def test_recall_and_precision_count_the_same_accounts(found: list[tuple[bool, bool]]) -> None:
    """recall x losses = precision x flagged, whatever is flagged and whoever leaves."""
    base = {"score": 50.0, "band": "Green", "arr": 1.0, "state": "scored", "as_of": day(1)}
    rows = pd.DataFrame(
        [base | {"account_id": f"a{n}", "attention": flagged} for n, (flagged, _) in enumerate(found)]
    )
    lost = pd.DataFrame(
        [
            {"account_id": f"a{n}", "kind": "logo_churn", "occurred_at": day(30), "known_at": day(30)}
            for n, (_, leaves) in enumerate(found)
            if leaves
        ],
        columns=["account_id", "kind", "occurred_at", "known_at"],
    ).astype({"occurred_at": "datetime64[us]", "known_at": "datetime64[us]"})
    one = recall_readings(rows, lost, as_of=AS_OF + timedelta(days=30), horizon_days=90)[0]
    flagged = sum(flag for flag, _ in found)
    hits = sum(flag and leaves for flag, leaves in found)
    assert one.losses == sum(leaves for _, leaves in found)
    assert (one.recall or 0.0) * one.losses == pytest.approx(hits)
    assert (one.precision or 0.0) * flagged == pytest.approx(hits)
    assert one.share == pytest.approx(flagged / len(found))
