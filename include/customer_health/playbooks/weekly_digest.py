"""The Monday digest: once a week about the whole portfolio, to Slack and by mail, whatever else was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect, effect_key
from customer_health.ledger import episode_events, episodes, outbox_queries, playbook_runs, score_history
from customer_health.ledger.episodes import Episode
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.scores import comparable_from
from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.portfolio_alerts import PORTFOLIO, entry, episode_entry, message, tiers
from customer_health.playbooks.routing import not_before, zone_of
from customer_health.playbooks.snapshot import Snapshot
from customer_health.playbooks.warehouse_context import NOTHING_KNOWN, WarehouseContext
from customer_health.roles import EVERYBODY, Viewer, viewer_of
from customer_health.scoring.headlines import gravity
from customer_health.scoring.track_words import company_wide, company_wide_words

MOST_MOVERS = 5
MOST_LISTED = 8
WEEK = timedelta(days=7)
EXPANSION_SCORE, EXPANSION_DAYS = 80, 90


def week_of(as_of: date) -> str:
    """Return the ISO week, e.g. 2026-W47."""
    year, week, _ = as_of.isocalendar()
    return f"{year}-W{week:02d}"


def weekly_digests(
    connection: Connection,
    snapshot: Snapshot,
    config: CompanyConfig,
    *,
    now: datetime,
    background: WarehouseContext = NOTHING_KNOWN,
) -> list[Effect]:
    """Return the digests of the week that `snapshot.as_of` lies in, without those that are promised already.

    One to Slack, and one by mail to each reader, about the customers that he or she may see. They leave with
    the week's first run, normally Monday's, and not before seven in the reader's zone. The week in which the
    system went live has the baseline message instead.
    """
    as_of = snapshot.as_of
    week, monday = week_of(as_of), as_of - timedelta(days=as_of.weekday())
    first = playbook_runs.first_live(connection)
    if first is None or first >= monday:
        return []

    def leaves(zone: str, destination: str) -> datetime:
        if destination == "preview":  # nobody is disturbed, so nothing waits
            return now
        return max(datetime.combine(monday, time(config.digest.hour), zone_of(zone)).astimezone(UTC), now)

    slack = message("weekly_digest", week, "digest", as_of, config, {"kind": "weekly"})
    at = not_before(leaves(config.digest.timezone, config.destinations.slack), "", None, config)
    promises = [(slack, EVERYBODY, at)]
    for reader in config.digest.readers:
        mail = _mail(reader.address, week, as_of, config)
        viewer = viewer_of(reader.address, config.roles)
        promises.append((mail, viewer, leaves(reader.timezone, config.destinations.email)))
    existing = outbox.existing(connection, [effect.key for effect, _, _ in promises])
    found = []
    for effect, viewer, at in promises:
        if effect.key not in existing:
            content = _content(connection, snapshot, config, viewer, background)
            payload = {**effect.payload, **content, "not_before": at.isoformat()}
            found.append(replace(effect, payload=payload))
    return found


def _mail(address: str, week: str, as_of: date, config: CompanyConfig) -> Effect:
    return Effect(
        key=effect_key(PORTFOLIO, "weekly_digest", week, f"mail:{address.lower()}", "email"),
        destination="email",
        verb="send_digest",
        account_id=PORTFOLIO,
        as_of=as_of,
        playbook="weekly_digest",
        step="mail",
        episode_id=week,
        payload={
            "to": address,
            "company": config.name,
            "page": config.digest.page.rstrip("/"),
            "as_of": as_of.isoformat(),
        },
    )


def _content(
    connection: Connection,
    snapshot: Snapshot,
    config: CompanyConfig,
    viewer: Viewer,
    background: WarehouseContext,
) -> dict[str, Any]:
    as_of = snapshot.as_of
    facts = [
        fact for fact in snapshot.facts if viewer.sees(fact.get("owner_email"), fact.get("manager_email"))
    ]
    compared = score_history.day_between(connection, after=as_of - 2 * WEEK, until=as_of - WEEK)
    before = score_history.shown_on(connection, compared)
    if not viewer.everything:
        mine = {fact.account_id for fact in facts}
        before = {account: row for account, row in before.items() if account in mine}
    fair_from = comparable_from(connection)
    fair = compared is not None and fair_from is not None and compared >= fair_from
    waits = not fair and compared is not None and fair_from is not None
    compared_from = (fair_from + WEEK).isoformat() if waits and fair_from else None
    moved = [
        (fact.score - before[fact.account_id][0], fact)
        for fact in facts
        if fact.score is not None and fact.account_id in before
    ]
    moved.sort(key=lambda pair: (pair[0], -pair[1].stake, pair[1].account_id))
    rows = {fact.account_id: fact.row for fact in facts}
    recent = [
        episode
        for episode in episodes.open_or_closed_since(connection, as_of - WEEK + timedelta(days=1))
        if viewer.everything or episode.account_id in rows or viewer.sees(episode.owner, None)
    ]
    episode_status = episode_events.statuses_of(connection, [episode.episode_id for episode in recent])

    def some(chosen: Sequence[Episode]) -> dict[str, Any]:
        listed = [episode_entry(episode, rows.get(episode.account_id, {}), config) for episode in chosen]
        listed.sort(key=lambda item: (-(item["arr"] or 0.0), item["account_id"]))
        return {"count": len(listed), "entries": listed[:MOST_LISTED]}

    def movers(chosen: Sequence[tuple[int, AccountView]]) -> dict[str, Any]:
        top = chosen[:MOST_MOVERS]
        listed = [entry(fact, config) | {"before": before[fact.account_id][0]} for _, fact in top]
        return {"count": len(listed), "entries": listed}

    growing = [fact for fact in facts if _may_grow(fact)]
    growing.sort(key=lambda fact: (-(fact.number("arr") or 0.0), fact.account_id))
    states = outbox_queries.counts_by_state(connection, ("rejected", "awaiting_approval"))
    return {
        "kind": "weekly",
        "currency": next((fact.currency for fact in facts if fact.currency), config.money.currency),
        "published_at": snapshot.published_at.isoformat(),
        "tiers": _tiers(facts, before if fair else {}),
        "tiers_compared_from": compared_from,
        "calls": _calls(facts, config),
        "review": _review(facts, config),
        "company_wide": company_wide_words(company_wide([fact.headlines for fact in facts])),
        "worst": movers([pair for pair in moved if pair[0] < 0]),
        "best": movers([pair for pair in reversed(moved) if pair[0] > 0]),
        "overdue": some(
            [
                episode
                for episode in recent
                if episode.closed_as_of is None
                and (one := episode_status[episode.episode_id]).escalated_at
                and not one.begun_at
            ]
        ),
        "saved": some([episode for episode in recent if episode.outcome == "recovered"]),
        "lost": some([episode for episode in recent if episode.outcome == "left"]),
        "small": some([e for e in recent if e.suppressed_reason and e.opened_as_of > as_of - WEEK]),
        "expansion": {
            "count": len(growing),
            "entries": [entry(fact, config) for fact in growing[:MOST_LISTED]],
        },
        "renewals": background.renewals(connection, viewer),
        "rejected_rows": dict(background.rejected_rows()),
        "refused": states.get("rejected", 0),
        "awaiting_approval": states.get("awaiting_approval", 0),
    }


def _calls(facts: Sequence[AccountView], config: CompanyConfig) -> dict[str, Any]:
    """Who needs a call, and why now: Red and worth people, the most at stake first."""
    found = [fact for fact in facts if fact.level > 0 and not fact.too_small]
    found.sort(key=lambda fact: (-fact.stake, fact.account_id))
    listed = [
        entry(fact, config)
        | {"red_since": fact.episode.red_since.isoformat() if fact.episode is not None else None}
        for fact in found[:MOST_LISTED]
    ]
    return {"count": len(found), "entries": listed}


def _review(facts: Sequence[AccountView], config: CompanyConfig) -> dict[str, Any]:
    """Where facts pile up and no score asks for anybody: the gravest first, then the most ARR."""
    found = [fact for fact in facts if fact.get("review") and not fact.too_small]
    found.sort(key=lambda fact: (-gravity(fact.headlines), -(fact.number("arr") or 0.0), fact.account_id))
    return {"count": len(found), "entries": [entry(fact, config) for fact in found[:MOST_LISTED]]}


def _may_grow(fact: AccountView) -> bool:
    days = fact.number("days_to_renewal")
    due = days is not None and 0 <= days < EXPANSION_DAYS
    return due and fact.score is not None and fact.score > EXPANSION_SCORE and not fact.flight_risk


def _tiers(
    facts: Sequence[AccountView], before: Mapping[str, tuple[int, str, float]]
) -> dict[str, dict[str, float | None]]:
    """Return accounts and ARR per tier, with their changes; these are None without a fair comparison."""
    now: dict[str, dict[str, float | None]] = {}
    for tier, row in tiers(facts).items():
        earlier = [arr for _, name, arr in before.values() if name == tier]
        now[tier] = {
            **row,
            "accounts_change": row["accounts"] - len(earlier) if before else None,
            "arr_change": row["arr"] - sum(earlier) if before else None,
        }
    return now
