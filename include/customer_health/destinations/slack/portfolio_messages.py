"""Slack messages that stand for many: the first day, the brake, the overflow, a backlog, a new model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from customer_health.destinations.slack.block_text import SIGN, Json, change, context, plain, quoted, section
from customer_health.destinations.slack.slack_limits import SECTION_MOST
from customer_health.wording import day, moment, money, percent

TIER_ORDER = ("Critical", "At Risk", "Attention", "Healthy")
Built = tuple[str, list[Json]]


def _lines(entries: Sequence[Mapping[str, Any]], total: int) -> str:
    lines: list[str] = []
    for item in entries:
        moved = change(item["score"], item["before"])
        sign = SIGN.get(item["tier"], "•")
        why = quoted(item.get("why") or "no reason stands out", 90)
        who = quoted(item["owner"], 50)
        line = f"{sign} {quoted(item['name'], 40)} {moved} · ARR {money(item['arr'], item.get('currency'))}"
        line += f" · {why} · {who}"
        if sum(len(earlier) + 1 for earlier in lines) + len(line) > SECTION_MOST - 60:
            break
        lines.append(line)
    if total > len(lines):
        lines.append(f"… and {total - len(lines)} more, in the decision log.")
    return "\n".join(lines)


def _summary(title: str, about: str, listing: str, as_of: str) -> Built:
    blocks = [{"type": "header", "text": plain(title)}, section(about)]
    if listing:
        blocks.append(section(listing))
    blocks.append(context(f"as of {day(as_of)}"))
    return f"{title}. {about}", blocks


def _baseline(payload: Mapping[str, Any]) -> Built:
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


def _brake(payload: Mapping[str, Any]) -> Built:
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


def _digest(payload: Mapping[str, Any]) -> Built:
    title = f"{payload['count']} more accounts turned Red or Critical today"
    about = (
        f"Their owners have had {payload['limit']} single alerts each today; these wait here, most ARR first."
    )
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _new_model(payload: Mapping[str, Any]) -> Built:
    title = f"New model: {_accounts(payload['count'])} now Red"
    about = (
        f"{quoted(payload.get('model_id'), 60)} scores since today and sees these accounts as Red. Nothing "
        "happened at the customers, so nobody is alerted singly; their tasks open a few a day."
    )
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _backlog(payload: Mapping[str, Any]) -> Built:
    title = f"{_accounts(payload['count'])}: alerts that could not be delivered in time"
    about = f"They wait since {moment(payload['since'])}, so they come as one message. Most ARR first."
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


def _overdue(payload: Mapping[str, Any]) -> Built:
    title = f"{_accounts(payload['count'])}: {payload['hours']} hours Red, and no first step begun"
    about = "Their owners are named below; the lead decides who takes over."
    return _summary(title, about, _lines(payload["entries"], payload["count"]), payload["as_of"])


# What the Monday digest lists, in this order: the payload's key and the heading.
DIGEST_SECTIONS = (
    ("calls", "Need a call"),
    ("overdue", "No first step begun in time"),
    ("review", "Facts pile up, whatever the score says"),
    ("worst", "Fell most"),
    ("best", "Rose most"),
    ("saved", "Came back above Red"),
    ("lost", "Left"),
    ("small", "Turned Red, too small for people (digital programme)"),
    ("expansion", "Ready to grow, renewal within 90 days"),
)


def _weekly(payload: Mapping[str, Any]) -> Built:
    title = f"Customer health, week of {day(payload['as_of'])}"
    coin = payload.get("currency")
    tiers = "\n".join(
        _tier_line(tier, row, coin)
        for tier, row in sorted(payload["tiers"].items(), key=lambda item: TIER_ORDER.index(item[0]))
    )
    if tiers and (since := payload.get("tiers_compared_from")):
        tiers += f"\nTiers are compared from {day(since)} on: before that day a score meant something else."
    blocks = [{"type": "header", "text": plain(title)}, section(tiers or "No account is scored.")]
    if line := _renewals_line(payload.get("renewals")):
        blocks.append(section(line))
    if usual := payload.get("company_wide"):
        blocks.append(section(quoted(usual, 300)))
    for name, heading in DIGEST_SECTIONS:
        part = payload.get(name)
        if part and part["count"]:
            listing = _lines(part["entries"], part["count"])
            blocks.append(section(f"*{heading}: {_accounts(part['count'])}*\n{listing}"))
    said = [f"scores as of {day(payload['as_of'])}, published {moment(payload['published_at'])}"]
    if rows := payload.get("rejected_rows"):
        said.append(f"{sum(rows.values()):,} rows of the sources wait in quarantine")
    if payload["refused"]:
        said.append(f"{payload['refused']} effects were refused and wait for a person")
    if payload["awaiting_approval"]:
        said.append(f"{payload['awaiting_approval']} wait for approval")
    blocks.append(context(" · ".join(said)))
    return title, blocks


def _renewals_line(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    coin = found["currency"]
    line = f"*Renewals in {found['quarter']}: {found['renewals']:,}*, ARR "
    line += ("at least " if found["arr_unknown"] else "") + money(found["arr"], coin)
    if found["expected"] is not None:
        line += (
            f"; {money(found['expected'], coin)} expected to stay "
            f"({money(found['low'], coin)} to {money(found['high'], coin)})"
        )
    return line + (f"; {_accounts(found['notice'])} gave notice" if found["notice"] else "")


def _tier_line(tier: str, row: Mapping[str, Any], coin: str | None) -> str:
    accounts, arr = _accounts(row["accounts"]), f"ARR {money(row['arr'], coin)}"
    if row["accounts_change"] is not None:
        accounts += f" ({row['accounts_change']:+d})".replace("-", "−")
        arr += f" ({_signed(row['arr_change'], coin)})"
    return f"{SIGN.get(tier, '•')} {tier}: {accounts}, {arr}"


def _data_notice(payload: Mapping[str, Any]) -> Built:
    what = "\n".join(quoted(line, 400) for line in payload["lines"])
    about = f"{what}\n\n*What to do*\n{quoted(payload['remedy'], 600)}"
    title, blocks = _summary(payload["title"], about, "", payload["as_of"])
    if link := payload.get("link"):
        blocks.insert(-1, section(f"*Log*\n{quoted(link, 300)}"))
    return title, blocks


def _signed(amount: float, currency: str | None) -> str:
    return ("+" if amount >= 0 else "") + money(amount, currency)


SUMMARIES: Mapping[str, Callable[[Mapping[str, Any]], Built]] = {
    "baseline": _baseline,
    "brake": _brake,
    "digest": _digest,
    "new_model": _new_model,
    "overdue": _overdue,
    "backlog": _backlog,
    "weekly": _weekly,
    "data_notice": _data_notice,
}
