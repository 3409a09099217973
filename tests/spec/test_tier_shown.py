"""Page, summary and playbooks name the same tier: that of the number beside it."""

from __future__ import annotations

from tests.lib.ledger import day, new_ledger, publish

from customer_health.cli.run_summary import demo_summary
from customer_health.ledger import portfolio_queries
from customer_health.ledger.portfolio_filters import Filters
from customer_health.playbooks import snapshot
from customer_health.playbooks.playbook import load_playbooks
from customer_health.scoring.tiers import scheme_named
from customer_health.settings import Settings
from customer_health_airflow.ui.page_queries import cards_of, comparable_from

NAMES = scheme_named("four_tier").names


def test_a_row_of_an_older_version_keeps_the_tier_that_people_saw_then(tmp_path):
    ledger = new_ledger(tmp_path)
    acme = {"score": 52, "tier_shown": "At Risk", "band_shown": "Red"}
    calm = {"score": 90, "tier_shown": None, "band_shown": None}
    publish(ledger, 1, {"acme": acme, "calm": calm})
    cards = {card.tier: card.accounts for card in cards_of(ledger, day(1), None, NAMES)}
    assert (cards["At Risk"], cards["Attention"]) == (1, 0)
    wanted = Filters(tier="At Risk")
    (row,) = portfolio_queries.ranked(ledger, day(1), before=None, wanted=wanted, tiers=NAMES, limit=9)
    assert (row["account_id"], row["tier"]) == ("acme", "At Risk")
    assert portfolio_queries.count(ledger, day(1), wanted)[0] == 1
    line = portfolio_queries.account_line(ledger, "acme", until=day(1))
    assert [row["tier"] for row in line] == ["At Risk"]

    settings = Settings(
        home=tmp_path, warehouse_url="duckdb://", ledger_url=f"sqlite:///{tmp_path}/ledger.db"
    )
    told = demo_summary(settings, as_of=day(1))
    assert "At Risk · 52" in told
    with ledger.connect() as connection:
        seen = snapshot.read(connection, day(1), load_playbooks(settings.config), settings.config)
    assert seen is not None
    (fact,) = [fact for fact in seen.facts if fact.account_id == "acme"]
    assert (fact.tier, fact.level) == ("At Risk", 1)
    ledger.dispose()


def test_the_screen_and_the_page_compare_no_tiers_across_two_meanings_of_the_score(tmp_path):
    ledger = new_ledger(tmp_path)
    settings = Settings(
        home=tmp_path, warehouse_url="duckdb://", ledger_url=f"sqlite:///{tmp_path}/ledger.db"
    )
    for number in (1, 8, 15, 22):
        fell = 90 if number < 15 else 60
        rows = {"acme": {"score": 90}, "fell": {"score": fell if number < 22 else 20}}
        health = {"meaning": "health_119d"} if number >= 15 else {}
        publish(ledger, number, {name: {**row, **health} for name, row in rows.items()})

    screens = {number: demo_summary(settings, as_of=day(number)) for number in (15, 22)}
    assert "no arrows yet: scores mean what they mean since 2026-11-15" in screens[15]
    assert "▼ 1" not in screens[15]
    assert "since 2026-11-15" in screens[22]
    assert "▼ 1" in screens[22]
    assert comparable_from(ledger) == day(15)
    ledger.dispose()
