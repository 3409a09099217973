"""Slack: one message per episode, its edits in place, its news in the thread, and never twice."""

import pytest
from tests.lib.destinations import effect, no_pace
from tests.lib.servers.slack import SlackWorkspace

from customer_health.connections.connection_options import Secret
from customer_health.connections.slack_connection import SlackOptions
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.slack.slack_destination import SlackDestination
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError

HISTORY = [(f"2026-{month:02d}-{day:02d}", 60 - month) for month in (8, 9, 10) for day in (3, 10, 17)]


@pytest.fixture
def workspace():
    workspace = SlackWorkspace()
    yield workspace
    assert workspace.violations == []
    workspace.close()


def connect(workspace, token="xoxb-1", timeout=2.0, **options):
    settings = SlackOptions(timeout_seconds=timeout, **options)
    return SlackDestination(
        "slack", Secret({"token": token}), settings, no_pace(), base_url=workspace.base_url
    )


def alert(**payload):
    return effect("notify", to="slack", **payload)


def follow_up(parent: Effect, remote: str, verb: str, **payload) -> Effect:
    body = {**parent.payload, "parent_key": parent.key, "parent_remote_id": remote, **payload}
    return Effect(f"{verb}-key", "slack", verb, "acme", parent.as_of, "thread", verb, parent.episode_id, body)


def test_an_alert_is_found_by_the_key_in_its_metadata(workspace):
    slack, promise = connect(workspace), alert()
    assert slack.find(promise) is None
    remote = slack.deliver(promise)
    assert slack.find(promise) == remote == next(f"{c}:{ts}" for c, ts in workspace.messages)
    (message,) = workspace.messages.values()
    assert message["unfurl_links"] is message["unfurl_media"] is False


def test_an_alert_is_found_behind_many_pages(workspace):
    slack, promise = connect(workspace), alert()
    remote = slack.deliver(promise)
    for number in range(450):
        stamp = f"{1_793_700_000 + number}.1"
        workspace.messages["C0000001", stamp] = {"ts": stamp, "text": "chat", "metadata": {}}
    assert slack.find(promise) == remote


def test_the_episodes_message_is_edited_and_its_news_goes_into_the_thread(workspace):
    slack, promise = connect(workspace), alert()
    remote = slack.deliver(promise)
    edit = follow_up(
        promise, remote, "update_message", status={"state": "a", "sign": "👀", "text": "Dana is on it"}
    )
    reply = follow_up(promise, remote, "reply", kind="reply", sign="⏰", text="48 h", broadcast=True)
    assert slack.find(edit) is slack.find(reply) is None

    assert slack.deliver(edit) == remote
    threaded = slack.deliver(reply)

    parent, child = workspace.messages.values()
    assert "Dana is on it" in str(parent["blocks"])
    assert (child["thread_ts"], child["reply_broadcast"]) == (parent["ts"], True)
    assert (slack.find(promise), slack.find(edit), slack.find(reply)) == (remote, remote, threaded)


def test_a_follow_up_without_an_address_is_refused(workspace):
    with pytest.raises(RejectedError, match="no address"):
        connect(workspace).deliver(follow_up(alert(), "", "reply", kind="reply", sign="", text="x"))


@pytest.mark.parametrize("charts", [True, False])
def test_the_chart_falls_back_to_characters_where_slack_has_none(workspace, charts):
    workspace.charts = charts
    slack = connect(workspace)
    promise = alert()
    promise.payload["score"]["history"] = HISTORY
    slack.deliver(promise)
    other = effect("notify", "bolt", to="slack")
    other.payload["score"]["history"] = HISTORY
    slack.deliver(other)

    first, second = workspace.messages.values()
    shown = [block["type"] for block in first["blocks"]]
    assert ("data_visualization" in shown) == charts
    assert ("▄" in str(second["blocks"])) != charts
    posts = sum(request.path == "/chat.postMessage" for request in workspace.requests)
    assert posts == (2 if charts else 3)  # the second message knows already


def test_slack_sdk_does_not_resend_by_itself_after_a_reset(workspace):
    slack = connect(workspace)
    slack.channel_id("#csm-alerts")
    workspace.next.append("reset_after")
    with pytest.raises(UnknownOutcomeError):
        slack.deliver(alert())
    assert len(workspace.messages) == 1


@pytest.mark.parametrize(
    "fault", ["500_before", "500_after", "timeout_after", "garbage_after", "reset_before"]
)
def test_a_lost_answer_is_unknown(workspace, fault):
    slack = connect(workspace, timeout=1.0)
    slack.channel_id("#csm-alerts")
    workspace.slow = 1.3
    workspace.next.append(fault)
    with pytest.raises(UnknownOutcomeError):
        slack.deliver(alert())
    assert (slack.find(alert()) is None) == (fault in ("500_before", "reset_before"))


def test_a_full_second_is_busy_for_as_long_as_slack_says(workspace):
    slack = connect(workspace)
    workspace.next.append("429")
    with pytest.raises(BusyError) as caught:
        slack.deliver(alert())
    assert caught.value.retry_after == 1.0


@pytest.mark.parametrize(
    ("channel", "words"),
    [("#nowhere", "Create the channel"), ("#quiet", "Invite the app")],
)
def test_an_unknown_or_closed_channel_says_what_to_do_and_the_others_go_on(workspace, channel, words):
    workspace.closed = {"C0000002"}
    slack = connect(workspace)
    with pytest.raises(RejectedError) as caught:
        slack.deliver(alert(channel=channel))
    assert words in caught.value.hint
    assert slack.deliver(effect("notify", "bolt", to="slack"))


def test_a_channel_may_be_mapped_to_its_id_without_asking(workspace):
    connect(workspace, channels={"#elsewhere": "C0000001"}).deliver(alert(channel="#elsewhere"))
    assert [request.path for request in workspace.requests] == ["/chat.postMessage"]


def test_a_channel_on_page_135_is_found_without_reading_on_or_again(workspace):
    for number in range(140):
        workspace.channels[f"room-{number}"] = f"C1{number:06d}"
    slack = connect(workspace)
    slack.deliver(alert(channel="#room-132"))  # two channels come before these
    lists = [one for one in workspace.requests if one.path.endswith("conversations.list")]
    assert len(lists) == 135
    slack.deliver(alert(channel="#room-7", subject="another"))
    lists = [one for one in workspace.requests if one.path.endswith("conversations.list")]
    assert len(lists) == 135


def test_a_rate_limit_in_the_middle_of_the_channels_costs_no_page_twice(workspace):
    for number in range(30):
        workspace.channels[f"room-{number}"] = f"C1{number:06d}"
    slack = connect(workspace)
    workspace.next.extend([None] * 10 + ["429"])
    with pytest.raises(BusyError):
        slack.deliver(alert(channel="#room-20"))
    slack.deliver(alert(channel="#room-20"))
    lists = [one for one in workspace.requests if one.path.endswith("conversations.list")]
    assert len(lists) == 23


def test_a_channel_may_be_named_by_its_id(workspace):
    assert connect(workspace).deliver(alert(channel="C0000002")).startswith("C0000002:")
    assert [one.path for one in workspace.requests] == ["/chat.postMessage"]


def test_an_archived_channel_is_a_refusal_that_says_so(workspace):
    workspace.archived.add("quiet")
    with pytest.raises(RejectedError, match="The channel #quiet is archived") as refused:
        connect(workspace).deliver(alert(channel="#quiet"))
    assert "Unarchive it, or route the alerts to another channel" in refused.value.hint


def test_a_channel_that_slack_does_not_show_is_a_refusal_with_two_ways_out(workspace):
    with pytest.raises(RejectedError, match="Slack shows us no channel #nowhere") as refused:
        connect(workspace).deliver(alert(channel="#nowhere"))
    assert "invite the app" in refused.value.hint
    assert "connections.slack.channels" in refused.value.hint


def test_a_missing_scope_is_named_with_what_to_do(workspace, monkeypatch):
    from tests.lib.servers import slack as server

    monkeypatch.setitem(server.NEEDS, "chat_postMessage", "chat:write")
    workspace.scopes = "channels:read"
    with pytest.raises(DestinationUnavailableError, match="missing_scope") as refused:
        connect(workspace).deliver(alert())
    assert refused.value.needs_person
    assert "Add the scope chat:write to the app, reinstall it" in refused.value.hint


def test_the_library_still_has_the_method_that_we_replace():
    from slack_sdk.web.base_client import BaseClient

    assert "_perform_urllib_http_request_internal" in vars(BaseClient)


def test_a_revoked_token_stops_the_channel_for_a_person(workspace):
    slack = connect(workspace)
    workspace.next.extend([None, "auth_expired"])
    with pytest.raises(DestinationUnavailableError) as caught:
        slack.deliver(alert())
    assert caught.value.needs_person
    with pytest.raises(ConfigurationError):
        SlackDestination("slack", Secret({}), SlackOptions(), no_pace())


def test_a_slack_that_is_not_there_has_taken_nothing(workspace):
    workspace.close()
    with pytest.raises(BusyError, match="could not be reached"):
        connect(workspace).deliver(alert())


def test_reactions_are_read_for_acknowledgement(workspace):
    slack = connect(workspace)
    remote = slack.deliver(alert())
    next(iter(workspace.messages.values()))["reactions"] = [{"name": "eyes", "users": ["U1"], "count": 1}]
    assert slack.reactions(remote) == {"eyes": ["U1"]}


def test_a_verb_that_slack_cannot_do_names_the_step(workspace):
    with pytest.raises(RejectedError, match="create_task"):
        connect(workspace).deliver(effect("create_task", to="slack"))
