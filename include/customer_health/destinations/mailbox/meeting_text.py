"""A proposed meeting: the page for its owner, and the calendar entry, which a customer may read one day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customer_health.destinations.safe_text import clean
from customer_health.wording import day, money


def markdown(payload: Mapping[str, Any]) -> str:
    """Return the proposal as a page of Markdown, for the owner's eyes."""
    account, times = payload["account"], payload["times"]
    arr = money(account["arr"], account.get("currency"))
    lines = [
        f"# {clean(payload['subject'], 120)}",
        "",
        f"A tentative entry for {payload['owner']['email']}; nobody else is invited.",
        f"{clean(account['name'], 80)}: ARR {arr}, renewal {day(account['renewal_date'])}.",
        "",
        "## Times",
        *(f"- {slot['text']}" for slot in times["slots"]),
        *([] if times["slots"] else ["- none was found"]),
    ]
    if not times["calendar_known"]:
        lines.append("- The calendar was not known; it is asked when the entry is made.")
    if not times["overlap"]:
        lines.append(f"- The working hours of the customer ({times['guest_zone']}) do not meet these.")
    return "\n".join([*lines, "", "## Entry", *body(payload)]) + "\n"


def body(payload: Mapping[str, Any], taken: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Yield the lines of the entry's description.

    Anybody who invites the customer shows them this text: no score, no risk, no amount stands in it.

    Args:
        payload: Of the effect.
        taken: The slot that the entry takes; the others are listed.
    """
    yield from (f"- {clean(line, 200)}" for line in payload["agenda"])
    others = [slot for slot in payload["times"]["slots"] if slot is not taken]
    if taken is not None and others:
        yield ""
        yield "Other possible times: " + "; ".join(slot["text"] for slot in others) + "."
