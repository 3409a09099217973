"""The Monday digest as a mail: one page of HTML, and the same in plain text. Goes to colleagues only."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from customer_health import wording
from customer_health.destinations.safe_text import clean
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.effects.effect import Effect

SIGNS = {"Critical": "■", "At Risk": "▲", "Attention": "◆", "Healthy": "●"}
SECTIONS = (
    ("calls", "Need a call"),
    ("overdue", "No first step begun in time"),
    ("worst", "Fell most"),
    ("best", "Rose most"),
    ("saved", "Came back above Red"),
    ("lost", "Left"),
    ("expansion", "Ready to grow, renewal within 90 days"),
)
# One A4 page: so many lines of a section, fewer where many sections have something to say.
CALLS, OTHERS, OTHERS_OF_MANY, MANY = 6, 3, 2, 5


def message(effect: Effect, sender: str, message_id: str) -> EmailMessage:
    """Return the mail to one reader."""
    payload = effect.payload
    mail = EmailMessage()
    mail["Message-ID"] = message_id
    mail["From"] = sender
    mail["To"] = clean(payload["to"], 200)
    mail["Subject"] = subject(payload)
    mail["X-Customer-Health-Key"] = effect.key
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain_text(payload))
    mail.add_alternative(html(payload), subtype="html")
    return mail


def subject(payload: Mapping[str, Any]) -> str:
    """Return the subject: the week, and how many need a call."""
    calls = payload["calls"]["count"]
    need = (
        f": {wording.plural(calls, 'customer')} {'needs' if calls == 1 else 'need'} a call" if calls else ""
    )
    return f"Customer health, week of {wording.day(payload['as_of'])}{need}"


def plain_text(payload: Mapping[str, Any]) -> str:
    """Return the digest in plain text, as Slack has it."""
    return slack_limits.as_markdown(blocks.message({**payload, "channel": ""}))


def html(payload: Mapping[str, Any]) -> str:
    """Return the digest as a page of its own: styles inside, nothing loaded from anywhere."""
    order = list(SIGNS)
    tiers = sorted(payload["tiers"].items(), key=lambda item: (item[0] not in SIGNS, item[0]))
    tiers.sort(key=lambda item: order.index(item[0]) if item[0] in SIGNS else len(order))
    filled = [(name, title) for name, title in SECTIONS if payload[name]["count"]]
    others = OTHERS_OF_MANY if len(filled) > MANY else OTHERS
    sections = [
        (
            title,
            payload[name]["count"],
            payload[name]["entries"][: CALLS if name == "calls" else others],
            name,
        )
        for name, title in filled
    ]
    return _template().render(
        found=payload,
        title=subject(payload),
        tiers=tiers,
        signs=SIGNS,
        ranks={tier: rank for rank, tier in enumerate(SIGNS)},
        sections=sections,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    # Names and reasons come from other systems: everything is escaped.
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        money=wording.money,
        percent=wording.percent,
        day=partial(wording.day, absent="no date"),
        moment=wording.moment,
        brief=lambda text, most: clean(str(text or ""), most),
    )
    return found.get_template("digest.html")
