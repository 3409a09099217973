"""A column per day or month, and counters that only grow: read as what they are, or refused."""

from __future__ import annotations

import random
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.errors import DataContractError
from customer_health.sources import landing
from customer_health.sources.draft import draft_mapping

USAGE = MAPPING[MAPPING.index("  usage:") :]
WITHOUT_USAGE = MAPPING[: MAPPING.index("  usage:")]
DAYS = [date(2026, 4, 1) + timedelta(days=n) for n in range(12)]
ACCOUNTS = "account_id,name,created\na1,Ann,2024-01-01\na2,Bob,2024-01-01\n"
CONTRACTS = "contract_id,account_id,arr,start_date\nc1,a1,1200,2024-01-01\nc2,a2,900,2024-01-01\n"


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)
    made = CompanyFiles(tmp_path)
    (made.data / "usage.csv").unlink()
    return made


def told(company: CompanyFiles) -> list[tuple[str, str, float]]:
    rows = company.rows(
        "SELECT account_id, CAST(occurred_at AS VARCHAR), events FROM raw.usage ORDER BY 1, 2"
    )
    return [(account, day, events) for account, day, events in rows]


def drafted(folder: Path, **files: str) -> str:
    for name, content in {"accounts": ACCOUNTS, "contracts": CONTRACTS, **files}.items():
        (folder / f"{name}.csv").write_text(content)
    return draft_mapping(folder)


# -- a column per period


WIDE = """
  usage:
    files: usage*.csv
    unpivot: {format: FORMAT, header: period, cell: count}
    columns:
      account_id: account
      feature: {constant: logins}
      events: count
      occurred_at: {column: period, format: FORMAT}
"""


@pytest.mark.parametrize(
    ("first", "second", "format_", "days"),
    [
        ("2026-03", "2026-04", "%Y-%m", ("2026-03-01", "2026-04-01")),
        ("Mar 2026", "Apr 2026", "%b %Y", ("2026-03-01", "2026-04-01")),
        ("Mar-26", "Apr-26", "%b-%y", ("2026-03-01", "2026-04-01")),
        ("2026-03-30", "2026-03-31", "iso", ("2026-03-30", "2026-03-31")),
        ("30.03.2026", "31.03.2026", "%d.%m.%Y", ("2026-03-30", "2026-03-31")),
        ("logins_2026_03", "logins_2026_04", "logins_%Y_%m", ("2026-03-01", "2026-04-01")),
    ],
)
def test_each_cell_of_a_column_per_period_is_a_row(
    company: CompanyFiles, first: str, second: str, format_: str, days: tuple[str, str]
) -> None:
    company.write(
        "usage.csv", f"account,plan,{first},{second},Total\na1,Pro,3,4,7\na2,Pro,,n/a,0\na3,Pro,0,9,9\n"
    )
    company.map(WITHOUT_USAGE + WIDE.replace("FORMAT", f"'{format_}'"))
    company.ingest()
    assert told(company) == [("a1", days[0], 3), ("a1", days[1], 4), ("a3", days[0], 0), ("a3", days[1], 9)]
    assert company.quarantine() == []


def test_the_next_months_column_is_read_without_a_word(company: CompanyFiles) -> None:
    company.map(WITHOUT_USAGE + WIDE.replace("FORMAT", "'%Y-%m'"))
    company.write("usage.csv", "account,2026-03\na1,3\n")
    company.ingest()
    company.write("usage.csv", "account,2026-03,2026-04\na1,3,5\n")
    company.ingest()
    assert told(company) == [("a1", "2026-03-01", 3), ("a1", "2026-04-01", 5)]


def test_a_month_that_is_written_otherwise_is_not_left_out_in_silence(company: CompanyFiles) -> None:
    company.map(WITHOUT_USAGE + WIDE.replace("FORMAT", "'%Y-%m'"))
    company.write("usage.csv", "account,2026-03,Apr 2026\na1,3,5\n")
    with pytest.raises(DataContractError, match="'Apr 2026'") as refused:
        company.ingest()
    assert "a list of formats" in refused.value.hint


def test_a_cell_that_is_not_a_number_waits_with_its_row(company: CompanyFiles) -> None:
    company.map(WITHOUT_USAGE + WIDE.replace("FORMAT", "'%Y-%m'"))
    company.write("usage.csv", "account,2026-03,2026-04\na1,3,many\n")
    company.ingest()
    assert company.quarantine() == [("usage", "usage.csv", 2, "events", "many")]


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ("2025-01,2025-02,2025-03", 'unpivot: {format: "%Y-%m", header: month, cell: events}'),
        ("Jan 2025,Feb 2025,Mar 2025", 'unpivot: {format: "%b %Y", header: month, cell: events}'),
        ("2025-01-01,2025-01-02,2025-01-03", 'unpivot: {format: "iso", header: day, cell: events}'),
        ("u_2025_01,u_2025_02,u_2025_03", 'unpivot: {format: "u_%Y_%m", header: month, cell: events}'),
    ],
)
def test_a_draft_knows_a_column_per_period(tmp_path: Path, names: str, line: str) -> None:
    text = drafted(tmp_path, usage=f"account_id,{names},Total\na1,5,3,4,12\na2,1,9,2,12\n")
    assert line in text
    assert "# reads 6 of the 6 rows" in text
    assert "Total" not in text.partition("  usage:")[2]
    assert ("plus: {amount: 1, unit: months}" in text) == ("header: month" in line)


def test_a_draft_says_so_where_no_format_reads_the_months(tmp_path: Path) -> None:
    text = drafted(tmp_path, usage="account_id,Mai 2025,Juni 2025,Juli 2025\na1,5,3,4\na2,1,9,2\n")
    assert (
        "usage.csv (a column per period (Mai 2025, Juni 2025, Juli 2025) by words that no format reads"
        in text
    )


def test_money_by_month_is_asked_about_and_not_read(tmp_path: Path) -> None:
    """An empty cell may be a customer who left: nobody but the company can say."""
    text = drafted(tmp_path, mrr="account_id,2025-01,2025-02,2025-03\na1,100,100,\na2,50,50,50\n")
    assert "mrr.csv (a column per month (2025-01 ...): `unpivot:" in text


# -- counters that only grow


def counter(days: list[date], begin: int = 100) -> str:
    rows = (
        f"{account},u1,{day},export,{begin + number * step}\n"
        for account, step in (("a1", 3), ("a2", 5))
        for number, day in enumerate(days)
    )
    return "account,user,day,feature,events\n" + "".join(rows)


def test_totals_since_the_beginning_stop_the_load_until_somebody_says_what_they_are(
    company: CompanyFiles,
) -> None:
    """Summed by day, who clicked three times a day would look like one who clicks a hundred times."""
    company.write("usage.csv", counter(DAYS))
    for _ in range(2):  # the files are loaded by then, and the question is still open
        with pytest.raises(DataContractError, match="only grow from day to day") as refused:
            company.ingest()
        assert "`cumulative: true`" in refused.value.hint
    company.map(MAPPING + "    cumulative: false\n")
    company.ingest()
    assert company.rows("SELECT sum(events) > 2000 FROM raw.usage") == [(True,)]


def test_of_a_counter_each_row_counts_what_was_added(company: CompanyFiles) -> None:
    company.write("usage.csv", counter(DAYS))
    company.map(MAPPING + "    cumulative: true\n")
    said = company.ingest().notes
    assert {events for account, _, events in told(company) if account == "a1"} == {3.0}
    assert {events for account, _, events in told(company) if account == "a2"} == {5.0}
    assert len(told(company)) == 2 * (len(DAYS) - 1)
    assert "usage: of usage.csv, 2 rows only begin counters: what was added on the day is unknown." in said


def test_a_counter_goes_on_in_the_next_file_and_may_begin_anew(company: CompanyFiles) -> None:
    company.map(MAPPING + "    cumulative: true\n")
    company.write(
        "usage_1.csv", "account,user,day,feature,events\na1,u1,2026-05-01,x,100\na1,u1,2026-05-02,x,104\n"
    )
    company.ingest()
    company.write(
        "usage_2.csv", "account,user,day,feature,events\na1,u1,2026-05-03,x,109\na1,u1,2026-05-04,x,2\n"
    )
    company.ingest()
    assert told(company) == [("a1", "2026-05-02", 4), ("a1", "2026-05-03", 5), ("a1", "2026-05-04", 2)]


def test_days_that_go_up_and_down_are_no_counter(company: CompanyFiles) -> None:
    rng = random.Random(5)
    rows = (f"{a},u1,{d},x,{rng.randint(1, 50)}\n" for a in ("a1", "a2") for d in DAYS)
    company.write("usage.csv", "account,user,day,feature,events\n" + "".join(rows))
    company.ingest()
    assert len(told(company)) == 2 * len(DAYS)


def test_a_counter_that_begins_anew_every_month_is_one(company: CompanyFiles) -> None:
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(90)]
    rows = "".join(f"{a},u1,{d},x,{3 * d.day}\n" for a in ("a1", "a2") for d in days)
    company.write("usage.csv", "account,user,day,feature,events\n" + rows)
    with pytest.raises(DataContractError, match="only grow"):
        company.ingest()
    company.map(MAPPING + "    cumulative: true\n")
    company.ingest()
    assert {events for _, _, events in told(company)} == {3.0}


def test_a_draft_finds_a_counter_by_its_numbers_and_by_its_name(tmp_path: Path) -> None:
    by_number = "".join(f"{a},{d},{100 + 7 * n}\n" for a in ("a1", "a2") for n, d in enumerate(DAYS))
    text = drafted(tmp_path, usage="account_id,day,logins\n" + by_number)
    assert "cumulative: true  # TODO the numbers only grow: totals since the beginning?" in text
    text = drafted(tmp_path, usage="account_id,user,day,feature,events_cumulative\na1,u,2026-05-01,x,9\n")
    assert "cumulative: true  # TODO totals since the beginning?" in text
    assert "events: events_cumulative" in text


def test_a_number_that_may_count_events_is_not_left_out_without_a_question(tmp_path: Path) -> None:
    text = drafted(
        tmp_path, usage="account_id,user,day,feature,volume\na1,u,2026-05-01,x,9\na2,u,2026-05-01,x,7\n"
    )
    assert "events: {constant: 1}  # TODO is one row one event, or does volume count them?" in text


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(added=st.lists(st.integers(0, 40), min_size=3, max_size=12), cut=st.integers(1, 11))
def test_a_counter_gives_back_what_was_added_however_it_is_cut_into_files(
    company: CompanyFiles, added: list[int], cut: int
) -> None:
    for file in company.data.glob("usage*.csv"):
        file.unlink()
    shutil.rmtree(company.home, ignore_errors=True)
    total, rows = 0, []
    for day, more in zip(DAYS, added, strict=False):
        total += more
        rows.append(f"a1,u1,{day},x,{total}\n")
    for number, part in enumerate((rows[:cut], rows[cut:])):
        if part:
            company.write(f"usage_{number}.csv", "account,user,day,feature,events\n" + "".join(part))
    company.map(MAPPING + "    cumulative: true\n")
    company.ingest()
    assert [events for _, _, events in told(company)] == added[1 : len(DAYS)]
