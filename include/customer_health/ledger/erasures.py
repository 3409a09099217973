"""Receipts of erasures. They prove what was done and keep the erased out, and hold no erased id."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from customer_health.errors import FatalError
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import erasures


def begin(
    engine: Engine, kind: str, ids: Sequence[str], *, by: str, reason: str, now: datetime
) -> RowMapping:
    """Write the receipt, or return the one of an earlier erasure of the same subject.

    From here on what comes back under these ids is kept out, even if this erasure is killed.

    Raises:
        FatalError: Nobody signs, or there is no reason.
    """
    if not by.strip() or len(reason.strip()) < 3:
        raise FatalError("An erasure needs a name and a reason.", hint="Say who decides, and why.")
    with writing(engine) as connection:
        salt = _salt(connection)
        digests = sorted(digest(salt, one) for one in ids)
        if kind == "person":
            digests = sorted({*digests, *_of_members(connection, digests)})
        known = _known(connection, kind, digests)
        if known is None:
            values = {
                "receipt_id": f"er-{digests[0][:20]}",
                "kind": kind,
                "salt": salt,
                "digests": digests,
                "by": by.strip(),
                "reason": reason.strip(),
                "started_at": now,
                "counts": {},
                "outside": [],
            }
            connection.execute(insert(erasures).values(values))
        else:
            both = sorted({*known["digests"], *digests})
            this = erasures.c.receipt_id == known["receipt_id"]
            connection.execute(update(erasures).where(this).values(digests=both))
        found = _known(connection, kind, digests)
    assert found is not None
    return found


def remember_members(
    engine: Engine, members: Iterable[Iterable[str]], *, by: str, reason: str, now: datetime
) -> None:
    """Keep which ids belong to one person, before the rows of their account go that say so.

    Args:
        engine: The ledger.
        members: The ids of each person of the account.
        by: Who decides about the account.
        reason: Why.
        now: When.
    """
    with writing(engine) as connection:
        salt = _salt(connection)
        known = {
            one
            for row in connection.execute(select(erasures.c.digests).where(erasures.c.kind == "member"))
            for one in row.digests
        }
        rows = []
        for ids in members:
            digests = sorted(digest(salt, one) for one in ids)
            if len(digests) > 1 and not known.issuperset(digests):  # one id alone links nothing
                known.update(digests)
                given = {"kind": "member", "salt": salt, "digests": digests, "by": by.strip()}
                done = {"started_at": now, "finished_at": now, "counts": {}, "outside": []}
                key = digest(salt, "|".join(digests))[:20]
                rows.append({"receipt_id": f"em-{key}", "reason": reason.strip(), **given, **done})
        if rows:
            connection.execute(insert(erasures), rows)


def same_person(engine: Engine, ids: Iterable[str], candidates: Iterable[str]) -> list[str]:
    """Return those of the candidates that a receipt knows as ids of the person who bears one of `ids`."""
    with engine.connect() as connection:
        salt = _salt(connection)
        rows = connection.execute(select(erasures.c.digests).where(erasures.c.kind.in_(("person", "member"))))
        groups = [set(row.digests) for row in rows]
    theirs = {digest(salt, one) for one in ids}
    while found := [group for group in groups if group & theirs and not group <= theirs]:
        theirs.update(*found)
    if not any(group & theirs for group in groups):
        return []
    return sorted({one for one in candidates if digest(salt, one) in theirs})


def finish(
    engine: Engine,
    receipt_id: str,
    counts: Mapping[str, int],
    outside: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
) -> RowMapping:
    """Add what an erasure found to its receipt and return it; one that found nothing changes nothing."""
    this = erasures.c.receipt_id == receipt_id
    with writing(engine) as connection:
        before = connection.execute(select(erasures).where(this)).mappings().one()
        added = {name: count for name, count in counts.items() if count}
        if added or before["finished_at"] is None:
            total = dict(before["counts"])
            for name, count in added.items():
                total[name] = total.get(name, 0) + count
            known = list(before["outside"])
            known += [dict(one) for one in outside if dict(one) not in known]
            values = {"counts": total, "outside": known, "finished_at": now}
            connection.execute(update(erasures).where(this).values(values))
        return connection.execute(select(erasures).where(this)).mappings().one()


def receipts(engine: Engine) -> list[RowMapping]:
    """Return every receipt of an account or a person, oldest first."""
    with engine.connect() as connection:
        query = select(erasures).where(erasures.c.kind != "member")
        query = query.order_by(erasures.c.started_at, erasures.c.receipt_id)
        return list(connection.execute(query).mappings())


def pseudonym(receipt: RowMapping) -> str:
    """Return what stands in an erased person's place, the same whenever their rows come back."""
    return f"erased-{receipt['receipt_id'].removeprefix('er-')[:12]}"


def returned(engine: Engine, kind: str, ids: Iterable[str]) -> dict[str, RowMapping]:
    """Return those of the ids that were erased, with the receipt of each."""
    of_digest = {
        one: receipt for receipt in receipts(engine) if receipt["kind"] == kind for one in receipt["digests"]
    }
    salts = {receipt["salt"] for receipt in of_digest.values()}
    return {
        one: of_digest[found] for one in ids for salt in salts if (found := digest(salt, one)) in of_digest
    }


def digest(salt: str, identifier: str) -> str:
    """Return what stands for an id in a receipt."""
    return hmac.new(salt.encode(), identifier.encode(), hashlib.sha256).hexdigest()


def _salt(connection: Connection) -> str:
    return connection.execute(select(erasures.c.salt).limit(1)).scalar() or secrets.token_hex(16)


def _of_members(connection: Connection, digests: Sequence[str]) -> set[str]:
    theirs, rows = (
        set(digests),
        connection.execute(select(erasures.c.digests).where(erasures.c.kind == "member")),
    )
    groups = [set(row.digests) for row in rows]
    while found := [group for group in groups if group & theirs and not group <= theirs]:
        theirs.update(*found)
    return theirs


def _known(connection: Connection, kind: str, digests: Sequence[str]) -> RowMapping | None:
    rows = connection.execute(select(erasures).where(erasures.c.kind == kind)).mappings()
    return next((row for row in rows if set(row["digests"]) & set(digests)), None)
