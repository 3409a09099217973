"""Slack messages as Block Kit: the alert, and the summaries that stand in for many alerts.

Every word from outside goes through `mrkdwn` or `plain`: no account name can mention a channel, hide a
link or turn the line around. Whatever a colour says, a word says too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from customer_health.destinations.plain_text import clean, day, moment, money, percent
from customer_health.destinations.slack_rules import HEADER_MOST, SECTION_MOST

Json = dict[str, Any]
SIGN = {"Critical": "🔴", "At Risk": "🟠", "Attention": "🟡", "Healthy": "🟢"}
TIER_ORDER = ("Critical", "At Risk", "Attention", "Healthy")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# Formatting characters in a name would swallow the rest of the line.
_LOOKALIKES = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼"})


def message(payload: Mapping[str, Any]) -> Json:
    """Return `channel`, `text` (for notifications) and `blocks` of one Slack effect."""
    kind = payload.get("kind", "alert")
    builders = {
        "alert": _alert,
        "baseline": _baseline,
        "brake": _brake,
        "digest": _digest,
        "new_model": _new_model,
        "backlog": _backlog,
        "overdue": _overdue,
        "weekly": _weekly,
        "reply": _reply,
    }
    text, blocks = builders[kind](payload)
    return {"channel": payload["channel"], "text": text, "blocks": blocks}


def plain(text: str, most: int = HEADER_MOST) -> Json:
    """Return a plain_text object; the limit holds for what is sent, entities included."""
    line = clean(text, most)
    while len(escaped := line.translate(_ENTITIES)) > most:
        line = line[:-2].rstrip() + "…"
    return {"type": "plain_text", "text": escaped, "emoji": False}


def mrkdwn(text: str) -> Json:
    """Return a mrkdwn object. `text` is ours; what it quotes has been through `quoted`."""
    return {"type": "mrkdwn", "text": text[:SECTION_MOST], "verbatim": True}


def quoted(text: object, most: int = 150) -> str:
    """Return text from outside, harmless inside mrkdwn."""
    return clean(text, most).translate(_LOOKALIKES).translate(_ENTITIES)


def _section(text: str) -> Json:
    return {"type": "section", "text": mrkdwn(text)}


def _fields(pairs: Sequence[tuple[str, str]]) -> Json:
    return {"type": "section", "fields": [mrkdwn(f"*{name}*\n{value}") for name, value in pairs]}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [mrkdwn(text)]}


def _change(now: int | None, before: int | None) -> str:
    if before is None or now is None:
        return str(now)
    arrow = "▼" if now < before else "▲" if now > before else "►"
    return f"{before} → {now} ({arrow}{abs(now - before)})"


def _renewal(account: Mapping[str, Any]) -> str:
    days = account.get("days_to_renewal")
    return day(account.get("renewal_date")) + (f" ({days:.0f} d)" if days is not None else "")


def _points(reason: Mapping[str, Any]) -> str:
    words = quoted(reason.get("phrase") or reason.get("code"))
    return f"• {words}  `{float(reason['points']):+.0f}` `{quoted(reason.get('code'), 40)}`"


def _alert(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    account, score = payload["account"], payload["score"]
    tier, before = score["tier"], score.get("tier_before")
    change = _change(score["now"], score["before"])
    why = quoted(score.get("why") or "No reason stands out.", 200)
    owner = quoted(account["owner"]["email"], 80)
    sign = SIGN.get(tier, "🔴")
    header = f"{sign} {tier} · {clean(account['name'], 80)} · {change}"
    red = payload.get("days_red")
    coin = account.get("currency")
    fields = [
        ("ARR", f"{money(account['arr'], coin)} · at risk {money(score.get('expected_loss'), coin)}"),
        ("Renewal", _renewal(account)),
        ("Tier", f"{quoted(before)} → {quoted(tier)}" if before and before != tier else quoted(tier)),
        ("Owner", f"{owner} ({quoted(account['owner']['why'], 80)})"),
        ("Segment", quoted(account.get("segment") or "unknown")),
        ("Red for", "since today" if not red else f"{red:.0f} days"),
    ]
    note = quoted(payload.get("cause_note") or "", 200)
    why = f"{note} {why}" if note else why
    blocks: list[Json] = [{"type": "header", "text": plain(header)}, _section(f"*{why}*"), _fields(fields)]
    if status := payload.get("status"):
        blocks.insert(1, _context(f"{status['sign']} *{quoted(status['text'], 300)}*"))
    if payload["risks"]:
        blocks.append(_section("*Top reasons*\n" + "\n".join(map(_points, payload["risks"]))))
    if payload["strengths"]:
        blocks.append(_section("*What holds*\n" + "\n".join(map(_points, payload["strengths"]))))
    step = payload.get("next_step")
    following = ""
    if step:
        who = quoted(step["owner"]["email"], 80)
        title = f"{quoted(payload['playbook_title'])}: {quoted(step['subject'])}"
        blocks.append(_section(f"*Do this next* · {title}\n{who}, until {_local(step['due_at'])}"))
        following = f" Next: {quoted(step['subject'])}, {who}, until {moment(step['due_at'])}."
    blocks.append(_context(_trust(payload)))
    text = f"{tier}: {quoted(account['name'], 60)} {change}. {why}{following}"
    return text, blocks


def _trust(payload: Mapping[str, Any]) -> str:
    score = payload["score"]
    chance = score.get("p90")
    known = percent(score.get("coverage"))
    parts = [
        f"coverage {known}",
        f"p(churn, 90 d) {chance:.2f}" if chance is not None else "rule score, no probability",
        f"{score.get('mode')} {quoted(score.get('model_id'), 40)}",
        f"as of {day(score['as_of'])}",
        quoted(payload.get("episode_id") or "", 40),
    ]
    return " · ".join(part for part in parts if part)


def _local(instant: str) -> str:
    """Return an instant that Slack shows in the reader's own time zone."""
    stamp = int(datetime.fromisoformat(instant).timestamp())
    return f"<!date^{stamp}^{{date_short_pretty}} {{time}}|{moment(instant)}>"


def _lines(entries: Sequence[Mapping[str, Any]], total: int) -> str:
    lines: list[str] = []
    for item in entries:
        change = _change(item["score"], item["before"])
        sign = SIGN.get(item["tier"], "•")
        why = quoted(item.get("why") or "no reason stands out", 90)
        who = quoted(item["owner"], 50)
        line = f"{sign} {quoted(item['name'], 40)} {change} · ARR {money(item['arr'], item.get('currency'))}"
        line += f" · {why} · {who}"
        if sum(len(earlier) + 1 for earlier in lines) + len(line) > SECTION_MOST - 60:
            break
        lines.append(line)
    if total > len(lines):
        lines.append(f"… and {total - len(lines)} more, in the decision log.")
    return "\n".join(lines)


def _summary(title: str, about: str, listing: str, as_of: str) -> tuple[str, list[Json]]:
    blocks = [{"type": "header", "text": plain(title)}, _section(about)]
    if listing:
        blocks.append(_section(listing))
    blocks.append(_context(f"as of {day(as_of)}"))
    return f"{title}. {about}", blocks


def _baseline(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    tiers = payload["tiers"]
    table = "\n".join(
        f"{SIGN.get(tier, '•')} {tier}: {_accounts(tiers[tier]['accounts'])}, ARR {money(tiers[tier]['arr'])}"
        for tier in sorted(tiers, key=lambda name: TIER_ORDER.index(name) if name in TIER_ORDER else 9)
    )
    waiting = f" {payload['backlog']} more follow, a day's worth at a time." if payload["backlog"] else ""
    about = (
        f"{table}\n\nThis is where we start: {payload['red']} accounts were Red before anybody watched, so "
        f"nobody is alerted about them. Tasks are open for {payload['tasks_opened_for']}.{waiting} "
        "From now on an alert means that something changed."
    )
    listing = _lines(payload["entries"], payload["red"])
    title = f"Portfolio baseline: {payload['accounts']:,} accounts scored"
    return _summary(title, about, f"*Most ARR at stake*\n{listing}" if listing else "", payload["as_of"])


def _accounts(count: int) -> str:
    return "1 account" if count == 1 else f"{count:,} accounts"


def _brake(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    if hold := payload.get("hold"):
        about = f"Single alerts are held: {quoted(hold, 300)}. {payload['newly_red']} accounts turned Red."
        listing = _lines(payload["entries"], payload["newly_red"])
        return _summary("Alert brake: the data is under suspicion", about, listing, payload["as_of"])
    title = f"Alert brake: {payload['newly_red']} accounts turned Red at once"
    about = (
        f"That is {percent(payload['share'])} of the portfolio (limit {percent(payload['limit'])}). "
        "When so many move together the data is the first suspect, so single alerts are held. "
        "Check the data-quality gate before calling customers."
    )
    return _summary(title, about, _lines(payload["entries"], payload["newly_red"]), payload["as_of"])


def _digest(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    title = f"{payload['count']} more accounts turned Red or Critical today"
    about = (
        f"Their owners have had {payload['limit']} single alerts each today; these wait here, most ARR first."
    )
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _new_model(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    title = f"New model: {_accounts(payload['count'])} now Red"
    about = (
        f"{quoted(payload.get('model_id'), 60)} scores since today and sees these accounts as Red. Nothing "
        "happened at the customers, so nobody is alerted singly; their tasks open a few a day."
    )
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _backlog(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    title = f"{_accounts(payload['count'])}: alerts that could not be delivered in time"
    about = f"They wait since {moment(payload['since'])}, so they come as one message. Most ARR first."
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _overdue(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    title = f"{_accounts(payload['count'])}: {payload['hours']} hours Red, and no first step begun"
    about = "Their owners are named below; the lead decides who takes over."
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _reply(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    text = f"{payload['sign']} {quoted(payload['text'], 1000)}"
    return text, [_section(text)]


def _weekly(payload: Mapping[str, Any]) -> tuple[str, list[Json]]:
    title = f"Customer health, week of {day(payload['as_of'])}"
    coin = payload.get("currency")
    tiers = "\n".join(
        f"{SIGN.get(tier, '•')} {tier}: {_accounts(row['accounts'])} ({row['accounts_change']:+d}), "
        f"ARR {money(row['arr'], coin)} ({_signed(row['arr_change'], coin)})"
        for tier, row in sorted(payload["tiers"].items(), key=lambda item: TIER_ORDER.index(item[0]))
    )
    blocks = [{"type": "header", "text": plain(title)}, _section(tiers or "No account is scored.")]
    for name, heading in (
        ("overdue", "No first step begun in time"),
        ("worst", "Fell most"),
        ("best", "Rose most"),
        ("saved", "Came back above Red"),
        ("lost", "Left"),
        ("small", "Turned Red, too small for people (digital programme)"),
        ("expansion", "Ready to grow, renewal within 90 days"),
    ):
        part = payload[name]
        if part["count"]:
            listing = _lines(part["entries"], part["count"])
            blocks.append(_section(f"*{heading}: {_accounts(part['count'])}*\n{listing}"))
    said = [f"scores as of {day(payload['as_of'])}, published {moment(payload['published_at'])}"]
    if payload["refused"]:
        said.append(f"{payload['refused']} effects were refused and wait for a person")
    if payload["awaiting_approval"]:
        said.append(f"{payload['awaiting_approval']} wait for approval")
    blocks.append(_context(" · ".join(said)))
    return title, blocks


def _signed(amount: float, currency: str | None) -> str:
    return ("+" if amount >= 0 else "") + money(amount, currency)
