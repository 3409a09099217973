"""Slack: its options, its credentials, what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from customer_health.connections.connection_options import Options
from customer_health.connections.kind import Kind
from customer_health.sections import shaped

ChannelId = Annotated[str, shaped(r"[CG][A-Z0-9]{2,20}", "a channel's id such as C0123ABCD")]


class SlackOptions(Options):
    """`channels` maps a playbook's #name to the channel's id; names that are missing are looked up."""

    per_second: float = Field(1.0, ge=0.1, le=50, description="Slack allows one message a second a channel")
    burst: int = Field(1, ge=1, le=20)
    channels: Mapping[
        str, Annotated[str, shaped(r"[CG][A-Z0-9]{2,20}", "a channel's id such as C0123ABCD")]
    ] = Field(default_factory=dict)
    buttons: bool = Field(False, description="on alerts; `slack-buttons` must run to answer them")
    charts: bool = Field(True, description="native line chart; falls back to characters where it is refused")


KIND = Kind(
    name="slack",
    title="Slack",
    options=SlackOptions,
    opens="customer_health.destinations.slack.slack_destination:open_slack",
    verbs=("notify", "reply", "attach_file"),
    after_lost_answer="looked up in the history by the key in the message's metadata, a file by its name in "
    "the thread; an edit is repeated",
    needs="chat:write, channels:read, channels:history (groups:* for private channels), reactions:read; "
    "users:read for names; files:write, files:read for pictures; users:read.email, im:write, im:history for "
    "direct messages",
    keys=(("token",),),
    more_keys=("app_token",),
    places={"password": "token"},
)
