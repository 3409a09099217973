"""The champion graph: whom we know at a customer, when we last spoke, who left, and who may come next.

Read from contacts, what changed about them, interactions, calendars and, where it is at hand, usage. Which
of our people a contact spoke with is told by no interaction: somebody of ours knows a contact whose call or
meeting falls into a time for which the own calendar names the account.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import duckdb

TWO_WAY = ("call", "meeting", "ebr", "email_reply")  # they said something, too
QUIET_AFTER = timedelta(days=90)
NEWS = timedelta(days=182)  # a departure of longer ago has been answered by whoever decides there now
ACTIVITY = timedelta(days=30)
OFTEN = 8  # active days of 30
MOST_SUCCESSORS = 3
SPOKEN = ("call", "meeting", "ebr")  # what stands in a calendar
LEEWAY = 15  # minutes by which a meeting may begin before, or last beyond, what the calendar says
NAMES = ("first_name", "last_name", "name")
DECIDES = ("sponsor", "champion")
Person = dict[str, Any]
Graph = dict[str, Any]


def read_graphs(
    con: duckdb.DuckDBPyConnection,
    accounts: Iterable[str],
    as_of: date,
    executive_titles: Sequence[str] = (),
    *,
    with_usage: bool = True,
) -> dict[str, Graph]:
    """Return the champion graph of each account, from facts that happened and were known before `as_of`.

    Args:
        con: The warehouse.
        accounts: Account ids.
        as_of: The day.
        executive_titles: Patterns of the company file that make a title an executive's.
        with_usage: Whether to look into product usage, if it lies in `con`.

    Returns:
        By account, for each one asked for: `as_of`; `people` (see `_person`), most recently heard of first,
        those who left last; `ours`: who of ours met them, with `last` and `next` (ISO or None);
        `successors`: up to three people, the likeliest first, where a sponsor or champion left or none
        is known.
    """
    wanted = sorted(set(accounts))
    if not wanted or not _has(con, "contacts"):
        return {account: {"as_of": as_of.isoformat(), "people": [], "ours": [], "successors": []}
                for account in wanted}  # fmt: skip
    con.execute(
        "CREATE OR REPLACE TEMP TABLE graph_accounts AS SELECT unnest($ids) AS account_id", {"ids": wanted}
    )
    try:
        cut = datetime.combine(as_of, time())
        found: dict[str, list[Person]] = {account: [] for account in wanted}
        active = _active_days(con, cut) if with_usage and _has(con, "usage") else {}
        pattern = re.compile("|".join(executive_titles), re.IGNORECASE) if executive_titles else None
        met = _known_by(con, cut) if _has(con, "calendar") and _has(con, "interactions") else {}
        for row in _people(con, cut):
            own = met.get((row["account_id"], row["contact_id"]), [])
            found[row["account_id"]].append(_person(row, active, own, pattern, as_of))
        ours = _ours(con, cut) if _has(con, "calendar") else {}
    finally:
        con.execute("DROP TABLE IF EXISTS graph_accounts")
    return {
        account: {
            "as_of": as_of.isoformat(),
            "people": sorted(people, key=_by_news),
            "ours": ours.get(account, []),
            "successors": successors(people, since=(as_of - NEWS).isoformat()),
        }
        for account, people in found.items()
    }


def _people(con: duckdb.DuckDBPyConnection, cut: datetime) -> list[dict[str, Any]]:
    """One row per known contact: as last told, when they left, and their last two-way contact."""
    changes = (
        """SELECT contact_id, max(occurred_at) FILTER (kind = 'left') AS last_left,
               max(occurred_at) FILTER (kind = 'joined') AS joined,
               CASE WHEN last_left < joined THEN NULL ELSE last_left END AS left_at,
               arg_max(title, occurred_at) FILTER (title IS NOT NULL AND kind <> 'left') AS new_title,
               arg_max(role, occurred_at) FILTER (role IS NOT NULL AND kind <> 'left') AS new_role
           FROM raw.contact_changes SEMI JOIN graph_accounts USING (account_id)
           WHERE occurred_at < $cut AND known_at < $cut GROUP BY contact_id"""
        if _has(con, "contact_changes")
        else "SELECT NULL::VARCHAR contact_id, NULL::TIMESTAMP left_at, NULL new_title, NULL new_role"
    )
    spoke = (
        f"""SELECT contact_id, max(occurred_at) AS last_at, arg_max(kind, occurred_at) AS last_kind,
               count(*) FILTER (occurred_at >= $recent) AS recent
           FROM raw.interactions SEMI JOIN graph_accounts USING (account_id)
           WHERE occurred_at < $cut AND known_at < $cut AND kind IN {TWO_WAY} AND contact_id IS NOT NULL
           GROUP BY contact_id"""
        if _has(con, "interactions")
        else "SELECT NULL::VARCHAR contact_id, NULL::TIMESTAMP last_at, NULL last_kind, 0 recent"
    )
    # A warehouse that no load has touched since an update has no columns for names yet.
    told = {str(row[0]) for row in con.execute("DESCRIBE raw.contacts").fetchall()}
    names = ", ".join(f"p.{name}" if name in told else f"NULL AS {name}" for name in NAMES)
    result = con.execute(
        f"""WITH changed AS ({changes}), spoke AS ({spoke})
        SELECT p.account_id, p.contact_id, p.user_id, {names},
               coalesce(new_title, p.title) AS title, p.team,
               coalesce(new_role, p.role) AS role, p.occurred_at AS since, left_at, last_at, last_kind,
               coalesce(recent, 0) AS recent, $recent AS quiet_from
        FROM raw.contacts p SEMI JOIN graph_accounts USING (account_id)
        LEFT JOIN changed USING (contact_id) LEFT JOIN spoke USING (contact_id)
        WHERE p.occurred_at < $cut AND p.known_at < $cut
        QUALIFY row_number() OVER (PARTITION BY p.contact_id ORDER BY p.known_at DESC) = 1
        ORDER BY p.account_id, p.contact_id""",
        {"cut": cut, "recent": cut - QUIET_AFTER},
    )
    columns = [column[0] for column in result.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _active_days(con: duckdb.DuckDBPyConnection, cut: datetime) -> dict[tuple[str, str], int]:
    rows = con.execute(
        """SELECT account_id, user_id, count(DISTINCT occurred_at::DATE) FROM raw.usage
           SEMI JOIN graph_accounts USING (account_id)
           WHERE occurred_at >= $first AND occurred_at < $cut AND known_at < $cut AND user_id IS NOT NULL
           GROUP BY account_id, user_id""",
        {"first": cut - ACTIVITY, "cut": cut},
    ).fetchall()
    return {(str(account), str(user)): int(days) for account, user, days in rows}


def _known_by(con: duckdb.DuckDBPyConnection, cut: datetime) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Who of ours met which contact: a conversation within a time that a calendar keeps for the account."""
    rows = con.execute(
        f"""SELECT account_id, i.contact_id, lower(c.owner_email), max(i.occurred_at),
               count(DISTINCT i.occurred_at::DATE)
           FROM raw.interactions AS i JOIN raw.calendar AS c USING (account_id)
           SEMI JOIN graph_accounts USING (account_id)
           WHERE i.occurred_at < $cut AND i.known_at < $cut AND c.known_at < $cut
               AND i.kind IN {SPOKEN} AND i.contact_id IS NOT NULL
               AND i.occurred_at >= c.occurred_at - to_minutes({LEEWAY})
               AND i.occurred_at <= c.ends_at + to_minutes({LEEWAY})
           GROUP BY ALL ORDER BY 4 DESC, 3""",
        {"cut": cut},
    ).fetchall()
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for account, contact, email, last, times in rows:
        one = {"email": str(email), "last": _day(last), "times": int(times)}
        found.setdefault((str(account), str(contact)), []).append(one)
    return found


def _ours(con: duckdb.DuckDBPyConnection, cut: datetime) -> dict[str, list[dict[str, Any]]]:
    """Who of ours met each account, by their calendars, and who will."""
    rows = con.execute(
        """SELECT account_id, owner_email, max(occurred_at) FILTER (occurred_at < $cut),
               min(occurred_at) FILTER (occurred_at >= $cut)
           FROM raw.calendar SEMI JOIN graph_accounts USING (account_id)
           WHERE known_at < $cut GROUP BY account_id, owner_email ORDER BY account_id, owner_email""",
        {"cut": cut},
    ).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for account, email, last, coming in rows:
        found.setdefault(str(account), []).append({"email": email, "last": _day(last), "next": _day(coming)})
    return found


def _person(
    row: Mapping[str, Any],
    active: Mapping[tuple[str, str], int],
    known_by: list[dict[str, Any]],
    executives: re.Pattern[str] | None,
    as_of: date,
) -> Person:
    """One contact: who they are, who of ours knows them, and how near they are to us.

    `known_by` lists `email`, `last` (ISO) and `times` of ours who met them, the latest first.

    `state` is "left", "in touch" (a two-way contact within 90 days), "gone quiet" (one, but longer ago),
    "new" (known for less than 90 days, never spoken) or "never spoken".
    """
    last = row["last_at"]
    days = None if last is None else (as_of - last.date()).days
    known_for = as_of - row["since"].date()
    if row["left_at"] is not None:
        state = "left"
    elif days is not None:
        state = "in touch" if days <= QUIET_AFTER.days else "gone quiet"
    else:
        state = "new" if known_for < QUIET_AFTER else "never spoken"
    title = row["title"]
    whole = " ".join(part for part in (_said(row["first_name"]), _said(row["last_name"])) if part)
    return {
        "contact_id": row["contact_id"],
        "name": _said(row["name"]) or whole or None,
        "first_name": _said(row["first_name"]),
        "title": title,
        "team": row["team"],
        "role": row["role"],
        "executive": bool(title and executives and executives.search(title)),
        "state": state,
        "left": _day(row["left_at"]),
        "last_two_way": _day(last),
        "last_kind": row["last_kind"],
        "days_since": days,
        "recent": int(row["recent"]),
        "active_days": active.get((row["account_id"], row["user_id"])) if row["user_id"] else None,
        "known_by": known_by,
    }


def successors(people: Sequence[Person], since: str = "") -> list[Person]:
    """Return who may follow a sponsor or champion who left, or stand in where none is known.

    Where somebody decides there now, only a departure from `since` (ISO date) on asks for a successor.

    By what is known of them: already sponsor or champion, executive title, a two-way contact of the last 90
    days, frequent use, the team of anybody who left. Somebody of whom nothing speaks is not a suggestion.
    """
    here = [person for person in people if person["state"] != "left"]
    gone = [person for person in people if person["state"] == "left" and person["role"] in DECIDES]
    lately = [person for person in gone if (person.get("left") or "") >= since]
    if not lately and any(person["role"] in DECIDES for person in here):
        return []
    teams = {person["team"] for person in gone if person["team"]}

    def weight(person: Person) -> int:
        return int(
            4 * (person["role"] in DECIDES)
            + 3 * bool(person["executive"])
            + 2 * (person["state"] == "in touch")
            + ((person["active_days"] or 0) >= OFTEN)
            + (person["role"] == "admin")
            + (person["team"] in teams)
        )

    ranked = sorted(
        here, key=lambda person: (-weight(person), person["days_since"] or 9_999, person["contact_id"])
    )
    return [person for person in ranked if weight(person) > 0][:MOST_SUCCESSORS]


def _by_news(person: Person) -> tuple[bool, int, str]:
    days = person["days_since"]
    return person["state"] == "left", 9_999 if days is None else days, person["contact_id"]


def _said(value: str | None) -> str | None:
    """Return a name in one line; None where there is none."""
    return " ".join(value.split()) or None if value else None


def _day(value: datetime | None) -> str | None:
    return None if value is None else value.date().isoformat()


def _has(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return has_table(con, table, "raw")
