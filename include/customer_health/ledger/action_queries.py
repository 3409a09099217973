"""The outbox as the page lists it: filtered, paged, newest first, silent field updates apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Engine, RowMapping, func, select

from customer_health.ledger.portfolio_filters import NOBODY
from customer_health.ledger.schema import outbox, score_runs, task_states
from customer_health.ledger.schema_page import portfolio_rows

SILENT = "set_fields"  # a changed value in the CRM: thousands a week, and nobody's to do
_C = outbox.c
_AT_ONCE = 500


@dataclass(frozen=True)
class ActionFilters:
    """Which actions; empty for all but silent field updates.

    Attributes:
        destination: Where they land.
        verb: What is done; `set_fields` for the silent ones.
        state: Where they stand.
        playbook: Who asked for them.
        owner: Owner of the account on the newest day; `-` for accounts without one.
        day: The as-of date that asked for them.
        account: Id of the account.
    """

    destination: str = ""
    verb: str = ""
    state: str = ""
    playbook: str = ""
    owner: str = ""
    day: date | None = None
    account: str = ""


def listing(engine: Engine, wanted: ActionFilters, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
    """Return actions, newest first, each with its account's `name` and `owner_email` and its task's state."""
    query = select(outbox).where(*_matching(wanted)).order_by(_C.created_at.desc(), _C.key)
    with engine.connect() as connection:
        rows = list(connection.execute(query.limit(limit).offset(offset)).mappings())
    return _with_names(engine, rows)


def waiting(engine: Engine, *, limit: int) -> list[dict[str, Any]]:
    """Return what waits for a person's approval, what expires first at the top."""
    query = select(outbox).where(_C.state == "awaiting_approval").order_by(_C.expires_at, _C.key)
    with engine.connect() as connection:
        rows = list(connection.execute(query.limit(limit)).mappings())
    return _with_names(engine, rows)


def one(engine: Engine, key: str) -> dict[str, Any] | None:
    """Return one action, or None."""
    with engine.connect() as connection:
        rows = list(connection.execute(select(outbox).where(_C.key == key)).mappings())
    return next(iter(_with_names(engine, rows)), None)


def count(engine: Engine, wanted: ActionFilters) -> int:
    """Return how many actions `listing` would list in all."""
    with engine.connect() as connection:
        query = select(func.count()).select_from(outbox).where(*_matching(wanted))
        return int(connection.execute(query).scalar_one())


def choices(engine: Engine) -> dict[str, list[str]]:
    """Return destinations, verbs and playbooks that occur."""
    with engine.connect() as connection:
        return {
            name: sorted(connection.execute(select(column).distinct()).scalars())
            for name, column in (
                ("destination", _C.destination),
                ("verb", _C.verb),
                ("playbook", _C.playbook),
            )
        }


def _matching(wanted: ActionFilters) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [_C.verb == wanted.verb if wanted.verb else _C.verb != SILENT]
    for column, value in (
        (_C.destination, wanted.destination),
        (_C.state, wanted.state),
        (_C.playbook, wanted.playbook),
        (_C.as_of, wanted.day),
        (_C.account_id, wanted.account),
    ):
        if value:
            where.append(column == value)
    if wanted.owner:
        p = portfolio_rows.c
        owner = p.owner_email.is_(None) if wanted.owner == NOBODY else p.owner_email == wanted.owner
        newest = select(func.max(score_runs.c.as_of)).scalar_subquery()
        where.append(_C.account_id.in_(select(p.account_id).where(p.as_of == newest, owner)))
    return where


def _with_names(engine: Engine, rows: Sequence[RowMapping]) -> list[dict[str, Any]]:
    accounts, keys = sorted({row["account_id"] for row in rows}), [row["key"] for row in rows]
    p, known, tasks = portfolio_rows.c, dict[str, Mapping[Any, Any]](), dict[str, Mapping[Any, Any]]()
    with engine.connect() as connection:
        newest = connection.execute(select(func.max(score_runs.c.as_of))).scalar()
        for start in range(0, len(accounts), _AT_ONCE):
            query = select(p.account_id, p.name, p.owner_email, p.tier, p.score_shown).where(
                p.as_of == newest, p.account_id.in_(accounts[start : start + _AT_ONCE])
            )
            known.update({row["account_id"]: row for row in connection.execute(query).mappings()})
        for start in range(0, len(keys), _AT_ONCE):
            some = select(task_states).where(task_states.c.effect_key.in_(keys[start : start + _AT_ONCE]))
            tasks.update({row["effect_key"]: row for row in connection.execute(some).mappings()})
    nobody = {"name": None, "owner_email": None, "tier": None, "score_shown": None}
    return [
        {
            **row,
            **{name: known.get(row["account_id"], nobody)[name] for name in nobody},
            "task": tasks.get(row["key"]),
        }
        for row in rows
    ]
