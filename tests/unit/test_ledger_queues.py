"""What a queue of 100,000 rows costs: each look at it walks an index and sorts nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from customer_health.delivery import backlog
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import queue as outbox

NOW = datetime(2026, 6, 16, 6, tzinfo=UTC)


def plans_of(engine: Engine, look: Any) -> list[str]:
    """SQLite's plan of every query that `look` asks."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    look()
    event.remove(engine, "before_cursor_execute", note)
    plans = []
    with engine.connect() as connection:
        for statement, parameters in asked:
            if statement.startswith("SELECT") and "FROM outbox" in statement:
                steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans.append("\n".join(str(step[-1]) for step in steps))
    return plans


def test_the_next_rows_are_taken_in_the_order_of_an_index(tmp_path: Path) -> None:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    lease = timedelta(minutes=5)
    plans = plans_of(
        engine,
        lambda: outbox.claim(engine, "crm", worker="w", now=NOW, limit=50, lease=lease, grace=lease),
    )
    taking = [plan for plan in plans if "CORRELATED" in plan]
    assert len(taking) == 4  # one for each state in which a row may be taken
    assert all("outbox_turn" in plan and "TEMP B-TREE" not in plan for plan in taking)


def test_overtaken_fields_are_not_looked_for_row_by_row(tmp_path: Path) -> None:
    engine = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    plans = plans_of(engine, lambda: backlog.fold(engine, "crm", now=NOW))
    assert plans
    assert not any("CORRELATED" in plan for plan in plans)
