"""Alerts: only for a turn for the worse, at most so many per owner and day, none in a mass move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect
from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.actions import RunContext, effect_of
from customer_health.playbooks.effect_context import owner_of
from customer_health.playbooks.episode_message import evidence
from customer_health.playbooks.matching import Match
from customer_health.playbooks.portfolio_alerts import brake, digest, mentioned, new_model
from customer_health.playbooks.snapshot import Snapshot
from customer_health.playbooks.steps import CreateTask, Notify


@dataclass(frozen=True)
class Alert:
    """One alert that is due: the match that asks for it, and its step."""

    match: Match
    step: Notify

    @property
    def key(self) -> str:
        """Key of its effect."""
        return self.match.keys[self.step.name]


def worsened(facts: AccountView, worst_level: Mapping[str, int]) -> bool:
    """Return whether today's reading is a new low: Red or Critical, and better before.

    An account that was Red when we began to watch (or has no earlier score) is inherited: its state is
    no news. Within an episode only a level that was not reached before is: a score that wavers around
    30 alerts once.
    """
    episode = facts.episode
    if facts.level == 0 or facts.previous is None or episode is None:
        return False
    if episode.opened_as_of == facts.as_of:
        return not episode.inherited
    return facts.level > worst_level.get(facts.account_id, facts.previous.level)


def newly_red(facts: Sequence[AccountView]) -> list[AccountView]:
    """Return the accounts that were better before and are Red today."""
    return [
        fact for fact in facts if fact.level > 0 and fact.previous is not None and fact.previous.level == 0
    ]


def by_customers(facts: Sequence[AccountView]) -> list[AccountView]:
    """Return those whose two readings come from one model."""
    return [fact for fact in facts if not fact.model_changed]


def braked(snapshot: Snapshot, config: CompanyConfig) -> bool:
    """Return whether so many accounts turned Red at once that the data is the first suspect.

    Once the summary of the day has been promised, the brake stays on for that day. What a new model
    made Red has a summary of its own and does not count.
    """
    if any(payload.get("kind") == "brake" for payload in snapshot.notified.values()):
        return True
    compared = sum(fact.score is not None and fact.previous is not None for fact in snapshot.facts)
    turned = len(by_customers(newly_red(snapshot.facts)))
    limits = config.playbooks
    return turned >= limits.mass_move_floor and turned > limits.mass_move_share * compared


def release(
    due: Sequence[Alert], snapshot: Snapshot, run_context: RunContext, *, brake_on: bool, hold: str = ""
) -> tuple[list[Effect], dict[str, str]]:
    """Decide which alerts leave singly and which go into one summary.

    Args:
        due: Alerts that are due and were not promised before.
        snapshot: The ledger as this run sees it.
        run_context: What all effects of the run share.
        brake_on: Whether a mass move is on.
        hold: Why the data is under suspicion anyway: a drift, a stale source.

    Returns:
        Effects, and for every alert's key a phrase for the decision log.
    """
    config = run_context.config
    if brake_on:
        turned = newly_red(snapshot.facts)
        summary = brake(
            turned,
            len(snapshot.facts),
            as_of=snapshot.as_of,
            config=config,
            published=run_context.now,
            hold=hold,
        )
        why = hold or f"{len(turned)} accounts turned Red at once"
        return [summary], {alert.key: f"alert in the summary: {why}" for alert in due}
    limit = config.playbooks.alerts_per_owner_per_day
    single = [payload for payload in snapshot.notified.values() if payload.get("kind") == "alert"]
    had = Counter(map(_owner, single))
    there = Counter(_place(payload) for payload in single)
    in_summary = mentioned(snapshot.notified)
    effects: list[Effect] = []
    notes: dict[str, str] = {}
    overflow: dict[str, AccountView] = {}
    remodelled: dict[str, AccountView] = {}
    for alert in sorted(due, key=lambda item: (-item.match.facts.stake, item.match.facts.account_id)):
        facts = alert.match.facts
        owner = owner_of(facts, ("csm", "csm_manager"), config)["email"]
        if facts.episode is not None and facts.episode.episode_id in snapshot.told:
            notes[alert.key] = "said in the thread of the episode's message"
        elif facts.account_id in in_summary:
            notes[alert.key] = "alert in the summary sent earlier today"
        elif facts.model_changed:
            remodelled[facts.account_id] = facts
            notes[alert.key] = "no alert: a new model moved it; one summary for all of these"
        elif facts.too_small:
            notes[alert.key] = f"no single alert: {facts.too_small}; in the weekly digest"
        elif had[owner] >= limit:
            overflow[facts.account_id] = facts
            notes[alert.key] = f"alert in the digest: the owner has had {limit} today"
        else:
            effect = _effect(alert, run_context)
            place = _place(effect.payload)
            if there[place] >= config.playbooks.alerts_per_channel_per_day:
                overflow[facts.account_id] = facts
                notes[alert.key] = f"alert in the digest: {place} has had {there[place]} today"
                continue
            had[owner] += 1
            there[place] += 1
            effects += [effect, *_evidence(alert, effect, run_context)]
            notes[alert.key] = "alert sent"
    if overflow:
        number = 1 + sum(payload.get("kind") == "digest" for payload in snapshot.notified.values())
        effects.append(digest(list(overflow.values()), number, as_of=snapshot.as_of, config=config))
    if remodelled:
        effects.append(new_model(list(remodelled.values()), as_of=snapshot.as_of, config=config))
    return effects, notes


def _effect(alert: Alert, run_context: RunContext) -> Effect:
    match = alert.match
    return effect_of(match.facts, match.playbook, alert.step, match.cycle_id, run_context)


def _evidence(alert: Alert, effect: Effect, run_context: RunContext) -> list[Effect]:
    """Return the usage audit for the thread, where the play audits usage and usage could be read."""
    match = alert.match
    audit = run_context.audits.get(match.facts.account_id)
    asked = any(isinstance(s, CreateTask) and s.attach == "usage_audit" for s in match.playbook.steps)
    return evidence(effect, audit) if asked and audit and not audit["unknown"] else []


def _place(payload: Mapping[str, Any]) -> str:
    """Return the channel, or whose direct messages."""
    return str(payload.get("direct_to") or payload["channel"])


def _owner(payload: Mapping[str, Any]) -> str:
    return str(payload["account"]["owner"]["email"])
