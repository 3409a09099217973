"""Loading twice loads nothing twice; a new or changed file loads only itself."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from tests.lib.files import AS_OF, CONTRACTS, MAPPING, USAGE, CompanyFiles

from customer_health.sources import landing
from customer_health.sources.known_files import KnownFiles
from customer_health.sources.last_day import last_day
from customer_health.sources.source import TableLoad
from customer_health.warehouse.connect import open_warehouse


@pytest.fixture(params=["dlt", "columnar"])
def company(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    if request.param == "columnar":
        monkeypatch.setattr(landing, "BULK_ROWS", 0)
    return CompanyFiles(tmp_path)


def test_the_second_load_of_the_same_files_adds_nothing(company: CompanyFiles) -> None:
    company.ingest()
    before = company.rows("SELECT * FROM raw.usage ORDER BY ALL")
    again = company.ingest()
    assert company.rows("SELECT * FROM raw.usage ORDER BY ALL") == before
    assert again.tables["usage"] == TableLoad(skipped=2, files_skipped=1)
    assert company.rows("SELECT count(*) FROM ops.loads") == [(3,)]


def test_a_file_that_was_only_touched_is_not_loaded_again(company: CompanyFiles) -> None:
    company.ingest()
    company.write("usage.csv", USAGE)
    assert company.ingest().tables["usage"].files == 0


def test_a_changed_file_replaces_its_own_rows_only(company: CompanyFiles) -> None:
    company.write("usage_2.csv", USAGE.replace("2026-05", "2026-04"))
    company.ingest()
    company.write("usage_2.csv", USAGE.splitlines(keepends=True)[0] + "a1,u1,2026-04-09,export,7\n")
    changed = company.ingest()
    assert changed.tables["usage"] == TableLoad(updated=1, skipped=2, files=1, files_skipped=1)
    assert company.rows("SELECT events, _file FROM raw.usage ORDER BY _file, _row") == [
        (3, "usage.csv"),
        (1, "usage.csv"),
        (7, "usage_2.csv"),
    ]


def test_a_file_that_lost_its_rows_leaves_none_behind(company: CompanyFiles) -> None:
    company.ingest()
    company.write("usage.csv", USAGE.splitlines(keepends=True)[0])
    company.ingest()
    assert company.ids("usage", "account_id") == []


def test_a_mended_row_leaves_quarantine(company: CompanyFiles) -> None:
    company.write("contracts.csv", CONTRACTS.replace("24000", "many"))
    company.ingest()
    assert len(company.quarantine()) == 1
    company.write("contracts.csv", CONTRACTS)
    company.ingest()
    assert company.quarantine() == []
    assert company.ids("contracts", "contract_id") == ["c1", "c2", "c3"]


def test_a_changed_mapping_loads_the_files_it_concerns_again(company: CompanyFiles) -> None:
    company.ingest()
    company.map(MAPPING.replace("arr: arr", "arr: {column: arr, scale: 2}"))
    again = company.ingest()
    assert {name: load.files for name, load in again.tables.items()} == {
        "accounts": 0,
        "contracts": 1,
        "usage": 0,
    }
    assert company.ids("contracts", "arr") == [12000, 24000, 48000]


def test_with_full_exports_the_last_file_by_name_is_right(company: CompanyFiles) -> None:
    company.map(
        MAPPING.replace("files: contracts.csv", "files: contracts*.csv\n    repeated_keys: latest_file")
    )
    company.write("contracts_b.csv", CONTRACTS.replace("12000", "15000"))
    gate = company.load()
    assert company.ids("contracts", "arr") == [6000, 15000, 24000]
    assert gate.counts()["superseded"] == 1
    assert company.quarantine() == []


def test_old_data_is_scored_on_the_last_day_with_complete_usage(company: CompanyFiles) -> None:
    """The export was cut at breakfast on 27 May; a ticket and a term that end later decide nothing."""
    days = [date(2026, 5, 27) - timedelta(days=back) for back in range(60)]
    lines = [
        f"a{1 + user % 3},u{user},{day},export,1"
        for day in days
        for user in range(2 if day == days[0] else 2 if day.weekday() > 4 else 10)
    ]
    company.write("usage.csv", "\n".join(["account,user,day,feature,events", *lines, ""]))
    company.write("tickets.csv", "id,account,opened\nt1,a1,2026-05-30\n")
    company.map(
        MAPPING + "  tickets:\n    files: tickets.csv\n"
        "    columns: {ticket_id: id, account_id: account, occurred_at: opened}\n"
    )
    assert last_day(company.settings, before=AS_OF) == date(2026, 5, 27)


def test_without_usage_the_last_thing_that_happened_decides(company: CompanyFiles) -> None:
    company.write("tickets.csv", "id,account,opened\nt1,a1,2026-05-30\n")
    company.map(
        MAPPING[: MAPPING.index("  usage:")] + "  tickets:\n    files: tickets.csv\n"
        "    columns: {ticket_id: id, account_id: account, occurred_at: opened}\n"
    )
    assert last_day(company.settings, before=AS_OF) == date(2026, 5, 31)


def test_old_data_has_its_own_today_whatever_was_mistyped(company: CompanyFiles) -> None:
    company.write("usage.csv", USAGE + "a1,u1,2099-01-01,export,1\n")
    assert last_day(company.settings, before=AS_OF) == date(2026, 5, 3)
    assert company.ingest().tables["usage"].new == 3


def test_a_load_leaves_nothing_behind_that_adds_up_over_the_nights(company: CompanyFiles) -> None:
    """dlt keeps a package of each load for ever; a year of nights would keep some three thousand files."""

    def kept() -> set[str]:
        return {str(path.relative_to(company.home)) for path in company.home.rglob("*") if path.is_file()}

    company.ingest()
    before = kept()
    for night in range(2):
        company.write(
            f"usage_{night}.csv", f"account,user,day,feature,events\na1,u{night},2026-05-03,export,2\n"
        )
        company.ingest()
    assert company.ids("usage", "user_id") == ["u0", "u1", "u1", "u2"]
    assert kept() == before


def test_thousands_of_daily_files_cost_two_questions_and_not_three_for_each(company: CompanyFiles) -> None:
    company.write("usage_bad.csv", "account,user,day,feature,events\nnobody,u1,2026-05-01,x,1\n")
    company.load()
    questions = []

    class Watched:
        def execute(self, query: str, given: list[str]) -> Any:
            questions.append(query)
            return con.execute(query, given)

    with open_warehouse(company.settings.warehouse_url) as con:
        known = KnownFiles(cast("Any", Watched()), "files")
        names = [*(f"usage_{number}.csv" for number in range(2000)), "usage.csv", "usage_bad.csv"]
        assert [name for name in names if name in known.of("usage")] == ["usage.csv", "usage_bad.csv"]
        assert [name for name in names if known.has_waiting("usage", name)] == ["usage_bad.csv"]
        assert len(questions) == 2
        known.changed("usage")
        assert "usage.csv" in known.of("usage")
        assert len(questions) == 3
