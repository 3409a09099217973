"""What a hostile file, name or statement might try through the warehouse's engine ends at its own folders."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import duckdb
import pytest

from customer_health.csv_cells import harmless
from customer_health.sources.asking.exports import seal as seal_of_exports
from customer_health.warehouse.connect import open_warehouse, seal
from customer_health.warehouse.losses.derive import Derived, Lapsed, write_lapsed

ESCAPES = (
    "SELECT * FROM read_text('{outside}/secret.txt')",
    "SELECT * FROM read_csv('{inside}/../outside/secret.txt')",
    "COPY (SELECT 1) TO '{outside}/taken.csv'",
    "ATTACH '{outside}/other.duckdb' AS other",
    "EXPORT DATABASE '{outside}/all'",
    "INSTALL httpfs",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("inside", "outside")}
    for folder in made.values():
        folder.mkdir()
    (made["outside"] / "secret.txt").write_text("hunter2")
    (made["inside"] / "data.csv").write_text("a\n1\n")
    return made


@pytest.mark.parametrize("statement", ESCAPES)
@pytest.mark.parametrize("locked", [True, False])
def test_no_statement_leaves_the_folders_of_the_load(
    folders: dict[str, Path], statement: str, locked: bool
) -> None:
    url = f"duckdb:///{folders['inside']}/warehouse.duckdb"
    with open_warehouse(url, reads=[folders["inside"]], locked=locked) as con:
        assert con.execute(f"SELECT a FROM read_csv('{folders['inside']}/data.csv')").fetchall() == [(1,)]
        with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
            con.execute(statement.format(**folders)).fetchall()
    assert sorted(path.name for path in folders["outside"].iterdir()) == ["secret.txt"]


def test_a_step_that_reads_no_files_can_read_none(folders: dict[str, Path]) -> None:
    with (
        open_warehouse(f"duckdb:///{folders['inside']}/warehouse.duckdb") as con,
        pytest.raises(duckdb.PermissionException),
    ):
        con.execute(f"SELECT * FROM read_csv('{folders['inside']}/data.csv')").fetchall()


def test_a_link_out_of_the_folder_of_downloads_is_not_followed_by_a_relative_path(
    folders: dict[str, Path],
) -> None:
    assert seal_of_exports is seal
    with duckdb.connect() as con:
        seal(con, [folders["inside"]])
        with pytest.raises(duckdb.PermissionException):
            con.execute(f"SELECT * FROM read_text('{folders['inside']}/../outside/secret.txt')").fetchall()


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_computes_nothing_that_came_from_outside(tmp_path: Path, cell: str) -> None:
    lapsed = Lapsed(account_id=cell, term_end=date(2026, 1, 1), last_used=date(2026, 2, 1), arr=5.0)
    path = write_lapsed(Derived(lapsed=[lapsed]), tmp_path)
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = list(csv.reader(file))[1:]
    assert row[0] == f"'{cell}"
    assert harmless("Acme = Co") == "Acme = Co"
