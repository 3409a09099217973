"""Messages about many accounts at once: the first day's baseline, the alert brake, the day's overflow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect, effect_key
from customer_health.ledger.episodes import Episode
from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.effect_context import owner_of

PORTFOLIO = "portfolio"
MOST_LISTED = 20


def baseline(
    facts: Sequence[AccountView], *, as_of: date, tasks: int, backlog: int, config: CompanyConfig
) -> Effect:
    """Return the summary of the first live run: where the portfolio stands before anybody is alerted."""
    red = [fact for fact in facts if fact.episode is not None and fact.episode.inherited]
    return message(
        "portfolio_baseline",
        "baseline",
        "summary",
        as_of,
        config,
        {
            "kind": "baseline",
            "accounts": sum(fact.score is not None for fact in facts),
            "tiers": tiers(facts),
            "red": len(red),
            "tasks_opened_for": tasks,
            "backlog": backlog,
            "entries": [entry(fact, config) for fact in _by_stake(red)[:MOST_LISTED]],
        },
    )


def brake(
    newly_red: Sequence[AccountView],
    total: int,
    *,
    as_of: date,
    config: CompanyConfig,
    published: datetime,
    hold: str = "",
) -> Effect:
    """Return the one message that replaces the alerts of a mass move, a drift or a stale source.

    It waits for approval: anybody who looked at the data says whether the customers moved or the data did.
    """
    expires = published + timedelta(hours=config.playbooks.approval_expires_hours)
    return message(
        "alert_brake",
        f"day-{as_of}",
        "summary",
        as_of,
        config,
        {
            "kind": "brake",
            "hold": hold,
            "approval": "required",
            "approval_asks": "Did the customers move? No, if it is the data that did.",
            "expires_at": expires.isoformat(),
            "newly_red": len(newly_red),
            "accounts": total,
            "share": len(newly_red) / total if total else 0.0,
            "limit": config.playbooks.mass_move_share,
            "entries": [entry(fact, config) for fact in _by_stake(newly_red)[:MOST_LISTED]],
            "mentions": [fact.account_id for fact in newly_red],
        },
    )


def new_model(turned: Sequence[AccountView], *, as_of: date, config: CompanyConfig) -> Effect:
    """Return the one message about accounts that only a new model made Red."""
    ranked = _by_stake(turned)
    return message(
        "new_model",
        f"day-{as_of}",
        "summary",
        as_of,
        config,
        {
            "kind": "new_model",
            "model_id": ranked[0].get("model_id"),
            "count": len(ranked),
            "entries": [entry(fact, config) for fact in ranked[:MOST_LISTED]],
            "mentions": [fact.account_id for fact in ranked],
        },
    )


def digest(overflow: Sequence[AccountView], number: int, *, as_of: date, config: CompanyConfig) -> Effect:
    """Return the message that carries the alerts beyond their owners' daily number."""
    ranked = _by_stake(overflow)
    return message(
        "alert_digest",
        f"day-{as_of}",
        f"digest_{number}",
        as_of,
        config,
        {
            "kind": "digest",
            "count": len(ranked),
            "limit": config.playbooks.alerts_per_owner_per_day,
            "entries": [entry(fact, config) for fact in ranked[:MOST_LISTED]],
            "mentions": [fact.account_id for fact in ranked],
        },
    )


def overdue(late: Sequence[Mapping[str, Any]], number: int, *, as_of: date, config: CompanyConfig) -> Effect:
    """Return the message about escalated episodes that have no message of their own.

    Args:
        late: Each an `episode` and the `row` of its latest score.
        number: Which message of this kind it is today.
        as_of: The day.
        config: The company's numbers.
    """
    entries = [episode_entry(item["episode"], item["row"] or {}, config) for item in late]
    entries.sort(key=lambda item: (-(item["arr"] or 0.0), item["account_id"]))
    return message(
        "overdue",
        f"day-{as_of}",
        f"overdue_{number}",
        as_of,
        config,
        {
            "kind": "overdue",
            "count": len(entries),
            "hours": config.playbooks.escalate_after_hours,
            "entries": entries[:MOST_LISTED],
        },
    )


def episode_entry(episode: Episode, row: Mapping[str, Any], config: CompanyConfig) -> dict[str, Any]:
    """Return one line about an episode whose account may have no score any more."""
    return {
        "account_id": episode.account_id,
        "name": row.get("name") or episode.account_id,
        "score": row.get("score_shown"),
        "before": episode.previous_score,
        "tier": row.get("tier_shown") or row.get("tier") or "",
        "why": row.get("why"),
        "arr": row.get("arr") or episode.arr,
        "currency": row.get("currency") or config.money.currency,
        "owner": row.get("owner_email") or episode.owner or config.playbooks.fallback_owner,
    }


def entry(facts: AccountView, config: CompanyConfig) -> dict[str, Any]:
    """Return one line of a summary."""
    return {
        "account_id": facts.account_id,
        "name": facts.name,
        "score": facts.score,
        "before": None if facts.previous is None else facts.previous.score,
        "tier": facts.tier,
        "why": facts.get("why"),
        "arr": facts.number("arr"),
        "currency": facts.currency,
        "expected_loss": facts.number("expected_loss"),
        "days_to_renewal": facts.number("days_to_renewal"),
        "owner": owner_of(facts, ("csm", "csm_manager"), config)["email"],
    }


def tiers(facts: Sequence[AccountView]) -> dict[str, dict[str, float]]:
    """Return accounts and ARR per tier."""
    counts: Counter[str] = Counter()
    arr: Counter[str] = Counter()
    for fact in facts:
        if fact.score is not None:
            counts[fact.tier] += 1
            arr[fact.tier] += int(fact.number("arr") or 0)
    return {tier: {"accounts": counts[tier], "arr": arr[tier]} for tier in counts}


def mentioned(notified: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return the accounts that a summary of the day names already."""
    return {account for payload in notified.values() for account in payload.get("mentions", ())}


def _by_stake(facts: Sequence[AccountView]) -> list[AccountView]:
    return sorted(facts, key=lambda fact: (-fact.stake, fact.account_id))


def message(
    playbook: str, cycle_id: str, step: str, as_of: date, config: CompanyConfig, payload: dict[str, Any]
) -> Effect:
    """Return a message about the portfolio, to the channel of summaries."""
    return Effect(
        key=effect_key(PORTFOLIO, playbook, cycle_id, step, "slack"),
        destination="slack",
        verb="notify",
        account_id=PORTFOLIO,
        as_of=as_of,
        playbook=playbook,
        step=step,
        episode_id=cycle_id,
        payload={"channel": config.playbooks.alerts_channel, "as_of": as_of.isoformat(), **payload},
    )
