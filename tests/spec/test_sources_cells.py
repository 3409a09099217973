"""What a cell says beside its value: nothing, no date, a currency, a zone, a span, one of two decimals."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.errors import DataContractError
from customer_health.sources import casting, landing
from customer_health.sources.amounts import code_of, currency_in, number, span
from customer_health.sources.moments import stands_for_none, with_zone


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    return CompanyFiles(tmp_path)


_CON = duckdb.connect()
_CON.execute("SET TimeZone = 'UTC'")


def value(sql: str, text: str | None) -> object:
    """What SQL over the text `v` gives."""
    return values(sql, text)[0]


def values(sql: str, *texts: str | None) -> list[object]:
    """What it gives for each of several texts: reading such SQL takes longer than answering it."""
    given = "SELECT unnest(CAST(? AS VARCHAR[])) AS v"
    return [row[0] for row in _CON.execute(f"SELECT {sql} FROM ({given})", [list(texts)]).fetchall()]


# -- words for nothing


def test_a_word_for_nothing_is_nobody_in_every_column(company: CompanyFiles) -> None:
    words = ("null", "NULL", "None", r"\N", "N/A", "-", "#N/A", " nan ")
    rows = "".join(f"a{n},{word},2025-01-10,{word},{word}\n" for n, word in enumerate(words))
    company.write("accounts.csv", "id,name,created,csm,tz\n" + rows)
    used = "".join(f"a{n},{word},2026-05-01,export,3\n" for n, word in enumerate(words))
    company.write("usage.csv", "account,user,day,feature,events\n" + used)
    company.map(MAPPING.replace("name: name", "name: name, owner_email: csm, timezone: tz"))
    company.ingest()
    assert company.rows("SELECT DISTINCT name, owner_email, timezone FROM raw.accounts") == [
        (None, None, "UTC")
    ]
    assert company.rows("SELECT user_id, count(*) FROM raw.usage GROUP BY 1") == [("", len(words))]


def test_a_mapping_may_say_that_such_a_word_means_something(company: CompanyFiles) -> None:
    company.write("accounts.csv", "id,name,created,size\na1,Ann,2025-01-10,none\n")
    company.write("contracts.csv", "id,account,seats,arr,start\nc1,a1,10,12000,2025-01-10\n")
    company.map(MAPPING.replace("name: name", "name: name, segment: {column: size, values: {none: smb}}"))
    company.ingest()
    assert company.rows("SELECT segment FROM raw.accounts") == [("smb",)]


def test_an_empty_count_is_unknown_and_not_one(company: CompanyFiles) -> None:
    company.write("usage.csv", "account,user,day,feature,events\na1,u,2026-05-01,x,\na1,v,2026-05-01,x,2\n")
    company.load()
    assert company.rows("SELECT user_id, events FROM raw.usage") == [("v", 2.0)]
    assert company.quarantine() == [("usage", "usage.csv", 2, "events", None)]
    assert "write `default:`" in company.remedies()[0]


def test_an_empty_count_that_means_one_is_said_so(company: CompanyFiles) -> None:
    company.write("usage.csv", "account,user,day,feature,events\na1,u,2026-05-01,x,\n")
    company.map(MAPPING.replace("events: events", "events: {column: events, default: 1}"))
    company.load()
    assert company.rows("SELECT user_id, events FROM raw.usage") == [("u", 1.0)]


# -- days that are none

TERMS = MAPPING.replace("arr: arr,", "arr: arr, term_end: ends,")


def test_a_day_that_means_no_date_is_none_and_the_log_counts_it(company: CompanyFiles) -> None:
    days = ("9999-12-31", "2999-12-31", "2099-12-31", "1900-01-01", "1970-01-01", "9999-12-31 23:59:59")
    rows = "".join(f"c{n},a1,10,12000,2025-01-10,{day}\n" for n, day in enumerate(days))
    company.write("contracts.csv", "id,account,seats,arr,start,ends\n" + rows)
    company.map(TERMS)
    notes = company.ingest().lines()
    assert company.rows("SELECT DISTINCT term_end FROM raw.contracts") == [(None,)]
    assert any(line.startswith("contracts.term_end: 6 values of contracts.csv, such as") for line in notes)


def test_any_other_day_far_ahead_waits_in_quarantine_under_its_own_column(company: CompanyFiles) -> None:
    company.write("contracts.csv", "id,account,seats,arr,start,ends\nc1,a1,10,12000,2025-01-10,2204-05-06\n")
    company.write("accounts.csv", "id,name,created\na1,Ann,2025-01-10\n")
    company.map(TERMS)
    company.ingest()
    with pytest.raises(DataContractError):  # no contract is left
        company.gate()
    assert company.quarantine()[0] == ("contracts", "contracts.csv", 2, "term_end", "2204-05-06")


def test_a_day_with_a_short_year_is_never_no_date(company: CompanyFiles) -> None:
    """05/03/25 is a day of 2025, in one of two months: nobody's to guess, and not "no date"."""
    days = ("05/03/25", "25-03-05", "5/3/25", "0025-03-05", "1925-03-05")
    rows = "".join(f"c{n},a1,10,12000,2025-01-10,{day}\n" for n, day in enumerate(days))
    company.write("contracts.csv", "id,account,seats,arr,start,ends\nc9,a1,1,1,2025-01-10,\n" + rows)
    company.map(TERMS)
    company.ingest()
    with contextlib.suppress(DataContractError):  # five of six rows are too many
        company.gate()
    assert company.rows("SELECT contract_id FROM raw.contracts WHERE term_end IS NULL") == [("c9",)]
    unread = "SELECT value FROM quarantine.rows WHERE reason LIKE '%cannot be read as a date%' ORDER BY 1"
    assert company.rows(unread) == [("05/03/25",), ("25-03-05",), ("5/3/25",)]


@settings(deadline=None, max_examples=60)
@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)))
def test_no_day_of_business_is_taken_for_none(day: date) -> None:
    assume(day.year != 2038)  # the last day of 32-bit clocks is none
    assert value(stands_for_none("CAST(v AS DATE)"), day.isoformat()) is False


# -- money


@pytest.mark.parametrize(
    ("written", "decimal", "meant"),
    [
        ("1 200 000", ".", 1_200_000), ("12'000'000.50", ".", 12_000_000.5),
        ("1\u202f200\u00a0000,5", ",", 1_200_000.5),
        ("1,20,000.00", ".", 120_000), ("1.200,00-", ",", -1200), ("(1,200)", ".", -1200),
        ("-€1.200", ",", -1200),
        ("10 2024", ".", None), ("1 2345", ".", None), ("1'20", ".", None), ("2024 10", ".", None),
        ("1234 567", ".", None), ("12 00,00", ",", None), ("1, 200", ".", None),
    ],
)  # fmt: skip
def test_blanks_and_apostrophes_part_thousands_and_nothing_else(
    written: str, decimal: str, meant: float | None
) -> None:
    """Two numbers in one cell are not one number."""
    assert value(number("v", decimal), written) == meant


def test_a_currency_in_the_cell_is_the_rows_currency(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        'id,account,seats,arr,start\nc1,a1,1,"$12,000",2025-01-10\n'
        'c2,a2,1,"JPY 1,200,000",2025-01-10\nc3,a3,1,"$1,200",2025-01-10\n',
    )
    notes = company.ingest().lines()
    found = company.rows("SELECT contract_id, arr, currency FROM raw.contracts ORDER BY 1")
    assert found == [("c1", 12000, "USD"), ("c2", None, "JPY"), ("c3", 1200, "USD")]
    assert any("1 amount in JPY is unknown" in line for line in notes)


def test_a_sign_that_contradicts_the_rows_currency_waits_in_quarantine(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "id,account,seats,arr,coin,start\nc1,a1,1,€12000,USD,2025-01-10\nc2,a2,1,$12000,CAD,2025-01-10\n",
    )
    company.map(MAPPING.replace("arr: arr,", "arr: arr, currency: coin,"))
    company.ingest()
    assert company.rows("SELECT contract_id, currency FROM raw.contracts") == [("c2", "CAD")]
    assert company.quarantine() == [("contracts", "contracts.csv", 2, "arr", "€12000")]


def test_a_unit_that_a_column_does_not_have_is_not_thrown_away(company: CompanyFiles) -> None:
    rows = "".join(f"c{n},a1,{seats},1200,2025-01-10\n" for n, seats in enumerate(("$5", "5 EUR", "5%", "5")))
    company.write("contracts.csv", "id,account,seats,arr,start\n" + rows)
    company.ingest()
    assert [row[4] for row in company.quarantine()] == ["$5", "5 EUR", "5%"]


def test_amounts_in_minor_units_are_cents_for_dollars_and_whole_for_yen(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "id,account,seats,arr,coin,start\nc1,a1,1,100000,usd,2025-01-10\nc2,a2,1,100000,jpy,2025-01-10\n",
    )
    company.map(
        MAPPING.replace("arr: arr,", "arr: {column: arr, minor_units: true, scale: 12}, currency: coin,")
    )
    company.ingest()
    given_ = "SELECT contract_id, coalesce(_given, arr) FROM raw.contracts ORDER BY 1"
    assert company.rows(given_) == [("c1", 12_000.0), ("c2", 1_200_000.0)]


def test_price_by_quantity_is_one_rule(company: CompanyFiles) -> None:
    company.write("contracts.csv", 'id,account,seats,price,start\nc1,a1,10,"$1,200.50",2025-01-10\n')
    company.map(MAPPING.replace("arr: arr,", "arr: {column: price, times: seats},"))
    company.ingest()
    assert company.rows("SELECT arr FROM raw.contracts") == [(12_005.0,)]


AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False).map(float)


@settings(deadline=None, max_examples=80)
@given(AMOUNTS, st.sampled_from(["USD", "EUR", "GBP", "JPY", "CHF", "ARS"]), st.sampled_from([".", ","]))
def test_money_written_and_read_is_the_same_money(amount: float, code: str, decimal: str) -> None:
    grouped = f"{amount:,.2f}"
    if decimal == ",":
        grouped = grouped.translate(str.maketrans(",.", ".,"))
    texts = (f"{code} {grouped}", f"{grouped} {code}", f"{code}{grouped}")
    assert values(number("v", decimal), *texts) == pytest.approx([amount] * 3)
    assert values(code_of(currency_in("v")), *texts) == [code] * 3


def test_a_decimal_that_may_be_a_thousand_is_asked_about(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv", "id;account;seats;arr;start\nc1;a1;1;1.200;2025-01-10\nc2;a2;1;12;2025-01-10\n"
    )
    company.ingest()
    assert company.ids("contracts", "contract_id") == ["c2"]
    (reason,) = company.rows("SELECT reason FROM quarantine.rows")[0]
    assert "write `decimal:`" in reason


def test_a_comma_before_three_digits_is_asked_about_where_semicolons_part_the_fields(
    company: CompanyFiles,
) -> None:
    """1,250 between semicolons is what a German spreadsheet makes of one and a quarter."""
    rows = "account;seats;arr;start\nc1;a1;1;1,250;2025-01-10\nc2;a2;1;12;2025-01-10\n"
    company.write("contracts.csv", "id;" + rows)
    company.ingest()
    assert company.ids("contracts", "contract_id") == ["c2"]
    company.write("contracts.csv", "id;" + rows.replace("12;", "12,5;"))
    company.ingest()
    assert company.rows("SELECT arr FROM raw.contracts ORDER BY 1") == [(1.25,), (12.5,)]


@pytest.mark.parametrize(
    ("other", "meant"), [("12,50", 1200), ("12.50", 1.2), ("0.125", 1.2), ("1.200.000", 1200)]
)
def test_another_number_of_the_file_settles_it(company: CompanyFiles, other: str, meant: float) -> None:
    company.write(
        "contracts.csv", f"id;account;seats;arr;start\nc1;a1;1;1.200;2025-01-10\nc2;a2;1;{other};2025-01-10\n"
    )
    company.ingest()
    assert company.rows("SELECT arr FROM raw.contracts WHERE contract_id = 'c1'") == [(meant,)]


# -- zones and spans

TICKETS = """
  tickets:
    files: tickets.csv
    columns: {ticket_id: id, account_id: account, occurred_at: opened}
"""


def test_a_word_that_several_zones_share_is_asked_about(company: CompanyFiles) -> None:
    words = ("BST", "IST", "CST", "EST")
    rows = "".join(f"t{n},a1,2026-05-01 00:30:00 {word}\n" for n, word in enumerate(words))
    company.write("tickets.csv", "id,account,opened\n" + rows)
    company.map(MAPPING + TICKETS)
    company.ingest()
    reasons = company.rows("SELECT reason FROM quarantine.rows")
    assert len(reasons) == 4
    assert all("zones: {BST: Europe/London}" in reason for (reason,) in reasons)
    company.map(MAPPING + TICKETS.replace("files:", "zones: {BST: Europe/London}\n    files:"))
    company.ingest()
    found = company.rows("SELECT ticket_id, CAST(occurred_at AS VARCHAR) FROM raw.tickets")
    assert found == [("t0", "2026-04-30 23:30:00")]


@settings(deadline=None, max_examples=40)
@given(st.datetimes(), st.sampled_from([("CET", 1), ("CEST", 2), ("UTC", 0), ("EDT", -4), ("JST", 9)]))
def test_a_word_that_means_one_offset_is_that_offset(moment: object, zone: tuple[str, int]) -> None:
    text = f"2026-07-01 10:00:00 {zone[0]}"
    assert (
        value(f"epoch(TRY_CAST({with_zone('v', {})} AS TIMESTAMPTZ))", text) == 1_782_900_000 - zone[1] * 3600
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), st.integers(0, 23), st.integers(0, 59))
def test_a_span_written_and_read_is_the_same_span(days: int, hours: int, minutes: int) -> None:
    whole = days * 1440 + hours * 60 + minutes
    texts = (
        f"{days}d {hours}h {minutes}m",
        f"P{days}DT{hours}H{minutes}M",
        f"{days * 24 + hours}:{minutes:02}",
    )
    assert values(span("v", "minutes", "."), *texts) == pytest.approx([whole] * 3)


def test_a_span_is_added_with_its_unit(company: CompanyFiles) -> None:
    company.write(
        "tickets.csv",
        "id,account,opened,spent\nt1,a1,2026-05-01 00:00:00,24 h\nt2,a1,2026-05-01 00:00:00,1d 2h\n",
    )
    plus = "resolved_at: {column: opened, plus: {column: spent, unit: hours}}, occurred_at"
    company.map(MAPPING + TICKETS.replace("occurred_at", plus))
    company.ingest()
    found = company.rows("SELECT CAST(resolved_at AS VARCHAR) FROM raw.tickets ORDER BY ticket_id")
    assert found == [("2026-05-02 00:00:00",), ("2026-05-02 02:00:00",)]


def test_a_span_that_is_none_waits_in_quarantine(company: CompanyFiles) -> None:
    company.write("tickets.csv", "id,account,opened,spent\nt1,a1,2026-05-01,a fortnight\nt2,a1,2026-05-01,\n")
    plus = "resolved_at: {column: opened, plus: {column: spent, unit: hours}}, occurred_at"
    company.map(MAPPING + TICKETS.replace("occurred_at", plus))
    company.ingest()
    assert company.rows("SELECT ticket_id, resolved_at FROM raw.tickets") == [("t2", None)]
    assert company.quarantine() == [("tickets", "tickets.csv", 2, "resolved_at", "a fortnight")]


# -- names and numbers of columns


def test_of_columns_that_differ_by_case_the_named_one_is_read(company: CompanyFiles) -> None:
    company.write("tickets.csv", "id,account,opened,ID\nt1,a1,2026-05-01,77\n")
    for name, found in (("id", "t1"), ("ID", "77")):
        company.map(MAPPING + TICKETS.replace("ticket_id: id", f"ticket_id: {name}"))
        company.ingest()
        assert company.ids("tickets", "ticket_id") == [found]
    company.map(MAPPING + TICKETS.replace("ticket_id: id", "ticket_id: Id"))
    with pytest.raises(DataContractError, match="has no column 'Id'"):
        company.ingest()


def test_days_of_a_spreadsheet_are_read_by_their_format(company: CompanyFiles) -> None:
    company.write("tickets.csv", "id,account,opened\nt1,a1,46296\nt2,a2,2026-10-01\nt3,a3,soon\n")
    company.map(MAPPING + TICKETS.replace("opened", "{column: opened, format: [excel, iso]}"))
    company.ingest(date(2026, 12, 1))
    assert company.rows("SELECT ticket_id, CAST(occurred_at AS VARCHAR) FROM raw.tickets ORDER BY 1") == [
        ("t1", "2026-10-01 00:00:00"),
        ("t2", "2026-10-01 00:00:00"),
    ]
    assert company.quarantine() == [("tickets", "tickets.csv", 4, "occurred_at", "soon")]


_ENDS = st.sampled_from(
    [*casting._UNSEEN, "", "a", "!", "~", "\x7f", "\x00", "é", "漢", "\U0001f600", "e\u0301"]
)


_BETWEEN = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@settings(deadline=None)
@given(st.tuples(_ENDS, _ENDS, _BETWEEN, _ENDS, _ENDS).map("".join))
def test_marks_that_nobody_sees_are_taken_from_both_ends_whatever_stands_between(written: str) -> None:
    """The definition is a trim of every text; ordinary ones go a shorter way."""
    read = f"SELECT {casting.as_text('given', 'VARCHAR')} FROM (SELECT CAST(? AS VARCHAR) AS given)"
    assert _CON.execute(read, [written]).fetchall() == [(written.strip(casting._UNSEEN),)]
