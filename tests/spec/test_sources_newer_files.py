"""The same thing delivered twice, full exports, and files whose order their names tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.sources import landing
from customer_health.sources.file_order import place_of

HEAD = "account,user,day,feature,events,id\n"
LOG = MAPPING.replace("files: usage*.csv", "files: usage*.csv\n    combine: sum")
NAMED = LOG.replace("combine: sum", "combine: sum\n    event_id: id").replace(
    "events: events", "events: {constant: 1}"
)


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    files = CompanyFiles(tmp_path)
    (files.data / "usage.csv").unlink()
    return files


def events(first: int, last: int) -> str:
    """One event a day."""
    return "".join(f"a1,u1,2026-05-{n:02},open,1,e{n}\n" for n in range(first, last + 1))


def total(company: CompanyFiles) -> float:
    return float(company.rows("SELECT coalesce(sum(events), 0) FROM raw.usage")[0][0])


def test_overlapping_exports_stop_the_run_with_the_choice(company: CompanyFiles) -> None:
    company.write("usage_1.csv", HEAD + events(1, 12))
    company.write("usage_2.csv", HEAD + events(6, 17) + "a1,u2,2026-05-17,open,1,e18\n")
    company.map(LOG)
    with pytest.raises(DataContractError, match="repeat account, user, day and feature") as stopped:
        company.load()
    for choice in ("event_id: insert_id", "repeated_keys: replace_day", "repeated_keys: add"):
        assert choice in str(stopped.value)
    with pytest.raises(DataContractError):  # and so does the next run
        company.load()


@pytest.mark.parametrize(
    ("choice", "events_left"),
    [("event_id: id", 18), ("repeated_keys: replace_day", 18), ("repeated_keys: add", 25)],
)
def test_each_choice_does_what_it_says(company: CompanyFiles, choice: str, events_left: int) -> None:
    company.write("usage_1.csv", HEAD + events(1, 12))
    company.write("usage_2.csv", HEAD + events(6, 17) + "a1,u2,2026-05-17,open,1,e18\n")
    company.map(LOG.replace("combine: sum", f"combine: sum\n    {choice}"))
    company.load()
    assert total(company) == events_left


def test_an_event_that_comes_again_counts_once_in_any_order(company: CompanyFiles) -> None:
    company.write("usage_2.csv", HEAD + events(6, 17) + events(6, 9))
    company.map(NAMED)
    company.load()
    company.write("usage_1.csv", HEAD + events(1, 12))
    company.load()
    assert total(company) == 17


def test_an_event_that_its_file_no_longer_holds_is_found_in_another(company: CompanyFiles) -> None:
    company.write("usage_1.csv", HEAD + events(1, 12))
    company.write("usage_2.csv", HEAD + events(6, 17))
    company.map(NAMED)
    company.load()
    company.write("usage_1.csv", HEAD + events(1, 5))
    company.load()
    assert total(company) == 17


def test_an_event_without_its_id_waits_in_quarantine(company: CompanyFiles) -> None:
    company.write("usage_1.csv", HEAD + "a1,u1,2026-05-01,open,1,\n" + events(2, 3))
    company.map(NAMED)
    company.load()
    assert total(company) == 2
    assert [row[2:4] for row in company.quarantine()] == [(2, "event_id")]


def test_a_file_under_another_name_counts_once_and_the_log_says_so(company: CompanyFiles) -> None:
    company.write("usage_1.csv", HEAD + events(1, 5))
    company.write("usage_1 (copy).csv", HEAD + events(1, 5))
    company.map(LOG)
    lines = company.ingest().lines()
    company.gate()
    assert total(company) == 5
    assert any("has the content of" in line and "counts once" in line for line in lines)


TICKETS = (
    MAPPING.split("  usage:")[0]
    + """
  tickets:
    files: tickets_*.csv
    repeated_keys: latest_file
    columns: {ticket_id: id, account_id: account, resolved_at: solved, occurred_at: opened}
"""
)
HELP = "id,account,opened,solved\n"


def test_the_tenth_file_is_newer_than_the_ninth(company: CompanyFiles) -> None:
    company.write("tickets_9.csv", HELP + "t1,a1,2026-05-01,\n")
    company.write("tickets_10.csv", HELP + "t1,a1,2026-05-01,2026-05-03\n")
    company.map(TICKETS)
    company.load()
    assert company.rows("SELECT _file FROM raw.tickets") == [("tickets_10.csv",)]


def test_a_record_that_the_newest_full_export_lacks_is_retired(company: CompanyFiles) -> None:
    company.write("tickets_2026-04.csv", HELP + "t1,a1,2026-04-01,\nt2,a2,2026-04-01,\n")
    company.write("tickets_2026-05.csv", HELP + "t1,a1,2026-04-01,\n")
    company.map(TICKETS)
    lines = company.load().lines()
    assert company.ids("tickets", "ticket_id") == ["t1"]
    assert "1 retired: gone from the newest full export" in lines[0]


def test_files_that_bring_changes_retire_nothing(company: CompanyFiles) -> None:
    company.write("tickets_1.csv", HELP + "t1,a1,2026-04-01,\nt2,a2,2026-04-01,\n")
    company.write("tickets_2.csv", HELP + "t1,a1,2026-04-01,2026-04-09\n")
    company.map(TICKETS.replace("latest_file", "newest_wins"))
    company.load()
    assert company.rows("SELECT ticket_id, _file FROM raw.tickets ORDER BY 1") == [
        ("t1", "tickets_2.csv"),
        ("t2", "tickets_1.csv"),
    ]


def test_a_record_that_only_cannot_be_read_in_the_newest_export_is_not_gone(company: CompanyFiles) -> None:
    company.write("tickets_1.csv", HELP + "t1,a1,2026-04-01,\nt2,a2,2026-04-01,\n")
    company.write("tickets_2.csv", HELP + "t1,a1,2026-04-01,\nt2,a2,2026-04-01,someday\n")
    company.map(TICKETS)
    company.load()
    assert company.ids("tickets", "ticket_id") == ["t1", "t2"]


def test_an_export_from_which_most_is_gone_is_asked_about(company: CompanyFiles) -> None:
    company.write("tickets_1.csv", HELP + "".join(f"t{n},a1,2026-04-01,\n" for n in range(300)))
    company.write("tickets_2.csv", HELP + "t1,a1,2026-04-01,\n")
    company.map(TICKETS)
    with pytest.raises(DataContractError, match="Is the newest export complete"):
        company.load()


def test_names_that_begin_with_the_day_need_a_word_on_their_order(company: CompanyFiles) -> None:
    company.write("tickets_30-04-2026.csv", HELP + "t1,a1,2026-04-01,\n")
    company.write("tickets_02-05-2026.csv", HELP + "t1,a1,2026-04-01,2026-05-01\n")
    company.map(TICKETS)
    with pytest.raises(ConfigurationError, match="which file is the newest"):
        company.ingest()
    company.map(TICKETS.replace("latest_file", 'latest_file\n    order: "%d-%m-%Y"'))
    company.load()
    assert company.rows("SELECT _file FROM raw.tickets") == [("tickets_02-05-2026.csv",)]


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=6, unique=True))
def test_numbers_in_names_are_ordered_as_numbers(numbers: list[int]) -> None:
    names = [f"export-{n}/part.csv" for n in numbers]
    assert sorted(names, key=place_of) == [f"export-{n}/part.csv" for n in sorted(numbers)]


@given(
    st.lists(st.dates(), min_size=2, max_size=6, unique=True),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y"]),
)
def test_dates_in_names_are_ordered_as_dates(days: list, written: str) -> None:  # type: ignore[type-arg]
    names = {f"x_{day.strftime(written).zfill(8)}.csv": day for day in days if day.year >= 1000}
    order = written if written.startswith("%d") else "numbers"
    assert [names[n] for n in sorted(names, key=lambda n: place_of(n, order))] == sorted(names.values())


def test_a_few_rows_that_come_twice_are_added_up_with_a_word_about_it(company: CompanyFiles) -> None:
    """One day in the files of two months: too little to stop for, and not to be kept quiet about."""
    company.write("usage_1.csv", HEAD + events(1, 12))
    company.write("usage_2.csv", HEAD + events(12, 17))
    company.map(LOG)
    gate = company.load()
    assert total(company) == 18
    assert any("they were added up; found 2" in line and "replace_day" in line for line in gate.lines())
    company.map(LOG.replace("combine: sum", "combine: sum\n    repeated_keys: add"))
    assert not any("they were added up" in line for line in company.load().lines())
