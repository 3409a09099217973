"""One action as people read it: what it does, what it says in full, where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from customer_health import wording
from customer_health.company import CompanyConfig
from customer_health.destinations.preview import is_preview, render
from customer_health.destinations.record_links import record_link
from customer_health.effects.destination import RejectedError
from customer_health.ledger.outbox.queue import effect_of
from customer_health_airflow.ui.markdown_pages import html_of

VERBS: Mapping[str, str] = {
    "create_task": "Task",
    "create_opportunity": "Opportunity",
    "draft_email": "Mail draft",
    "notify": "Message",
    "update_message": "Edit of a message",
    "reply": "Reply in a thread",
    "attach_file": "File in a thread",
    "propose_meeting": "Meeting",
    "enroll": "Enrolment",
    "set_fields": "Field update",
}
STATES: Mapping[str, str] = {
    "pending": "waits for delivery",
    "claimed": "being delivered",
    "sending": "being delivered",
    "checking": "being checked",
    "unknown": "may have arrived; will be checked",
    "delivered": "delivered",
    "previewed": "previewed",
    "rejected": "rejected",
    "awaiting_approval": "waits for approval",
    "declined": "declined",
    "expired": "expired",
    "folded": "told by a digest instead",
    "superseded": "replaced by something newer",
}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """The actions of one account and one episode (or renewal cycle, or period)."""

    account_id: str
    name: str | None
    episode_id: str
    actions: list[dict[str, Any]]


def grouped(rows: Iterable[Row], config: CompanyConfig) -> list[Group]:
    """Group listed actions by account and episode, in the order of their newest."""
    found: dict[tuple[str, str], Group] = {}
    for row in rows:
        key = (row["account_id"], row["episode_id"])
        group = found.setdefault(key, Group(row["account_id"], row["name"], row["episode_id"], []))
        group.actions.append(line(row, config))
    return list(found.values())


def line(row: Row, config: CompanyConfig) -> dict[str, Any]:
    """Return a row with what a list shows: title, verb, state, owner, due, amount, link to its record."""
    payload = row["payload"] or {}
    state = shown_state(row)
    owner = payload.get("owner") if isinstance(payload.get("owner"), Mapping) else {}
    return {
        **row,
        "what": VERBS.get(row["verb"], row["verb"].replace("_", " ")),
        "title": _title(row["verb"], payload),
        "shown_state": state,
        "state_text": STATES.get(state, state.replace("_", " ")),
        "to": (owner or {}).get("email"),
        "due": payload.get("due_at"),
        "amount": _amount(payload),
        "link": record_link(config, row),
    }


def shown_state(row: Row) -> str:
    """Return the state as people read it: what was rendered to a file was previewed, not delivered."""
    return "previewed" if row["state"] == "delivered" and is_preview(row["remote_id"]) else str(row["state"])


def content(row: Row) -> tuple[str, str]:
    """Return the content as HTML, as a person at its destination would read it, and what is wrong with it.

    The HTML is of our own Markdown renderer, which makes raw HTML text.
    """
    try:
        sent, read = render(effect_of(row))
    except RejectedError as error:
        return "", f"{error.message} {error.hint or ''}".strip()
    except (KeyError, TypeError, ValueError) as error:
        # What an earlier version promised may lack what this one renders.
        return _inside(
            _fields(row["payload"])
        ), f"Not rendered as its destination would: {type(error).__name__}."
    return _inside(read or _fields(sent["body"])), ""


def _inside(text: str) -> str:
    """Return Markdown as HTML whose headings stand below those of the page."""
    html = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", html_of(text))  # a head without words is not a head
    return re.sub(r"<(/?)h([1-6])>", lambda found: f"<{found[1]}h{min(int(found[2]) + 2, 6)}>", html)


def _title(verb: str, payload: Mapping[str, Any]) -> str:
    for name in ("subject", "title", "headline", "play", "name"):
        if isinstance(payload.get(name), str) and payload[name]:
            return str(payload[name])[:200]
    if verb == "set_fields" and isinstance(payload.get("fields"), Mapping):
        return ", ".join(str(name) for name in payload["fields"])[:200]
    return str(payload.get("kind") or payload.get("type") or "").replace("_", " ")[:200]


def _amount(payload: Mapping[str, Any]) -> str:
    amount = payload.get("amount")
    account = payload.get("account")
    coin = account.get("currency") if isinstance(account, Mapping) else None
    return wording.money(float(amount), coin) if isinstance(amount, int | float) else ""


def _fields(payload: Any) -> str:
    """Return a payload as a list in Markdown; used where its destination shows fields, not text."""
    pairs = payload.get("fields", payload) if isinstance(payload, Mapping) else {}
    if not isinstance(pairs, Mapping):
        return ""
    return "\n".join(f"- **{_plain(name)}:** {_plain(value)}" for name, value in pairs.items())


def _plain(value: Any) -> str:
    text = " ".join(str("–" if value is None else value).split())[:500]
    return re.sub(r"([\\`*_\[\]<>#|!])", r"\\\1", text)
