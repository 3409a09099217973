"""Unknown is not "never happened": invoices, tickets and subscriptions whose stages no date tells."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import CATALOGUE
from customer_health.sources import landing
from customer_health.warehouse.connect import open_warehouse

AS_OF = date(2026, 6, 1)
INVOICES = (
    "id,account,amount,issued,due,state\n"
    "i1,a1,100,2026-01-05,2026-02-05,paid\ni2,a2,100,2026-01-05,2026-02-05,open\n"
    "i3,a3,100,2026-01-05,2026-02-05,void\n"
)
BILLED = """
  invoices:
    files: invoices.csv
    columns: {invoice_id: id, account_id: account, amount: amount, due_at: due, occurred_at: issued}
"""
TICKETS = "id,account,day,state,urgency\nt1,a1,2026-02-01,closed,critical\nt2,a2,2026-02-01,open,critical\n"
HELPED = """
  tickets:
    files: tickets.csv
    columns: {ticket_id: id, account_id: account, priority: urgency, occurred_at: day}
"""
OVERDUE = ("open_overdue_invoices", "overdue_days_max", "overdue_amount")


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    files = CompanyFiles(tmp_path)
    files.write("invoices.csv", INVOICES)
    files.write("tickets.csv", TICKETS)
    return files


def panel(company: CompanyFiles, *signals: str, as_of: date = AS_OF) -> pd.DataFrame:
    with open_warehouse(company.settings.warehouse_url) as con:
        chosen = [CATALOGUE[name] for name in signals]
        return build_panel(con, CompanyConfig(), [as_of], signals=chosen).set_index("account_id")


def told(company: CompanyFiles, mapping: str, *signals: str) -> dict[str, list[float | None]]:
    """Signal -> its value for a1, a2, a3; None where it is unknown."""
    company.map(MAPPING + mapping)
    company.load()
    found = panel(company, *signals)
    return {name: [None if np.isnan(v) else float(v) for v in found[name]] for name in signals}


def test_invoices_without_a_day_of_payment_are_not_overdue_but_unknown(company: CompanyFiles) -> None:
    assert told(company, BILLED, *OVERDUE) == {name: [None, None, None] for name in OVERDUE}


def test_the_gate_says_which_stage_nobody_tells_and_what_to_write(company: CompanyFiles) -> None:
    company.map(MAPPING + BILLED)
    lines = " ".join(company.load().lines())
    assert "invoices.paid_at: expected every row comes from a source that tells paid_at; found 3" in lines
    assert "Map paid_at, or `status:`" in lines


@pytest.mark.parametrize("place", ["beside", "among the columns"])
def test_a_state_serves_instead_of_a_date(company: CompanyFiles, place: str) -> None:
    mapping = (
        BILLED + "    status: state\n"
        if place == "beside"
        else BILLED.replace("amount: amount", "amount: amount, status: state")
    )
    assert told(company, mapping, *OVERDUE) == {
        "open_overdue_invoices": [0, 1, 0],
        "overdue_days_max": [0, 116, 0],
        "overdue_amount": [0, 100, 0],
    }


def test_before_the_state_was_seen_nobody_knows_whether_it_was_paid_by_then(company: CompanyFiles) -> None:
    company.map(MAPPING + BILLED + "    status: state\n")
    company.load()
    then = panel(company, "open_overdue_invoices", as_of=date(2026, 4, 1))["open_overdue_invoices"]
    assert np.isnan(then["a1"])  # paid by June, but in April?
    assert then["a2"] == 1


def test_a_date_of_payment_goes_before_the_state(company: CompanyFiles) -> None:
    company.write(
        "invoices.csv",
        "id,account,amount,issued,due,state,paid\ni1,a1,100,2026-01-05,2026-02-05,paid,2026-03-01\n",
    )
    mapping = BILLED.replace("due_at: due", "due_at: due, paid_at: paid") + "    status: state\n"
    company.map(MAPPING + mapping)
    company.load()
    then = panel(company, "overdue_days_max", as_of=date(2026, 2, 25))["overdue_days_max"]
    assert then["a1"] == 20


def test_tickets_without_a_day_of_solution_are_not_open_but_unknown(company: CompanyFiles) -> None:
    names = ("open_tickets", "open_critical_tickets", "open_unanswered_tickets_3d", "escalations_90d")
    assert told(company, HELPED, *names) == {
        "open_tickets": [None, None, 0],
        "open_critical_tickets": [None, None, 0],
        "open_unanswered_tickets_3d": [None, None, 0],
        "escalations_90d": [None, None, 0],
    }


def test_the_state_of_a_ticket_says_that_it_is_closed(company: CompanyFiles) -> None:
    mapping = HELPED + "    status: {column: state, values: {closed: solved}}\n"
    assert told(company, mapping, "open_critical_tickets") == {"open_critical_tickets": [0, 1, 0]}


def test_a_word_that_no_state_knows_waits_in_quarantine(company: CompanyFiles) -> None:
    company.map(MAPPING + BILLED + "    status: {column: state, values: {void: shredded}}\n")
    company.load()
    assert company.quarantine() == [("invoices", "invoices.csv", 4, "status", "shredded")]


SUBSCRIPTIONS = (
    "id,account,seats,arr,start,state,ended\n"
    "c1,a1,10,12000,2025-01-10,active,\nc2,a2,10,12000,2025-01-10,STATE,\nc3,a3,10,12000,2025-01-10,canceled,2026-03-01\n"
)
SUBSCRIBED = MAPPING.replace(
    "files: contracts.csv",
    "files: contracts.csv\n    ends_on: ended\n"
    "    status: {column: state, values: {trialing: trial, past_due: active, canceled: ended}}",
)


@pytest.mark.parametrize(
    ("state", "customer"),
    [
        ("active", True),
        ("past_due", True),
        ("trialing", False),
        ("incomplete", False),
        ("paused", False),
        ("unpaid", False),
    ],
)
def test_only_subscriptions_in_force_make_a_customer(
    company: CompanyFiles, state: str, customer: bool
) -> None:
    company.write("contracts.csv", SUBSCRIPTIONS.replace("STATE", state))
    company.map(SUBSCRIBED)
    company.load()
    assert panel(company, "days_to_renewal")["is_customer"].to_dict() == {
        "a1": True,
        "a2": customer,
        "a3": False,
    }


@pytest.mark.parametrize(("state", "customer"), [("paused", True), ("canceled", True), ("trialing", False)])
def test_a_subscription_was_in_force_until_its_state_was_seen(
    company: CompanyFiles, state: str, customer: bool
) -> None:
    company.write("contracts.csv", SUBSCRIPTIONS.replace("STATE", state))
    company.map(SUBSCRIBED)
    company.load()
    before = panel(company, "days_to_renewal", as_of=date(2026, 2, 1))
    assert before["is_customer"].to_dict() == {"a1": True, "a2": customer, "a3": True}


def test_credit_notes_and_invoices_of_nothing_are_nobodys_debt(company: CompanyFiles) -> None:
    company.write(
        "invoices.csv",
        "id,account,amount,issued,due,paid\ni1,a1,-500,2026-01-05,2026-02-05,\n"
        "i2,a2,0,2026-01-05,2026-02-05,\ni3,a3,500,2026-01-05,2026-02-05,\n",
    )
    mapping = BILLED.replace("due_at: due", "due_at: due, paid_at: paid")
    assert told(company, mapping, *OVERDUE) == {
        "open_overdue_invoices": [0, 0, 1],
        "overdue_days_max": [0, 0, 116],
        "overdue_amount": [0, 0, 500],
    }


def test_a_credit_note_lowers_what_is_owed_and_settles_it_when_it_covers_all(company: CompanyFiles) -> None:
    company.write(
        "invoices.csv",
        "id,account,amount,issued,due,paid\ni1,a1,500,2026-01-05,2026-02-05,\ni2,a1,-200,2026-03-05,,\n"
        "i3,a2,500,2026-01-05,2026-02-05,\ni4,a2,-500,2026-03-05,,\n",
    )
    mapping = BILLED.replace("due_at: due", "due_at: due, paid_at: paid")
    assert told(company, mapping, *OVERDUE) == {
        "open_overdue_invoices": [1, 0, 0],
        "overdue_days_max": [116, 0, 0],
        "overdue_amount": [300, 0, 0],
    }


def test_a_score_of_another_scale_is_not_guessed(company: CompanyFiles) -> None:
    company.write(
        "csat.csv", "id,account,score,day\ns1,a1,8,2026-05-01\ns2,a2,10,2026-05-01\ns3,a3,1,2026-05-01\n"
    )
    asked = """
  surveys:
    files: csat.csv
    columns: {survey_id: id, account_id: account, kind: {constant: csat}, score: score, occurred_at: day}
"""
    company.map(MAPPING + asked)
    company.load()
    assert [row[2:] for row in company.quarantine()] == [(2, "score", "8.0"), (3, "score", "10.0")]
    assert all("rescale: {from: [1, 10], to: [1, 5]}" in remedy for remedy in company.remedies())
    rescaled = asked.replace("score: score", "score: {column: score, rescale: {from: [1, 10], to: [1, 5]}}")
    found = told(company, rescaled, "csat_180d")["csat_180d"]
    assert found == [pytest.approx(1 + 7 * 4 / 9), 5, 1]


def test_an_nps_of_eleven_waits_in_quarantine(company: CompanyFiles) -> None:
    company.write("nps.csv", "id,account,score,day\ns1,a1,11,2026-05-01\ns2,a2,0,2026-05-01\n")
    company.map(
        MAPPING
        + """
  surveys:
    files: nps.csv
    columns: {survey_id: id, account_id: account, score: score, occurred_at: day}
"""
    )
    company.load()
    assert company.quarantine() == [("surveys", "nps.csv", 2, "score", "11.0")]


CLOSED_EVERY_NIGHT = HELPED + "    status: {column: state, values: {closed: solved}}\n"


def closed_at(company: CompanyFiles) -> str:
    told_on = "SELECT CAST(CAST(status_at AS DATE) AS VARCHAR) FROM raw.tickets WHERE ticket_id = 't1'"
    return str(company.rows(told_on)[0][0])


@pytest.mark.parametrize("policy", ["", "latest_file", "newest_wins"])
def test_a_state_begins_when_it_was_first_told_and_not_with_every_export(
    company: CompanyFiles, policy: str
) -> None:
    """The same file every night, or a new one: a ticket that is closed does not close anew."""
    mapping = CLOSED_EVERY_NIGHT
    if policy:
        mapping = mapping.replace("files: tickets.csv", f"files: tickets*.csv\n    repeated_keys: {policy}")
    company.map(MAPPING + mapping)
    for night in range(3):
        name = f"tickets_{night}.csv" if policy else "tickets.csv"
        if policy and not night:
            (company.data / "tickets.csv").unlink()
        company.write(name, TICKETS + f"t{night + 7},a1,2026-03-01,open,normal\n")
        company.load(date(2026, 6, 1 + night))
        assert closed_at(company) == "2026-05-31"


def test_a_ticket_that_was_reopened_closes_anew(company: CompanyFiles) -> None:
    company.map(MAPPING + CLOSED_EVERY_NIGHT)
    for night, state in enumerate(("closed", "open", "closed")):
        company.write("tickets.csv", TICKETS.replace("closed", state))
        company.load(date(2026, 6, 1 + night))
    assert closed_at(company) == "2026-06-02"


def test_a_subscription_ends_once_and_not_every_night(company: CompanyFiles) -> None:
    company.map(SUBSCRIBED)
    ends = (
        "SELECT CAST(CAST(occurred_at AS DATE) AS VARCHAR) FROM raw.contracts "
        "WHERE contract_id = 'c2' AND status = 'ended'"
    )
    for night, (state, ended) in enumerate(
        (("canceled", "2026-05-31"), ("canceled", "2026-05-31"), ("active", None), ("canceled", "2026-06-03"))
    ):
        rest = f"c9,a3,{night + 1},1,2025-01-10,active,\n"
        company.write("contracts.csv", SUBSCRIPTIONS.replace("STATE", state) + rest)
        company.load(date(2026, 6, 1 + night))
        assert [row[0] for row in company.rows(ends)] == ([ended] if ended else [])
