"""Leads' overrides: what a person says of an account, kept beside the model's score and never in its place.

An override is sticky: it holds until its owner ends it, another one takes its place, or its last day has
passed. What the model said when it was set stays with it, so that it can be exported as a labelled
disagreement whatever the model says later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from customer_health.errors import ConfigurationError, FatalError, suggest
from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.schema import overrides, scores

LONGEST = timedelta(days=180)  # nobody remembers longer why


def put(
    engine: Engine,
    account_id: str,
    *,
    tier: str,
    tiers: Sequence[str],
    reason: str,
    owner: str,
    expires_on: date,
    now: datetime,
) -> None:
    """Say that an account is in another tier than its score says; an earlier override of it ends.

    Args:
        engine: The ledger.
        account_id: An account with a published row.
        tier: What it is in the eyes of the lead.
        tiers: Names that the company's scheme knows.
        reason: Why, in words that another lead understands.
        owner: Who answers for it.
        expires_on: Last day on which it holds.
        now: When, zone-aware.

    Raises:
        ConfigurationError: No such tier or account, or an end that has passed or lies too far away.
        FatalError: Nobody's name, or no reason.
    """
    if not owner.strip() or len(reason.strip()) < 5:
        raise FatalError("An override needs who and why.", hint="Say in a few words what the score misses.")
    if tier not in tiers:
        raise ConfigurationError(f"There is no tier '{tier}'.", hint=suggest(tier, list(tiers)))
    if not now.date() <= expires_on <= now.date() + LONGEST:
        raise ConfigurationError(
            f"An override cannot hold until {expires_on}.",
            hint=f"Choose a day from today to {now.date() + LONGEST}; it can be set again.",
        )
    with writing(engine) as connection:
        serialise(connection, "overrides")
        row = _published(connection, account_id)
        if row is None:
            raise ConfigurationError(
                f"No score of '{account_id}' was ever published.",
                hint="Use the id that the page shows.",
            )
        _end(connection, account_id, by=owner, reason="another override took its place", now=now)
        connection.execute(
            insert(overrides).values(
                account_id=account_id,
                tier=tier,
                reason=reason.strip(),
                owner=owner.strip(),
                expires_on=expires_on,
                at=now,
                model_score=row["score_shown"],
                model_tier=row["tier"],
                model_id=row["model_id"],
                model_as_of=row["as_of"],
            )
        )


def end(engine: Engine, account_id: str, *, by: str, reason: str, now: datetime) -> bool:
    """End the override in force; return whether there was one.

    Raises:
        FatalError: Nobody's name, or no reason.
    """
    if not by.strip() or len(reason.strip()) < 5:
        raise FatalError("Ending an override needs who and why.", hint="Say in a few words what has changed.")
    with writing(engine) as connection:
        serialise(connection, "overrides")
        return _end(connection, account_id, by=by.strip(), reason=reason.strip(), now=now)


def in_force(engine: Engine, on: date) -> dict[str, RowMapping]:
    """Return the override that holds on a day, by account."""
    query = select(overrides).where(overrides.c.ended_at.is_(None), overrides.c.expires_on >= on)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(overrides.c.at)).mappings()
        return {row["account_id"]: row for row in rows if row["at"].date() <= on}


def history(engine: Engine) -> Sequence[RowMapping]:
    """Return every override that was ever set, oldest first: labelled disagreements with the model."""
    with engine.connect() as connection:
        return connection.execute(select(overrides).order_by(overrides.c.at, overrides.c.id)).mappings().all()


def _published(connection: Connection, account_id: str) -> RowMapping | None:
    query = select(scores).where(scores.c.account_id == account_id).order_by(scores.c.as_of.desc()).limit(1)
    return connection.execute(query).mappings().first()


def _end(connection: Connection, account_id: str, *, by: str, reason: str, now: datetime) -> bool:
    c = overrides.c
    mine = update(overrides).where(c.account_id == account_id, c.ended_at.is_(None))
    still = mine.where(c.expires_on >= now.date())  # one that has run out ended by itself
    return bool(connection.execute(still.values(ended_at=now, ended_by=by, end_reason=reason)).rowcount)
