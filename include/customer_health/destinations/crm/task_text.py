"""A CRM task as text, field by field: who, what, until when, on what evidence, and when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from customer_health.destinations import people_text, usage_audit_table
from customer_health.destinations.safe_text import clean
from customer_health.wording import day, moment, money, percent, plural


def task_markdown(payload: Mapping[str, Any]) -> str:
    """Return the task as a page of Markdown."""
    return "\n".join(_task_lines(payload)) + "\n"


def opportunity_markdown(payload: Mapping[str, Any]) -> str:
    """Return the opportunity as a page of Markdown."""
    account = payload["account"]
    lines = [
        f"# Opportunity: {payload['type']} · {_md(account['name'])}",
        "",
        f"- Amount: {money(payload['amount'], account.get('currency'))} ({payload['amount_rule']})",
        f"- Close date: {day(payload['close_date'])}",
        f"- Owner: {payload['owner']['email']} ({payload['owner']['why']})",
        f"- Approval: {payload.get('approval', 'not required')}",
        f"- Score: {payload['score']['now']} ({payload['score']['tier']})",
        f"- External id: `{_md(payload['external_id'])}`",
        "",
        f"{payload['because']}",
    ]
    return "\n".join(lines) + "\n"


def _task_lines(p: Mapping[str, Any]) -> Iterator[str]:
    account, score = p["account"], p["score"]
    yield f"# {_md(p['subject'], 120)}"
    yield ""
    yield f"- **Owner:** {_md(p['owner']['email'])} ({_md(p['owner']['why'])})"
    clock = p.get("escalates_at")
    zone = p.get("zone")
    said = f"; escalates {moment(clock, zone)} unless a step of the play has begun" if clock else ""
    yield f"- **Due:** {moment(p['due_at'], zone)}{said}"
    reason_code = p["reason_code"] or "none named"
    yield f"- **Priority:** {p['priority']} · **type:** {p['type']} · **reason:** {reason_code}"
    if p.get("approval"):
        yield f"- **Approval:** {p['approval']} before anything leaves the system"
    yield f"- **External id:** `{_md(p['external_id'], 300)}`"
    yield ""
    yield "## Account"
    before = "no earlier score" if score["before"] is None else f"before {score['before']}"
    today = day(score["as_of"])
    yield f"- Score {score['now']} ({before}) · {score['tier']} / {score['band']} · as of {today}"
    coin = account.get("currency")
    yield f"- ARR {money(account['arr'], coin)} · expected loss {money(score['expected_loss'], coin)}"
    yield f"- Renewal {day(account['renewal_date'])} · segment {_md(account['segment'] or 'unknown')}"
    if known := _relationship(p.get("contact") or {}):
        yield f"- {known}"
    near, far = percent(score["p90"], 1), percent(score["p180"], 1)
    ahead = percent(score.get("p_decision"), 1)
    yield f"- Likely to be lost: {ahead} at the next decision · {near} within 90 days, {far} within 180"
    yield f"- Coverage {percent(score['coverage'])}"
    yield ""
    yield "## Leading interpretation (a hypothesis; ask the customer)"
    if note := p.get("cause_note"):
        yield _md(note)
    yield _md(p["hypothesis"] or "No reason stands out.")
    if explanation := p.get("explanation"):
        yield ""
        yield _md(explanation, 600)
    yield ""
    if happened := p.get("facts"):
        yield "## What happened"
        yield from (f"- {_happened(fact)}" for fact in happened)
        yield ""
    yield "## Evidence"
    yield from (f"- {_evidence(reason, today)}" for reason in p["risks"])
    if not p["risks"]:
        yield "- No signal costs this account a point."
    yield from (f"- Speaks for it: {_evidence(reason, today)}" for reason in p["strengths"])
    if lever := p.get("lever"):
        yield f"- What would help: {_md(lever, 250)}"
    yield ""
    yield "## What to do"
    yield from (f"{number}. {step}" for number, step in enumerate(p["instructions"], 1))
    if draft := p.get("draft"):
        yield ""
        yield "## Draft (not sent; make it personal)"
        if for_whom := p.get("for_whom"):
            yield _md(for_whom, 400)
        yield from (f"> {_md(line, 400)}" for line in draft.strip().splitlines())
    if (audit := p.get("usage_audit")) and "active" in audit:  # a row of an older version has none
        yield ""
        yield "## Usage audit"
        yield usage_audit_table.headline(audit)
        yield ""
        yield from map(_line, usage_audit_table.markdown(audit))
    if people := p.get("people"):
        yield ""
        yield "## People there"
        yield from (_md(line, 400) for line in people_text.lines(people))
    if times := p.get("times"):
        yield ""
        yield f"## Times that suit {_md(times['owner'])}"
        yield from (f"- {_md(slot['text'])}" for slot in times["slots"])
    if links := p.get("links"):
        yield ""
        yield "## Links"
        yield from (f"- {_md(label, 75)}: {url}" for label, url in links)
    yield ""
    yield (
        f"## Done when\n{p['done_when']}\nReview on {day(p['review_on'])}. Close it with an outcome: "
        + ", ".join(p["close_outcomes"])
        + ", the reason, and the minutes it took."
    )
    yield ""
    yield f"*{p['playbook_title']}: {p['because']}*"


def _evidence(reason: Mapping[str, Any], today: str) -> str:
    value = reason.get("value")
    shown = "unknown" if value is None else f"{float(value):g}"
    points = f"{float(reason['points']):+.0f} points"
    return f"{_md(reason.get('phrase'))} ({points}; `{reason.get('signal')}` = {shown}, as of {today})"


def _happened(fact: Mapping[str, Any]) -> str:
    """Return a headline fact with its evidence: value, source, as-of date and what it is compared with."""
    evidence = (
        f"`{fact['signal']}` = {float(fact['value']):g} from {fact['source']}, as of {day(fact['as_of'])}"
    )
    here = f"; here: {_md(fact['record_words'])}" if fact.get("record_words") else ""
    return f"{_md(fact['phrase'])} ({evidence}; compared with: {_md(fact['baseline'])}{here})"


def _relationship(contact: Mapping[str, Any]) -> str:
    """Return how close we are to the people there, as far as it is known."""
    said = []
    if (days := contact.get("days_since_last_interaction")) is not None:
        said.append(f"Last real contact {days:.0f} days ago")
    if (people := contact.get("contacts_known")) is not None:
        said.append(f"{plural(people, 'contact')} known")
    if (review := contact.get("days_since_ebr")) is not None:
        said.append(f"last business review {review:.0f} days ago")
    return " · ".join(said)


def _md(text: object, most: int = 200) -> str:
    """Return text from outside; < and > cannot become markup, | cannot break a table."""
    return clean(text, most).replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")


def _line(line: str) -> str:
    """Return a line of ours whose table must stay one; what it quotes was cleaned before."""
    return line.replace("<", "&lt;").replace(">", "&gt;")
