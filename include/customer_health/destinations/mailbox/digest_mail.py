"""The Monday digest as a mail: one page of HTML, and the same in plain text. Goes to colleagues only."""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Template

from customer_health import wording
from customer_health.destinations.safe_text import clean
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.destinations.slack.portfolio_messages import DIGEST_SECTIONS
from customer_health.effects.effect import Effect
from customer_health.html_templates import environment

SIGNS = {"Critical": "■", "At Risk": "▲", "Attention": "◆", "Healthy": "●"}
# As in Slack, without the customers that a digital programme serves: the page has no room for them.
SECTIONS = tuple(one for one in DIGEST_SECTIONS if one[0] != "small")
# One A4 page: so many lines of a section, fewer where many sections have something to say.
CALLS, CALLS_OF_MANY, OTHERS, OTHERS_OF_MANY, MANY = 6, 4, 3, 2, 5


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
    filled = [(name, title) for name, title in SECTIONS if (payload.get(name) or {}).get("count")]
    calls, others = (CALLS_OF_MANY, OTHERS_OF_MANY) if len(filled) > MANY else (CALLS, OTHERS)
    sections = [
        (
            title,
            payload[name]["count"],
            payload[name]["entries"][: calls if name == "calls" else others],
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
    found = environment(Path(__file__).parent)
    found.filters.update(
        money=wording.money,
        percent=wording.percent,
        day=partial(wording.day, absent="no date"),
        moment=wording.moment,
        brief=lambda text, most: clean(str(text or ""), most),
    )
    return found.get_template("digest.html")
