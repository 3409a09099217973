"""A folder that lives: files go, neighbours matter, it may be far away, and files may be huge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from tests.lib.files import AS_OF, CONTRACTS, MAPPING, USAGE, CompanyFiles

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError, RetriableError
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import named
from customer_health.sources import files
from customer_health.sources.draft import draft_mapping
from customer_health.sources.load import ingest
from customer_health.warehouse.connect import open_warehouse

LAST_YEAR = USAGE.replace("2026-05", "2026-04")
LATE_MAY = USAGE.replace("2026-05-0", "2026-05-2")


@pytest.fixture
def company(tmp_path: Path) -> CompanyFiles:
    return CompanyFiles(tmp_path)


# -- files that go


def test_the_rows_of_a_file_that_is_gone_stay_and_are_mentioned(company: CompanyFiles) -> None:
    """Exports rotate: an archived file is not a reason to forget what happened."""
    company.write("usage_old.csv", LAST_YEAR)
    company.ingest()
    (company.data / "usage_old.csv").unlink()
    notes = company.ingest().notes
    assert len(company.ids("usage", "account_id")) == 4
    assert len(notes) == 1
    assert "usage: usage_old.csv is gone from the folder and its 2 rows stay" in notes[0]
    assert "`retire`" in notes[0]


def test_a_company_that_rotates_its_exports_can_say_so(company: CompanyFiles) -> None:
    company.map(MAPPING.replace("files: usage*.csv", "files: usage*.csv\n    removed_files: keep"))
    company.write("usage_old.csv", LAST_YEAR)
    company.ingest()
    (company.data / "usage_old.csv").unlink()
    assert company.ingest().notes == []
    assert len(company.ids("usage", "account_id")) == 4


def test_a_company_may_retire_rows_with_their_file(company: CompanyFiles) -> None:
    """Also from the signals that are kept from night to night, and from quarantine."""
    company.map(MAPPING.replace("files: usage*.csv", "files: usage*.csv\n    removed_files: retire"))
    company.write("usage_old.csv", LATE_MAY + "a1,u1,never,export,1\n")
    company.ingest()
    assert _days_since_usage(company) == {"a1": 11, "a2": 10, "a3": None}
    assert len(company.quarantine()) == 1
    (company.data / "usage_old.csv").unlink()
    loaded = company.ingest()
    assert loaded.notes == ["usage: usage_old.csv is gone from the folder; its 2 rows are too."]
    assert company.ids("usage", "account_id") == ["a1", "a2"]
    assert company.quarantine() == []
    assert _days_since_usage(company) == {"a1": 31, "a2": 30, "a3": None}
    assert company.ingest().notes == []


def _days_since_usage(company: CompanyFiles) -> dict[str, float | None]:
    signals = named(["days_since_last_usage", "active_users_28d"])
    with open_warehouse(company.settings.warehouse_url) as con:
        panel = build_panel(con, CompanyConfig(), [AS_OF], signals=signals, state_dir=company.home / "state")
    days = panel.set_index("account_id")["days_since_last_usage"]
    return {name: None if value != value else value for name, value in days.items()}


def test_a_file_that_comes_back_is_loaded_again(company: CompanyFiles) -> None:
    company.map(MAPPING.replace("files: usage*.csv", "files: usage*.csv\n    removed_files: retire"))
    company.write("usage_old.csv", LAST_YEAR)
    company.ingest()
    (company.data / "usage_old.csv").unlink()
    company.ingest()
    company.write("usage_old.csv", LAST_YEAR)
    company.ingest()
    assert len(company.ids("usage", "account_id")) == 4


# -- terms that go on in another file

LOSSES = (
    MAPPING
    + """
  outcomes:
    files: terms/*.csv
    unless_followed: {begins: start}
    columns: {account_id: account, occurred_at: end, outcome_id: {row_number: true}}
"""
)


def test_a_term_that_goes_on_in_the_next_export_is_no_loss(company: CompanyFiles) -> None:
    """One file per year: the term of 2025 ends, and the file of 2026 holds the next one."""
    company.map(LOSSES)
    company.write("terms/2025.csv", "account,start,end\na1,2025-01-01,2026-01-01\na2,2025-01-01,2026-01-01\n")
    company.ingest()
    assert company.ids("outcomes", "account_id") == ["a1", "a2"]
    company.write("terms/2026.csv", "account,start,end\na1,2026-01-01,2027-01-01\na1,2027-01-01,\n")
    company.ingest()
    assert company.ids("outcomes", "account_id") == ["a2"]
    assert company.ingest().tables["outcomes"].files == 0


# -- far away


@pytest.fixture
def bucket() -> Iterator[str]:
    """A store that speaks fsspec, as s3:// and gs:// do."""
    store = fsspec.filesystem("memory")
    for name, content in (("accounts.csv", None), ("contracts.csv", CONTRACTS), ("usage/may.csv", USAGE)):
        text = (
            content or "id,name,created\na1,Ann & Co,2025-01-10\na2,Bob Ltd,2025-02-10\na3,Cay,2025-03-10\n"
        )
        store.pipe(f"/exports/{name}", text.encode())
    yield "memory://exports"
    store.rm("/exports", recursive=True)


def test_a_bucket_is_read_like_a_folder(company: CompanyFiles, bucket: str) -> None:
    company.map(MAPPING.replace("files: usage*.csv", "files: usage/*.csv"))
    settings = company.settings.model_copy(update={"data": bucket})
    assert ingest(settings, as_of=AS_OF).tables["usage"].new == 2
    assert ingest(settings, as_of=AS_OF).tables["usage"].skipped == 2
    store = fsspec.filesystem("memory")
    store.pipe("/exports/usage/may.csv", (USAGE + "a1,u1,2026-05-09,export,1\n").encode())
    assert ingest(settings, as_of=AS_OF).tables["usage"].updated == 3
    assert company.rows("SELECT DISTINCT _file FROM raw.usage") == [("usage/may.csv",)]


def test_a_store_that_does_not_answer_is_tried_again(
    company: CompanyFiles, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.map(MAPPING.replace("files: usage*.csv", "files: usage/*.csv"))
    settings = company.settings.model_copy(update={"data": bucket})

    def silent(*_: object, **__: object) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "get_file", silent)
    with pytest.raises(RetriableError, match=r"accounts.csv did not answer as it should"):
        ingest(settings, as_of=AS_OF)


# -- huge


def test_a_huge_file_is_read_by_the_engine_and_its_broken_lines_are_named(
    company: CompanyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above 256 MB; here the border is lowered, the reader is the same."""
    monkeypatch.setattr(files, "LARGE_TEXT", 100)
    company.write("usage.csv", USAGE + "a1,u1,2026-05-03\n" + 'a2,"u,2",2026-05-04,export,5\n')
    company.ingest()
    assert company.rows("SELECT user_id, events FROM raw.usage ORDER BY occurred_at") == [
        ("u1", 3), ("u2", 1), ("u,2", 5),
    ]  # fmt: skip
    assert [row[:3] for row in company.quarantine()] == [("usage", "usage.csv", 4)]


# -- dates in several formats


@pytest.mark.parametrize("large", [False, True])
def test_a_column_that_mixes_date_formats_names_them_all(
    company: CompanyFiles, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(files, "LARGE_TEXT", 10)
    company.map(
        MAPPING.replace(
            "occurred_at: day",
            'occurred_at: {column: day, format: ["%d.%m.%Y", iso, "%m/%d/%Y", "%d/%m/%Y"]}',
        )
    )
    head = "account,user,day,feature,events\n"
    days = ("03.02.2026", "2026-02-04", "12/25/2025", "25/12/2025", "02/03/2026", "02/02/2026", "soon")
    company.write("usage.csv", head + "".join(f"a1,u{n},{day},x,1\n" for n, day in enumerate(days)))
    company.ingest()
    assert [str(day) for day in company.ids("usage", "occurred_at")] == [
        "2025-12-25", "2025-12-25", "2026-02-02", "2026-02-03", "2026-02-04",
    ]  # fmt: skip
    # The third of February, or the second of March? Nobody guesses.
    assert [row[3:] for row in company.quarantine()] == [
        ("occurred_at", "02/03/2026"),
        ("occurred_at", "soon"),
    ]


# -- links


def test_a_link_that_stays_in_the_folder_is_the_file(company: CompanyFiles) -> None:
    real = company.write("archive/2026/usage", USAGE)
    (company.data / "usage.csv").unlink()
    (company.data / "usage.csv").symlink_to(real)
    company.load()
    assert company.ids("usage", "account_id") == ["a1", "a2"]


def test_a_link_out_of_the_folder_is_refused_and_the_remedy_says_where_to_put_the_file(
    company: CompanyFiles, tmp_path: Path
) -> None:
    outside = tmp_path / "elsewhere.csv"
    outside.write_text(USAGE)
    (company.data / "usage.csv").unlink()
    (company.data / "usage.csv").symlink_to(outside)
    with pytest.raises(
        DataContractError, match=r"usage\.csv is a link to .*elsewhere\.csv.*outside"
    ) as caught:
        company.load()
    assert caught.value.hint.startswith("Copy the file, or move it, into the data folder")
    assert "# TODO not read: usage.csv is a link to" in draft_mapping(company.data)


def test_a_link_that_leads_nowhere_is_not_passed_over(company: CompanyFiles) -> None:
    (company.data / "usage_old.csv").symlink_to(company.data / "gone.csv")
    with pytest.raises(DataContractError, match="there is no such file"):
        company.load()
