"""Slack, as an app that posts and as one that shares files."""

from __future__ import annotations

from dataclasses import replace

from customer_health.connections.connection_options import Secret
from customer_health.connections.slack_connection import SlackOptions
from customer_health.destinations.slack.slack_destination import SlackDestination
from tests.lib.destinations.effects import THREAD
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.servers.slack import SlackWorkspace


def slack(timeout: float = 2.0) -> Rig:
    """Slack."""
    workspace = SlackWorkspace()
    options = SlackOptions(timeout_seconds=timeout, channels={"#csm-alerts": "C0000001"})
    destination = SlackDestination(
        "slack", Secret({"token": "xoxb-1"}), options, no_pace(), base_url=workspace.base_url
    )
    workspace.messages["C0000001", THREAD] = {"ts": THREAD, "text": "alert", "metadata": {}, "channel": "C1"}
    verbs = ("notify", "reply", "attach_file")
    return Rig(destination, workspace, verbs, verbs)


def slack_files(timeout: float = 2.0) -> Rig:
    """Slack, as one sees it who only shares files."""
    import matplotlib.figure  # noqa: F401  # once, before tests fork a child for every kill

    rig = slack(timeout)
    return replace(rig, verbs=("attach_file", "reply", "notify"), reads=2)
