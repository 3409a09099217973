"""A disk that fills in the middle of a write: said in words, nothing is torn, and with room it goes on.

The disk is a real one of two megabytes where this machine lets us mount it (root); elsewhere a limit on the
size of files stands for it, where that says the same, and the other tests are skipped.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from tests.lib.destinations.effects import effect
from tests.lib.files import CompanyFiles

from customer_health.cli.command_line import main
from customer_health.delivery.dispatch import deliver
from customer_health.destinations.preview import PreviewDestination
from customer_health.errors import CustomerHealthError, RetriableError
from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.operations.backup import back_up
from customer_health.sources.asking.raw_files import RawFiles
from customer_health.storage import read, write
from customer_health.store_faults import StoreFullError, of_disk

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)
SIZE = 2_000_000
FULL = "the disk is full"
WITHIN = 30  # seconds for mount


@dataclass
class SmallDisk:
    """A folder with little room.

    Attributes:
        folder: Where to write.
        mounted: Whether it is a disk of its own; otherwise a limit on the size of files stands for it.
    """

    folder: Path
    mounted: bool
    _limits: tuple[int, int] = field(default=(0, 0), init=False)

    def fill(self) -> None:
        """Take all room but a few blocks."""
        if not self.mounted:
            self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, self._limits[1]))
            return
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        os.truncate(self.folder / "filler", (self.folder / "filler").stat().st_size - 8192)

    def empty(self) -> None:
        """Give the room back."""
        if self.mounted:
            (self.folder / "filler").unlink(missing_ok=True)
        elif self._limits != (0, 0):
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)

    def must_be_real(self) -> None:
        """Skip where a limit would say something else, or strike other disks, too."""
        if not self.mounted:
            pytest.skip("only root may mount a disk of its own")

    def names(self) -> set[str]:
        """Every file but the filler."""
        return {path.name for path in self.folder.rglob("*") if path.is_file()} - {"filler"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    able = os.geteuid() == 0 and shutil.which("mount") is not None
    mounted = able and subprocess.run(mount, timeout=WITHIN, capture_output=True, check=False).returncode == 0
    small = SmallDisk(folder, mounted)
    try:
        yield small
    finally:
        small.empty()
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], timeout=WITHIN, capture_output=True, check=False)


BIG = os.urandom(300_000)


def a_file(path: Path) -> Callable[[], object]:
    return lambda: write(path, BIG)


def of_kind(kind: str, folder: Path, scratch: Path) -> tuple[Path, Callable[[], object]]:
    """Return the file that a kind of write makes, and the write."""
    if kind == "landed rows":
        files = RawFiles(str(folder / "landing"), "crm", "accounts")
        return folder / "landing/crm/accounts/0000001.jsonl.gz", lambda: files.write_lines(1, [BIG])
    if kind == "landed export":
        made = scratch / "out.parquet"

        def put() -> None:  # from another file system, as from /tmp in a container
            made.write_bytes(BIG)
            RawFiles(str(folder / "landing"), "events", "usage").put("2026-05-01.parquet", made)

        return folder / "landing/events/usage/2026-05-01.parquet", put
    path = {"model": "models/m1.json", "report": "reports/2026-06-01/gate.html"}[kind]
    return folder / path, a_file(folder / path)


@pytest.mark.parametrize("kind", ["landed rows", "landed export", "model", "report"])
def test_a_file_is_whole_or_the_one_before_it_and_nothing_lies_beside_it(
    disk: SmallDisk, tmp_path: Path, kind: str
) -> None:
    if kind == "landed export":
        disk.must_be_real()
    path, write_it = of_kind(kind, disk.folder, tmp_path)
    write_it()
    before = read(path)
    (path.parent / "gap").write_bytes(b"")  # a folder that exists: only the file itself finds no room
    disk.fill()
    with pytest.raises(StoreFullError, match=FULL) as stop:
        write_it()
    assert path.name in stop.value.message
    assert "retain" in stop.value.hint
    assert read(path) == before
    assert disk.names() == {path.name, "gap"}
    disk.empty()
    write_it()
    assert disk.names() == {path.name, "gap"}


def test_a_full_ledger_keeps_what_it_held_and_goes_on_with_room(disk: SmallDisk) -> None:
    disk.must_be_real()
    url = f"sqlite:///{disk.folder}/ledger.db"
    rows = [{"as_of": date(2026, 1, 2), "account_id": f"b{n}", "state": "scored", "why": "y" * 500}
            for n in range(600)]  # fmt: skip
    ledger = open_ledger(url)
    with writing(ledger) as connection:
        connection.execute(insert(schema.scores), [{**rows[0], "account_id": "kept"}])
    disk.fill()
    with pytest.raises(RetriableError, match=FULL), writing(ledger) as connection:
        connection.execute(insert(schema.scores), rows)
    ledger.dispose()
    disk.empty()
    ledger = open_ledger(url)
    with ledger.connect() as connection:
        assert connection.execute(select(func.count()).select_from(schema.scores)).scalar_one() == 1
    with writing(ledger) as connection:
        connection.execute(insert(schema.scores), rows)
    ledger.dispose()


def test_previews_wait_for_room_and_are_each_there_once(disk: SmallDisk, tmp_path: Path) -> None:
    disk.must_be_real()
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    one = effect("set_fields", fields={"note": "z" * 20_000})
    with writing(ledger) as connection:
        outbox.add(connection, [one], now=NOW)
    disk.fill()
    preview = PreviewDestination("crm", disk.folder / "preview")
    counts = deliver(ledger, preview, now=lambda: NOW)
    assert FULL in counts.stopped
    assert "Free or add disk space" in counts.remedy
    (row,) = admin.find(ledger)
    assert (row["state"], row["attempts"]) == ("pending", 0)
    assert disk.names() == set()
    disk.empty()
    later = NOW.replace(hour=7)
    assert deliver(ledger, preview, now=lambda: later).delivered == 1
    assert len([name for name in disk.names() if name.endswith(".json")]) == 1
    ledger.dispose()


def test_a_back_up_that_finds_no_room_leaves_the_home_as_it_was(disk: SmallDisk, tmp_path: Path) -> None:
    company = CompanyFiles(tmp_path)
    company.load()
    settings = company.settings.model_copy(update={"ledger_url": f"sqlite:///{tmp_path}/ledger.db"})
    disk.fill()
    home = set(settings.home.iterdir())
    try:
        with pytest.raises((CustomerHealthError, OSError)) as stop:
            back_up(settings, str(disk.folder / "back-ups"), now=NOW)
    finally:
        disk.empty()
    assert isinstance(stop.value, CustomerHealthError) or of_disk(stop.value) is not None
    assert set(settings.home.iterdir()) == home
    shutil.rmtree(disk.folder / "back-ups", ignore_errors=True)


def test_whatever_step_meets_a_full_disk_says_so_and_asks_to_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Some forty lines write; each of their errors ends in the same words, without a stack trace."""
    from customer_health.operations import thinning
    from customer_health_airflow.task_stop import TryAgainLater, plain_words

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/data/state/day.npy")

    monkeypatch.setattr(thinning, "remove_old_rows", no_room)
    assert main(["--home", str(tmp_path), "retain"]) == 75
    said = capsys.readouterr().err
    assert "/data/state/day.npy cannot be written: the disk is full" in said
    assert "Traceback" not in said

    lines = []

    class Log:
        def error(self, event: str, /, *args: object) -> None:
            lines.append(event % args)

        def debug(self, event: str, /, *args: object, **given: object) -> None:
            pass

    with pytest.raises(TryAgainLater), plain_words(Log()):
        no_room()
    assert [line.split(":")[0] for line in lines] == ["What happened", "What to do"]


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(122, "Disk quota exceeded"), "StoreFullError", "disk is full"),
        (OSError(27, "File too large"), "StoreFullError", "disk is full"),
        (OSError("160000 requested and 4096 written"), "StoreFullError", "disk is full"),
        (OSError(30, "Read-only file system"), "FatalError", "may not be written"),
        (PermissionError(13, "Permission denied"), "FatalError", "may not be written"),
        (OSError(5, "Input/output error"), "RetriableError", "the disk or its mount failed"),
        (OSError(116, "Stale file handle"), "RetriableError", "the disk or its mount failed"),
    ],
)
def test_what_a_disk_says_is_sorted(error: OSError, kind: str, words: str) -> None:
    found = of_disk(error, "/data/x")
    assert type(found).__name__ == kind
    assert found is not None
    assert found.message.startswith("/data/x ")
    assert words in found.message
    assert found.hint


def test_what_is_not_about_the_disk_is_left_alone() -> None:
    assert of_disk(FileNotFoundError(2, "No such file or directory")) is None
    assert of_disk(ConnectionError("quota exceeded for this tenant")) is None
