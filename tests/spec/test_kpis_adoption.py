"""Is it used: alerts that somebody took up, tasks done in time, and how accounts moved between tiers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update
from tests.lib.ledger import day, morning, new_ledger, promised, publish, run

from customer_health.kpis.adoption import adoption, tier_migration
from customer_health.ledger import episode_events, episodes
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import outbox, task_states

NAMES = [f"a{n:02d}" for n in range(12)]


@pytest.fixture
def ledger(tmp_path):
    """Twelve accounts turned Red on the second day; a thirteenth stayed."""
    engine = new_ledger(tmp_path)
    for number, score in ((1, 60), (2, 20)):
        publish(engine, number, dict.fromkeys(NAMES, score) | {"calm": 90})
        run(engine, number)
    yield engine
    engine.dispose()


def test_an_alert_is_taken_up_by_the_first_who_says_so_within_48_hours(ledger):
    opened = {episode.account_id: episode.episode_id for episode in episodes.all_of(ledger)}
    for name, hours in zip(NAMES, (1, 47, 49), strict=False):
        moment = morning(2) + timedelta(hours=hours)
        episode_events.acknowledge(ledger, opened[name], by="dana", now=moment)
    found = adoption(ledger, day(10))
    assert (found.alerts, found.acknowledged) == (12, 2)
    assert found.share_acknowledged == pytest.approx(2 / 12)


def test_an_alert_of_yesterday_is_not_judged_yet(ledger):
    assert adoption(ledger, day(4)).alerts == 0
    assert adoption(ledger, day(5)).alerts == 12


def test_too_few_alerts_have_no_share(ledger, tmp_path_factory):
    small = new_ledger(tmp_path_factory.mktemp("small"))
    for number, score in ((1, 60), (2, 20)):
        publish(small, number, {"acme": score})
        run(small, number)
    found = adoption(small, day(10))
    assert (found.alerts, found.share_acknowledged, found.share_in_time) == (1, None, None)
    small.dispose()


def test_a_task_is_in_time_late_or_open_as_the_crm_had_told_by_then(ledger):
    """Of the tasks that reached the CRM one was closed an hour early, one an hour late, the rest never."""
    tasks = promised(ledger, "create_task")[:10]
    with writing(ledger) as connection:
        for number, task in enumerate(tasks):
            due = morning(6)
            payload = {**task["payload"], "due_at": due.isoformat()}
            connection.execute(
                update(outbox)
                .where(outbox.c.key == task["key"])
                .values(state="delivered", delivered_at=morning(3), payload=payload)
            )
            if number < 3:
                closed = due + timedelta(hours=(-1, 1, -1)[number])
                learned = morning(7) if number < 2 else morning(40)
                connection.execute(
                    insert(task_states).values(
                        effect_key=task["key"], task_id=f"t{number}", status="completed",
                        completed_at=closed, known_at=learned,
                    )
                )  # fmt: skip
    found = adoption(ledger, day(10))
    assert (found.tasks_due, found.tasks_in_time, found.tasks_late) == (10, 1, 1)
    assert adoption(ledger, day(41)).tasks_in_time == 2, "what is learned later counts later"
    assert adoption(ledger, day(6)).tasks_due == 0, "nothing was due yet"


def test_moves_between_tiers_add_up_to_both_days(ledger):
    publish(ledger, 100, dict.fromkeys(NAMES[:5], 90) | {"calm": 90, "new": 60})
    found = tier_migration(ledger, day(100))
    assert found is not None
    moves = {(row["before"], row["after"]): row["accounts"] for row in found["rows"]}
    assert moves == {
        ("Critical", "Healthy"): 5, ("Critical", None): 7, ("Healthy", "Healthy"): 1, (None, "Attention"): 1,
    }  # fmt: skip
    assert sum(row["arr"] for row in found["rows"]) == 14 * 240_000


def test_tiers_are_not_compared_across_two_meanings_of_the_score(ledger):
    publish(ledger, 100, dict.fromkeys(NAMES, 90), meaning="health_119d")
    assert tier_migration(ledger, day(100)) is None
