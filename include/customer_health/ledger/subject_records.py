"""Everything that the ledger holds about an account or a person: found once, for handing out and for erasing.

Rows that are an account's own go. Rows that only mention the subject (a weekly digest, an approver's remark)
stay, without the mention.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    String,
    Table,
    and_,
    cast,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy import Text as SqlText

from customer_health.errors import RetriableError
from customer_health.ledger import schema
from customer_health.ledger.engine import writing
from customer_health.subject import Subject

Rows = dict[str, list[dict[str, Any]]]
IN_FLIGHT = ("claimed", "sending", "checking")
_BATCH = 500
# Rows that hang on another row instead of naming the account themselves; they go first.
_CHILDREN = (
    (schema.deliveries.c.key, schema.outbox.c.key),
    (schema.task_states.c.effect_key, schema.outbox.c.key),
    (schema.episode_events.c.episode_id, schema.episodes.c.episode_id),
)
_OURS = (schema.alembic_version, schema.ledger_version, schema.erasures)


def records_of(engine: Engine, subject: Subject) -> Rows:
    """Return every row that concerns the subject, by table."""
    found: Rows = {}
    with engine.connect() as connection:
        for table, condition in _own(connection, subject):
            rows = connection.execute(select(table).where(condition)).mappings()
            found.setdefault(table.name, []).extend(dict(row) for row in rows)
        for table, row, _ in _mentions(connection, subject):
            if row not in found.setdefault(table.name, []):
                found[table.name].append(row)
    return {name: rows for name, rows in found.items() if rows}


def landed(engine: Engine, subject: Subject, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what destinations hold about the subject: destination, kind, verb, remote_id, state and when.

    Args:
        engine: The ledger.
        subject: An account; a person's is what mentions them.
        kinds: What stands behind each destination; previews are files of ours.
    """
    c = schema.outbox.c
    sent = select(schema.outbox).where(
        c.state.in_(("delivered", "unknown")), c.delivered_at.is_not(None) | (c.state == "unknown")
    )
    with engine.connect() as connection:
        rows = connection.execute(sent.order_by(c.delivered_at, c.key)).mappings()
        return _let_go(connection, subject, kinds) + [
            {
                "destination": row["destination"],
                "kind": kinds.get(row["destination"], ""),
                "verb": row["verb"],
                "remote_id": row["remote_id"],
                "state": row["state"],
                "at": str(row["delivered_at"] or row["sending_at"]),
            }
            for row in rows
            if kinds.get(row["destination"]) != "preview"
            and (row["account_id"] in subject.ids or subject.mentioned(row["payload"]))
        ]  # fmt: skip


def _let_go(connection: Connection, subject: Subject, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """What was sent so long ago that only its key and remote id are kept; a person's mention is unknown."""
    r = schema.retired_effects.c
    query = select(schema.retired_effects).where(r.account_id.in_(subject.ids), r.remote_id.is_not(None))
    return [
        {
            "destination": row["destination"],
            "kind": kinds.get(row["destination"], ""),
            **{name: row[name] for name in ("verb", "remote_id", "state")},
            "at": str(row["as_of"]),
        }
        for row in connection.execute(query.order_by(r.as_of, r.key)).mappings()
        if kinds.get(row["destination"]) != "preview"
    ]


def erase_records(engine: Engine, subject: Subject, text_hashes: Sequence[str] = ()) -> dict[str, int]:
    """Remove the subject, in one transaction; return the number of rows by table.

    Args:
        engine: The ledger.
        subject: Whom.
        text_hashes: Of the texts that nobody else wrote; what a model answered about them goes too.

    Raises:
        RetriableError: An effect of the account is on its way at this moment.
    """
    counts: dict[str, int] = {}
    with writing(engine) as connection:
        _refuse_in_flight(connection, subject)
        for table, condition in _own(connection, subject):
            gone = connection.execute(delete(table).where(condition)).rowcount
            counts[table.name] = counts.get(table.name, 0) + gone
        for table, row, clean in list(_mentions(connection, subject)):
            connection.execute(update(table).where(_is(table, row)).values(clean))
            counts[table.name] = counts.get(table.name, 0) + 1
        answers = schema.text_answers
        for part in _parts(text_hashes):
            gone = connection.execute(delete(answers).where(answers.c.content_hash.in_(part))).rowcount
            counts[answers.name] = counts.get(answers.name, 0) + gone
    return counts


def _refuse_in_flight(connection: Connection, subject: Subject) -> None:
    c = schema.outbox.c
    moving = select(c.key).where(c.account_id.in_(subject.ids), c.state.in_(IN_FLIGHT))
    if subject.kind == "account" and (key := connection.execute(moving).scalar()):
        raise RetriableError(
            f"Effect {key} is on its way to its destination now; nothing was erased in the ledger.",
            hint="Run the same command again in a few minutes.",
        )


def _own(connection: Connection, subject: Subject) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Yield the rows that are the account's own, those first that hang on others."""
    if subject.kind != "account":
        return
    for child, parent in _CHILDREN:
        named = parent.table.c.account_id.in_(subject.ids)
        ids = connection.execute(select(parent).where(named)).scalars().all()
        for part in _parts(ids):
            yield child.table, child.in_(part)
    for table in reversed(schema.metadata.sorted_tables):
        if "account_id" in table.c:
            yield table, table.c.account_id.in_(subject.ids)


def _mentions(
    connection: Connection, subject: Subject
) -> Iterator[tuple[Table, dict[str, Any], dict[str, Any]]]:
    """Yield rows of others that mention the subject: table, row, and the cells as they should be."""
    for table in schema.metadata.sorted_tables:
        columns = [column for column in table.columns if _holds_words(column)]
        if table in _OURS or not columns:
            continue
        likes = [
            cast(column, SqlText).contains(needle, autoescape=True)
            for column in columns
            for needle in subject.needles
        ]
        rows = connection.execute(select(table).where(or_(*likes))).mappings().all()
        for row in rows:
            clean = {column.name: subject.scrubbed(row[column.name]) for column in columns}
            changed = {name: value for name, value in clean.items() if value != row[name]}
            if changed and not ("account_id" in row and row["account_id"] in subject.ids):
                yield table, dict(row), changed


def _holds_words(column: Column[Any]) -> bool:
    return isinstance(column.type, String | JSON) and not column.primary_key and not column.foreign_keys


def _is(table: Table, row: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(column == row[column.name] for column in table.primary_key.columns))


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]
