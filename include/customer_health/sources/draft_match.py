"""Which canonical table a file speaks for, and which of its columns is which."""

from __future__ import annotations

import re
from collections.abc import Iterable

from customer_health.sources import draft_words as words
from customer_health.sources.draft_look import Look, dated
from customer_health.sources.draft_words import plain
from customer_health.warehouse.table import Table, Type
from customer_health.warehouse.tables import TABLES

# Other words for a name are a company's.
_WHOLE_NAMES = ("name", "contact_name", "full_name", "fullname", "display_name")


def table_for(look: Look) -> str | None:
    """Return the canonical table that the file's name and columns speak for, if any does."""
    stem = plain(re.sub(r"\.[a-z]+(\.gz)?$", "", look.name.rsplit("/", 1)[-1]))
    scores: dict[str, float] = {}
    known = words.vocabulary()
    # "Lost customers" are losses, whatever else their name says.
    lost = any(word in stem for word in known.tables["outcomes"])
    for table in TABLES.values():
        if (table.name == "crm_snapshot" and table.name not in stem) or (lost and table.name == "accounts"):
            continue
        named = any(word in stem for word in known.tables.get(table.name, ()))
        # A column of daily active users speaks for itself, whatever the file is called.
        named = named or (table.name == "daily_users" and match(table, "users", look) is not None)
        exact = stem in (table.name, *table.aliases) or any(
            stem.endswith((f"_{name}", name)) for name in (table.name, *table.aliases)
        )
        needed = [
            name
            for name, c in table.columns.items()
            if c.required and c.default is None and name != "known_at"
        ]
        found = sum(match(table, name, look) is not None for name in needed) / len(needed)
        if found >= 0.5 and (named or exact or found == 1):
            scores[table.name] = 2.5 * exact + 1.5 * named + found
    return max(scores, key=lambda name: scores[name]) if scores and max(scores.values()) >= 1.5 else None


def _candidates(table: Table, column: str) -> Iterable[str]:
    known = words.vocabulary()
    if (table.name, column) == ("contacts", "name"):
        return _WHOLE_NAMES
    if column == "occurred_at":
        return (column, *known.happened.get(table.name, ()))
    if column == table.key[0] and (column != "account_id" or table.name == "accounts"):
        return (column, *known.identity.get(table.name, ()))
    return (
        column,
        *known.columns.get(column, ()),
        *((f"{table.name[:-1]}_{column}",) if column == "name" else ()),
    )


def named(table: Table, column: str, look: Look) -> str | None:
    """Return the file's column that has a name of a canonical one and holds values that it cannot have."""
    if table.columns[column].type is Type.TEXT or column in table.clocks:
        return None
    by_word = {plain(name): name for name in look.samples if look.samples[name]}
    known = [by_word[word] for word in _candidates(table, column) if word in by_word]
    pattern = words.PATTERNS.get(column)
    known += [name for word, name in by_word.items() if pattern and re.fullmatch(pattern, word)]
    return next((name for name in known if not look.fits(table.columns[column], name)), None)


def match(table: Table, column: str, look: Look) -> str | None:
    """Return the file's most likely column for a canonical one: by word, by pattern, by what it holds."""
    if column == "name" and table.name not in ("accounts", "contacts"):
        return None
    by_word: dict[str, str] = {}
    for name in look.samples:
        by_word.setdefault(plain(name), name)  # of id and ID the first
    fitting = {p: name for p, name in by_word.items() if look.fits(table.columns[column], name)}
    for candidate in _candidates(table, column):
        if candidate in fitting:
            return fitting[candidate]
    pattern = None if (table.name, column) == ("contacts", "name") else words.PATTERNS.get(column)
    by_pattern = next((name for p, name in fitting.items() if pattern and re.fullmatch(pattern, p)), None)
    if by_pattern is not None:
        return by_pattern
    if column == "occurred_at":
        stages = {
            match(table, other, look)
            for other, c in table.columns.items()
            if c.lifecycle or other == "due_at"
        }
        return next((n for n in fitting.values() if n not in stages and dated(n, look)), None)
    if column == table.key[0] and column != "account_id":
        return next((name for name in look.samples if name in look.unique and not dated(name, look)), None)
    return None
