"""Who knows whom, and when did they last speak? (B6, D1 to D5) As-of date: 1 March 2026."""

from __future__ import annotations

from typing import Any

import pytest
from tests.lib.signals_spec import ago, ask
from tests.lib.world import World

from customer_health.company import CompanyConfig


@pytest.fixture
def world() -> World:
    return World()


def test_sponsor_change_6m_is_a_sponsor_or_champion_who_left(world: World) -> None:
    world.contact("acme", "bob", role="champion")
    world.contact("zeta", "eve", role="user")
    world.contact_change("acme", "bob", kind="left", occurred=ago(40))
    world.contact_change("zeta", "eve", kind="left", occurred=ago(40))
    assert ask(world, "sponsor_change_6m") == 1
    assert ask(world, "sponsor_change_6m", "zeta") == 0


def test_sponsor_change_6m_sees_a_champion_who_is_given_another_role(world: World) -> None:
    """He is still there and still known, and no longer speaks for us."""
    world.contact("acme", "bob", role="champion")
    world.contact_change("acme", "bob", kind="role_changed", role="user", occurred=ago(40))
    assert ask(world, "sponsor_change_6m") == 1
    assert ask(world, "contacts_known") == 1


def test_a_champion_who_becomes_the_sponsor_is_no_loss(world: World) -> None:
    world.contact("acme", "bob", role="champion")
    world.contact_change("acme", "bob", kind="role_changed", role="sponsor", occurred=ago(40))
    world.contact("acme", "ann", role="user")
    world.contact_change("acme", "ann", kind="role_changed", role="champion", occurred=ago(30))
    assert ask(world, "sponsor_change_6m") == 0
    world.contact_change("acme", "ann", kind="role_changed", role="other", occurred=ago(2))
    assert ask(world, "sponsor_change_6m") == 1


def test_contacts_known_forgets_those_who_left(world: World) -> None:
    for person in ("ann", "bob", "cy"):
        world.contact("acme", person)
    world.contact_change("acme", "bob", kind="left", occurred=ago(3))
    world.contact_change("acme", "cy", kind="left", occurred=ago(3), known="2026-03-09")
    assert ask(world, "contacts_known") == 2


def test_days_since_last_interaction_counts_real_conversations(world: World) -> None:
    world.interaction("acme", kind="call", occurred=ago(30))
    world.interaction("acme", kind="email_sent", occurred=ago(2))
    assert ask(world, "days_since_last_interaction") == 30


def test_a_customer_we_never_spoke_with_counts_from_their_start(world: World) -> None:
    """Never is not unknown: the silence has lasted as long as both the customer and the source exist."""
    world.interaction("zeta", kind="call", occurred=ago(300))
    world.contract("acme", occurred=ago(100))
    assert ask(world, "days_since_last_interaction") == 100


def test_days_since_ebr_counts_business_reviews_only(world: World) -> None:
    world.interaction("acme", kind="ebr", occurred=ago(100))
    world.interaction("acme", kind="call", occurred=ago(1))
    assert ask(world, "days_since_ebr") == 100


def test_exec_activity_90d_counts_days_on_which_an_executive_was_there(world: World) -> None:
    world.contact("acme", "bob", title="VP Operations", user_id="u-bob")
    world.contact("acme", "ann", title="Analyst", user_id="u-ann")
    world.usage("acme", occurred=ago(5), user="u-bob")
    world.interaction("acme", kind="email_reply", occurred=ago(10), person="bob")
    world.usage("acme", occurred=ago(5), user="u-ann")  # no executive
    world.interaction("acme", kind="email_sent", occurred=ago(9), person="bob")  # that was us
    assert ask(world, "exec_activity_90d") == 2
    assert ask(world, "days_since_exec_activity") == 5


def test_an_account_without_executives_is_unanchored_if_all_titles_are_known(world: World) -> None:
    world.contact("acme", "ann", title="Analyst")
    world.contact("zeta", "eve", title=None)
    assert ask(world, "exec_activity_90d") == 0
    assert ask(world, "exec_activity_90d", "zeta") is None  # she may be the CEO: unknown, not absent


def test_ebr_overdue_days_starts_when_the_next_review_was_due() -> None:
    world = World(CompanyConfig.model_validate({"people": {"ebr_every_days": 90}}))
    world.interaction("acme", kind="ebr", occurred=ago(120))
    world.interaction("zeta", kind="ebr", occurred=ago(20))
    assert ask(world, "ebr_overdue_days") == 30
    assert ask(world, "ebr_overdue_days", "zeta") == 0


@pytest.mark.parametrize(
    ("every", "segment", "overdue"),
    [
        (90, "smb", 30),  # one interval for everybody
        ({"enterprise": 90, "smb": None, "default": 180}, "enterprise", 30),
        ({"enterprise": 90, "smb": None, "default": 180}, "smb", 0),  # nobody holds one with them
        ({"enterprise": 90, "smb": None, "default": 100}, "mid_market", 20),
        ({"enterprise": 90, "smb": None, "default": 110}, None, 10),
    ],
)
def test_ebr_overdue_days_follows_the_interval_of_the_segment(
    every: Any, segment: str | None, overdue: int
) -> None:
    """A customer of 3,000 a year is not owed what an enterprise is owed."""
    world = World(CompanyConfig.model_validate({"people": {"ebr_every_days": every}}))
    world.account("acme", created=ago(400), segment=segment)
    world.interaction("acme", kind="ebr", occurred=ago(120))
    assert ask(world, "ebr_overdue_days") == overdue


def test_executives_known_and_contacts_left_180d_follow_people(world: World) -> None:
    world.contact("acme", "ceo", title="CEO")
    world.contact("acme", "vp", title="VP Sales")
    world.contact("acme", "dev", title="Engineer")
    world.contact_change("acme", "vp", kind="left", occurred=ago(30))
    assert ask(world, "executives_known") == 1
    assert ask(world, "contacts_left_180d") == 1


def test_active_contacts_90d_counts_people_and_interactions_90d_conversations(world: World) -> None:
    for day in (5, 20):
        world.interaction("acme", kind="call", occurred=ago(day), person="ann")
    world.interaction("acme", kind="email_sent", occurred=ago(2), person="ben")
    assert ask(world, "active_contacts_90d") == 1
    assert ask(world, "interactions_90d") == 2


def test_csm_pulse_is_the_newest_of_ninety_days_and_unknown_without_one(world: World) -> None:
    world.add("csm_pulses", "acme", ago(40), None, pulse=4)
    world.add("csm_pulses", "acme", ago(10), None, pulse=2)
    world.add("csm_pulses", "old", ago(91), None, pulse=1)
    world.account("nobody_asked")
    assert ask(world, "csm_pulse") == 2
    assert ask(world, "csm_pulse", "old") is None
    assert ask(world, "csm_pulse", "nobody_asked") is None


def test_a_pulse_that_was_written_down_later_does_not_count_before(world: World) -> None:
    """The tool says "two weeks ago"; until it said so, nobody knew."""
    world.add("csm_pulses", "acme", ago(40), None, pulse=4)
    world.add("csm_pulses", "acme", ago(14), ago(-1), pulse=1)
    assert ask(world, "csm_pulse") == 4
