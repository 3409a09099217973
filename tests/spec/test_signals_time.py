"""Two clocks: a score of a date may only know what was known before that date."""

from __future__ import annotations

from tests.lib.world import World


def test_a_fact_learned_after_the_as_of_date_is_invisible() -> None:
    """The score of 1 March saw what 1 March knew."""
    world = World()
    world.usage("acme", user="ann", occurred="2026-02-20", known="2026-02-20")
    world.usage("acme", user="ben", occurred="2026-02-20", known="2026-03-05")

    panel = world.panel("2026-03-01", "2026-03-06").set_index(["account_id", "as_of"])

    assert panel.at[("acme", "2026-03-01"), "active_users_28d"] == 1
    assert panel.at[("acme", "2026-03-06"), "active_users_28d"] == 2
