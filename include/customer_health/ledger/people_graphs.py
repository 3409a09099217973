"""Whom we know at each account, for the page: one champion graph per account, as of the newest day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select

from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.schema import people_graphs

_BATCH = 2_000
_LOCK = "people_graphs"


def newest_day(engine: Engine) -> date | None:
    """Return the day as of which people are known; None before the first."""
    with engine.connect() as connection:
        return connection.execute(select(func.max(people_graphs.c.as_of))).scalar()


def publish(engine: Engine, graphs: Mapping[str, Mapping[str, Any]], as_of: date) -> int:
    """Replace what was known of an earlier day, in one transaction; a later day's stays.

    Args:
        engine: The ledger.
        graphs: By account; see playbooks/champion_graph.py.
        as_of: Their day.

    Returns:
        Number of accounts; 0 where a later day is there already.
    """
    rows = [
        {"account_id": account, "as_of": as_of, "graph": dict(graph)}
        for account, graph in sorted(graphs.items())
    ]
    with writing(engine) as connection:
        serialise(connection, _LOCK)
        newest = connection.execute(select(func.max(people_graphs.c.as_of))).scalar()
        if newest is not None and newest > as_of:
            return 0
        connection.execute(delete(people_graphs))
        for start in range(0, len(rows), _BATCH):
            connection.execute(insert(people_graphs), rows[start : start + _BATCH])
    return len(rows)


def of_account(engine: Engine, account_id: str, until: date) -> Mapping[str, Any] | None:
    """Return the graph of an account; None if there is none, or if it knows of days after `until`."""
    c = people_graphs.c
    query = select(c.graph).where(c.account_id == account_id, c.as_of <= until)
    with engine.connect() as connection:
        return connection.execute(query).scalar()
