"""Alerts to people instead of channels, pictures in threads, and what happens where Slack says no."""

from datetime import timedelta

import pytest
from tests.lib.destinations import THREAD, effect, no_pace
from tests.lib.ledger import alerts, morning, new_ledger, outcome, promised, publish, run
from tests.lib.servers.slack import SlackWorkspace

from customer_health.company import CompanyConfig, DestinationsConfig
from customer_health.connections.connection_options import Secret
from customer_health.connections.slack_connection import SlackOptions
from customer_health.delivery.dispatch import deliver
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.doctor import look
from customer_health.destinations.slack.slack_destination import SlackDestination
from customer_health.effects.destination import BusyError, RejectedError
from customer_health.effects.effect import Effect
from customer_health.ledger.outbox import admin
from customer_health.playbook_config import PlaybookConfig, Route
from customer_health.playbooks.reminders import follow_up


@pytest.fixture
def workspace():
    workspace = SlackWorkspace()
    yield workspace
    assert workspace.violations == []
    workspace.close()


def connect(workspace):
    options = SlackOptions(timeout_seconds=2.0, channels={"#csm-alerts": "C0000001"})
    return SlackDestination(
        "slack", Secret({"token": "xoxb-1"}), options, no_pace(), base_url=workspace.base_url
    )


def direct(email="dana@example.com", **given):
    return effect("notify", to="slack", direct_to=email, **given)


def asked(workspace, method):
    return sum(request.path.endswith(method) for request in workspace.requests)


def test_an_alert_to_its_owner_is_a_direct_message_and_is_found_there(workspace):
    slack, promise = connect(workspace), direct()
    assert slack.find(promise) is None
    remote = slack.deliver(promise)
    assert remote.startswith("DU1:")
    assert slack.find(promise) == remote


def test_a_person_is_looked_up_once(workspace):
    slack = connect(workspace)
    for account in "abc":
        slack.deliver(direct(account=account))
    assert asked(workspace, "users.lookupByEmail") == asked(workspace, "conversations.open") == 1


def test_whoever_is_not_in_slack_is_told_in_the_channel_with_the_reason(workspace):
    slack, promise = connect(workspace), direct("gone@example.com")
    remote = slack.deliver(promise)
    assert remote.startswith("C0000001:")
    (message,) = workspace.messages.values()
    assert "here because gone@example.com cannot be reached by direct message" in str(message["blocks"])
    assert slack.find(promise) == remote


def test_without_the_permission_for_direct_messages_the_channel_gets_them(workspace):
    workspace.scopes = workspace.scopes.replace(",im:write", "")
    assert connect(workspace).deliver(direct()).startswith("C0000001:")


def test_a_revoked_token_is_no_reason_to_write_into_the_channel(workspace):
    workspace.next.append("auth_expired")
    with pytest.raises(DestinationUnavailableError):
        connect(workspace).deliver(direct())
    assert workspace.messages == {}


def test_a_lookup_without_an_answer_waits_and_forgets_nothing(workspace):
    slack = connect(workspace)
    workspace.next.append("reset_before")
    with pytest.raises(BusyError):
        slack.deliver(direct())
    assert slack.deliver(direct()).startswith("DU1:")


def test_an_edit_of_a_direct_message_stays_in_the_conversation(workspace):
    slack, promise = connect(workspace), direct()
    remote = slack.deliver(promise)
    status = {"state": "begun", "sign": "🛠", "text": "First step begun"}
    payload = {**promise.payload, "parent_key": promise.key, "parent_remote_id": remote, "status": status}
    names = ("edit-key", "slack", "update_message", "acme", promise.as_of, "thread", "state_01", "ep")
    slack.deliver(Effect(*names, payload))
    (message,) = workspace.messages.values()
    assert "First step begun" in str(message["blocks"])
    assert "cannot be reached" not in str(message["blocks"])


def config(*routes, **numbers):
    return CompanyConfig(
        playbooks=PlaybookConfig(routes=routes, **numbers), destinations=DestinationsConfig(slack="slack")
    )


def fall(ledger, settings, accounts=("acme",), **columns):
    for number, score in ((1, 61), (2, 20)):
        publish(ledger, number, {**dict.fromkeys(accounts, score), "calm": 90}, **columns)
        run(ledger, number, settings)


@pytest.fixture
def ledger(tmp_path):
    engine = new_ledger(tmp_path)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("route", "to"),
    [
        ({"channel": "@owner"}, "dana@example.com"),
        ({"channel": "@manager"}, "lee@example.com"),
        ({"channel": "@owner", "owners": ("dana@example.com",), "tiers": ("critical",)}, "dana@example.com"),
        ({"channel": "@owner", "segments": ("smb",)}, None),
    ],
)
def test_routes_by_tier_segment_and_owner_may_lead_to_a_person(ledger, route, to):
    fall(ledger, config(Route(**route)))
    (alert,) = promised(ledger, "notify", account_id="acme")
    assert alert["payload"].get("direct_to") == to
    assert alert["payload"]["channel"] == "#csm-alerts"


def test_a_direct_message_that_nobody_acts_on_goes_to_the_channel_too(ledger):
    """In a direct message the lead would see neither the alert nor its escalation."""
    settings = config(Route(channel="@owner"))
    fall(ledger, settings)
    follow_up(ledger, settings, now=morning(4) + timedelta(hours=5))
    (overdue,) = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "overdue"]
    assert overdue["payload"]["entries"][0]["account_id"] == "acme"
    assert overdue["payload"]["channel"] == "#csm-alerts"


def test_a_channel_gets_so_many_alerts_a_day_and_the_rest_in_the_digest(ledger):
    names = [f"a{number}" for number in range(4)]
    owners = {name: {"score": 20, "owner_email": f"{name}@example.com"} for name in names}
    settings = CompanyConfig(playbooks=PlaybookConfig(alerts_per_channel_per_day=3))
    publish(ledger, 1, dict.fromkeys(names, 61))
    run(ledger, 1, settings)
    publish(ledger, 2, owners)
    run(ledger, 2, settings)

    assert alerts(ledger) == ["a0", "a1", "a2"]
    assert "#csm-alerts has had 3 today" in outcome(ledger, 2, "a3", "critical_save")[1]
    (digest,) = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "digest"]
    assert digest["payload"]["mentions"] == ["a3"]


@pytest.fixture
def thread(workspace):
    workspace.messages["C0000001", THREAD] = {"ts": THREAD, "text": "alert", "metadata": {}}
    return connect(workspace)


def test_a_picture_lands_whole_in_the_thread_of_its_alert(workspace, thread):
    promise = effect("attach_file", to="slack")
    assert thread.find(promise) is None
    remote = thread.deliver(promise)
    assert thread.find(promise) == remote == "C0000001:F1"
    (file,) = workspace.files.values()
    assert file["content"][:4] == b"\x89PNG"
    assert file["shared"] == ("C0000001", THREAD)
    assert promise.key in file["name"]


def test_an_app_that_may_not_write_files_still_sends_its_alerts(workspace, thread, ledger):
    workspace.scopes = workspace.scopes.replace(",files:write", "")
    with pytest.raises(RejectedError) as caught:
        thread.deliver(effect("attach_file", to="slack"))
    assert "files:write" in caught.value.hint
    assert thread.deliver(effect("notify", to="slack"))


def test_an_upload_that_broke_in_the_middle_is_begun_anew_and_shared_once(workspace, thread):
    promise = effect("attach_file", to="slack")
    workspace.next.extend([None, "reset_after"])
    with pytest.raises(BusyError):
        thread.deliver(promise)
    assert thread.find(promise) is None
    thread.deliver(promise)
    assert workspace.created("file") == [promise.key]


@pytest.mark.parametrize(
    "url", ["https://evil.example/upload", "http://files.slack.com/x", "https://slack.com.evil/x"]
)
def test_bytes_go_to_slack_and_nowhere_else(workspace, thread, monkeypatch, url):
    original = workspace._files_getUploadURLExternal
    monkeypatch.setattr(
        workspace, "_files_getUploadURLExternal", lambda given: {**original(given), "upload_url": url}
    )
    with pytest.raises(RejectedError, match=r"outside of slack\.com"):
        thread.deliver(effect("attach_file", to="slack"))


def test_an_upload_that_lost_bytes_is_refused_by_slack_and_said(workspace, thread, monkeypatch):
    monkeypatch.setattr("customer_health.destinations.slack.file_upload._upload", lambda *given: None)
    with pytest.raises(RejectedError, match="file_upload_size_mismatch"):
        thread.deliver(effect("attach_file", to="slack"))


def test_the_doctor_names_the_permissions_for_people_and_files(workspace):
    workspace.scopes = "chat:write,channels:read,channels:history,reactions:read"
    slack = connect(workspace)
    said = " ".join(problem.what for problem in look("slack", slack, channels=("@owner",)))
    for scope in ("files:write", "files:read", "users:read.email", "im:write", "im:history"):
        assert scope in said
    assert "im:write" not in str(look("slack", slack))


def test_the_whole_story_of_an_alert_arrives_in_order(workspace, ledger):
    """Direct message first, then what belongs to it, in one conversation."""
    fall(ledger, config(Route(channel="@owner")))
    deliver(ledger, connect(workspace), now=lambda: morning(2).replace(hour=9))
    follow_up(ledger, config(Route(channel="@owner")), now=morning(3).replace(hour=18))
    deliver(ledger, connect(workspace), now=lambda: morning(4).replace(hour=9))
    channels = [channel for channel, _ in workspace.messages if channel.startswith("D")]
    assert channels == ["DU1", "DU1"]
    assert admin.find(ledger, state="rejected") == []
