"""Slack messages as Block Kit: the alert with its status, and the replies in its thread.

Every word from outside goes through `mrkdwn` or `plain`: no account name can mention a channel, hide a
link or turn the line around. Whatever a colour says, a word says too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from customer_health.destinations import usage_audit_table
from customer_health.destinations.safe_text import clean
from customer_health.destinations.slack import buttons as slack_buttons
from customer_health.destinations.slack import score_chart
from customer_health.destinations.slack.block_text import (
    SIGN,
    Json,
    change,
    context,
    mrkdwn,
    plain,
    quoted,
    section,
)
from customer_health.destinations.slack.portfolio_messages import SUMMARIES
from customer_health.effects.destination import RejectedError
from customer_health.errors import suggest
from customer_health.wording import day, moment, money, percent

__all__ = ["message", "mrkdwn", "plain", "quoted"]


def message(payload: Mapping[str, Any], *, chart: bool = True, buttons: bool = False) -> Json:
    """Return `channel`, `text` (for notifications) and `blocks` of one Slack effect.

    Args:
        payload: What the playbook says; `kind` selects the form.
        buttons: Whether somebody listens to buttons, see slack_buttons.py.
        chart: Whether the workspace shows charts; a line of characters is there in any case.

    Raises:
        RejectedError: No message has this kind.
    """
    kind = payload.get("kind", "alert")
    if kind == "alert":
        text, blocks = _alert(payload, chart)
        blocks += slack_buttons.row_of(payload) if buttons else []
    elif kind == "reply":
        text, blocks = _reply(payload)
    elif kind == "usage_audit":
        text, blocks = _usage_audit(payload)
    elif kind in SUMMARIES:
        text, blocks = SUMMARIES[kind](payload)
    else:
        raise RejectedError(
            f"No Slack message is of the kind '{kind}'.",
            hint=suggest(str(kind), ("alert", "reply", "usage_audit", *SUMMARIES)),
        )
    return {"channel": payload["channel"], "text": text, "blocks": blocks}


def _reply(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    text = f"{quoted(payload.get('sign') or '', 8)} {quoted(payload['text'], 2000)}".strip()
    return text, [section(text)]


def _usage_audit(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    """Return the table in a fixed width, narrow enough for a telephone, and what it cannot say below it."""
    audit = payload["usage_audit"]
    table = usage_audit_table.rows(audit)
    left, right = (max(len(row[place]) for row in table) for place in (0, 1))
    lines = [quoted(f"{label}", 60).ljust(left) + "  " + value.rjust(right) for label, value in table]
    text = f"📊 {quoted(usage_audit_table.headline(audit), 300)}"
    block = mrkdwn("```\n" + "\n".join(lines) + "\n```")
    below = "\n".join(quoted(note, 200) for note in usage_audit_table.notes(audit))
    blocks = [section(f"*Usage audit*\n{quoted(usage_audit_table.headline(audit), 300)}")]
    return text, [*blocks, {"type": "section", "text": block}, *([section(below)] if below else [])]


def _renewal(account: Mapping[str, Any]) -> str:
    """Return when the contract renews, and how far that is."""
    days = account.get("days_to_renewal")
    return f"renews {day(account.get('renewal_date'))}" + ("" if days is None else f" ({days:.0f} d)")


def _points(reason: Mapping[str, Any]) -> str:
    return f"{quoted(reason.get('phrase') or reason.get('code'))} `{float(reason['points']):+.0f}`"


def _facts(payload: Mapping[str, Any]) -> str:
    """Return money and clock in one line, state and owner in another: six fields would fill the screen."""
    account, score = payload["account"], payload["score"]
    coin, tier, before = account.get("currency"), score["tier"], score.get("tier_before")
    red = payload.get("days_red")
    owner = account["owner"]
    money_and_clock = [
        f"ARR {money(account['arr'], coin)}",
        f"at risk {money(score.get('expected_loss'), coin)}",
        _renewal(account),
    ]
    state_and_owner = [
        f"{quoted(before)} → {quoted(tier)}" if before and before != tier else quoted(tier),
        "red since today" if not red else f"red for {red:.0f} days",
        quoted(account.get("segment") or "segment unknown"),
        f"owner {quoted(owner['email'], 80)} ({quoted(owner['why'], 80)})",
    ]
    return " · ".join(money_and_clock) + "\n" + " · ".join(state_and_owner)


def _alert(payload: Mapping[str, Any], chart: bool) -> tuple[str, list[Json]]:
    """Return an alert of at most 14 lines when it is posted: header to trust line fit one telephone screen.

    What somebody does about it, and why a fall is not the customer's doing, are lines of their own.
    """
    account, score = payload["account"], payload["score"]
    tier = score["tier"]
    moved = change(score["now"], score["before"])
    why = quoted(score.get("why") or "No reason stands out.", 200)
    note = quoted(payload.get("cause_note") or "", 200)
    header = f"{SIGN.get(tier, '🔴')} {tier} · {clean(account['name'], 80)} · {moved}"
    blocks: list[Json] = [{"type": "header", "text": plain(header)}]
    if status := payload.get("status"):
        blocks.append(context(f"{status['sign']} *{quoted(status['text'], 300)}*"))
    blocks.append(section(f"*{why}*"))
    if note:
        blocks.append(context(note))
    blocks.append(section(_facts(payload)))
    happened = [quoted(fact["short"], 80) for fact in payload.get("facts") or []]
    if happened:
        blocks.append(section(f"*What happened* {' · '.join(happened)}"))
    reasons = [f"• {_points(risk)} `{quoted(risk.get('code'), 40)}`" for risk in payload["risks"]]
    if payload["strengths"]:
        reasons.append(f"*What holds* {' · '.join(map(_points, payload['strengths']))}")
    if lever := payload.get("lever"):
        reasons.append(f"*What would help* {quoted(lever, 250)}")
    if reasons:
        blocks.append(section("\n".join(reasons)))
    step = payload.get("next_step")
    following = ""
    if step:
        who = quoted(step["owner"]["email"], 80)
        title = _step(payload["playbook_title"], step["subject"])
        until = f"{who}, by {_local(step['due_at'])} · react 👀 to say that you are on it"
        blocks.append(section(f"*Do this next* · {title}\n{until}"))
        stop = "" if why.endswith(".") else "."
        following = f"{stop} Next: {quoted(step['subject'])}, {who}, by {moment(step['due_at'])}."
    readings = score_chart.points(score)
    if readings:
        blocks.append(
            score_chart.block(readings) if chart else context(f"{score_chart.sparkline(readings)} {moved}")
        )
    if links := payload.get("links"):
        blocks.append(_buttons(links))
    blocks.append(context(_trust(payload)))
    text = f"{tier}: {quoted(account['name'], 60)} {moved}. {why}{following}"
    if note:
        text += f" {note}"
    if readings:
        text += f" {score_chart.sparkline(readings)}"
    return text, blocks


def _step(play: str, subject: str) -> str:
    """Return play and step; a step that begins as its play is called does not say it twice."""
    own = subject.lower().startswith(" ".join(play.lower().split()[:2]))
    return quoted(subject) if own else f"{quoted(play)}: {quoted(subject)}"


def _buttons(links: Sequence[Sequence[str]]) -> Json:
    """Return buttons that lead somewhere: they need no endpoint of ours."""
    return {
        "type": "actions",
        "elements": [
            {"type": "button", "text": plain(label, 75), "url": url, "action_id": f"link_{number}"}
            for number, (label, url) in enumerate(links[:5])
        ],
    }


def _trust(payload: Mapping[str, Any]) -> str:
    score = payload["score"]
    chance = score.get("p90")
    known = percent(score.get("coverage"))
    parts = [
        f"coverage {known}",
        f"{percent(chance, 1)} likely to leave within 90 days"
        if chance is not None
        else "rule score, no probability",
        f"{score.get('mode')} {quoted(score.get('model_id'), 40)}",
        f"as of {day(score['as_of'])}",
        quoted(payload.get("episode_id") or "", 40),
        f"here because {quoted(payload['direct_to'], 80)} cannot be reached by direct message"
        if payload.get("misdirected")
        else "",
    ]
    return " · ".join(part for part in parts if part)


def _local(instant: str) -> str:
    """Return an instant that Slack shows in the reader's own time zone."""
    stamp = int(datetime.fromisoformat(instant).timestamp())
    return f"<!date^{stamp}^{{date_short_pretty}} {{time}}|{moment(instant)}>"
