"""No step relies on being alone: what another one commits in the middle is neither lost nor let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from customer_health.errors import RetriableError
from customer_health.warehouse import gate
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import create_tables, next_load_id, scalar
from customer_health.warehouse.tables import TABLES

AS_OF = date(2026, 6, 1)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[Any]:
    """A warehouse file; each cursor of it is a session with transactions of its own."""
    with open_warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb") as con:
        create_tables(con)
        load(con, "a1")
        yield con


def load(con: Any, account: str) -> str:
    """Commit one load: an account, its contract, and a ticket of an account that does not exist."""
    name = next_load_id(con)
    con.execute("BEGIN")
    seen = "'2026-05-01', '2026-05-01', 'test', 'file.csv', 1"
    provenance = "occurred_at, known_at, _source, _file, _row, _load_id"
    con.execute(
        f"INSERT INTO raw.accounts (account_id, name, {provenance}) VALUES (?, ?, {seen}, ?)",
        [account, account, name],
    )
    con.execute(
        f"INSERT INTO raw.contracts (contract_id, account_id, seats, arr, {provenance}) "
        f"VALUES (?, ?, 5, 1000, {seen}, ?)",
        [account, account, name],
    )
    con.execute(
        f"INSERT INTO raw.tickets (ticket_id, account_id, priority, {provenance}) "
        f"VALUES (?, 'nobody', 'low', {seen}, ?)",
        [account, name],
    )
    for table in ("accounts", "contracts", "tickets"):
        con.execute(
            "INSERT INTO ops.loads VALUES (?, ?, 'test', ?, 'file.csv', 1, 'dlt', false)",
            [name, AS_OF, table],
        )
    con.execute("COMMIT")
    return name


class Interrupted:
    """A connection in front of whose n-th statement another session commits something."""

    def __init__(self, con: Any, at: int, between: Callable[[Any], None]) -> None:
        self._con, self._at, self._between = con, at, between
        self.statements = 0

    def execute(self, *arguments: Any) -> Any:
        if self.statements == self._at:
            self._between(self._con.cursor())
        self.statements += 1
        return self._con.execute(*arguments)


def gate_tickets(con: Any, *, at: int) -> int:
    """Let a load be committed before statement `at` of the gate over tickets; return how many there are."""
    interrupted = Interrupted(con, at, lambda other: load(other, "a2"))
    gate._gate_table(interrupted, TABLES["tickets"], AS_OF, AS_OF, 1.0)  # type: ignore[arg-type]
    return interrupted.statements


def test_a_load_that_is_committed_while_the_gate_works_is_judged_by_it_or_by_the_next(tmp_path: Path) -> None:
    """Each load brings one bad ticket: once it is marked as seen, its ticket is in quarantine."""
    at, statements = 0, 1
    while at < statements:
        with open_warehouse("duckdb://") as con:
            create_tables(con)
            load(con, "a1")
            statements = gate_tickets(con, at=at)
            left = "SELECT load_id FROM ops.loads WHERE table_name = 'tickets' AND NOT gated"
            bad = "SELECT _load_id FROM raw.tickets"
            assert con.execute(left).fetchall() == con.execute(bad).fetchall(), f"statement {at}"
            if con.execute(left).fetchall():
                with pytest.raises(RetriableError, match=r"contracts yet: .*tickets \(1 load\)"):
                    gate.require_gated(con)
            gate_tickets(con, at=-1)
            assert scalar(con, "SELECT count(*) FROM raw.tickets") == 0
            assert scalar(con, "SELECT count(*) FROM quarantine.rows") == 2
        at += 1
    assert statements > 10


def test_two_loads_that_begin_together_are_two(con: Any) -> None:
    one, other = con.cursor(), con.cursor()
    one.execute("BEGIN")
    other.execute("BEGIN")
    first, second = next_load_id(one), next_load_id(other)
    one.execute("ROLLBACK")
    other.execute("COMMIT")
    third = next_load_id(con)
    assert first < second < third


def test_a_warehouse_of_an_earlier_version_goes_on_counting_where_it_was(tmp_path: Path) -> None:
    with open_warehouse("duckdb://") as con:
        create_tables(con)
        con.execute("INSERT INTO ops.loads (load_id, gated) VALUES ('load-000041', true)")
        assert next_load_id(con) == "load-000042"
