"""An episode as Slack shows it: alert, 👀, edit, reply, all in one message and its thread."""

from datetime import timedelta

from tests.lib.destinations import RIGS
from tests.lib.ledger import morning, new_ledger, publish, run

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.destinations import destination_registry
from customer_health.destinations.preview import PreviewDestination
from customer_health.destinations.slack import reactions
from customer_health.errors import RetriableError
from customer_health.ledger import slack_threads
from customer_health.ledger.outbox import admin
from customer_health.playbooks.reminders import follow_up
from customer_health.settings import load_settings


def test_one_message_per_episode_lives_through_acknowledgement_and_escalation(tmp_path):
    rig, ledger, config = RIGS["slack"](), new_ledger(tmp_path), CompanyConfig()
    accounts = dict.fromkeys(["acme", *(f"calm{number}" for number in range(20))], 61)
    publish(ledger, 1, accounts)
    publish(ledger, 2, {**accounts, "acme": 20})
    run(ledger, 1)
    run(ledger, 2)
    noon = morning(2) + timedelta(hours=7)
    deliver(ledger, rig.destination, now=lambda: noon)
    (parent,) = [m for m in rig.server.messages.values() if "Acme" in m["text"] and "61 → 20" in m["text"]]

    assert reactions.poll(ledger, rig.destination, now=noon) == 0
    parent["reactions"] = [{"name": "eyes", "users": ["U1"], "count": 1}]
    assert reactions.poll(ledger, rig.destination, now=noon) == 1
    assert slack_threads.awaiting_ack(ledger) == []
    follow_up(ledger, config, now=noon)
    later = noon + timedelta(minutes=5)
    deliver(ledger, rig.destination, now=lambda: later)
    assert "Dana Doe is on it" in str(parent["blocks"])

    two_days = noon + timedelta(days=2, hours=1)
    follow_up(ledger, config, now=two_days)
    monday = two_days + timedelta(days=3)
    deliver(ledger, rig.destination, now=lambda: monday)
    replies = [m for m in rig.server.messages.values() if m.get("thread_ts") == parent["ts"]]
    assert [("without a first step" in m["text"]) for m in replies] == [True]
    mentions = [m for m in rig.server.messages.values() if "Acme" in m["text"] and not m.get("thread_ts")]
    assert len(mentions) == 1
    assert not admin.find(ledger, state="rejected")
    assert rig.server.violations == []
    rig.server.close()
    ledger.dispose()


def test_a_delivery_asks_nobody_for_reactions_and_the_step_that_does_sends_nothing(tmp_path, monkeypatch):
    rig, ledger = RIGS["slack"](), new_ledger(tmp_path)
    publish(ledger, 1, {"acme": 61, "bolt": 61})
    publish(ledger, 2, {"acme": 20, "bolt": 61})
    run(ledger, 1)
    run(ledger, 2)
    settings = load_settings({"CUSTOMER_HEALTH_LEDGER_URL": str(ledger.url)}, home=tmp_path)
    monkeypatch.setattr(destination_registry, "destination_for", lambda role, settings: rig.destination)
    noon = morning(2) + timedelta(hours=7)
    pipeline.deliver_effects(settings, destination="slack", now=noon)
    (parent,) = [m for m in rig.server.messages.values() if "Acme" in m["text"] and "61 → 20" in m["text"]]
    parent["reactions"] = [{"name": "eyes", "users": ["U1"], "count": 1}]

    pipeline.deliver_effects(settings, destination="slack", now=noon + timedelta(minutes=5))
    assert len(slack_threads.awaiting_ack(ledger)) == 1
    posted = len(rig.server.messages)
    assert pipeline.collect_responses(settings, now=noon).counts() == {"acknowledged": 1}
    assert slack_threads.awaiting_ack(ledger) == []
    assert len(rig.server.messages) == posted
    rig.server.close()
    ledger.dispose()


def test_slack_out_of_reach_ends_the_round_and_a_preview_has_no_reactions(tmp_path):
    ledger = new_ledger(tmp_path)
    publish(ledger, 1, {"acme": 61, "bolt": 61})
    publish(ledger, 2, {"acme": 20, "bolt": 61})
    run(ledger, 1)
    run(ledger, 2)
    preview = PreviewDestination("slack", tmp_path)
    noon = morning(2) + timedelta(hours=7)
    deliver(ledger, preview, now=lambda: noon)

    class Down:
        def reactions(self, remote_id):
            raise RetriableError("down")

        def person(self, user_id):
            return user_id

    assert reactions.poll(ledger, preview, now=noon) == 0
    assert reactions.poll(ledger, Down(), now=noon) == 0
    ledger.dispose()
