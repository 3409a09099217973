"""Kill switches: stop a playbook or a destination now, without a deployment, and say who and why."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine, RowMapping, delete, insert, select

from customer_health.errors import FatalError
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import kill_switches as table

Kind = Literal["playbook", "destination"]


def stop(engine: Engine, kind: Kind, name: str, *, by: str, reason: str, now: datetime) -> None:
    """Stop a playbook (it logs "paused") or a destination (its effects wait, none is lost).

    Raises:
        FatalError: Without a name of the person or a reason.
    """
    if not by.strip() or len(reason.strip()) < 5:
        raise FatalError("A kill switch needs who and why.", hint="Say in a few words what is wrong.")
    with writing(engine) as connection:
        connection.execute(delete(table).where(table.c.kind == kind, table.c.name == name))
        connection.execute(
            insert(table).values(kind=kind, name=name, by=by.strip(), reason=reason.strip(), at=now)
        )


def start(engine: Engine, kind: Kind, name: str) -> bool:
    """Release a switch; False when it was not stopped."""
    with writing(engine) as connection:
        gone = connection.execute(delete(table).where(table.c.kind == kind, table.c.name == name))
        return gone.rowcount == 1


def stopped(connection: Connection, kind: Kind) -> dict[str, str]:
    """Return what is stopped, with who and why in words."""
    query = select(table).where(table.c.kind == kind)
    return {
        row["name"]: f"stopped by {row['by']}: {row['reason']}"
        for row in connection.execute(query).mappings()
    }


def all_of(engine: Engine) -> list[RowMapping]:
    """Return every switch that is thrown."""
    with engine.connect() as connection:
        return list(connection.execute(select(table).order_by(table.c.kind, table.c.name)).mappings())
