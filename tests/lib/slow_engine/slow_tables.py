"""The derived tables about people, row by row, for the slow twin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.signals.facts.reduction_people import SIGNS_OF_LIFE, executive_patterns, is_executive

Row = dict[str, Any]


def stamp(value: Any) -> datetime:
    """A date or datetime as a naive datetime."""
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date)
    return datetime.combine(value, time())


def total(rows: Iterable[Row], column: str) -> float | None:
    """Sum of what is known, None if nothing is; of ARR also None if one row has none."""
    values = [row.get(column) for row in rows]
    known = [value for value in values if value is not None]
    if column == "arr" and len(known) < len(values):
        return None
    return float(sum(known)) if known else None


def later(*moments: Any) -> datetime:
    """The latest of some moments."""
    return max(stamp(moment) for moment in moments)


def derived_rows(tables: Mapping[str, Sequence[Row]], config: CompanyConfig) -> dict[str, list[Row]]:
    """Compute contact_book, departures and exec_activity from the raw rows."""
    patterns = executive_patterns(config)
    titles: dict[str, list[tuple[bool, datetime | None, datetime]]] = {}
    for table in ("contacts", "contact_changes"):
        for row in tables[table]:
            if (row.get("title") or "").strip():
                since = stamp(row["occurred_at"]) if table == "contact_changes" else None
                known = later(row["occurred_at"], row["known_at"])
                titles.setdefault(row["contact_id"], []).append(
                    (is_executive(row["title"], patterns), since, known)
                )
    return {
        "contact_book": _contact_book(tables, titles),
        "departures": _departures(tables),
        "exec_activity": _exec_activity(tables, titles),
    }


def _contact_book(
    tables: Mapping[str, Sequence[Row]], titles: Mapping[str, list[tuple[bool, datetime | None, datetime]]]
) -> list[Row]:
    book = []
    for row in tables["contacts"]:
        mine = titles.get(row["contact_id"], [])
        left = [
            later(change["occurred_at"], change["known_at"])
            for change in tables["contact_changes"]
            if change["contact_id"] == row["contact_id"] and change["kind"] == "left"
        ]
        book.append(
            row
            | {
                "left_at": min(left, default=None),
                "titled_at": min((known for _, _, known in mine), default=None),
                "executive_at": min((known for executive, _, known in mine if executive), default=None),
            }
        )
    return book


def _departures(tables: Mapping[str, Sequence[Row]]) -> list[Row]:
    contacts = {row["contact_id"]: row for row in tables["contacts"]}
    departures = []
    for change in tables["contact_changes"]:
        new, known = change.get("role"), stamp(change["known_at"])
        if change["kind"] == "left":
            role, new = new, None
        elif change["kind"] == "role_changed" and new is not None:
            role = _role_before(change, tables["contact_changes"])
        else:
            continue
        contact = contacts.get(change["contact_id"])
        if role is None and contact is not None and contact.get("role") is not None:
            role, known = contact["role"], later(known, contact["known_at"])
        if role is None or new == role or {new, role} == {"champion", "sponsor"}:
            continue
        departures.append(change | {"role": role, "known_at": known})
    return departures


def _role_before(change: Row, changes: Sequence[Row]) -> str | None:
    """The latest earlier role of the same contact that was known when this change was."""
    earlier = [
        row
        for row in changes
        if (row["contact_id"], row["kind"]) == (change["contact_id"], "role_changed")
        and row.get("role") is not None
        and stamp(row["occurred_at"]) < stamp(change["occurred_at"])
        and stamp(row["known_at"]) <= stamp(change["known_at"])
    ]

    return max(earlier, key=lambda row: (stamp(row["occurred_at"]), row["role"]))["role"] if earlier else None


def _exec_activity(
    tables: Mapping[str, Sequence[Row]], titles: Mapping[str, list[tuple[bool, datetime | None, datetime]]]
) -> list[Row]:
    acts = [
        (row["account_id"], row["contact_id"], stamp(row["occurred_at"]), stamp(row["known_at"]))
        for row in tables["interactions"]
        if row["kind"] in SIGNS_OF_LIFE and row.get("contact_id")
    ]
    for person in tables["contacts"]:
        for row in tables["usage"]:
            same = (row["account_id"], row["user_id"]) == (person["account_id"], person.get("user_id"))
            if same and row["user_id"]:
                known = later(row["known_at"], person["occurred_at"], person["known_at"])
                acts.append((row["account_id"], person["contact_id"], stamp(row["occurred_at"]), known))
    first: dict[tuple[str, str, date], datetime] = {}
    for account, contact, occurred, known in acts:
        for executive, since, title_known in titles.get(contact, []):
            if executive and (since is None or occurred >= since):
                key = (account, contact, occurred.date())
                seen = later(occurred, known, title_known)
                first[key] = min(seen, first.get(key, seen))
    return [
        {"account_id": account, "contact_id": contact, "occurred_at": stamp(day), "known_at": seen}
        for (account, contact, day), seen in first.items()
    ]
