"""What an installation keeps at an address, at each of the three clouds through its real driver."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from customer_health import storage
from customer_health.destinations.preview import open_preview, rendered
from customer_health.ledger.engine import open_ledger
from customer_health.model.registry import artefact
from customer_health.operations.backup import back_up, restore
from customer_health.operations.storage_check import examine_storage
from customer_health.settings import Settings, load_settings
from customer_health.sources.asking.raw_files import RawFiles
from customer_health.sources.locate import Folder
from customer_health.warehouse.connect import open_warehouse
from tests.clouds.stores import Bucket
from tests.lib.destinations.effects import effect

pytestmark = pytest.mark.timeout(600)
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def settings(bucket: Bucket, home: Path) -> Settings:
    return load_settings({"CUSTOMER_HEALTH_STORAGE": f"{bucket.address}/health"}, home=home)


def test_a_report_is_written_replaced_listed_read_and_removed(settings: Settings, bucket: Bucket) -> None:
    path = storage.write(settings.reports / "2026-11-29" / "größe one.html", "<p>für</p>")
    storage.write(path, "<p>gültig</p>")

    assert storage.read(path).decode() == "<p>gültig</p>"
    (found,) = storage.files_below(settings.reports)
    assert found.name == "2026-11-29/größe one.html"
    assert abs(found.modified - datetime.now(UTC)) < DAY
    assert bucket.names() == ["health/reports/2026-11-29/größe one.html"]  # and nothing beside it
    assert storage.files_below(settings.models) == []
    with pytest.raises(FileNotFoundError):
        storage.read(settings.reports / "none.html")
    storage.remove(path)
    storage.remove(path)
    assert bucket.names() == []


def test_whoever_reads_while_two_write_gets_one_whole_file(settings: Settings) -> None:
    path, size = settings.reports / "kpis.md", 300_000
    whole = {letter * size for letter in (b"a", b"b")}
    storage.write(path, b"a" * size)
    done, seen = threading.Event(), []

    def write(letter: bytes) -> None:
        for _ in range(6):
            storage.write(path, letter * size)

    def look() -> None:
        while not done.is_set():
            seen.append(storage.read(path))

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b")]
    reader = threading.Thread(target=look)
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join(timeout=120)
    done.set()
    reader.join(timeout=30)
    assert seen
    assert set(seen) <= whole


def test_a_preview_lands_once_under_its_key(settings: Settings) -> None:
    preview, one = open_preview("crm", settings), effect("create_task")
    assert preview.find(one) is None
    remote = preview.deliver(one)

    assert preview.find(one) == remote == preview.deliver(one)
    assert [shown.key for shown in rendered(settings.preview, one.as_of, "create_task")] == [one.key]
    assert len(storage.files_below(settings.preview)) == 2  # as sent, and as read


def test_a_model_is_read_back_byte_for_byte_and_found_under_its_name(
    settings: Settings, tmp_path: Path
) -> None:
    folder, text = settings.models / "m-1", b'{"kind": "blend", "name": "gr\xc3\xb6\xc3\x9fe"}'
    digests = {artefact.INDEX: sha256(text).hexdigest()}
    storage.write(folder / artefact.INDEX, text)

    found = artefact.folder_of(str(tmp_path / "gone" / "m-1"), settings.models)
    assert str(found) == str(folder)
    assert artefact.verified_files(found, digests) == {artefact.INDEX: text.decode()}
    storage.write(folder / artefact.INDEX, text + b" ")
    with pytest.raises(artefact.DamagedArtefactError, match="is not the one that was registered"):
        artefact.verified_files(folder, digests)


def test_the_doctor_finds_the_rights_that_a_night_needs(settings: Settings, bucket: Bucket) -> None:
    assert examine_storage(settings).counts()["problems"] == 0
    assert bucket.names() == []


def test_vendors_rows_land_are_found_again_and_what_a_killed_run_left_is_removed(bucket: Bucket) -> None:
    landing = f"{bucket.address}/landing"
    files = RawFiles(landing, "crm", "accounts")
    files.clear_after(0)  # nothing has landed yet
    files.write_lines(1, [b'{"id": "a"}', b'{"id": "b"}'])
    files.write_lines(2, [b'{"id": "half"}'])
    files.write_seen(1, {"a": "11"})
    files.write_seen(2, {"a": "12"})
    assert files.has("0000002.jsonl.gz")
    assert files.read_seen(1) == {"a": "11"}
    assert files.read_seen(3) == {}

    RawFiles(landing, "crm", "accounts").clear_after(1)
    assert bucket.names() == [
        "landing/crm/accounts/0000001.jsonl.gz", "landing/crm/accounts/_seen-0000001.json.gz"
    ]  # fmt: skip
    files.drop_seen_before(2)
    assert bucket.names() == ["landing/crm/accounts/0000001.jsonl.gz"]


def test_a_finished_export_is_taken_over_and_loaded_and_a_new_version_is_fetched_again(
    bucket: Bucket, home: Path, tmp_path: Path
) -> None:
    export = tmp_path / "export.csv"
    export.write_text("account_id\na\n")
    files = RawFiles(f"{bucket.address}/landing", "events", "usage")
    files.put("2026-11-28.csv", export)
    folder = Folder(f"{bucket.address}/landing/events", home / "cache")
    (one,) = folder.matching("usage/*.csv")
    assert one.path.read_text() == "account_id\na\n"
    assert one.size == len("account_id\na\n")

    export.write_text("account_id\nbb\n")
    files.put("2026-11-28.csv", export)
    files.put("2026-11-29.csv", export)
    folder.look()
    changed, new = folder.matching("usage/*.csv")
    assert changed.path.read_text() == new.path.read_text() == "account_id\nbb\n"
    assert changed.modified != one.modified


def test_a_back_up_lies_there_and_a_restore_puts_everything_back(
    settings: Settings, bucket: Bucket, tmp_path: Path
) -> None:
    open_ledger(settings.ledger_url).dispose()
    with open_warehouse(settings.warehouse_url) as con:
        con.execute("CREATE TABLE one AS SELECT 1 AS n")
    storage.write(settings.models / "m-1" / "champion.json", b"{}")
    storage.write(settings.reports / "2026-11-29" / "gate.html", b"<p>")
    back_up(settings, f"{bucket.address}/copies", now=NOW)
    assert "copies/20261129T000000Z/manifest.json" in bucket.names()

    elsewhere = load_settings(
        {"CUSTOMER_HEALTH_STORAGE": f"{bucket.address}/restored"}, home=tmp_path / "new"
    )
    restore(elsewhere, f"{bucket.address}/copies/20261129T000000Z")
    assert storage.read(elsewhere.models / "m-1" / "champion.json") == b"{}"
    assert storage.read(elsewhere.reports / "2026-11-29" / "gate.html") == b"<p>"
    with open_warehouse(elsewhere.warehouse_url) as con:
        assert con.execute("SELECT n FROM one").fetchall() == [(1,)]
