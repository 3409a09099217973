"""Whatever is run again, in whatever order, each promise is made once. Hypothesis tries to break it."""

import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.ledger import alerts, day, morning, new_ledger, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.ledger import episodes
from customer_health.ledger.outbox import admin
from customer_health.playbook_config import PlaybookConfig

ACCOUNTS = ("a", "b", "c")
SCORES = st.fixed_dictionaries({name: st.sampled_from([10, 28, 33, 39, 43, 48, 60, 85]) for name in ACCOUNTS})
WEEK = st.lists(SCORES, min_size=2, max_size=5)
# What happens besides the daily run: run a day again, restate a day's scores and run it, look at it late.
EXTRAS = st.lists(
    st.tuples(st.sampled_from(["again", "restate", "late"]), st.integers(1, 5), SCORES), max_size=4
)


def keys(ledger):
    return Counter(row["key"] for row in admin.find(ledger))


@settings(max_examples=6)
@given(week=WEEK, extras=EXTRAS, places=st.integers(0, 3))
def test_re_runs_restatements_and_back_fills_never_double_and_never_wake_the_past(week, extras, places):
    folder = Path(tempfile.mkdtemp())
    config = CompanyConfig(playbooks=PlaybookConfig(first_run_tasks=places, mass_move_floor=2))
    ledger = new_ledger(folder)
    try:
        for number, scores in enumerate(week, 1):
            publish(ledger, number, scores)
            run(ledger, number, config)
            before = keys(ledger)
            assert run(ledger, number, config).numbers["effects"] == 0
            assert keys(ledger) == before
            for kind, other, restated in extras:
                if kind != "again" and other <= number:
                    publish(ledger, other, restated if kind == "restate" else scores)
                if other < number or kind == "late":
                    # An earlier day, or a late look at this one: nothing may leave the system.
                    now = morning(number) + timedelta(hours=40 if kind == "late" else 0)
                    if other <= number:
                        assert run(ledger, other, config, now=now).numbers["effects"] == 0
        opened = Counter(
            episode.account_id for episode in episodes.all_of(ledger) if episode.closed_as_of is None
        )
        assert max(opened.values(), default=0) <= 1
        told = [(row["account_id"], row["episode_id"], row["playbook"]) for row in promised(ledger, "notify")]
        assert len(told) == len(set(told))
        assert len(alerts(ledger, "baseline")) == 1
        assert all(day(1) <= row["as_of"] <= day(len(week)) for row in admin.find(ledger))
    finally:
        ledger.dispose()
        shutil.rmtree(folder)


@settings(max_examples=6)
@given(week=WEEK)
def test_a_single_alert_always_tells_of_a_turn_for_the_worse(week):
    folder = Path(tempfile.mkdtemp())
    ledger = new_ledger(folder)
    try:
        for number, scores in enumerate(week, 1):
            publish(ledger, number, scores)
            run(ledger, number)
        for row in promised(ledger, "notify"):
            if row["payload"]["kind"] == "alert":
                score = row["payload"]["score"]
                assert score["before"] is not None
                assert score["now"] < score["before"]
                assert score["now"] <= 40
    finally:
        ledger.dispose()
        shutil.rmtree(folder)
