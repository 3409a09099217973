"""A store that is damaged, full, stopped or locked: what happened, what to do, and nothing is torn."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from tests.lib.airflow_env import ROOT

from customer_health.errors import ConfigurationError, CustomerHealthError, FatalError, RetriableError
from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.store_faults import of_store
from customer_health.warehouse.connect import open_warehouse

WITHIN = 120  # seconds


def garbage(path: Path) -> None:
    path.write_bytes(b"This is a letter, not a database. " * 500)


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])


def scratched(path: Path) -> None:
    """Every byte behind the first block is another one."""
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(byte ^ 0x5A for byte in data[4096:])
    path.write_bytes(bytes(data))


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARM = [garbage, cut, scratched, a_folder]


def a_warehouse(folder: Path) -> Path:
    path = folder / "warehouse.duckdb"
    with open_warehouse(f"duckdb:///{path}") as con:
        con.execute("CREATE TABLE raw.t AS SELECT range AS n, repeat('x', 50) AS x FROM range(200000)")
    return path


def read_all(path: Path) -> int:
    with open_warehouse(f"duckdb:///{path}") as con:
        return int(con.execute("SELECT count(*) FROM raw.t WHERE x > ''").fetchall()[0][0])


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_warehouse_says_so_and_a_copy_put_back_is_read(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = a_warehouse(tmp_path)
    shutil.copy(path, tmp_path / "copy")
    harm(path)
    with pytest.raises(FatalError) as stop:
        read_all(path)
    assert str(path) in stop.value.message
    assert stop.value.hint
    if path.is_dir():
        path.rmdir()
    shutil.copy(tmp_path / "copy", path)
    assert read_all(path) == 200_000


def a_ledger(folder: Path, rows: int = 2000) -> Path:
    path = folder / "ledger.db"
    engine = open_ledger(f"sqlite:///{path}")
    day = {"as_of": date(2026, 1, 1), "state": "scored", "why": "x" * 100}
    with writing(engine) as connection:
        connection.execute(insert(schema.scores), [{**day, "account_id": f"a{n}"} for n in range(rows)])
    engine.dispose()
    return path


def count_scores(path: Path) -> int:
    engine = open_ledger(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            query = select(func.count()).select_from(schema.scores).where(schema.scores.c.why > "")
            return int(connection.execute(query).scalar_one())
    finally:
        engine.dispose()


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_ledger_says_so_and_a_copy_put_back_is_read(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = a_ledger(tmp_path)
    shutil.copy(path, tmp_path / "copy")
    harm(path)
    with pytest.raises(FatalError) as stop:
        count_scores(path)
    assert str(path) in stop.value.message
    assert stop.value.hint
    if path.is_dir():
        path.rmdir()
    for left in tmp_path.glob("ledger.db-*"):
        left.unlink()
    shutil.copy(tmp_path / "copy", path)
    assert count_scores(path) == 2000


def test_a_ledger_that_somebody_holds_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from customer_health.ledger import engine as opening

    path = a_ledger(tmp_path, rows=1)
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.2)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    ledger = open_ledger(f"sqlite:///{path}")
    with pytest.raises(opening.LedgerBusyError), writing(ledger):
        pass
    holder.execute("ROLLBACK")
    with writing(ledger) as connection:
        connection.execute(schema.scores.delete())
    assert count_scores(path) == 0


def test_a_ledger_that_may_not_be_written_says_who_may_not(tmp_path: Path) -> None:
    path = a_ledger(tmp_path, rows=1)
    engine = open_ledger(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(FatalError, match="may not be written"):
            connection.execute(schema.scores.delete())
    engine.dispose()
    assert count_scores(path) == 1


def test_a_full_ledger_keeps_nothing_of_the_transaction_and_goes_on_with_room(tmp_path: Path) -> None:
    path = a_ledger(tmp_path, rows=10)
    engine = open_ledger(f"sqlite:///{path}")
    rows = [
        {"as_of": date(2026, 1, 2), "account_id": f"b{n}", "state": "scored", "why": "y" * 500}
        for n in range(4000)
    ]
    with writing(engine) as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 60")
        with pytest.raises(RetriableError, match="the disk is full"):
            connection.execute(insert(schema.scores), rows)
    engine.dispose()
    assert count_scores(path) == 10
    again = open_ledger(f"sqlite:///{path}")
    with writing(again) as connection:
        connection.execute(insert(schema.scores), rows)
    assert count_scores(path) == 4010


FILL = """
import sys
from customer_health.errors import CustomerHealthError
from customer_health.warehouse.connect import open_warehouse
try:
    with open_warehouse(sys.argv[1]) as con:
        con.execute("CREATE TABLE raw.big AS SELECT md5(range::VARCHAR) FROM range(3_000_000)")
except CustomerHealthError as error:
    print(type(error).__name__, "|", error.message, "|", error.hint)
"""


def test_a_full_disk_under_the_warehouse_keeps_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write fails in the middle of a statement."""
    path = a_warehouse(tmp_path)
    limit = path.stat().st_size + 4_000_000
    done = subprocess.run(
        [sys.executable, "-c", FILL, f"duckdb:///{path}"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "include")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True, text=True, timeout=WITHIN, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("StoreFullError |"), (done.stdout, done.stderr[-2000:])
    assert "Free or add disk space" in done.stdout
    assert read_all(path) == 200_000


def test_a_ledger_whose_server_is_stopped_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(RetriableError, match="does not answer") as stop:
        open_ledger("postgresql+psycopg2://ledger:secret-canary@127.0.0.1:9/ledger")
    assert "secret-canary" not in str(stop.value)


def test_a_warehouse_of_a_newer_version_names_the_way_back(tmp_path: Path) -> None:
    path = a_warehouse(tmp_path)
    data = bytearray(path.read_bytes())
    place = data.index(b"DUCK") + 4  # the number of the storage format follows the word
    data[place : place + 8] = (9999).to_bytes(8, "little")
    path.write_bytes(bytes(data))
    with pytest.raises((ConfigurationError, FatalError)) as stop:
        read_all(path)
    assert stop.value.hint


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("could not connect to server: Connection refused", RetriableError),
        ("FATAL:  the database system is in recovery mode", RetriableError),
        ("server closed the connection unexpectedly", RetriableError),
        ('could not extend file "base/1": No space left on device', RetriableError),
        ("ERROR:  invalid page in block 7 of relation base/16384", FatalError),
        ('FATAL:  password authentication failed for user "ledger"', ConfigurationError),
        ("cannot execute INSERT in a read-only transaction", FatalError),
    ],
)
def test_what_postgres_says_is_sorted(words: str, kind: type[CustomerHealthError]) -> None:
    found = of_store("ledger", "postgresql://ledger@db/ledger", RuntimeError(words))
    assert isinstance(found, kind)
    assert found.hint


def test_what_is_not_about_the_store_is_left_alone() -> None:
    assert of_store("ledger", "x", ValueError("duplicate key value violates unique constraint")) is None


def test_many_that_open_a_new_ledger_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """Workers of one host start together on the first night; none may find the ledger "held by another"."""
    for number in range(25):
        url, errors, gate = (
            f"sqlite:///{tmp_path}/{number}/ledger.db",
            list[Exception](),
            threading.Barrier(6),
        )

        def opens(url: str = url, errors: list[Exception] = errors, gate: threading.Barrier = gate) -> None:
            gate.wait(timeout=30)
            try:
                open_ledger(url).dispose()
            except Exception as error:  # shown by the assertion below
                errors.append(error)

        threads = [threading.Thread(target=opens) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert errors == []
