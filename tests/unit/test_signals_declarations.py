"""Declarations that could not be computed are refused when they are written, with a way out."""

from __future__ import annotations

from typing import Any

import pytest
from tests.lib.slow_engine.slow_facts import TWINS
from tests.lib.slow_engine.slow_usage import USAGE_TWINS
from tests.lib.world import World, moment

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.signals.aggregations import Count, DaysSince, Last, Mean, OpenNow, Sum
from customer_health.signals.build_panel import CONTEXT, build_panel, read_signals, write_signals
from customer_health.signals.catalogue import CATALOGUE, named, select
from customer_health.signals.panel_engine import answerable_for, check_answerable
from customer_health.signals.signal import RESERVED, Concept, Direction, FromConfig, Signal, days
from customer_health.signals.signal_docs import page, render
from customer_health.signals.usage_aggregations import ShareOfUsage


def declare(**changes: Any) -> Signal:
    given: dict[str, Any] = {
        "name": "sample",
        "table": "tickets",
        "aggregation": Count(),
        "window": days(90),
        "unit": "tickets",
        "direction": Direction.NEUTRAL,
        "concept": Concept.SUPPORT,
        "phrase": "{value:.0f} tickets",
    }
    return Signal(**(given | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"table": "tickts"}, "Did you mean one of: tickets"),
        ({"table": "crm_snapshot"}, "may not feed a signal"),
        ({"table": "outcomes"}, "may not feed a signal"),
        ({"window": 0}, "window of at least one day"),
        ({"window": None}, "window of at least one day"),
        ({"aggregation": DaysSince(), "window": 30}, "has no window"),
        ({"table": "surveys", "aggregation": Mean("kind")}, "Columns that fit: score"),
        ({"table": "surveys", "aggregation": Last("scroe")}, "Did you mean one of: score"),
        ({"aggregation": Count(at="escalated")}, "Did you mean one of: escalated_at"),
        ({"where": {"prio": "critical"}}, "Did you mean one of: priority"),
        ({"where": {"priority": "critcal"}}, "Did you mean one of: critical"),
        ({"aggregation": ShareOfUsage()}, "It reads usage"),
        ({"table": "usage", "where": {"user_id": "ann"}}, "Only by 'feature'"),
        ({"phrase": "{number} tickets"}, "Use {value} only"),
        ({"name": "Open Tickets!"}, "small letters, digits and _"),
        ({"name": "seats"}, "has a column of this name already"),
        ({"profiles": ("ful",)}, "Did you mean one of: full"),
        ({"window": 100_000}, "days(3650) is the longest"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_with_a_remedy(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        declare(**changes)
    assert says in str(refused.value)


def test_no_signal_can_overwrite_what_the_panel_says_of_an_account() -> None:
    assert {*CONTEXT, "coverage"} == RESERVED


def test_closing_a_fact_needs_a_column_that_closes_it() -> None:
    with pytest.raises(ConfigurationError, match="needs a column"):
        OpenNow(until=())


def test_an_aggregation_that_usage_does_not_keep_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot read 'usage'"):
        check_answerable(declare(table="usage", aggregation=Mean("events")))


def test_a_misspelt_setting_is_refused() -> None:
    signal = declare(table="interactions", where={"kind": FromConfig("people.meaningful")})
    with pytest.raises(ConfigurationError, match="does not exist"):
        World().signals("2026-03-01", signals=[signal])


def test_a_signal_or_profile_that_does_not_exist_is_named_with_its_neighbours() -> None:
    with pytest.raises(ConfigurationError, match="recent_nps"):
        named(["recent_nsp"])
    with pytest.raises(ConfigurationError, match="starter_5"):
        select("starter")


def test_the_starter_profile_is_the_five_signals_of_the_playbook() -> None:
    assert {s.name for s in select("starter_5")} == {
        "core_action_delta_30d",
        "support_sentiment_90d",
        "exec_activity_90d",
        "payment_delay_days",
        "recent_nps",
    }


def test_every_aggregation_has_an_engine_and_a_twin() -> None:
    assert set(USAGE_TWINS) == answerable_for("usage")
    assert set(TWINS) == answerable_for("tickets") | answerable_for("contracts")


def test_every_phrase_renders_and_every_signal_has_a_reader() -> None:
    for signal in CATALOGUE.values():
        check_answerable(signal)
        assert signal.phrase.format(value=0.5, currency="USD") != signal.phrase or "{" not in signal.phrase


def test_the_page_about_signals_is_current() -> None:
    assert page().read_text(encoding="utf-8") == render(), "run python -m customer_health.signals.signal_docs"


def test_a_newcomer_adds_a_signal_by_one_declaration() -> None:
    """No query, no column, no registration: the declaration is enough."""
    world = World()
    world.interaction("acme", kind="call", occurred="2026-02-01", minutes=30)
    world.interaction("acme", kind="call", occurred="2026-02-10", minutes=15)
    minutes = declare(table="interactions", aggregation=Sum("minutes"), name="minutes_90d")

    assert world.signals("2026-03-01", signals=[minutes]).at["acme", "minutes_90d"] == 45
    assert "| `minutes_90d` | Sum of a column" in render([minutes])


def test_a_new_signal_can_be_a_reason_without_anybody_writing_words_for_it() -> None:
    from customer_health.scoring.statements import risk_claim

    minutes = declare(name="minutes_90d", reason_code="few_minutes")
    claim = risk_claim(minutes)
    assert claim is not None
    assert (claim.code, claim.words) == ("few_minutes", "few minutes")


def test_writing_a_day_twice_replaces_it_and_keeps_other_days() -> None:
    world = World()
    world.contract("acme", ends="2026-06-01")
    world.nps("acme", score=0, occurred="2026-01-10")
    con, config = world.connect(), CompanyConfig()
    dates = [moment("2026-03-01").date(), moment("2026-04-01").date()]

    write_signals(con, build_panel(con, config, dates, signals=select("starter_5")))
    write_signals(con, build_panel(con, config, dates[:1]))

    kept = con.execute("SELECT as_of, recent_nps, tickets_90d FROM signals.values ORDER BY as_of").fetchall()
    assert kept == [(dates[0], 0.0, None), (dates[1], 0.0, None)]
    back = read_signals(con, dates[0])
    assert back.at[0, "renewal_date"] == moment("2026-06-01")


def test_kept_state_answers_without_reading_the_facts_again(tmp_path: Any) -> None:
    """The second panel comes from disk; a new load makes a new state."""
    world = World()
    world.usage("acme", occurred="2026-02-20")
    con, config, dates = world.connect(), CompanyConfig(), [moment("2026-03-01").date()]
    first = build_panel(con, config, dates, state_dir=tmp_path)
    con.execute("UPDATE raw.usage SET events = 99").fetchall()  # behind the loader's back
    again = build_panel(con, config, dates, state_dir=tmp_path)
    assert again.equals(first)

    con.execute(
        "INSERT INTO raw.usage SELECT * REPLACE ('ben' AS user_id, '2' AS _load_id) FROM raw.usage"
    ).fetchall()
    newer = build_panel(con, config, dates, state_dir=tmp_path)
    assert newer.at[0, "active_users_28d"] == 2


def test_a_damaged_state_is_rebuilt_and_not_believed(tmp_path: Any) -> None:
    world = World()
    world.usage("acme", occurred="2026-02-20")
    con, config, dates = world.connect(), CompanyConfig(), [moment("2026-03-01").date()]
    first = build_panel(con, config, dates, state_dir=tmp_path)
    for file in (tmp_path / "signals").rglob("*.npy"):
        file.write_bytes(b"half a file")

    assert build_panel(con, config, dates, state_dir=tmp_path).equals(first)
