"""A long life lets go of files, whichever clock dates them: folders reach a size and stay there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import fsspec
import pytest
from tests.lib.destinations.effects import effect

from customer_health import storage
from customer_health.company import CompanyConfig
from customer_health.destinations.preview import open_preview
from customer_health.operations.thinning import day_of, remove_old_files
from customer_health.settings import Settings, load_settings
from customer_health.storage import StoredFile
from customer_health.warehouse.data_docs import ARCHIVE

FIRST = date(2026, 3, 2)
NIGHTS = [FIRST + timedelta(days=number) for number in range(120)]  # a change of clocks among them
KEEP = {"data_docs": 7, "previews": 14, "findings": 35}
CONFIG = CompanyConfig.model_validate({"name": "Small Ltd", "retention": KEEP})
ADDRESS = "memory://bucket/health"


def settings_at(home: Path, storage_at: str = "") -> Settings:
    return load_settings({"CUSTOMER_HEALTH_STORAGE": storage_at}, home=home).model_copy(
        update={"config": CONFIG}
    )


def at(day: date) -> datetime:
    return datetime.combine(day, time(3, 30), UTC)


def a_nights_files(settings: Settings, day: date) -> None:
    """Under the names that a night gives them; a week's and a month's reports on their days."""
    open_preview("crm", settings).deliver(replace(effect("create_task"), key=f"k-{day}", as_of=day))
    for name in ("gate.html", ARCHIVE, "ids.md", "outcomes.md"):
        storage.write(settings.reports / f"{day}" / name, "x" * 1000)
    storage.write(settings.reports / "texts" / f"{day}_offline.md", "x" * 100)
    if day.weekday() == 0:
        storage.write(settings.reports / f"kpis-{day}.md", "x" * 100)
    if day.day == 1:
        storage.write(settings.reports / f"value-of-data-{day}.md", "x" * 100)


def sizes(settings: Settings) -> tuple[int, int]:
    """Previews, and reports: how many files lie there."""
    return len(storage.files_below(settings.preview)), len(storage.files_below(settings.reports))


def lived(settings: Settings, dated: Callable[[date], None]) -> list[tuple[int, int]]:
    """Live all nights; return what lay there after each."""
    found = []
    for day in NIGHTS:
        a_nights_files(settings, day)
        dated(day)
        remove_old_files(settings, now=at(day))
        found.append(sizes(settings))
    return found


def assert_bounded(found: list[tuple[int, int]]) -> None:
    previews, reports = zip(*found, strict=True)
    # A preview is two files; each of 35 + 1 days has four pages, of which Data Docs stay for 7 + 1.
    assert set(previews[20:]) == {2 * (KEEP["previews"] + 1)}
    days = KEEP["findings"] + 1
    daily = 4 * days + KEEP["data_docs"] + 1
    weekly, monthly = {5, 6}, {1, 2}
    assert set(reports[40:]) <= {daily + week + month for week in weekly for month in monthly}
    assert max(reports[80:]) == max(reports[40:80])


def test_nights_that_are_lived_in_minutes_let_go_by_the_day_that_a_file_is_of(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)

    def written_later(day: date) -> None:
        """Every file bears the moment of the test, which lies after all of these nights."""
        later = at(NIGHTS[-1] + timedelta(days=1)).timestamp()
        for path in settings.home.rglob("*"):
            os.utime(path, (later, later))

    assert_bounded(lived(settings, written_later))


def test_real_nights_let_go_by_the_day_on_which_a_file_was_written(tmp_path: Path) -> None:
    settings, known = settings_at(tmp_path), set[Path]()

    def written_then(day: date) -> None:
        for path in set(settings.home.rglob("*.*")) - known:
            os.utime(path, (at(day).timestamp(), at(day).timestamp()))
            known.add(path)

    assert_bounded(lived(settings, written_then))


def test_at_an_address_the_same_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object store's times cannot be set: they are those of this test, after the nights."""
    settings = settings_at(tmp_path, ADDRESS)
    try:
        if datetime.now(UTC) <= at(NIGHTS[-1]):
            pytest.skip("this machine's clock stands before the nights that are lived")
        assert_bounded(lived(settings, lambda day: None))
    finally:
        fsspec.filesystem("memory").store.clear()


NOW = datetime(2026, 11, 29, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "written", "counts_from"),
    [
        ("2026-03-01/gate.html", "2026-03-02", "2026-03-02"),
        ("2026-03-01/gate.html", "2026-11-28", "2026-11-28"),  # filled in, or copied here, yesterday
        ("2026-03-01/gate.html", "2026-12-24", "2026-03-01"),  # written "after" now: the name tells
        ("kpis-2026-11-23.md", "2026-11-23", "2026-11-23"),
        ("2026-11-29/crm/acc-2027-05-01-k.json", "2026-11-29", "2026-11-29"),  # the folder's day, not an id's
        ("notes/own.md", "2026-01-05", "2026-01-05"),
        ("2026-13-45/own.md", "2026-01-05", "2026-01-05"),
        ("120260301-9/own.md", "2026-01-05", "2026-01-05"),
    ],
)
def test_a_files_age_counts_from_the_later_of_its_day_and_its_writing(
    name: str, written: str, counts_from: str
) -> None:
    file = StoredFile(Path(name), name, datetime.fromisoformat(f"{written}T02:00:00+00:00"))
    assert day_of(file, NOW) == date.fromisoformat(counts_from)
