"""The gate: what it measures, what it moves, what it stops."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.files import AS_OF, CONTRACTS, CompanyFiles

from customer_health.errors import DataContractError
from customer_health.warehouse import duplicates
from customer_health.warehouse.bounds import demands
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.contracts import row_rules
from customer_health.warehouse.duplicates import find_duplicates, settle_duplicates
from customer_health.warehouse.expectations import suite_of
from customer_health.warehouse.gate import run_gate
from customer_health.warehouse.raw import create_tables, scalar
from customer_health.warehouse.row_check import move_broken, scan
from customer_health.warehouse.tables import TABLES


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    return CompanyFiles(tmp_path)


def test_the_second_run_moves_nothing(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("24000", "-5"))
    first = company.load()
    before = company.quarantine()
    second = company.gate()
    assert first.counts()["quarantined"] == 1
    assert second.counts()["new_rows"] == second.counts()["quarantined"] == 0
    assert company.quarantine() == before


def test_freshness_and_measurements_are_kept_per_day(company: CompanyFiles) -> None:
    company.load()
    company.gate(date(2026, 6, 2))
    query = "SELECT days_old FROM ops.freshness WHERE table_name = 'usage' ORDER BY as_of"
    assert company.rows(query) == [(30,), (31,)]
    assert company.rows("SELECT count(DISTINCT as_of) FROM ops.gate") == [(2,)]


def test_the_report_can_be_opened_and_names_no_customer(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("24000", "-5"))
    page = company.load().report.read_text(encoding="utf-8")
    assert "arr is below 0 currency/year" in page
    assert "expect_column_values_to_be_between" in page
    assert "Ann &amp; Co" not in page


def test_no_cell_of_the_report_becomes_markup(company: CompanyFiles, tmp_path: Path) -> None:
    company.write("contracts.csv", CONTRACTS.replace("24000", "-5"))
    company.load()
    with open_warehouse(company.settings.warehouse_url) as con:
        con.execute("UPDATE quarantine.rows SET file = '<script>x</script>{{ 7 * 7 }}'")
    page = company.gate().report.read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;x&lt;/script&gt;{{ 7 * 7 }}" in page


def test_a_table_that_lacks_a_column_stops_the_run_and_says_what_was_found(company: CompanyFiles) -> None:
    company.ingest()
    with open_warehouse(company.settings.warehouse_url) as con:
        con.execute("ALTER TABLE raw.tickets DROP COLUMN priority")
    with pytest.raises(DataContractError) as stop:
        company.gate()
    assert "tickets: expected every column of the contract" in str(stop.value)
    assert "priority: expected VARCHAR, found no such column" in str(stop.value)
    assert "--> " not in stop.value.hint
    assert company.rows("SELECT value FROM ops.gate WHERE table_name = 'tickets'") == [(1,)]


def test_a_gate_before_any_ingestion_says_so(tmp_path: Path) -> None:
    with open_warehouse("duckdb://") as con:
        con.execute("CREATE TABLE ops.loads (table_name VARCHAR, load_id VARCHAR, gated BOOLEAN)")
        create_tables(con)
        with pytest.raises(DataContractError, match="accounts: expected at least one good row"):
            run_gate(con, as_of=AS_OF, report_dir=tmp_path)


def test_usage_that_dries_up_is_a_warning_and_not_a_silent_customer(company: CompanyFiles) -> None:
    days = [date(2026, 5, 31).toordinal() - back for back in range(7, 63)]
    rows = "".join(f"a1,u{n},{date.fromordinal(day)},export,1\n" for day in days for n in range(5))
    company.write("usage.csv", "account,user,day,feature,events\n" + rows)
    lines = company.load().lines()
    assert any("last week brought at least half of a usual week; found 0" in line for line in lines)


def test_every_contract_has_a_suite_whose_critical_expectations_stop_the_run() -> None:
    for table in TABLES.values():
        suite = suite_of(table.name, list(demands(table, row_rules(table, AS_OF))))
        severities = {e.column: e.severity.value for e in suite.expectations}
        assert severities["missing_columns"] == "critical"
        assert ("rows" in severities) == table.required
        assert "broken.occurred_at.required" in severities


@pytest.mark.parametrize("amount", [1e16, -1e300])
def test_an_absurd_amount_goes_to_quarantine_and_a_large_one_stays(amount: float) -> None:
    """A finite number can be as poisonous as infinity: beside 1e300 every true amount vanishes."""
    table = TABLES["invoices"]
    with open_warehouse("duckdb://") as con:
        create_tables(con)
        con.execute("INSERT INTO raw.accounts (account_id) VALUES ('a1')")
        for number, value in enumerate([amount, 2e12, None]):
            con.execute(
                "INSERT INTO raw.invoices"
                " (invoice_id, account_id, kind, amount, occurred_at, known_at, _file, _row, _load_id)"
                " VALUES (?, 'a1', 'usage', ?, '2026-05-01', '2026-05-01', 'bills.csv', ?, 'load-1')",
                [f"i{number}", value, number],
            )
        rules = row_rules(table, AS_OF)
        move_broken(con, table, rules, ["load-1"], scan(con, table, rules, ["load-1"]))
        found = con.execute("SELECT file, row_number, column_name, reason, remedy FROM quarantine.rows")
        file, row, column, reason, remedy = found.fetchall()[0]
        assert (file, row, column) == ("bills.csv", 0, "amount")
        assert "beyond 1e+15" in reason
        assert "scale:" in remedy
        assert scalar(con, "SELECT count(*) FROM raw.invoices") == 2


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a1", "a2", "nobody", "", None]),
            st.sampled_from([0.0, -1.0, 5.0, 1e30, float("nan"), float("inf"), None]),
            st.sampled_from(["2026-05-01", "1970-01-01", "2030-01-01", None]),
        ),
        max_size=12,
    )
)
def test_the_gate_moves_exactly_the_rows_that_a_person_would(
    rows: list[tuple[str | None, float | None, str | None]],
) -> None:
    """The predicates of the warehouse against the same rules in plain Python."""

    def good(row: tuple[str | None, float | None, str | None]) -> bool:
        account, events, day = row
        return account in ("a1", "a2") and events in (0.0, 5.0) and day == "2026-05-01"

    table = TABLES["usage"]
    rules = row_rules(table, AS_OF)
    with open_warehouse("duckdb://") as con:
        create_tables(con)
        con.execute("INSERT INTO raw.accounts (account_id) VALUES ('a1'), ('a2')")
        for number, row in enumerate(rows):
            con.execute(
                "INSERT INTO raw.usage SELECT ?, 'u' || ?, 'f', ?, ?::DATE, ?::DATE, 's', 'x', ?, 'load-1'",
                [row[0], number, row[1], row[2], row[2], number],
            )
        seen = scan(con, table, rules, ["load-1"])
        move_broken(con, table, rules, ["load-1"], seen)
        kept = [row[0] for row in con.execute("SELECT _row FROM raw.usage ORDER BY 1").fetchall()]
        assert kept == [number for number, row in enumerate(rows) if good(row)]
        assert seen.moved == scalar(con, "SELECT count(*) FROM quarantine.rows") == len(rows) - len(kept)


@given(rows=st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 2)), max_size=8))
def test_of_rows_with_one_key_the_first_stays(rows: list[tuple[str, int]]) -> None:
    """First in its file, whatever the order in which the rows were loaded."""
    table = TABLES["tickets"]
    with open_warehouse("duckdb://") as con:
        create_tables(con)
        for number, (key, account) in reversed(list(enumerate(rows))):
            con.execute(
                "INSERT INTO raw.tickets (ticket_id, account_id, _file, _row, _load_id) "
                "VALUES (?, ?, 'x', ?, 'l')",
                [key, str(account), number],
            )
        found = find_duplicates(con, table, ["l"])
        settle_duplicates(con, table, found)
        first = {key: (number, str(account)) for number, (key, account) in reversed(list(enumerate(rows)))}
        kept = con.execute("SELECT ticket_id, _row, account_id FROM raw.tickets").fetchall()
        assert {key: (number, account) for key, number, account in kept} == first
        copies = sum(str(account) == first[key][1] for key, account in rows) - len(first)
        assert (found.copies, found.contradictions) == (copies, len(rows) - len(first) - copies)


def test_repeated_keys_are_found_across_the_parts_of_a_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_ROWS_AT_ONCE", 3)
    table = TABLES["usage"]
    with open_warehouse("duckdb://") as con:
        create_tables(con)
        con.execute(
            "INSERT INTO raw.usage SELECT 'a1', 'u', 'f', 1, DATE '2026-01-01' + CAST(i % 10 AS INTEGER), "
            "TIMESTAMP '2026-02-01', 's', 'x', i, 'l' FROM range(20) t(i)"
        )
        assert find_duplicates(con, table, ["l"]).copies == 10
