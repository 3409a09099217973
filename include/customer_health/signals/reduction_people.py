"""The derived tables about people: who is an executive, who left, and what executives did."""

from __future__ import annotations

import re
from typing import Any

from customer_health.errors import ConfigurationError
from customer_health.settings import CompanyConfig
from customer_health.signals.warehouse_tables import NUMBERS

# What a customer's person does; an e-mail that we sent is no sign of life.
SIGNS_OF_LIFE = ("login", "email_reply", "call", "meeting", "ebr")


def executive_patterns(config: CompanyConfig) -> list[re.Pattern[str]]:
    """Compile the title patterns of the company file.

    Raises:
        ConfigurationError: One is not a regular expression.
    """
    compiled = []
    for pattern in config.people.executive_title_patterns:
        try:
            compiled.append(re.compile(pattern, re.IGNORECASE))
        except re.error as error:
            raise ConfigurationError(
                f"people.executive_title_patterns: '{pattern}' is not a regular expression: {error}",
                hint=r"Write it as in Python, for example \bvp\b.",
            ) from None
    return compiled


def is_executive(title: str, patterns: list[re.Pattern[str]]) -> bool:
    """Whether a title, as written, names an executive."""
    return any(pattern.search(title) for pattern in patterns)


def derive(warehouse: Any, name: str, config: CompanyConfig) -> Any:
    """Return a derived table as an Ibis expression."""
    if name == "departures":
        return _departures(warehouse)
    titles = _titles(warehouse, config)
    if name == "contact_book":
        return _contact_book(warehouse, titles)
    return _exec_activity(warehouse, titles)


def _titles(warehouse: Any, config: CompanyConfig) -> Any:
    """One row per title that a contact had: contact_id, executive, since (day), known_at.

    Titles are matched in Python, not by the warehouse: engines disagree on what \\b means, and there
    are few distinct titles.
    """
    ibis = warehouse.ibis
    contacts, changes = warehouse.raw("contacts"), warehouse.raw("contact_changes")
    first = contacts.select(
        "contact_id",
        "title",
        since=ibis.null("timestamp"),  # the title they came with also covers what came before
        known_at=_later(ibis, contacts),
    )
    later = changes.select(
        "contact_id",
        "title",
        since=changes.occurred_at.cast("timestamp"),
        known_at=_later(ibis, changes),
    )
    titles = first.union(later)
    titles = titles.filter(titles.title.notnull() & (titles.title.strip() != ""))
    patterns = executive_patterns(config)
    distinct = warehouse.fetch(titles.select("title").distinct())["title"]
    executive = sorted(str(title) for title in distinct if is_executive(str(title), patterns))
    named = titles.title.isin(executive) if executive else ibis.literal(False)
    return titles.mutate(executive=named).drop("title")


def _later(ibis: Any, table: Any) -> Any:
    """When a row counts from: the later of its two clocks."""
    return ibis.greatest(table.occurred_at.cast("timestamp"), table.known_at.cast("timestamp"))


def _departed(warehouse: Any) -> Any:
    changes = warehouse.raw("contact_changes")
    left = changes.filter(changes.kind == "left")
    return left.group_by("contact_id").agg(left_at=_later(warehouse.ibis, left).min())


def _contact_book(warehouse: Any, titles: Any) -> Any:
    contacts = warehouse.raw("contacts")
    learned = titles.group_by("contact_id").agg(
        titled_at=titles.known_at.min(), executive_at=titles.known_at.min(where=titles.executive)
    )
    book = contacts.select("contact_id", "account_id", "occurred_at", "known_at")
    book = book.left_join(learned, "contact_id").drop("contact_id_right")
    return book.left_join(_departed(warehouse), "contact_id").drop("contact_id_right")


def _departures(warehouse: Any) -> Any:
    changes, contacts = warehouse.raw("contact_changes"), warehouse.raw("contacts")
    left = changes.filter(changes.kind == "left")
    held = contacts.select(held_by="contact_id", held="role", held_known="known_at")
    joined = left.left_join(held, left.contact_id == held.held_by)
    # Without a role it is no sponsor's departure; `contact_changes` has those.
    joined = joined.filter(joined.role.notnull() | joined.held.notnull())
    borrowed = joined.role.isnull()
    return joined.select(
        "change_id",
        "account_id",
        role=joined.role.coalesce(joined.held),
        occurred_at=joined.occurred_at,
        known_at=borrowed.ifelse(
            warehouse.ibis.greatest(joined.known_at, joined.held_known), joined.known_at
        ),
    )


def _exec_activity(warehouse: Any, titles: Any) -> Any:
    """Interactions and usage of executives, one row per executive and day, known with its last part."""
    ibis = warehouse.ibis
    interactions, usage = warehouse.raw("interactions"), warehouse.raw("usage")
    contacts = warehouse.raw("contacts")
    spoke = interactions.filter(interactions.kind.isin(SIGNS_OF_LIFE) & interactions.contact_id.notnull())
    # By account number, so that a person, their calls and their logins meet after a merge of accounts.
    numbers = warehouse.kept(NUMBERS)
    spoke = spoke.join(numbers, "account_id")
    spoke = spoke.select(
        "account_id",
        "account",
        "contact_id",
        occurred_at=spoke.occurred_at.cast("timestamp"),
        known_at=spoke.known_at.cast("timestamp"),
    )
    people = contacts.filter(contacts.user_id.notnull() & (contacts.user_id != ""))
    people = people.select("contact_id", "user_id", "account_id", person_known=_later(ibis, people))
    executives = titles.filter(titles.executive)
    people = people.semi_join(executives, "contact_id")  # few people, so usage is read but hardly joined
    people = people.join(numbers, "account_id")
    usage = usage.join(numbers, "account_id").drop("account_id")
    used = usage.join(people, ["account", "user_id"])
    used = used.select(
        "account_id",
        "account",
        "contact_id",
        occurred_at=used.occurred_at.cast("timestamp"),
        known_at=ibis.greatest(used.known_at.cast("timestamp"), used.person_known),
    )
    activity = spoke.union(used)
    titled = activity.join(executives.select("contact_id", "since", title_known="known_at"), "contact_id")
    titled = titled.filter(titled.since.isnull() | (titled.occurred_at >= titled.since))
    titled = titled.mutate(
        day=titled.occurred_at.date().cast("timestamp"),
        seen=ibis.greatest(titled.occurred_at, titled.known_at, titled.title_known),
    )
    return (
        titled.group_by("account", "contact_id", "day")
        .agg(account_id=titled.account_id.min(), known_at=titled.seen.min())
        .drop("account")
        .rename(occurred_at="day")
    )
