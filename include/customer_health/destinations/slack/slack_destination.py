"""Slack: one message per episode, edited in place, with its changes in the thread.

chat.postMessage has no idempotency key, so each message carries ours in its metadata and is looked up
there before anything is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import urlsplit

import requests

from customer_health.connections.slack_connection import SlackOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_client import TimedSession
from customer_health.delivery.http_faults import CannotTellError, DestinationUnavailableError
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations import opening, payload_values
from customer_health.destinations.slack import blocks, file_upload, slack_limits
from customer_health.destinations.slack.channel_directory import ChannelDirectory
from customer_health.effects.destination import RateLimitedError, RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError, CustomerHealthError
from customer_health.settings import Settings

NAME, EVENT = "Slack", "customer_health_effect"
PAGE, MOST_PAGES = 200, 100
# A token or a scope is missing: every further call would fail the same way.
_STOPS = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "not_allowed_token_type",
        "org_login_required",
        "ekm_access_denied",
        "access_denied",
    }
)
_UNKNOWN = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
FIXES: Mapping[str, str] = {
    "channel_not_found": "Create the channel, or map its name to an id in connections.slack.channels.",
    "not_in_channel": "Invite the app into the channel: /invite @the-app.",
    "is_archived": "Unarchive the channel, or route the alerts to another one.",
    "restricted_action": "A workspace rule forbids the app to post there; ask the workspace's admin.",
    "message_not_found": "Somebody deleted the message; its changes have nowhere to go.",
    "cant_update_message": "The message belongs to another app; was the token changed?",
    "edit_window_closed": "The workspace forbids late edits; allow them for the app.",
    "msg_too_long": "Shorten the playbook's words.",
    "invalid_blocks": "Shorten the playbook's words; names and reasons are shortened by themselves.",
}


SLACK_SCOPES = ("chat:write", "channels:read", "channels:history", "reactions:read")
# Only where something is sent to a person instead of a channel.
DIRECT_SCOPES = ("users:read.email", "im:write", "im:history")


class SlackDestination:
    """Posts to one workspace. Remote ids are `channel:timestamp`.

    Args:
        name: The role it plays; selects its outbox rows.
        secret: `token`, a bot token with chat:write, channels:read, channels:history, reactions:read.
        options: Channels, rates, charts.
        pace: Waits before each request.
        base_url: Tests put their own.
    """

    def __init__(
        self,
        name: str,
        secret: Mapping[str, str],
        options: SlackOptions,
        pace: RateLimiter,
        *,
        base_url: str = "https://slack.com/api/",
    ) -> None:
        from .web_client import GuardedWebClient

        if "token" not in secret:
            raise ConfigurationError(
                "The Slack credentials hold no token.", hint="Use the app's bot token, xoxb-..."
            )
        self.name, self.options, self.pace = name, options, pace
        self._files = TimedSession(options.timeout_seconds)
        self._web = GuardedWebClient(self._files, token=secret["token"], base_url=base_url)
        self._host = urlsplit(base_url).netloc
        self._channels = ChannelDirectory(self._call, self._web.conversations_list, options.channels)
        self._people: dict[str, str | None] = {}
        self._charts = options.charts

    def repeatable(self, effect: Effect) -> bool:
        """An edit is; it says the same a second time."""
        return effect.verb == "update_message"

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is missing for us there, and what to do; nothing is written."""
        scopes = self.identity()["scopes"].replace(" ", "").split(",")
        direct = any(name.startswith("@") for name in channels)
        for scope in (*SLACK_SCOPES, *file_upload.SCOPES, *(DIRECT_SCOPES if direct else ())):
            if scope not in scopes:
                yield (
                    f"The app lacks the scope {scope}.",
                    "Add it under OAuth & Permissions, then reinstall the app.",
                )
        for name in dict.fromkeys(name for name in channels if name.startswith("#")):
            try:
                self.channel_id(name)
            except CustomerHealthError as error:
                yield error.message, error.hint

    def find(self, effect: Effect) -> str | None:
        """Return the message that carries the effect's key: in the channel, its thread, or as an edit."""
        if effect.verb == "notify":
            oldest = datetime.combine(effect.as_of, time(), UTC).timestamp()
            ask = self._web.conversations_history
            for channel in self._places(effect.payload):
                if found := self._scan(ask, effect.key, channel=channel, oldest=f"{oldest:.6f}"):
                    return f"{channel}:{found}"
            return None
        channel, parent = _parent(effect)
        if effect.verb == "attach_file":
            thread = self._pages(self._web.conversations_replies, "messages", channel=channel, ts=parent)
            file = file_upload.shared(thread, effect)
            return file and f"{channel}:{file}"
        if effect.verb == "reply":
            found = self._scan(self._web.conversations_replies, effect.key, channel=channel, ts=parent)
            return found and f"{channel}:{found}"
        ask = self._web.conversations_history
        found = self._scan(ask, effect.key, channel=channel, latest=parent, oldest=parent, inclusive=True)
        return found and f"{channel}:{found}"

    def copies(self, effect: Effect) -> list[str]:
        """Return every message that carries the effect's key."""
        ask: Callable[..., Any]
        if effect.verb == "notify":
            oldest = datetime.combine(effect.as_of, time(), UTC).timestamp()
            ask, places = self._web.conversations_history, self._places(effect.payload)
            given: dict[str, Any] = {"oldest": f"{oldest:.6f}"}
        elif effect.verb == "reply":
            channel, parent = _parent(effect)
            ask, places, given = self._web.conversations_replies, [channel], {"ts": parent}
        else:
            return [there for there in (self.find(effect),) if there]
        return [
            f"{channel}:{message['ts']}"
            for channel in places
            for message in self._pages(ask, "messages", include_all_metadata=True, channel=channel, **given)
            if (message.get("metadata") or {}).get("event_payload", {}).get("key") == effect.key
        ]

    def deliver(self, effect: Effect) -> str:
        """Post, reply, edit, or put a file into the thread.

        Raises:
            RejectedError: The message breaks a limit, or the channel is closed to us.
        """
        if effect.verb not in ("notify", "reply", "update_message", "attach_file"):
            raise payload_values.unsupported(NAME, effect)
        payload = effect.payload
        if effect.verb == "attach_file":
            channel, parent = _parent(effect)
            return file_upload.share(
                self._call,
                self._web,
                self._files,
                effect,
                channel=channel,
                parent=parent,
                host=self._host,
            )
        stamp = {"key": effect.key, "account": effect.account_id, "episode": effect.episode_id}
        if effect.verb == "notify":
            where: dict[str, Any] = {"channel": self._places(payload)[0]}
            send: Callable[..., Any] = self._web.chat_postMessage
            where |= {"unfurl_links": False, "unfurl_media": False}
        else:
            channel, parent = _parent(effect)
            where = {"channel": channel}
            if effect.verb == "reply":
                send = self._web.chat_postMessage
                where |= {"thread_ts": parent, "unfurl_links": False, "unfurl_media": False}
                where |= {"reply_broadcast": True} if payload.get("broadcast") else {}
            else:
                send = self._web.chat_update
                where |= {"ts": parent}
                # The message stays findable under its own key; the edit has another name.
                stamp |= {"key": str(payload.get("parent_key", "")), "edit": effect.key}
        metadata = {"event_type": EVENT, "event_payload": stamp}
        answer = self._posted(send, payload, metadata=metadata, **where)
        return f"{answer['channel']}:{answer['ts']}"

    def reactions(self, remote_id: str) -> dict[str, list[str]]:
        """Return who reacted to a message: name of the emoji -> user ids."""
        channel, _, stamp = remote_id.partition(":")
        answer = self._call(self._web.reactions_get, channel=channel, timestamp=stamp, full=True)
        rows = answer.get("message", {}).get("reactions", [])
        return {str(row["name"]): list(row["users"]) for row in rows}

    def person(self, user_id: str) -> str:
        """Return a user's name; the id where we may not read it (scope users:read)."""
        try:
            user = self._call(self._web.users_info, user=user_id)["user"]
        except (DestinationUnavailableError, RejectedError):
            return user_id
        return str(user.get("real_name") or user.get("name") or user_id)

    @property
    def web(self) -> Any:
        """The client over which Slack's line for buttons is asked for."""
        return self._web

    def open_window(self, trigger: str, view: dict[str, Any]) -> None:
        """Show a form to anybody who pressed a button; it changes nothing."""
        self._call(self._web.views_open, trigger_id=trigger, view=view)

    def identity(self) -> dict[str, Any]:
        """Return what Slack says about our token, with the scopes that it has."""
        answer = self._call(self._web.auth_test)
        scopes = next((v for k, v in dict(answer.headers).items() if k.lower() == "x-oauth-scopes"), "")
        return {"team": answer.get("team"), "user": answer.get("user"), "scopes": scopes}

    def channel_id(self, name: str) -> str:
        """Return the id of a channel by its #name; raises RejectedError when we cannot see it."""
        return self._channels.id_of(name)

    def _posted(self, send: Callable[..., Any], payload: Mapping[str, Any], **given: Any) -> Any:
        if payload.get("direct_to") and not str(given["channel"]).startswith("D"):
            payload = {**payload, "misdirected": True}
        body = blocks.message(payload, chart=self._charts, buttons=self.options.buttons)
        if broken := slack_limits.problems(body):
            raise RejectedError(
                f"Slack would refuse this message: {'; '.join(broken)}.", hint=FIXES["invalid_blocks"]
            )
        try:
            return self._call(send, text=body["text"], blocks=body["blocks"], **given)
        except RejectedError as error:
            has_chart = any(block["type"] == "data_visualization" for block in body["blocks"])
            if not (has_chart and "invalid_blocks" in error.message):
                raise
        self._charts = False  # this workspace has no charts yet; the sparkline stands in for them
        body = blocks.message(payload, chart=False, buttons=self.options.buttons)
        return self._call(send, text=body["text"], blocks=body["blocks"], **given)

    def _scan(self, ask: Callable[..., Any], key: str, **given: Any) -> str | None:
        for message in self._pages(ask, "messages", include_all_metadata=True, **given):
            payload = (message.get("metadata") or {}).get("event_payload", {})
            if key in (payload.get("key"), payload.get("edit")):
                return str(message["ts"])
        return None

    def _pages(self, ask: Callable[..., Any], of: str, **given: Any) -> Iterator[dict[str, Any]]:
        cursor = None
        for _ in range(MOST_PAGES):
            with http_faults.reading():
                page = self._call(ask, limit=PAGE, cursor=cursor, **given)
            yield from page[of]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
        raise CannotTellError(
            f"Slack has more than {PAGE * MOST_PAGES:,} messages to look through since that day.",
            hint="Look for the message in the channel; resend it with a reason if it is not there.",
        )

    def _places(self, payload: Mapping[str, Any]) -> list[str]:
        """Return where a message belongs, and after it where an earlier attempt may have put it."""
        channel = payload["channel"]
        person = payload.get("direct_to")
        conversation = self._conversation(str(person)) if person else None
        return (
            [self._channels.id_of(channel)]
            if conversation is None
            else [conversation, self._channels.id_of(channel)]
        )

    def _conversation(self, email: str) -> str | None:
        """Return the id of the direct messages with a person; None when Slack has or shows us none."""
        if email not in self._people:
            self._people[email] = None
            try:
                with http_faults.reading():
                    user = self._call(self._web.users_lookupByEmail, email=email)["user"]["id"]
                    opened = self._call(self._web.conversations_open, users=[user])
                self._people[email] = str(opened["channel"]["id"])
            except RejectedError:
                return None  # nobody of that address, or a deactivated account: the channel stands in
            except DestinationUnavailableError as error:
                if "missing_scope" not in error.message:
                    del self._people[email]
                    raise
            except CustomerHealthError:
                del self._people[email]  # no answer is not knowledge
                raise
        return self._people[email]

    def _call(self, method: Callable[..., Any], **given: Any) -> Any:
        from slack_sdk.errors import SlackApiError, SlackClientError

        self.pace.wait()
        try:
            return method(**given)
        except SlackApiError as error:
            raise fault_of(error.response) from None
        except requests.RequestException as error:
            raise http_faults.of_exception(NAME, error) from None
        except (SlackClientError, OSError, ValueError) as error:
            raise UnknownOutcomeError(f"Slack gave no complete answer ({type(error).__name__}).") from None


def fault_of(answer: Any) -> CustomerHealthError:
    """Return what Slack's `ok: false` means; HTTP 200 says nothing."""
    status = int(getattr(answer, "status_code", 200))
    data = answer.data if isinstance(getattr(answer, "data", None), dict) else {}
    code = str(data.get("error", "")) or f"HTTP {status}"
    needed = f" (needed: {data['needed']})" if data.get("needed") else ""
    detail = "; ".join(map(str, data.get("errors", ())))[:300]
    said = f"Slack answered {code}{needed}{': ' + detail if detail else ''}."
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return RateLimitedError(
            said, retry_after=http_faults.retry_after(dict(getattr(answer, "headers", {}) or {}), 30.0)
        )
    if code in _STOPS or status in (401, 403):
        return DestinationUnavailableError(
            said,
            hint=f"Add the scope {data['needed']} to the app, reinstall it, then run again."
            if data.get("needed")
            else "Renew the app's token, then run again.",
            needs_person=True,
        )
    # slack_sdk wraps a page that is not JSON into an error of its own: whatever came, it was not a refusal.
    if status >= 500 or code in _UNKNOWN or not re.fullmatch("[a-z_]+", code):
        return UnknownOutcomeError(said)
    return RejectedError(said, hint=http_faults.fix_for(code, FIXES))


def _parent(effect: Effect) -> tuple[str, str]:
    channel, _, stamp = str(effect.payload.get("parent_remote_id") or "").partition(":")
    if not stamp:
        raise RejectedError(
            "The message that this belongs to has no address in Slack.",
            hint="It was sent by another destination, a preview perhaps; nothing can be appended to it.",
        )
    return channel, stamp


def open_slack(role: str, settings: Settings) -> SlackDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(SlackOptions)
    return SlackDestination(role, opening.secret_of("slack", settings), options, opening.pace_of(options))
