"""Models, reports and previews at an address: whole or absent, checked, listed, removed."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest
from tests.lib.destinations.effects import effect
from tests.lib.model_worlds import champion_of_all_kinds
from tests.unit.test_model_office import record

from customer_health import storage
from customer_health.address_faults import asking
from customer_health.destinations.preview import PreviewDestination, open_preview, rendered
from customer_health.errors import ConfigurationError, RetriableError
from customer_health.ledger.engine import open_ledger
from customer_health.model.registry import artefact, current_model
from customer_health.operations.backup import back_up, restore
from customer_health.operations.storage_check import examine_storage
from customer_health.operations.thinning import remove_old_files
from customer_health.settings import Settings, load_settings
from customer_health.sources.locate import Folder
from customer_health.store_faults import StoreFullError
from customer_health.warehouse.connect import open_warehouse
from customer_health_airflow.task_links import page_of
from customer_health_airflow.ui import report_files

TOMORROW = timedelta(days=1)


@pytest.fixture(params=["folder", "memory", "path"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Three places: the home folder as ever, an object store, and a folder that others mount, too."""
    address = {"memory": "memory://bucket/health", "path": str(tmp_path / "mounted"), "folder": ""}
    yield load_settings({"CUSTOMER_HEALTH_STORAGE": address[request.param]}, home=tmp_path / "home")
    fsspec.filesystem("memory").store.clear()


def at_an_address(tmp_path: Path) -> Settings:
    return load_settings({"CUSTOMER_HEALTH_STORAGE": "memory://bucket/health"}, home=tmp_path / "home")


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    yield fsspec.filesystem("memory")
    fsspec.filesystem("memory").store.clear()


def test_what_was_written_is_listed_and_read_and_leaves_nothing_beside(settings: Settings) -> None:
    path = storage.write(settings.reports / "2026-11-29" / "gate.html", "<p>für</p>")
    storage.write(path, "<p>gültig</p>")

    assert storage.read(path).decode() == "<p>gültig</p>"
    assert [file.name for file in storage.files_below(settings.reports)] == ["2026-11-29/gate.html"]
    assert abs(storage.files_below(settings.reports)[0].modified - datetime.now(UTC)) < TOMORROW
    assert storage.files_below(settings.models) == []
    storage.remove(path)
    storage.remove(path)
    assert storage.files_below(settings.reports) == []


def test_without_the_setting_everything_lies_in_the_home_folder(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path)
    assert settings.served == {kind: tmp_path / kind for kind in ("models", "reports", "preview")}


def test_a_folder_is_one_however_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its address, and from where a process happens to run: its files are written by a rename."""
    monkeypatch.chdir(tmp_path)
    for address in (str(tmp_path / "a b"), (tmp_path / "a b").as_uri(), "a b"):
        settings = load_settings({"CUSTOMER_HEALTH_STORAGE": address}, home=tmp_path / "home")
        assert settings.reports == tmp_path / "a b" / "reports"


@pytest.mark.parametrize("address", ["s4://bucket/health", "nowhere://x"])
def test_an_address_that_no_driver_knows_is_refused_in_words(address: str, tmp_path: Path) -> None:
    settings = load_settings({"CUSTOMER_HEALTH_STORAGE": address}, home=tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        _ = settings.reports


def test_a_preview_lands_once_under_its_key(settings: Settings) -> None:
    preview, one = open_preview("crm", settings), effect("create_task")
    assert preview.find(one) is None
    remote = preview.deliver(one)

    assert preview.find(one) == remote
    assert [shown.key for shown in rendered(settings.preview, one.as_of, "create_task")] == [one.key]
    assert preview.deliver(one) == remote
    assert len(storage.files_below(settings.preview)) == 2  # as sent, and as read


def test_a_model_is_read_back_from_there_and_a_changed_byte_is_refused(settings: Settings) -> None:
    champion = champion_of_all_kinds()
    folder = settings.models / champion.model_id
    digests = artefact.save(champion, folder)
    known = record(champion.model_id, str(folder), sha256=digests)
    assert current_model.load_with_fallback(known, models=settings.models)[0] is not None

    storage.write(folder / "champion.json", storage.read(folder / "champion.json") + b" ")
    none, words = current_model.load_with_fallback(known, models=settings.models)
    assert none is None
    assert "is not the one that was registered" in words


def test_a_model_that_was_carried_to_an_address_is_found_under_its_name(
    store: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    """As after a restore into another home, or when an installation moves its files."""
    champion, settings = champion_of_all_kinds(), at_an_address(tmp_path)
    old = tmp_path / "gone" / champion.model_id
    digests = artefact.save(champion, settings.models / champion.model_id)
    known = record(champion.model_id, str(old), sha256=digests)

    assert current_model.load_with_fallback(known, models=settings.models)[0] is not None
    assert current_model.load_with_fallback(known)[0] is None


def test_a_store_that_does_not_answer_is_tried_again_and_nobody_falls_back_to_the_rules(
    store: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, settings = champion_of_all_kinds(), at_an_address(tmp_path)
    folder = settings.models / champion.model_id
    known = record(champion.model_id, str(folder), sha256=artefact.save(champion, folder))

    def silent(*_: object, **__: object) -> bytes:
        raise ConnectionError("Could not connect to the endpoint URL")

    monkeypatch.setattr(type(store), "cat_file", silent)
    with pytest.raises(RetriableError, match="did not answer as it should"):
        current_model.load_with_fallback(known, models=settings.models)


def test_the_page_serves_what_lies_there_and_nothing_beside(settings: Settings, tmp_path: Path) -> None:
    report = storage.write(settings.reports / "kpis-2026-11-30.md", "# KPIs")
    storage.write(settings.models.parent / "secret.md", "not to be served")
    address = page_of(report, settings).removeprefix("/customer-health/files/")

    assert address == "reports/kpis-2026-11-30.md"
    assert report_files.safe_path(settings, address) is not None
    assert [one["address"] for one in report_files.listing(settings, "reports")] == [address]
    for outside in ("reports/../secret.md", "reports/../../secret.md", "reports//secret.md", "reports/",
                    "reports/kpis-2026-11-30.exe", "reports/none.md", "secret.md"):  # fmt: skip
        assert report_files.safe_path(settings, outside) is None, outside
    assert page_of(storage.write(tmp_path / "elsewhere" / "x.md", "x"), settings) == ""


def test_old_files_go_and_young_ones_stay(settings: Settings) -> None:
    storage.write(settings.preview / "2026-01-01" / "slack" / "old.md", "old")
    written = datetime.now(UTC)

    assert remove_old_files(settings, now=written + 89 * TOMORROW)["previews"] == 0
    assert remove_old_files(settings, now=written + 92 * TOMORROW)["previews"] == 1
    assert storage.files_below(settings.preview) == []


def test_the_doctor_tries_the_rights_that_a_night_needs(
    store: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = at_an_address(tmp_path)
    assert examine_storage(settings).counts()["problems"] == 0
    assert storage.files_below(settings.reports) == []

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(store), "pipe_file", forbidden)
    found = examine_storage(settings)
    assert found.counts()["problems"] == 1
    assert "Access Denied" in "\n".join(found.lines())


class NoBucket(fsspec.AbstractFileSystem):
    """As S3, Google Cloud Storage and Azure say it: nothing is found below, and the bucket is not there."""

    protocol = "s3"

    def find(self, path: str, *_: object, **__: object) -> dict[str, object]:
        return {}

    def ls(self, path: str, *_: object, **__: object) -> list[str]:
        assert path == "misspelt"
        raise FileNotFoundError(path)

    def pipe_file(self, path: str, *_: object, **__: object) -> None:
        raise FileNotFoundError(path)

    def makedirs(self, path: str, *_: object, **__: object) -> None:
        raise AssertionError("a misspelt bucket must not be made")


def test_a_bucket_that_is_not_there_is_not_an_empty_one() -> None:
    """Each cloud's own driver: tests/clouds."""
    for way in (
        lambda: storage.listed(NoBucket(), "misspelt/health", "s3://misspelt/health"),
        lambda: storage.put(NoBucket(), "misspelt/a", b"x", "s3://key:secret@misspelt/a"),
    ):
        with pytest.raises(RetriableError, match="There is no bucket or container 'misspelt'") as stop:
            way()
        assert "secret" not in str(stop.value)


def test_a_full_disk_of_ours_is_not_taken_for_a_fault_of_the_store() -> None:
    with pytest.raises(StoreFullError, match="the disk is full"), asking("s3://bucket/copies"):
        raise OSError(errno.ENOSPC, "No space left on device", "/data/.restore/warehouse.duckdb")


def test_a_file_that_goes_between_listing_and_fetching_is_asked_for_again(
    store: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    store.pipe_file("/bucket/landing/a.csv", b"account_id\n")
    folder = Folder("memory://bucket/landing", tmp_path / "cache")
    assert folder.names() == ["a.csv"]
    store.rm("/bucket/landing/a.csv")
    with pytest.raises(RetriableError, match="was there when the folder was listed, and is gone"):
        folder.matching("*.csv")


def test_a_preview_that_died_before_its_last_file_has_not_landed(
    store: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    """Its key is the name of the file that is written last."""
    settings, one = at_an_address(tmp_path), effect("create_task")
    preview = PreviewDestination("crm", settings.preview)
    storage.write(preview.path_of(one).with_suffix(".md"), "half of it")
    assert preview.find(one) is None


def test_a_back_up_holds_what_lies_there_and_a_restore_puts_it_back(
    settings: Settings, tmp_path: Path
) -> None:
    open_ledger(settings.ledger_url).dispose()
    with open_warehouse(settings.warehouse_url) as con:
        con.execute("CREATE TABLE one AS SELECT 1 AS n")
    kept = {"models/m-1/champion.json": b"{}", "reports/2026-11-29/gate.html": b"<p>"}
    for name, content in kept.items():
        kind, _, inside = name.partition("/")
        storage.write(settings.served[kind] / inside, content)
    storage.write(settings.preview / "2026-11-29" / "a.md", "previews are not kept")
    now = datetime(2026, 11, 29, tzinfo=UTC)
    back_up(settings, str(tmp_path / "copies"), now=now)

    place = f"{tmp_path}/copies/{now:%Y%m%dT%H%M%SZ}"
    with pytest.raises(ConfigurationError, match="is not empty"):
        restore(settings, place)
    elsewhere = load_settings(
        {"CUSTOMER_HEALTH_STORAGE": "memory://bucket/restored" if settings.storage else ""},
        home=tmp_path / "new",
    )
    restore(elsewhere, place)
    for name, content in kept.items():
        kind, _, inside = name.partition("/")
        assert storage.read(elsewhere.served[kind] / inside) == content
    assert storage.files_below(elsewhere.preview) == []
    with pytest.raises(ConfigurationError, match="is not empty"):
        restore(elsewhere, place)
