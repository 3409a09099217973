"""Which playbooks match an account, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from customer_health.ledger.decisions import Decision
from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.actions import key_of
from customer_health.playbooks.effect_context import SIGNIFICANT, account_fields
from customer_health.playbooks.holdout_draw import HELD_OUT
from customer_health.playbooks.playbook import Playbook
from customer_health.playbooks.recurrence import cycle_of
from customer_health.playbooks.snapshot import Snapshot
from customer_health.playbooks.steps import Notify, Step


@dataclass(frozen=True)
class Match:
    """A playbook that wants to act on an account, in a cycle.

    Attributes:
        facts: The account.
        playbook: The playbook.
        cycle_id: What it acts once for.
        why: The conditions that hold, in words.
        keys: Key of each step's effect, by step name.
        elsewhere: Keys under which another play of the group would have begun the same step in this episode.
    """

    facts: AccountView
    playbook: Playbook
    cycle_id: str
    why: str
    keys: Mapping[str, str]
    elsewhere: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def decided(self, outcome: str, reason: str) -> Decision:
        """Return the decision about this match."""
        return Decision(self.facts.account_id, self.playbook.name, outcome, reason, self.cycle_id)


def match_account(
    facts: AccountView, playbooks: Sequence[Playbook], snapshot: Snapshot
) -> tuple[list[Match], list[Decision]]:
    """Evaluate every playbook, in order; inside a group the first match keeps the others out.

    Returns:
        The matches that may act, and a decision for each playbook that may not.
    """
    matches: list[Match] = []
    decisions: list[Decision] = []
    holders: dict[str, Match] = {}
    for playbook in playbooks:
        found = _match(facts, playbook, snapshot)
        if isinstance(found, Decision):
            decisions.append(found)
        elif playbook.paused or playbook.name in snapshot.stopped:
            by = snapshot.stopped.get(playbook.name, "paused")
            decisions.append(found.decided("paused", f"{by}; it would have acted: {found.why}"))
        elif playbook.group in holders:
            holder = holders[str(playbook.group)]
            outcome = "suppressed" if holder.playbook.suppresses else "excluded"
            decisions.append(found.decided(outcome, f"{holder.playbook.name} acts instead: {holder.why}"))
        elif playbook.shadow:
            decisions.append(found.decided("shadow", f"would have fired: {found.why}"))
        elif playbook.withheld and snapshot.arms.get(facts.account_id) == HELD_OUT:
            words = f"held out to measure what saves are worth; it would have acted: {found.why}"
            decisions.append(found.decided("held_out", words))
            if playbook.group:
                holders[playbook.group] = found
        else:
            matches.append(replace(found, elsewhere=_elsewhere(found, playbooks)))
            if playbook.group:
                holders[playbook.group] = found
    return matches, decisions


def _elsewhere(match: Match, playbooks: Sequence[Playbook]) -> dict[str, dict[str, str]]:
    """Keys of the same steps in other plays of the group that act once per episode, by step and play.

    An account that rises from Critical to Red within its episode is in the next play of the same save: who
    was asked to audit its usage two weeks ago is not asked again. Alerts have a rule of their own.
    """
    own = match.playbook
    if own.group is None or own.once_per != "episode":
        return {}
    others = [
        play
        for play in playbooks
        if play.group == own.group and play.once_per == own.once_per and play.name != own.name
    ]
    found: dict[str, dict[str, str]] = {}
    for step in own.steps:
        if isinstance(step, Notify):
            continue
        for play in others:
            if any(same.name == step.name for same in play.steps):
                found.setdefault(step.name, {})[play.name] = key_of(match.facts, play, step, match.cycle_id)
    return found


def _match(facts: AccountView, playbook: Playbook, snapshot: Snapshot) -> Match | Decision:
    def no(outcome: str, reason: str) -> Decision:
        return Decision(facts.account_id, playbook.name, outcome, reason)

    holds, why = playbook.when.check(facts)
    if not holds:
        return no("no_match", why)
    due = cycle_of(facts, playbook)
    if due.cycle_id is None:
        return no("no_match", f"{why}; but {due.why_not}")
    if playbook.once_per == "change":
        change = _change(
            account_fields(facts, snapshot.published_at), snapshot.sent_fields.get(facts.account_id)
        )
        if not change:
            return no("unchanged", "the CRM shows the same already")
        why = change
    steps, left_out = sensible(playbook.steps, facts)
    if not steps:
        return no("no_match", f"{why}; but nothing that it asks for makes sense: {'; '.join(left_out)}")
    playbook, why = playbook.model_copy(update={"steps": steps}), "; ".join([why, *left_out])
    keys = {step.name: key_of(facts, playbook, step, due.cycle_id) for step in playbook.steps}
    return Match(facts, playbook, due.cycle_id, why, keys)


def sensible(steps: tuple[Step, ...], facts: AccountView) -> tuple[tuple[Step, ...], list[str]]:
    """Return the steps that make sense for this account today, and why each other one is left out."""
    kept, left_out = [], []
    for step in steps:
        against = step.unless.holds(facts) if step.unless is not None else ""
        if against:
            left_out.append(f"without {step.name}: {against}")
        elif step.only_if is None or step.only_if.holds(facts):
            kept.append(step)
    return tuple(kept), left_out


def _change(fields: Mapping[str, Any], sent: Mapping[str, Any] | None) -> str:
    if sent is None:
        return "not written within the refresh period"
    changed = [name for name in SIGNIFICANT if fields[name] != sent.get(name)]
    return f"changed: {', '.join(changed)}" if changed else ""
