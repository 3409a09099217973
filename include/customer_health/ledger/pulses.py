"""CSMs' pulses: how the person who knows the customer feels about them, from 1 (lost) to 5 (delighted)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, RowMapping, insert, select

from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import pulses, scores

FRESH = timedelta(days=90)  # an older feeling says nothing about today


def record(engine: Engine, account_id: str, pulse: int, *, by: str, note: str, now: datetime) -> None:
    """Keep a pulse; earlier ones stay, and the newest counts.

    Raises:
        ConfigurationError: It is not from 1 to 5, or nobody knows the account.
        FatalError: Nobody's name.
    """
    if not by.strip():
        raise FatalError("A pulse needs a name.", hint="Say who feels so.")
    if not 1 <= pulse <= 5:
        raise ConfigurationError(f"A pulse of {pulse} is not from 1 to 5.", hint="1 is lost, 5 is delighted.")
    with writing(engine) as connection:
        known = connection.execute(
            select(scores.c.account_id).where(scores.c.account_id == account_id).limit(1)
        )
        if known.first() is None:
            raise ConfigurationError(
                f"No score of '{account_id}' was ever published.",
                hint="Use the id that the page shows.",
            )
        row = {"account_id": account_id, "pulse": pulse, "by": by.strip(), "note": note.strip(), "at": now}
        connection.execute(insert(pulses).values(row))


def newest(engine: Engine, before: datetime) -> dict[str, RowMapping]:
    """Return each account's newest fresh pulse given before a moment."""
    c = pulses.c
    query = select(pulses).where(c.at < before, c.at >= before - FRESH).order_by(c.at, c.id)
    with engine.connect() as connection:
        return {row["account_id"]: row for row in connection.execute(query).mappings()}


def every(engine: Engine) -> list[RowMapping]:
    """Return all pulses ever given, oldest first."""
    with engine.connect() as connection:
        return list(connection.execute(select(pulses).order_by(pulses.c.id)).mappings())
