"""A score that wavers around a border is one spell of trouble; its tier is always that of its number."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.ledger import alerts, band_of, outcome, promised, publish, run, tier_of

from customer_health.ledger import episodes
from customer_health.playbooks.account_view import AccountView, Reading
from customer_health.playbooks.episode_lifecycle import advance
from customer_health.scoring.hysteresis import settle
from customer_health.scoring.tiers import scheme_named

START, MARGIN, CONFIRMED = date(2026, 1, 1), 4, 14
CLEAR = 41 + MARGIN  # from here a score is clearly out of Red
RAG = scheme_named("rag")


def bands(path):
    """The band that an episode hangs on, on each of consecutive days."""
    state, seen = [{}], []
    for number, score in enumerate(path):
        day = START + timedelta(days=number)
        names, state = settle(
            np.array([score]), RAG, state, as_of=day, margin=MARGIN, confirmation_days=CONFIRMED
        )
        seen.append(str(names[0]))
    return seen


def spells(path):
    """Episodes of one account as (first day, last day or None), from one score a day."""
    found, episode, before = [], None, None
    for number, (score, band) in enumerate(zip(path, bands(path), strict=True)):
        day = START + timedelta(days=number)
        row = {
            "account_id": "acme",
            "score_shown": score,
            "tier": "At Risk",
            "band": band_of(score),
            "held_band": band,
        }
        facts = AccountView(row, before, {}, day, episode)
        now = datetime.combine(day, time(5))
        episode = advance(facts, margin=5, now=now, red_since={}, owner="dana@example.com")
        before = Reading(day, score, "At Risk", facts.level)
        if episode is not None and episode.closed_as_of:
            found.append((episode.opened_as_of, day))
            episode = None
    return [*found, (episode.opened_as_of, None)] if episode else found


@given(noise=st.lists(st.integers(-8, 6), min_size=30, max_size=120))
def test_noise_around_the_border_opens_one_episode_at_most_and_closes_none(noise):
    path = [38 + points for points in noise]  # 30 to 44: never clearly out of Red

    assert len(spells(path)) <= 1
    assert all(last is None for _, last in spells(path))


@given(path=st.lists(st.sampled_from([25, 36, 40, 41, 44, 45, 46, 60]), min_size=30, max_size=150))
def test_an_episode_ends_only_after_two_weeks_clearly_above_red(path):
    for first, last in spells(path):
        if last is not None:
            until = (last - START).days
            assert min(path[until - CONFIRMED : until + 1]) >= CLEAR
            assert (last - first).days > CONFIRMED
            assert bands(path)[until] != "Red"


@given(path=st.lists(st.integers(0, 100), min_size=2, max_size=60))
def test_an_episode_is_open_on_every_day_with_a_red_score(path):
    seen, found = bands(path), spells(path)
    for number, band in enumerate(seen):
        day = START + timedelta(days=number)
        if band == "Red":
            assert any(first <= day and (last is None or day < last) for first, last in found)


def test_a_number_and_its_tier_never_contradict_each_other_and_the_episode_stays_open(ledger):
    """The score is back at 55, which is Attention and is called so; the spell of trouble is not over yet."""
    for number, (score, held) in enumerate([(61, "Yellow"), (28, "Red"), (55, "Red"), (28, "Red")], 1):
        row = {"score": score, "tier": tier_of(score), "band": band_of(score), "held_band": held}
        publish(ledger, number, {"acme": row, "calm": 90})
        run(ledger, number)

    assert alerts(ledger) == ["acme"]
    assert [episode.closed_as_of for episode in episodes.all_of(ledger, "acme")] == [None]
    assert outcome(ledger, 4, "acme", "critical_save")[0] == "done_already"
    fields = [row["payload"]["fields"]["tier"] for row in promised(ledger, "set_fields", account_id="acme")]
    assert fields == [tier_of(61), "Critical", "Attention", "Critical"]
