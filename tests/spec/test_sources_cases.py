"""Inputs after public bug reports, each for a kind: what is right comes out, or the run says why.

The folders are third-party data and not part of this repository; without them the tests are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError
from customer_health.settings import Settings
from customer_health.signals.build_panel import build_panel
from customer_health.sources.draft import draft_mapping
from customer_health.sources.load import ingest
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CUSTOMER_HEALTH_TEST_DATA") or ROOT.parent / "shared" / "data")
CASES = DATA.parent / "cases"


@dataclass
class Seen:
    """What became of one case.

    Attributes:
        signals: One row per account.
        rows: Counts a table, `rows("tickets")`, or shows columns of it.
        quarantine: (table, value, reason, remedy) of every row in quarantine.
        told: Everything that the load and the gate said.
        gate: The gate's counts.
    """

    signals: pd.DataFrame
    tables: Mapping[str, list[tuple[Any, ...]]]
    quarantine: list[tuple[str, str | None, str, str]]
    told: str
    gate: Mapping[str, int | float | str]

    def of(self, name: str) -> dict[str, Any]:
        """A signal by account; unknown is None."""
        return {account: None if pd.isna(v) else v for account, v in self.signals[name].items()}

    def days(self, name: str) -> dict[str, str | None]:
        """A date by account."""
        return {account: None if pd.isna(v) else str(v)[:10] for account, v in self.signals[name].items()}


SHOWN = {
    "tickets": "ticket_id, account_id, CAST(occurred_at AS VARCHAR), CAST(resolved_at AS VARCHAR)",
    "usage": "account_id, user_id, events",
    "outcomes": "account_id, kind, CAST(CAST(occurred_at AS DATE) AS VARCHAR)",
    "accounts": "account_id, owner_email, timezone",
    "contracts": "account_id, arr, currency",
}


@pytest.fixture
def run(home: Path) -> Callable[..., Seen]:
    def run_(
        case: str,
        *,
        mapping: str = "mapping.yaml",
        change: tuple[str, str] | None = None,
        drafted: bool = False,
        as_of: date | None = None,
    ) -> Seen:
        folder = CASES / case
        if not folder.is_dir():
            pytest.skip(f"{folder} is absent: set CUSTOMER_HEALTH_TEST_DATA to the folder beside the cases")
        text = draft_mapping(folder / "data") if drafted else (folder / mapping).read_text(encoding="utf-8")
        if change is not None:
            assert change[0] in text
            text = text.replace(*change)
        path = home / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        day = as_of or (date(2024, 6, 1) if case.startswith("a-") else date(2026, 11, 21))
        settings = Settings(
            home=home,
            warehouse_url=f"duckdb:///{home}/w.duckdb",
            ledger_url="sqlite://",
            data=str(folder / "data"),
            mapping=path,
        )
        loaded = ingest(settings, as_of=day)
        with open_warehouse(settings.warehouse_url) as con:
            gate = run_gate(con, as_of=day, report_dir=home / "reports")
            waiting = "SELECT table_name, value, reason, remedy FROM quarantine.rows ORDER BY ALL"
            quarantine = con.execute(waiting).fetchall()
            panel = build_panel(con, CompanyConfig(), [day]).set_index("account_id")
            tables = {
                name: con.execute(f"SELECT {columns} FROM raw.{name} ORDER BY ALL").fetchall()
                for name, columns in SHOWN.items()
            }
        return Seen(panel, tables, quarantine, "\n".join([*loaded.notes, *gate.lines()]), gate.counts())

    return run_


Run = Callable[..., Seen]


def test_a_credit_note_and_an_invoice_of_nothing_are_nobodys_debt(run: Run) -> None:
    seen = run("01-credit-note-overdue")
    assert seen.of("open_overdue_invoices") == {"A1": 0, "A2": 0, "A3": 1}
    assert seen.of("overdue_amount") == {"A1": 0, "A2": 0, "A3": 500}


def test_only_the_open_invoice_of_a_draft_is_overdue(run: Run) -> None:
    seen = run("02-stripe-invoice-status", drafted=True)
    assert seen.of("open_overdue_invoices") == {"cus_1": 0, "cus_2": 0, "cus_3": 0, "cus_4": 1}


def test_the_draft_asks_whether_whole_amounts_are_cents(run: Run) -> None:
    run("02-stripe-invoice-status", drafted=True)
    drafted = draft_mapping(CASES / "02-stripe-invoice-status" / "data")
    assert "amount: amount_due  # TODO or are these cents?" in drafted
    drafted = draft_mapping(CASES / "16-zero-decimal-currency" / "data")
    assert "TODO or are these cents? then `minor_units: true` (100 cents, 1 yen, 1000 fils)" in drafted


def test_terms_renew_by_calendar_months(run: Run) -> None:
    assert run("04-auto-renewal-drift").days("renewal_date") == {
        "Y2020": "2026-12-01",
        "YLEAP": "2026-12-01",
        "INCL": "2026-12-31",
        "M31": "2026-11-30",
        "M1": "2026-12-01",
    }


def test_the_draft_finds_that_terms_renew_by_themselves(run: Run) -> None:
    assert run("04-auto-renewal-drift", drafted=True).days("renewal_date")["INCL"] == "2026-12-31"


def test_a_cell_of_140_000_characters_is_a_cell(run: Run) -> None:
    seen = run("05-long-csv-field")
    assert [row[0] for row in seen.tables["tickets"]] == ["T1", "T2"]


@pytest.mark.parametrize("drafted", [False, True])
def test_words_for_nothing_are_nobody_and_an_address_has_one_case(run: Run, drafted: bool) -> None:
    seen = run("06-null-words-in-text", drafted=drafted)
    assert seen.of("active_users_28d") == {"A1": 1, "A2": 2, "A3": 1}
    assert seen.tables["accounts"] == [
        ("A1", None, "UTC"),
        ("A2", None, "UTC"),
        ("A3", "kim@example.com", "UTC"),
    ]


def test_the_tenth_file_is_newer_than_the_ninth(run: Run) -> None:
    assert run("07-latest-file-number-order").of("open_tickets") == {"A1": 0, "A2": 0, "A3": 0}


def test_a_ticket_that_the_newest_full_export_lacks_is_gone(run: Run) -> None:
    seen = run("08-full-export-row-gone")
    assert seen.of("open_tickets") == {"A1": 1, "A2": 0, "A3": 0}
    assert seen.gate["retired"] == 1


@pytest.mark.parametrize("drafted", [False, True])
def test_money_of_three_currencies_is_never_told_in_one(run: Run, drafted: bool) -> None:
    seen = run("10-currency-in-amount", drafted=drafted)
    assert seen.of("arr") == {"A1": None, "A2": None, "A3": 1_200_000}
    assert [(value, reason) for _, value, reason, _ in seen.quarantine] == [
        ("€12.000,00", "arr cannot be read as a number")
    ]
    assert "Amounts are given in JPY, which is a guess: as many contracts are in USD" in seen.told


def test_a_word_for_a_zone_that_several_zones_share_is_asked_about(run: Run) -> None:
    seen = run("11-zone-abbreviation")
    assert seen.tables["tickets"] == []
    assert all("zones: {BST: Europe/London}" in reason for _, _, reason, _ in seen.quarantine)
    assert not any("format:" in remedy for _, _, _, remedy in seen.quarantine)  # it would not help


def test_a_word_for_a_zone_is_what_the_mapping_says(run: Run) -> None:
    said = "tickets.csv\n    zones: {BST: Europe/London, IST: Asia/Kolkata, CST: America/Chicago}"
    seen = run("11-zone-abbreviation", change=("tickets.csv", said))
    assert [row[2] for row in seen.tables["tickets"]] == [
        "2026-07-01 00:30:00",
        "2026-07-01 04:30:00",
        "2026-07-01 15:00:00",
    ]


def test_both_forms_of_a_salesforce_id_are_one_account(run: Run) -> None:
    seen = run("13-salesforce-15-18")
    assert seen.of("open_tickets") == {"0015g00000AbCdEAAZ": 1, "0015g00000AbCdeAAZ": 1}


def test_what_merged_companies_brought_waits_and_the_way_out_is_told(run: Run) -> None:
    seen = run("14-hubspot-merged-companies")
    assert {row[1] for row in seen.quarantine} == {"A2", "A9"}
    assert all("`merged_ids`" in row[3] for row in seen.quarantine)
    assert "map the survivor's list to `merged_ids`" in seen.told


def test_what_merged_companies_brought_belongs_to_the_survivor(run: Run) -> None:
    said = ("name: name,", "name: name, merged_ids: hs_merged_object_ids,")
    seen = run("14-hubspot-merged-companies", change=said)
    assert seen.quarantine == []
    assert seen.of("open_tickets")["A1"] == 3
    assert seen.of("arr")["A1"] == 24_000
    assert {account for account, known in seen.of("is_customer").items() if known} == {"A1", "A3"}


def test_cents_are_hundredths_and_yen_are_whole(run: Run) -> None:
    said = ("{column: mrr, scale: 12}", "{column: mrr, scale: 12, minor_units: true}")
    seen = run("16-zero-decimal-currency", mapping="mapping_draft.yaml", change=said)
    assert seen.of("arr") == {"cus_1": None, "cus_2": 1_200_000}  # a sum of two currencies needs a rate
    assert "1 amount in USD is unknown" in seen.told


def test_files_that_tell_of_the_same_events_stop_the_run_with_the_choice(run: Run) -> None:
    with pytest.raises(DataContractError, match="repeat account, user, day and feature of another file") as e:
        run("17-overlapping-event-exports")
    for choice in ("event_id: insert_id", "replace_day", "repeated_keys: add"):
        assert choice in str(e.value)


def test_an_event_that_comes_again_by_its_id_counts_once(run: Run) -> None:
    said = ("combine: sum", "combine: sum\n    event_id: insert_id")
    seen = run("17-overlapping-event-exports", change=said)
    assert sum(row[2] for row in seen.tables["usage"]) == 19


def test_the_draft_counts_events_once(run: Run) -> None:
    seen = run("17-overlapping-event-exports", drafted=True)
    assert sum(row[2] for row in seen.tables["usage"]) == 19


def test_a_trial_a_pause_and_an_unpaid_subscription_are_not_arr(run: Run) -> None:
    seen = run("18-stripe-subscription-status", drafted=True)
    assert {account for account, arr in seen.of("arr").items() if arr} == {"cus_1"}
    assert {account for account, is_customer in seen.of("is_customer").items() if is_customer} == {"cus_1"}
    assert seen.tables["outcomes"] == [("cus_7", "logo_churn", "2026-08-01")]


@pytest.mark.parametrize("mapping", ["mapping.yaml", "mapping_nested.yaml"])
def test_dictionaries_nanoseconds_and_structs_of_parquet_are_read(run: Run, mapping: str) -> None:
    seen = run("19-parquet-types", mapping=mapping)
    assert [row[:2] for row in seen.tables["tickets"]] == [("T1", "A1"), ("T2", "A2")]


@pytest.mark.parametrize(
    ("mapping", "tickets", "waiting"),
    [("mapping.yaml", ["T1"], 0), ("mapping_sep.yaml", ["T1"], 0), ("mapping_report.yaml", ["T1", "T2"], 3)],
)
def test_a_page_of_an_api_a_first_line_sep_and_a_reports_footer(
    run: Run, mapping: str, tickets: list[str], waiting: int
) -> None:
    seen = run("20-api-page-and-report-files", mapping=mapping)
    assert [row[0] for row in seen.tables["tickets"]] == tickets
    assert len(seen.quarantine) == waiting


def test_a_spreadsheets_day_waits_and_the_format_that_reads_it_is_told(run: Run) -> None:
    seen = run("21-excel-serial-dates")
    assert [row[0] for row in seen.tables["tickets"]] == ["T2"]
    assert "format: ['iso', 'excel']" in seen.quarantine[0][3]


def test_a_spreadsheets_day_is_the_day_that_it_stands_for(run: Run) -> None:
    said = (
        "resolved_at: solved, occurred_at: opened",
        "resolved_at: {column: solved, format: excel}, occurred_at: {column: opened, format: [iso, excel]}",
    )
    seen = run("21-excel-serial-dates", change=said)
    assert [row[2] for row in seen.tables["tickets"]] == ["2026-10-01 00:00:00", "2026-10-01 00:00:00"]
    assert seen.tables["tickets"][0][3] == "2026-10-05 12:00:00"


def test_the_draft_reads_spreadsheet_days_beside_written_ones(run: Run) -> None:
    seen = run("21-excel-serial-dates", drafted=True)
    assert [row[2] for row in seen.tables["tickets"]] == ["2026-10-01 00:00:00", "2026-10-01 00:00:00"]


def test_ids_that_a_spreadsheet_spoilt_wait_and_the_rule_is_told(run: Run) -> None:
    seen = run("22-ids-leading-zero-float")
    assert seen.tables["tickets"] == []
    assert "`integer_text: true`" in seen.told
    assert "`pad: 5`" in seen.told


def test_ids_that_a_spreadsheet_spoilt_are_matched_by_the_rule_or_wait(run: Run) -> None:
    said = ("account_id: account, ", "account_id: {column: account, integer_text: true, pad: 5}, ")
    seen = run("22-ids-leading-zero-float", change=said)
    assert [row[:2] for row in seen.tables["tickets"]] == [("T1", "00123"), ("T2", "9876543210")]
    assert "its last digits are gone" in seen.quarantine[0][2]


@pytest.mark.parametrize(
    ("mapping", "tickets"),
    [("mapping_csv.yaml", ["T1", "T2"]), ("mapping_upper.yaml", ["77", "78"])],
)
def test_of_columns_that_differ_by_case_the_one_that_is_named_is_read(
    run: Run, mapping: str, tickets: list[str]
) -> None:
    assert [row[0] for row in run("27-case-columns-values", mapping=mapping).tables["tickets"]] == tickets


def test_a_stage_that_is_not_mapped_is_unknown_not_overdue_and_not_open(run: Run) -> None:
    seen = run("a-unmapped_stage")
    assert set(seen.of("open_overdue_invoices").values()) == {None}
    assert set(seen.of("open_tickets").values()) == {None}
    waiting = [float(value or 0) for table, value, _, _ in seen.quarantine if table == "surveys"]
    assert sorted(waiting) == [8, 10]


def test_a_customer_who_switches_plans_has_not_left(run: Run) -> None:
    assert run("a-switch_plan").tables["outcomes"] == [("B", "logo_churn", "2024-02-01")]


def test_a_sum_with_an_unknown_part_is_unknown_and_an_active_customer_stays_one(run: Run) -> None:
    seen = run("a-mix")
    assert seen.of("arr")["A"] is None
    assert seen.of("is_customer")["B"]
    assert seen.gate["past_renewal_and_active"] == 1
    assert seen.days("renewal_date")["E"] is None


def test_renewals_keep_to_the_calendar_and_midnight_stays_its_day(run: Run) -> None:
    assert run("a-renewal_roll").days("renewal_date") == {
        "A": "2024-06-30",
        "B": "2025-01-01",
        "C": "2024-07-01",
        "D": None,
        "E": None,  # begins in 2025
        "F": "2024-06-30",
    }
    assert run("a-renewal_roll", as_of=date(2025, 6, 1)).days("renewal_date")["E"] == "2027-01-01"


def test_four_words_for_nothing_are_no_users_and_no_events_are_no_activity(run: Run) -> None:
    seen = run("a-null_user")
    assert not any(seen.of("active_users_28d").values())
    assert {row[1] for row in seen.tables["usage"]} <= {"", None}
    assert sum(row[2] or 0 for row in seen.tables["usage"]) == 0
