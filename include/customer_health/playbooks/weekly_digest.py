"""The Monday digest: one message a week about the whole portfolio, whatever else was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect
from customer_health.ledger import episode_events, episodes, outbox_queries, playbook_runs, score_history
from customer_health.ledger.episodes import Episode
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.scores import comparable_from
from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.portfolio_alerts import entry, episode_entry, message, tiers
from customer_health.playbooks.routing import not_before
from customer_health.playbooks.snapshot import Snapshot

MOST_MOVERS = 5
MOST_LISTED = 8
WEEK = timedelta(days=7)
EXPANSION_SCORE, EXPANSION_DAYS = 80, 90


def week_of(as_of: date) -> str:
    """Return the ISO week, e.g. 2026-W47."""
    year, week, _ = as_of.isocalendar()
    return f"{year}-W{week:02d}"


def weekly_digest(
    connection: Connection, snapshot: Snapshot, config: CompanyConfig, *, now: datetime
) -> Effect | None:
    """Return the digest of the week that `snapshot.as_of` lies in; None when it is promised already.

    It leaves with the week's first run, normally Monday's. The week in which the system went live has
    the baseline message instead.
    """
    as_of = snapshot.as_of
    monday = as_of - timedelta(days=as_of.weekday())
    effect = message("weekly_digest", week_of(as_of), "digest", as_of, config, {"kind": "weekly"})
    first = playbook_runs.first_live(connection)
    if first is None or first >= monday or outbox.existing(connection, [effect.key]):
        return None
    leaves = not_before(now, "", None, config)
    payload = _content(connection, snapshot, config) | {"not_before": leaves.isoformat()}
    return message("weekly_digest", week_of(as_of), "digest", as_of, config, payload)


def _content(connection: Connection, snapshot: Snapshot, config: CompanyConfig) -> dict[str, Any]:
    as_of, facts = snapshot.as_of, snapshot.facts
    compared = score_history.day_between(connection, after=as_of - 2 * WEEK, until=as_of - WEEK)
    before = score_history.shown_on(connection, compared)
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
    recent = episodes.open_or_closed_since(connection, as_of - WEEK + timedelta(days=1))
    episode_status = episode_events.statuses_of(connection, [episode.episode_id for episode in recent])
    rows = {fact.account_id: fact.row for fact in facts}

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
        "refused": states.get("rejected", 0),
        "awaiting_approval": states.get("awaiting_approval", 0),
    }


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
