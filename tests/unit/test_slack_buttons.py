"""Buttons on an alert: what people press in Slack is in the ledger once, and the message shows it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from tests.lib.destinations import RIGS, effect, no_pace
from tests.lib.ledger import day, morning, new_ledger, promised, publish, run
from tests.lib.servers.slack_line import SlackLine

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.destinations import destination_registry
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.destinations.slack import slack_destination as slack
from customer_health.destinations.slack.buttons import NOT_A_RISK, ON_IT, SNOOZE
from customer_health.errors import ConfigurationError
from customer_health.ledger import episode_events, episodes
from customer_health.pipeline.button_listener import ALIVE
from customer_health.settings import Settings

NOW = morning(2)
SECRET = {"token": "xoxb-1", "app_token": "xapp-1"}


def settings_of(home, *, buttons=True):
    config = CompanyConfig.model_validate(
        {
            "destinations": {"slack": "slack"},
            "connections": {
                "slack": {
                    "buttons": buttons,
                    "channels": {"#csm-alerts": "C0000001"},
                    "per_second": 50,
                    "burst": 20,
                }
            },
            "playbooks": {"quiet": {"from_hour": 0, "until_hour": 0}},
        }
    )
    url = f"sqlite:///{home}/ledger.db"
    return Settings(home=home, warehouse_url="", ledger_url=url, config=config, secrets={"slack": SECRET})


class Office:
    """A workspace with one alert, a line, and our process listening to it."""

    def __init__(self, home, workspace):
        self.home, self.workspace, self.line = home, workspace, SlackLine()
        workspace.line = self.line.url
        self.ledger = new_ledger(home)
        for number, score in ((1, 61), (2, 20)):
            publish(self.ledger, number, {"acme": score, "calm": 90})
            run(self.ledger, number, settings_of(home).config)
        pipeline.deliver_effects(settings_of(home), destination="slack", now=NOW)
        self.episode = episodes.all_of(self.ledger, "acme")[0].episode_id
        self.stop = threading.Event()
        serve = partial(pipeline.serve_buttons, settings_of(home), now=lambda: NOW, stop=self.stop)
        self.process = threading.Thread(target=serve, daemon=True)
        self.process.start()

    def press(self, action, **given):
        user = {"id": "U1"}
        button = {"action_id": action, "value": self.episode, "type": "button"}
        return self.line.send(
            {"type": "block_actions", "trigger_id": f"t-{action}", "user": user, "actions": [button]}, **given
        )

    def keep(self, window, *, reason, until=None, number="V1", **given):
        values = {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}
        if until:
            values["until"] = {"until": {"type": "datepicker", "selected_date": until}}
        view = {"id": number, "callback_id": window["callback_id"], "state": {"values": values}}
        view["private_metadata"] = window["private_metadata"]
        return self.line.send({"type": "view_submission", "user": {"id": "U1"}, "view": view}, **given)

    def until(self, ready):
        for _ in range(600):
            if found := ready():
                return found
            self.stop.wait(0.05)
        raise AssertionError("nothing came of it")

    def events(self, kind):
        return [row for row in episode_events.events_of(self.ledger, self.episode) if row["kind"] == kind]

    def close(self):
        self.stop.set()
        self.process.join(timeout=60)
        self.line.close()
        self.ledger.dispose()


@pytest.fixture
def office(home, monkeypatch) -> Iterator[Office]:
    rig = RIGS["slack"]()

    def build(role, settings):
        options = settings.config.connections.slack
        return slack.SlackDestination(role, SECRET, options, no_pace(), base_url=rig.server.url + "/")

    monkeypatch.setitem(destination_registry.FACTORIES, "slack", build)
    monkeypatch.setattr(pipeline.button_listener, "BEAT", 0.2)
    office = Office(home, rig.server)
    yield office
    office.close()
    rig.server.close()


def test_i_am_on_it_is_one_event_with_a_name_and_the_message_shows_it(office):
    ack = office.press(ON_IT, times=3, envelope="e-1")  # Slack repeats what it is unsure about
    assert ack == {"envelope_id": "e-1"}
    edits = office.until(lambda: promised(office.ledger, "update_message", state="delivered"))

    (event,) = office.events("acknowledged")
    assert event["by"] == "Dana Doe"
    assert edits[-1]["payload"]["status"]["state"] == "acknowledged"
    parents = [message for message in office.workspace.messages.values() if not message.get("thread_ts")]
    assert [message for message in parents if "Dana Doe" in str(message.get("blocks"))]
    assert (office.home / ALIVE).exists()


def test_a_snooze_asks_for_reason_and_end_and_a_bad_one_is_said_in_the_form(office):
    office.press(SNOOZE)
    window = office.until(lambda: office.workspace.windows[-1:])[0]
    assert (window["trigger_id"], window["private_metadata"]) == (f"t-{SNOOZE}", office.episode)

    ack = office.keep(window, reason="no", until=day(1).isoformat())
    assert ack["payload"]["response_action"] == "errors"
    assert set(ack["payload"]["errors"]) == {"reason", "until"}
    assert office.events("snoozed") == []

    for _ in range(2):  # the same form twice is one snooze
        assert "payload" not in office.keep(window, reason="They are on holiday.", until=day(9).isoformat())
    office.until(lambda: office.events("snoozed"))
    office.press("unknown_button")  # and what is not ours does no harm
    (event,) = office.events("snoozed")
    assert event["detail"]["reason"] == "They are on holiday."


def test_not_a_risk_is_a_false_alarm_with_its_reason_after_slack_has_changed_the_line(office):
    office.line.hang_up()
    office.press(NOT_A_RISK)
    window = office.until(lambda: office.workspace.windows[-1:])[0]
    office.keep(window, reason="A pilot that ended as planned.")
    (event,) = office.until(lambda: office.events("outcome"))
    assert event["detail"]["outcome"] == "false_alarm"
    assert office.line.opened >= 2


def test_buttons_are_there_only_where_somebody_listens_and_slack_takes_them():
    payload = effect("notify", to="slack").payload
    plain, wired = (blocks.message(payload, buttons=on)["blocks"] for on in (False, True))
    assert not [block for block in plain if block.get("block_id") == "chs_care"]
    (row,) = [block for block in wired if block.get("block_id") == "chs_care"]
    assert [button["action_id"] for button in row["elements"]] == [ON_IT, SNOOZE, NOT_A_RISK]
    assert slack_limits.problems({"text": "x", "blocks": wired}) == []
    over = blocks.message(
        {**payload, "status": {"state": "recovered", "sign": "✅", "text": "ok"}}, buttons=True
    )
    assert not [block for block in over["blocks"] if block.get("block_id") == "chs_care"]


def test_without_buttons_or_app_token_it_says_what_to_set(home):
    with pytest.raises(ConfigurationError, match="no buttons"):
        pipeline.serve_buttons(settings_of(home, buttons=False), now=lambda: NOW, stop=threading.Event())
    bare = settings_of(home).model_copy(update={"secrets": {"slack": {"token": "xoxb-1"}}})
    with pytest.raises(ConfigurationError, match="app_token"):
        pipeline.serve_buttons(bare, now=lambda: NOW, stop=threading.Event())
