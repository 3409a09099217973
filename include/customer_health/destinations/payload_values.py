"""What Salesforce and HubSpot have in common: our payloads as plain values, cut to size and made harmless."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from customer_health.destinations.crm.task_text import opportunity_markdown, task_markdown
from customer_health.destinations.safe_text import clean
from customer_health.effects.destination import RejectedError
from customer_health.effects.effect import Effect

BODY_MOST = 30_000


def unsupported(remote: str, effect: Effect) -> RejectedError:
    """Return the refusal of a verb that a destination cannot do."""
    return RejectedError(
        f"{remote} cannot do '{effect.verb}'.",
        hint=f"Point the step {effect.step} of the playbook {effect.playbook} to another destination.",
    )


def text(value: object, most: int = 255) -> str:
    """Return one line for a text field."""
    return clean(value, most)


def body(effect: Effect) -> str:
    """Return the long text of a task or opportunity, as plain text."""
    page = task_markdown if effect.verb == "create_task" else opportunity_markdown
    words = html.unescape(page(effect.payload))
    return words if len(words) <= BODY_MOST else words[: BODY_MOST - 1] + "…"


def subject(effect: Effect) -> str:
    """Return the task's subject, or the opportunity's name."""
    payload = effect.payload
    if effect.verb == "create_task":
        return text(payload["subject"], 120)
    return text(f"{payload['account']['name']} {payload['type']} {payload['close_date'] or ''}", 120)


def close_date(effect: Effect) -> str:
    """Return the opportunity's close date; without a renewal date, the day that proposed it."""
    return str(effect.payload.get("close_date") or effect.as_of.isoformat())


def due(effect: Effect) -> datetime:
    """Return when the task is due."""
    return datetime.fromisoformat(effect.payload["due_at"])


def due_day(effect: Effect) -> str:
    """Return the day on which the task is due where its owner works, as ISO date.

    Tuesday 08:00 in Tokyo is Monday in UTC; a CRM that keeps days would show Monday.
    """
    return due(effect).astimezone(ZoneInfo(effect.payload.get("zone") or "UTC")).date().isoformat()


def owner(effect: Effect) -> str:
    """Return the owner's e-mail, lower-case."""
    return str(effect.payload["owner"]["email"]).strip().lower()


def account_values(effect: Effect, names: Mapping[Any, str]) -> dict[str, Any]:
    """Return the score's fields under the names that the company gave them; unknown values as None."""
    values = {}
    for ours, theirs in names.items():
        value = effect.payload["fields"].get(ours)
        values[theirs] = text(value) if isinstance(value, str) else value
    return values
