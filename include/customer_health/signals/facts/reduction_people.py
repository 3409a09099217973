"""The derived tables about people: who is an executive, who left, and what executives did."""

from __future__ import annotations

import re
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.signals.state.daily_state import NEVER, Columns
from customer_health.signals.state.table_reader import NUMBERS

# What a customer's person does; an e-mail that we sent is not a sign of life.
SIGNS_OF_LIFE = ("login", "email_reply", "call", "meeting", "ebr")

ALLIES = ("champion", "sponsor")


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
    """Return a derived table as an Ibis expression (executives' activity is `exec_activity`)."""
    if name == "departures":
        return _departures(warehouse)
    return _contact_book(warehouse, _titles(warehouse, config))


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
    """Who left, and who is there and yet no longer in the role they had."""
    ibis = warehouse.ibis
    changes, contacts = warehouse.raw("contact_changes"), warehouse.raw("contacts")
    columns = ("change_id", "account_id", "contact_id", "occurred_at", "known_at")
    left = changes.filter(changes.kind == "left")
    moved = _moves(warehouse, changes)
    told = left.select(*columns, had="role", new=ibis.null("string")).union(
        moved.select(*columns, "had", "new")
    )
    held = contacts.select(held_by="contact_id", held="role", held_known="known_at")
    joined = told.left_join(held, told.contact_id == held.held_by)
    role = joined.had.coalesce(joined.held)
    # A champion who becomes the sponsor is not a loss.
    still = (joined.new == role) | (joined.new.isin(ALLIES) & role.isin(ALLIES))
    # Without a role it is not a sponsor's departure; `contact_changes` has those.
    joined = joined.filter(role.notnull() & (joined.new.isnull() | ~still))
    borrowed = joined.had.isnull()
    return joined.select(
        "change_id",
        "account_id",
        role=joined.had.coalesce(joined.held),
        occurred_at=joined.occurred_at,
        known_at=borrowed.ifelse(ibis.greatest(joined.known_at, joined.held_known), joined.known_at),
    )


def _moves(warehouse: Any, changes: Any) -> Any:
    """Changes of role, with the role before as it was known then: what is learned later rewrites nothing."""
    moves = changes.filter((changes.kind == "role_changed") & changes.role.notnull())
    now = moves.select("change_id", "contact_id", "occurred_at", "known_at")
    before = moves.select(whose="contact_id", had="role", began="occurred_at", told="known_at").view()
    earlier = now.join(
        before,
        [now.contact_id == before.whose, before.began < now.occurred_at, before.told <= now.known_at],
    ).select("change_id", "had", "began")
    # The latest, without a window function: its moment first, then what began there.
    last = earlier.group_by("change_id").agg(latest=earlier.began.max()).view()
    held = earlier.join(last, [earlier.change_id == last.change_id, earlier.began == last.latest])
    held = held.group_by("change_id").agg(had=held.had.max()).rename(moved="change_id").view()
    return moves.mutate(new=moves.role).left_join(held, moves.change_id == held.moved)


def exec_spoke(warehouse: Any, config: CompanyConfig) -> Columns:
    """Signs of life of executives: account, contact_id, occurred and seen (days), each once."""
    ibis = warehouse.ibis
    titles = _titles(warehouse, config)
    interactions = warehouse.raw("interactions").join(warehouse.kept(NUMBERS), "account_id")
    spoke = interactions.filter(interactions.kind.isin(SIGNS_OF_LIFE) & interactions.contact_id.notnull())
    executives = titles.filter(titles.executive)
    spoke = spoke.join(executives.select("contact_id", "since", title_known="known_at"), "contact_id")
    spoke = spoke.filter(spoke.since.isnull() | (spoke.occurred_at.cast("timestamp") >= spoke.since))
    seen = ibis.greatest(_later(ibis, spoke), spoke.title_known)
    spoke = spoke.mutate(day=_epoch_day(spoke.occurred_at), seen=_epoch_day(seen))
    rows: Columns = warehouse.fetch(
        spoke.group_by("account", "contact_id", "day").agg(seen=spoke.seen.min()).rename(occurred="day")
    )
    return rows


def exec_people(warehouse: Any, config: CompanyConfig) -> Columns:
    """Executives whose user id is known: account, user_id, contact_id, since and seen (days).

    They count from the day `since` (a title's first day; far in the past for the title they came
    with), once `seen`: their user id and that title are known then.
    """
    ibis = warehouse.ibis
    titles = _titles(warehouse, config)
    contacts = warehouse.raw("contacts").join(warehouse.kept(NUMBERS), "account_id")
    people = contacts.filter(contacts.user_id.notnull() & (contacts.user_id != ""))
    people = people.select("contact_id", "user_id", "account", person_known=_later(ibis, people))
    executives = titles.filter(titles.executive).select("contact_id", "since", title_known="known_at")
    people = people.join(executives, "contact_id")
    # Usage has days only: a title of noon counts from the next day on.
    midnight = people.since == people.since.cast("date").cast("timestamp")
    first = _epoch_day(people.since) + midnight.ifelse(0, 1).cast("int32")
    rows: Columns = warehouse.fetch(
        people.select(
            "account",
            "user_id",
            "contact_id",
            since=first.fill_null(-NEVER),
            seen=_epoch_day(ibis.greatest(people.person_known, people.title_known)),
        )
    )
    return rows


def _epoch_day(moment: Any) -> Any:
    return moment.cast("timestamp").date().epoch_days().cast("int32")
