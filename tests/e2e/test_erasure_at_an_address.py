"""The same two wishes where previews, reports and landed answers lie in an object store."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_health.errors import RetriableError
from customer_health.ledger import erasures
from customer_health.ledger.engine import open_ledger
from customer_health.operations.erasure import erase, export
from customer_health.settings import Settings
from customer_health.storage import files_below
from customer_health.warehouse.connect import open_warehouse
from tests.e2e.test_erasure import (
    ASKED,
    DAY,
    NOW,
    everything,
    lived,
    night,
    settings_at,
    some_account,
    some_person,
)

__all__ = ["lived"]  # one night of a small company, lived once
pytestmark = pytest.mark.slow
MEMORY = fsspec.filesystem("memory")
STORAGE, LANDING = "memory://bucket/health", "memory://bucket/landing"


@pytest.fixture
def settings(lived: Path, tmp_path: Path) -> Iterator[Settings]:
    """Previews and reports were copied to an address, as docs/production.md says; answers landed at one."""
    MEMORY.store.clear()
    shutil.copytree(lived, tmp_path / "home")
    for kind in ("preview", "reports"):
        folder = tmp_path / "home" / kind
        for file in files_below(folder):
            MEMORY.pipe_file(f"/bucket/health/{kind}/{file.name}", file.path.read_bytes())
        shutil.rmtree(folder)
    yield settings_at(tmp_path / "home").model_copy(update={"storage": STORAGE, "landing": LANDING})
    MEMORY.store.clear()


def landed(settings: Settings, account: str, contact: str) -> None:
    """Answers of two vendors, as lines, as a table, and as digests of rows that may come again."""
    rows = [{"id": account, "name": "Gone"}, {"id": "other", "by": contact}, {"id": "stays"}]
    lines = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    table = io.BytesIO()
    pq.write_table(pa.table({"account": [account, "b", "c"], "user": ["u", contact, "v"]}), table)
    seen = gzip.compress(json.dumps({f"{account}|1": "aa", f"{contact}|1": "bb", "c|1": "cc"}).encode())
    for name, data in {
        "crm/accounts/0000001.jsonl.gz": lines,
        "crm/accounts/_seen-0000001.json.gz": seen,
        "events/usage/2026-03-01.parquet": table.getvalue(),
    }.items():
        MEMORY.pipe_file(f"/bucket/landing/{name}", data)
    with open_warehouse(settings.warehouse_url) as con:
        for source, file in (("crm", "accounts/0000001.jsonl.gz"), ("events", "usage/2026-03-01.parquet")):
            con.execute(
                "INSERT INTO ops.files (source, file, table_name, size, modified, sha256) "
                "VALUES (?, ?, 'accounts', 1, 'before', 'before')",
                [source, file],
            )


def stored() -> str:
    """Every name and every word that the object store holds."""
    parts = []
    for name in MEMORY.find("/bucket"):
        data = MEMORY.cat_file(name)
        if name.endswith(".gz"):
            data = gzip.decompress(data)
        elif name.endswith(".parquet"):
            data = json.dumps(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
        elif name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                data = b"".join(archive.read(one) for one in archive.namelist())
        parts.append(f"{name} {data.decode(errors='replace')}")
    return "\n".join(parts)


def test_an_erased_account_is_nowhere_in_the_store_and_the_receipt_names_the_places(
    settings: Settings, tmp_path: Path
) -> None:
    account = some_account(settings)
    landed(settings, account, some_person(settings)[0])
    assert account in stored()
    export(settings, "account", account, tmp_path / "out")
    given = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert "landed/rows.jsonl" in given
    assert any(name.startswith("preview/") for name in given)

    result = erase(settings, "account", account, now=NOW, **ASKED)
    assert account not in stored()
    assert account not in everything(settings)
    (receipt,) = erasures.receipts(open_ledger(settings.ledger_url))
    assert receipt["counts"][f"preview at {STORAGE}/preview"] > 0
    assert receipt["counts"][f"landing at {LANDING}"] == 3
    assert any(f"keeps versions of its objects, remove the old ones there, too: {STORAGE}/preview" in line
               for line in result.lines())  # fmt: skip
    assert any("stays" in line for line in stored().splitlines())
    with open_warehouse(settings.warehouse_url) as con:
        known = con.execute("SELECT size, sha256 FROM ops.files WHERE source IN ('crm', 'events')").fetchall()
    assert all(size > 1 and digest != "before" for size, digest in known)  # taken as read: not loaded again

    night(settings, DAY + timedelta(days=1))  # the source still has it
    assert f"health/preview/{DAY + timedelta(days=1)}" in stored()
    assert account not in stored()


def test_an_erased_person_is_nowhere_in_the_store(settings: Settings) -> None:
    contact, user, account = some_person(settings)
    landed(settings, account, contact)
    MEMORY.pipe_file("/bucket/health/reports/note.md", f"Asked {contact} about the seats.".encode())
    erase(settings, "person", user, now=NOW, **ASKED)
    for one in (contact, user):
        assert f'"{one}"' not in stored()
        assert f" {one} " not in stored()
    assert account in stored()


def test_a_store_that_fails_half_way_is_said_and_a_second_run_finishes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = some_account(settings)
    landed(settings, account, some_person(settings)[0])
    system = type(MEMORY)

    def refuse(self: object, path: str, *args: object, **kwargs: object) -> None:
        raise ConnectionError("the bucket's region does not answer")

    for name in ("pipe_file", "cat_file"):
        with monkeypatch.context() as broken:
            broken.setattr(system, name, refuse)
            with pytest.raises(RetriableError, match=r"memory://bucket/.*does not answer") as stop:
                erase(settings, "account", account, now=NOW, **ASKED)
            assert "list, read, write and delete there" in stop.value.hint
    assert account in stored()
    erase(settings, "account", account, now=NOW, **ASKED)
    assert account not in stored()
    assert len(erasures.receipts(open_ledger(settings.ledger_url))) == 1
