"""The written tables: they keep their contract, only grow, and two runs write the same bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from tests.lib.simulator_files import START, THROUGH, merged, shared, write

from customer_health.errors import ConfigurationError
from customer_health.simulator import canonical_exports
from customer_health.simulator.canonical_exports import write_tables
from customer_health.simulator.parquet_writer import arrow_schema
from customer_health.warehouse.table import Type
from customer_health.warehouse.tables import TABLES

Files = dict[str, list[Path]]
EMPTY = ("crm_tasks", "text_topics")  # our tasks, and what `read_texts` finds: nobody else writes them
WRITTEN = [name for name in TABLES if name != "daily_users"]  # it knows each user's events: no mere counts


@pytest.fixture(scope="module")
def files() -> Files:
    return shared()


def digests(files: Files) -> dict[str, str]:
    return {
        f"{path.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for paths in files.values()
        for path in paths
    }


@pytest.mark.parametrize("name", WRITTEN)
def test_every_row_keeps_the_contract(files: Files, name: str) -> None:
    table = TABLES[name]
    for path in files[name]:
        assert pq.read_schema(path).equals(arrow_schema(table)), path
    rows = merged(files, name)
    for column in table.delivered:
        rule, values = table.columns[column], rows[column].dropna()
        if rule.required:
            assert rows[column].notna().all(), column
        if rule.allowed:
            assert set(values) <= set(rule.allowed), column
        if rule.minimum is not None:
            assert (values >= rule.minimum).all(), column
        if rule.maximum is not None:
            assert (values <= rule.maximum).all(), column


@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_written_that_was_not_known_before_the_date(files: Files, name: str) -> None:
    midnight = pd.Timestamp(THROUGH)
    for path in files[name]:
        rows = pd.read_parquet(path)
        until = pd.Timestamp(path.stem.split("_")[1])
        lifecycle = [column for column, rule in TABLES[name].columns.items() if rule.lifecycle]
        for column in ["known_at", *lifecycle]:
            assert not (rows[column] >= until).any(), (path, column)
        assert until <= midnight
        early = pd.to_datetime(rows["occurred_at"]) > rows["known_at"]
        assert TABLES[name].scheduled or not early.any(), path


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in (*EMPTY, "crm_snapshot")])
def test_a_key_appears_once_per_file(files: Files, name: str) -> None:
    for path in files[name]:
        assert not pd.read_parquet(path).duplicated(list(TABLES[name].key)).any(), path
    assert len(merged(files, name)), name


def test_rows_belong_to_accounts_contacts_and_tickets_that_exist(files: Files) -> None:
    known = set(merged(files, "accounts")["account_id"])
    for name in WRITTEN:
        named = merged(files, name)["account_id"]
        booked = name == "calendar"  # no account: a time of our own; a first call is booked before it is one
        assert set(named.dropna()) <= known or booked, name
    contacts, tickets = (
        set(merged(files, "contacts")["contact_id"]),
        set(merged(files, "tickets")["ticket_id"]),
    )
    assert set(merged(files, "ticket_messages")["ticket_id"]) <= tickets
    spoken = merged(files, "interactions")["contact_id"].dropna()
    assert spoken.isin(contacts).mean() > 0.97  # a successor is in the CRM up to two weeks late


def test_writing_twice_gives_the_same_bytes_and_adds_nothing(files: Files, tmp_path: Path) -> None:
    again = write(tmp_path)
    assert digests(again) == digests(files)

    before = {path: path.stat().st_mtime_ns for paths in again.values() for path in paths}
    assert write(tmp_path) == again
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_where_every_file_is_there_nobody_lives_through_it_again(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that was never written looked as if it were missing: every load simulated the whole past."""

    def again(**_: object) -> None:
        pytest.fail("the company was simulated once more")

    monkeypatch.setattr(canonical_exports, "build_world", again)
    assert write(next(path.parent.parent for paths in files.values() for path in paths)) == files


@dataclass(frozen=True)
class Grown:
    """A folder that was written in steps: what the first step wrote, and the files at the end."""

    first: dict[str, str]
    files: Files


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    folder = tmp_path_factory.mktemp("grown")
    first = digests(write(folder, THROUGH - timedelta(days=40)))
    for days in (2, 1, 0):
        files = write(folder, THROUGH - timedelta(days=days))
    return Grown(first, files)


def test_a_later_date_adds_files_and_touches_none(grown: Grown) -> None:
    after = digests(grown.files)
    assert grown.first.items() <= after.items()
    assert len(after) > len(grown.first)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in EMPTY])
def test_growing_day_by_day_tells_the_same_story_as_writing_at_once(
    files: Files, grown: Grown, name: str
) -> None:
    """Tickets solved and invoices paid meanwhile come again under their key."""
    order = TABLES[name].delivered
    pd.testing.assert_frame_equal(merged(grown.files, name)[order], merged(files, name)[order])


def test_a_folder_of_another_company_is_refused(tmp_path: Path) -> None:
    write(tmp_path, START + timedelta(days=10), accounts=60)
    with pytest.raises(ConfigurationError, match="another simulated company"):
        write(tmp_path, START + timedelta(days=20), accounts=61)


def test_a_date_before_the_company_began_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing is known before"):
        write(tmp_path, START)


@pytest.mark.parametrize(
    "wrong", [{"start": START + timedelta(days=1)}, {"seat_scale": 0.0}, {"accounts": 0}]
)
def test_a_refused_company_leaves_nothing_behind(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Else the corrected call would meet the folder of the wrong one."""
    right = {"start": START, "through": START + timedelta(days=9), "accounts": 60}
    with pytest.raises(ConfigurationError):
        write_tables(tmp_path, **(right | wrong))
    assert list(tmp_path.iterdir()) == []


def test_dates_are_dates_and_moments_have_no_zone() -> None:
    schema = arrow_schema(TABLES["usage"])
    assert str(schema.field("occurred_at").type) == "date32[day]"
    assert str(schema.field("known_at").type) == "timestamp[us]"
    assert TABLES["usage"].columns["occurred_at"].type is Type.DATE
