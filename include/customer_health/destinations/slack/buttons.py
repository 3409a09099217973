"""Buttons on an episode's message, answered over Slack's Socket Mode: on it, snooze, not a risk.

Optional: reactions do without them. Slack speaks over a line that we opened ourselves, so nobody can call in;
it wants every envelope acknowledged within three seconds and sends it again otherwise. So the envelope is
acknowledged first and the ledger written then, by the functions that the command line uses; the same envelope
twice is one event. What people see changes as ever: an edit of the message, promised in the outbox.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from customer_health.destinations.slack.block_text import plain
from customer_health.errors import CustomerHealthError, FatalError
from customer_health.ledger import episode_events

log = logging.getLogger(__name__)

ON_IT, SNOOZE, NOT_A_RISK = "chs_on_it", "chs_snooze", "chs_not_a_risk"
CLOSED = ("recovered", "left", "closed")
Json = dict[str, Any]


def row_of(payload: Mapping[str, Any]) -> list[Json]:
    """Return the block with the buttons of an alert's episode; none once it is over."""
    episode = payload.get("episode_id")
    if not episode or (payload.get("status") or {}).get("state") in CLOSED:
        return []
    labels = {ON_IT: "I am on it", SNOOZE: "Snooze …", NOT_A_RISK: "Not a risk …"}
    buttons = [
        {"type": "button", "action_id": action, "value": str(episode), "text": plain(label)}
        for action, label in labels.items()
    ]
    return [{"type": "actions", "block_id": "chs_care", "elements": buttons}]


def form(action: str, episode: str, *, today: date) -> Json:
    """Return the window that asks for a reason, and for an end where there is one."""
    asks: list[Json] = []
    if action == SNOOZE:
        picker = {"type": "datepicker", "action_id": "until"}
        picker["initial_date"] = (today + timedelta(days=7)).isoformat()
        asks.append({"type": "input", "block_id": "until", "label": plain("Until"), "element": picker})
    words = {"type": "plain_text_input", "action_id": "reason", "multiline": True, "max_length": 500}
    asks.append({"type": "input", "block_id": "reason", "label": plain("Why"), "element": words})
    return {
        "type": "modal",
        "callback_id": action,
        "private_metadata": episode,
        "title": plain("Snooze" if action == SNOOZE else "Not a risk"),
        "submit": plain("Keep"),
        "close": plain("Cancel"),
        "blocks": asks,
    }


@dataclass
class Buttons:
    """Answers what Slack sends over its line.

    Attributes:
        engine: The ledger.
        open_window: Calls `views.open` with a trigger id and a window.
        person: Returns how a user is called.
        now: The clock.
        changed: Called after the ledger was written, so that the message soon shows it.
    """

    engine: Engine
    open_window: Callable[[str, Json], object]
    person: Callable[[str], str]
    now: Callable[[], datetime]
    changed: Callable[[], None] = lambda: None

    def answer(self, payload: Mapping[str, Any]) -> Json | None:
        """Return what the acknowledgement of an envelope carries: what is wrong with a form, or nothing."""
        ours = (SNOOZE, NOT_A_RISK)
        if payload.get("type") != "view_submission" or payload["view"]["callback_id"] not in ours:
            return None
        given = _given(payload["view"])
        wrong = episode_events.objection(given["reason"], given["until"], now=self.now())
        return {"response_action": "errors", "errors": wrong} if wrong else None

    def act(self, payload: Mapping[str, Any]) -> None:
        """Do what was asked for; the envelope has been acknowledged, and may come again."""
        try:
            done = self._clicked(payload) if payload.get("type") == "block_actions" else self._kept(payload)
        except FatalError as error:
            log.warning("a button was in vain: %s %s", error.message, error.hint)
        except CustomerHealthError as error:
            log.error("a button could not be answered: %s %s", error.message, error.hint)
        else:
            if done:
                self.changed()

    def _clicked(self, payload: Mapping[str, Any]) -> bool:
        action = payload["actions"][0]
        name, episode = action.get("action_id"), str(action.get("value", ""))
        if name == ON_IT:
            return episode_events.acknowledge(self.engine, episode, by=self._who(payload), now=self.now())
        if name in (SNOOZE, NOT_A_RISK):
            self.open_window(payload["trigger_id"], form(name, episode, today=self.now().date()))
        return False

    def _kept(self, payload: Mapping[str, Any]) -> bool:
        if payload.get("type") != "view_submission" or self.answer(payload):
            return False
        view, who, now = payload["view"], self._who(payload), self.now()
        given, episode, ref = _given(view), str(view["private_metadata"]), f"slack:{view['id']}"
        if view["callback_id"] == SNOOZE and given["until"]:
            words = {"by": who, "reason": given["reason"], "ref": ref}
            episode_events.snooze(self.engine, episode, until=given["until"], now=now, **words)
            return True
        if view["callback_id"] == NOT_A_RISK:
            words = {"by": who, "reason": given["reason"], "ref": ref}
            episode_events.record_outcome(self.engine, episode, "false_alarm", now=now, **words)
            return True
        return False

    def _who(self, payload: Mapping[str, Any]) -> str:
        return self.person(str(payload["user"]["id"]))


def _given(view: Mapping[str, Any]) -> dict[str, Any]:
    values = view["state"]["values"]
    picked = (values.get("until") or {}).get("until", {}).get("selected_date")
    return {
        "reason": str(values["reason"]["reason"].get("value") or "").strip(),
        "until": date.fromisoformat(picked) if picked else None,
    }


def line(buttons: Buttons, app_token: str, web: Any) -> Any:
    """Return Slack's own Socket Mode client, ready to connect; it reconnects automatically.

    Args:
        buttons: What to do.
        app_token: xapp-..., with the scope connections:write.
        web: The WebClient over which the line is asked for.
    """
    from slack_sdk.socket_mode import SocketModeClient
    from slack_sdk.socket_mode.response import SocketModeResponse

    def heard(client: Any, request: Any) -> None:
        try:
            answer = buttons.answer(request.payload)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            log.warning("an envelope cannot be read: %s", type(error).__name__)
            answer = None
        client.send_socket_mode_response(SocketModeResponse(request.envelope_id, payload=answer))
        if request.type == "interactive" and answer is None:
            try:
                buttons.act(request.payload)
            except (KeyError, TypeError, ValueError, IndexError) as error:
                log.warning("an envelope cannot be acted on: %s", type(error).__name__)

    client = SocketModeClient(app_token=app_token, web_client=web)
    client.socket_mode_request_listeners.append(heard)
    return client
