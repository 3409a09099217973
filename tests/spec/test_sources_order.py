"""Moments that cannot be in the order in which a file has them are never read as they stand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.sources import landing
from customer_health.warehouse.tables import TABLES

TICKETS = """
  tickets:
    files: tickets.csv
    columns: {ticket_id: id, account_id: account, occurred_at: opened,
      resolved_at: {column: solved, early: WISH}}
"""
INVOICES = """
  invoices:
    files: invoices.csv
    columns: {invoice_id: id, account_id: account, amount: amount, occurred_at: issued, due_at: due,
      paid_at: {column: paid, early: WISH}}
"""
BUSY = """
  calendar:
    files: busy.csv
    columns: {busy_id: id, owner_email: who, occurred_at: begins, ends_at: ends}
"""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)
    return CompanyFiles(tmp_path)


def test_a_ticket_that_was_solved_before_it_was_opened_waits_with_the_remedy(company: CompanyFiles) -> None:
    """Read as it stands, it would make support look as if it answered nine days ahead."""
    company.write(
        "tickets.csv",
        "id,account,opened,solved\nt1,a1,2026-05-10 09:00,2026-05-01 09:00\n"
        "t2,a1,2026-05-10 09:00,2026-05-11 09:00\nt3,a1,2026-05-10 14:00,2026-05-10 09:00\n",
    )
    company.map(MAPPING + TICKETS.replace("WISH", "report"))
    company.ingest()
    assert company.ids("tickets", "ticket_id") == ["t2"]
    assert company.quarantine() == [
        ("tickets", "tickets.csv", 2, "resolved_at", "2026-05-01 09:00, before 2026-05-10 09:00"),
        ("tickets", "tickets.csv", 4, "resolved_at", "2026-05-10 09:00, before 2026-05-10 14:00"),
    ]
    (reason,) = {reason for (reason,) in company.rows("SELECT reason FROM quarantine.rows")}
    assert "lies before occurred_at" in reason
    assert "`early: empty`" in reason


def test_a_company_may_say_that_such_a_day_is_unknown(company: CompanyFiles) -> None:
    company.write("tickets.csv", "id,account,opened,solved\nt1,a1,2026-05-10,2026-05-01\nt2,a1,2026-05-10,\n")
    company.map(MAPPING + TICKETS.replace("WISH", "empty"))
    company.ingest()
    told = "SELECT ticket_id, resolved_at, unknown_stages LIKE '%resolved_at%' FROM raw.tickets ORDER BY 1"
    assert [row[:3] for row in company.rows(told)] == [("t1", None, True), ("t2", None, False)]


def test_a_payment_in_advance_is_right_where_the_company_says_so(company: CompanyFiles) -> None:
    invoices = "id,account,amount,issued,due,paid\ni1,a1,100,2026-05-10,2026-06-10,2026-05-01\n"
    company.write("invoices.csv", invoices)
    company.map(MAPPING + INVOICES.replace("WISH", "report"))
    company.ingest()
    assert [row[3] for row in company.quarantine()] == ["paid_at"]
    company.map(MAPPING + INVOICES.replace("WISH", "keep"))
    company.ingest()
    assert company.quarantine() == []
    assert company.rows("SELECT paid_at FROM raw.invoices") == [(datetime(2026, 5, 1),)]  # noqa: DTZ001


def test_a_stage_that_is_told_by_its_day_alone_lies_on_that_day(company: CompanyFiles) -> None:
    """Opened at two in the afternoon, solved "on the tenth": not minus fourteen hours."""
    company.write("tickets.csv", "id,account,opened,solved\nt1,a1,2026-05-10 14:00,2026-05-10\n")
    company.map(MAPPING + TICKETS.replace("WISH", "report"))
    company.ingest()
    assert company.rows("SELECT resolved_at = occurred_at FROM raw.tickets") == [(True,)]
    assert company.quarantine() == []


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "Europe/Berlin"])
def test_a_zone_makes_no_ticket_solved_before_it_was_opened(company: CompanyFiles, zone: str) -> None:
    company.write(
        "tickets.csv",
        "id,account,opened,solved\nt1,a1,2026-05-10 23:00,2026-05-10\nt2,a1,2026-05-10,2026-05-10 00:30\n",
    )
    mapped = TICKETS.replace("WISH", "report").replace("files:", f"timezone: {zone}\n    files:")
    company.map(MAPPING + mapped)
    company.ingest()
    assert company.quarantine() == []


def test_contracts_that_end_before_they_begin_wait(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "id,account,seats,arr,start,end,left\nc1,a1,1,100,2026-01-01,2025-01-01,\n"
        "c2,a2,1,100,2026-01-01,2027-01-01,2025-06-01\nc3,a3,1,100,2026-01-01,2027-01-01,\n",
    )
    company.map(
        MAPPING.replace(
            "contracts.csv\n    columns: {", "contracts.csv\n    ends_on: left\n    columns: {term_end: end, "
        )
    )
    company.ingest()
    assert company.ids("contracts", "contract_id") == ["c3"]
    assert [(row[2], row[3]) for row in company.quarantine()] == [(2, "term_end"), (3, "ends_on")]


def test_a_term_that_renews_itself_may_have_passed_when_its_seats_change(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv", "id,account,seats,arr,start,end,auto\nc1,a1,1,100,2026-02-01,2025-12-31,yes\n"
    )
    company.map(MAPPING.replace("seats: seats", "seats: seats, term_end: end, auto_renew: auto"))
    company.ingest()
    assert company.quarantine() == []


def test_what_keeps_our_people_busy_ends_after_it_begins(company: CompanyFiles) -> None:
    company.write("busy.csv", "id,who,begins,ends\nb1,kim@us.com,2026-05-01T10:00:00Z,2026-05-01T09:00:00Z\n")
    company.map(MAPPING + BUSY)
    company.ingest()
    assert [row[3] for row in company.quarantine()] == ["ends_at"]


def test_every_declared_pair_names_moments_of_its_table() -> None:
    for table in TABLES.values():
        for order in table.orders:
            names = {order.later, order.earlier, *(name for name, _ in order.unless)} - {"ends_on"}
            assert names <= set(table.columns), table.name
    pairs = {(t.name, order.later) for t in TABLES.values() for order in t.orders}
    stages = {(t.name, n) for t in TABLES.values() for n, c in t.columns.items() if c.lifecycle}
    # A merger and a notice are dated by other systems than what they are about.
    assert stages - pairs == {("accounts", "merged_at"), ("outcomes", "notice_at")}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(
        st.tuples(st.datetimes(datetime(2026, 1, 1), datetime(2026, 5, 1)), st.integers(-5000, 5000)),  # noqa: DTZ001
        min_size=20,
        max_size=40,
    )
)
def test_nothing_is_read_in_the_wrong_order_and_nothing_in_the_right_one_is_kept_back(
    company: CompanyFiles, pairs: list[tuple[datetime, int]]
) -> None:
    rows, right = [], set()
    for number, (opened, minutes) in enumerate(pairs):
        opened = opened.replace(hour=12, minute=1, second=0, microsecond=0, tzinfo=UTC)
        solved = opened + timedelta(minutes=minutes)
        solved += timedelta(minutes=solved.hour == solved.minute == 0)  # midnight is a day alone
        rows.append(f"t{number},a1,{opened.isoformat()},{solved.isoformat()}")
        right |= {f"t{number}"} if solved >= opened else set()
    company.write("tickets.csv", "id,account,opened,solved\n" + "\n".join(rows) + "\n")
    company.map(MAPPING + TICKETS.replace("WISH", "report"))
    company.ingest()
    assert set(company.ids("tickets", "ticket_id")) == right
    assert company.rows("SELECT count(*) FROM raw.tickets WHERE resolved_at < occurred_at") == [(0,)]
    assert len(company.quarantine()) == len(rows) - len(right)
