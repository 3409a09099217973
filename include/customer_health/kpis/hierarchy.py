"""Parent companies: ARR and the worst score of a group, every account counted once.

A customer may be a holding whose subsidiaries each have a contract and a score. The roll-up of a company is
that of itself and of everything below it; the report shows the groups at the top, whose sums add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from customer_health.ledger import score_history
from customer_health.warehouse.merges import survivors

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Account:
    """One account of a group.

    Attributes:
        account_id: Its id.
        arr: Its own ARR; None if unknown.
        score: 0-100; None if it has none.
        tier: Name of its tier; None if it has none.
    """

    account_id: str
    arr: float | None
    score: float | None
    tier: str | None


@dataclass(frozen=True)
class RollUp:
    """A company with everything below it.

    Attributes:
        account_id: The company.
        accounts: How many accounts with a score or ARR the group has, itself included.
        arr: ARR of all of them; None if none is known.
        arr_unknown: How many of them have no known ARR: with any, `arr` is "at least".
        worst: The account with the lowest score; None if none has one. Of equals the first by id.
    """

    account_id: str
    accounts: int
    arr: float | None
    arr_unknown: int
    worst: Account | None


def tops(accounts: Iterable[str], parents: Mapping[str, str | None]) -> dict[str, str]:
    """Return the company at the top of each account's group.

    A parent that is not an account still holds its children together. Companies that own each other in a
    circle are one group, under the smallest id of the circle.
    """
    found: dict[str, str] = {}
    for account in accounts:
        path = [account]
        while path[-1] not in found:
            above = parents.get(path[-1])
            if not above or above == path[-1]:
                found[path[-1]] = path[-1]
            elif above in path:
                circle = path[path.index(above) :]
                found |= dict.fromkeys(circle, min(circle))
            else:
                path.append(above)
        for name in path:
            found.setdefault(name, found[path[-1]])
    return found


def roll_up(accounts: Iterable[Account], parents: Mapping[str, str | None]) -> list[RollUp]:
    """Return the groups of more than one company, the largest ARR first.

    Args:
        accounts: Everybody, once each.
        parents: Account -> parent company.
    """
    everybody = {one.account_id: one for one in accounts}
    top = tops(everybody, parents)
    groups: dict[str, list[Account]] = {}
    for name, one in everybody.items():
        groups.setdefault(top[name], []).append(one)
    rolled = [
        _sum(name, members)
        for name, members in groups.items()
        if len(members) > 1 or any(one.account_id != name for one in members)
    ]
    return sorted(rolled, key=lambda one: (-(one.arr or 0.0), one.account_id))


def below(account: str, accounts: Iterable[Account], parents: Mapping[str, str | None]) -> RollUp:
    """Return the roll-up of one company: itself and everything below it."""
    everybody = {one.account_id: one for one in accounts}
    children: dict[str, list[str]] = {}
    for name, parent in parents.items():
        if parent:
            children.setdefault(parent, []).append(name)
    reached, waiting = {account}, [account]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in reached:
                reached.add(child)
                waiting.append(child)
    return _sum(account, [everybody[name] for name in sorted(reached) if name in everybody])


def _sum(name: str, members: Iterable[Account]) -> RollUp:
    own = sorted(members, key=lambda one: one.account_id)
    known = [one.arr for one in own if one.arr is not None]
    scored = [one for one in own if one.score is not None]
    worst = min(scored, key=lambda one: one.score or 0.0, default=None)
    return RollUp(name, len(own), sum(known) if known else None, len(own) - len(known), worst)


def listed_under(accounts: Iterable[str], parents: Mapping[str, str | None]) -> dict[str, str]:
    """Return the company under which each account is listed: the nearest above it that is an account too.

    A company in between that is not a customer has no score and no row, and would tear its group apart. Where
    nobody above is a customer, it is the company at the top. Accounts at the top themselves are left out.

    Args:
        accounts: Those that have a row.
        parents: Account -> parent company, of every company.
    """
    listed = set(accounts)
    top = tops(listed, parents)
    out: dict[str, str] = {}
    for account in listed:
        seen, above = {account}, parents.get(account)
        while above and above not in seen and above not in listed:
            seen.add(above)
            above = parents.get(above)
        if above in listed and above != account:
            out[account] = str(above)
        elif top[account] != account:
            out[account] = top[account]
    return out


def parents_of(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, str]:
    """Return account -> parent company as the CRM has it; a parent that was merged is its survivor."""
    cut = datetime.combine(as_of, time())
    stands_for: dict[str, str] = dict(con.execute(survivors("$cut"), {"cut": cut}).fetchall())
    rows = con.execute(
        "SELECT account_id, max(parent_account_id) FROM raw.accounts "
        "WHERE parent_account_id IS NOT NULL GROUP BY 1"
    ).fetchall()
    return {
        name: stands_for.get(parent, parent) for name, parent in rows if stands_for.get(name, name) == name
    }


def groups(con: duckdb.DuckDBPyConnection, engine: Engine, as_of: date) -> list[RollUp]:
    """Return the groups of companies with the scores of one day; a merged parent is its survivor.

    Args:
        con: The warehouse.
        engine: The ledger.
        as_of: The day.
    """
    parents = parents_of(con, as_of)
    if not parents:
        return []
    with engine.connect() as connection:
        found = score_history.scored_accounts(connection, as_of)
    return roll_up([Account(*row) for row in found], parents)
