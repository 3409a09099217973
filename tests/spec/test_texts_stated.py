"""What an account's own words state as of a day, for the people who read its score."""

from __future__ import annotations

from datetime import date

from tests.lib.world import World

from customer_health.texts.stated_topics import stated_topics

AS_OF = date(2026, 6, 1)


def said(world: World, day: str, known: str | None = None, **fields: object) -> None:
    world.add("text_topics", "acme", day, known, **({"confidence": 0.8} | fields))


def test_intents_come_first_each_with_how_sure_how_often_when_and_where():
    world = World()
    world.account("acme")
    world.message("acme", occurred="2026-05-20", sentiment=None, message_id="m-1")
    said(world, "2026-05-29", topic="price")
    said(world, "2026-05-20", topic="asks_to_cancel", source_id="m-1", confidence=0.7)
    said(world, "2026-04-02", topic="asks_to_cancel", source_id="call-9", confidence=0.9)

    cancel, price = stated_topics(world.connect(), AS_OF)["acme"]

    assert (cancel["topic"], cancel["kind"], cancel["texts"], cancel["confidence"]) == (
        "asks_to_cancel", "intent", 2, 0.9,
    )  # fmt: skip
    assert cancel["last"] == "2026-05-20"
    assert [(one["table"], one["id"], one["on"]) for one in cancel["said_in"]] == [
        ("ticket_messages", "m-1", "2026-05-20"),
        (None, "call-9", "2026-04-02"),
    ]
    assert (price["topic"], price["kind"]) == ("price", "reason")


def test_what_was_said_later_known_later_or_long_ago_is_not_stated():
    world = World()
    world.account("acme")
    said(world, "2026-06-01", topic="price")
    said(world, "2026-05-01", "2026-06-02", topic="merger")
    said(world, "2025-10-01", topic="support")

    assert stated_topics(world.connect(), AS_OF) == {}


def test_a_merged_account_states_it_in_the_name_of_its_survivor():
    world = World()
    world.account("zeta")
    world.account("acme", merged_into="zeta", merged_at="2026-05-25")
    said(world, "2026-05-20", topic="price")

    assert set(stated_topics(world.connect(), AS_OF)) == {"zeta"}
    assert set(stated_topics(world.connect(), date(2026, 5, 24))) == {"acme"}
