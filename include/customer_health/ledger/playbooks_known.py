"""Since when each playbook has been at work in this company."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import Connection, func, insert, select

from customer_health.ledger.schema import decisions, playbook_runs, playbooks_known


def note(connection: Connection, names: Iterable[str], as_of: date) -> None:
    """Note playbooks that run for the first time; those of the very first live run count as always there.

    A ledger of an older version has run playbooks without noting them: whatever it decided about on its
    last live day was there from the beginning.
    """
    c = playbooks_known.c
    known = set(connection.execute(select(c.name)).scalars())
    runs = playbook_runs.c
    first, last = connection.execute(
        select(func.min(runs.as_of), func.max(runs.as_of)).where(runs.mode == "live", runs.as_of < as_of)
    ).one()
    rows = []
    if not known and last is not None:
        before = select(decisions.c.playbook).where(decisions.c.as_of == last).distinct()
        rows = [
            {"name": name, "first_as_of": first, "with_the_first_run": True}
            for name in connection.execute(before).scalars()
        ]
        known = {row["name"] for row in rows}
    rows += [
        {"name": name, "first_as_of": as_of, "with_the_first_run": first is None}
        for name in sorted(set(names) - known)
    ]
    if rows:
        connection.execute(insert(playbooks_known), rows)


def came_later(connection: Connection) -> dict[str, date]:
    """Return the first day of each playbook that came to a company that already ran."""
    c = playbooks_known.c
    query = select(c.name, c.first_as_of).where(~c.with_the_first_run)
    return {row.name: row.first_as_of for row in connection.execute(query)}
