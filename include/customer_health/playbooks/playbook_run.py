"""Run the playbooks for one day: one transaction from the scores to episodes, decisions and promises."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger import (
    decisions,
    episodes,
    holdout_assignments,
    playbook_runs,
    playbooks_known,
    scores,
)
from customer_health.ledger.crash_points import crash_point
from customer_health.ledger.decisions import Decision
from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.outbox import queue as outbox
from customer_health.playbooks import data_hold as holds
from customer_health.playbooks import meeting_times, reminders
from customer_health.playbooks import snapshot as snapshots
from customer_health.playbooks.action_plan import Plan, propose, settle
from customer_health.playbooks.actions import RunContext
from customer_health.playbooks.graduation import gate
from customer_health.playbooks.holdout_draw import HELD_OUT
from customer_health.playbooks.playbook import Playbook, load_playbooks
from customer_health.playbooks.warehouse_context import NOTHING_KNOWN, WarehouseContext, with_context
from customer_health.playbooks.weekly_digest import weekly_digests
from customer_health.shipped_names import LIBRARY

log = logging.getLogger(__name__)
ALL = "all"  # a decision about an account as such


@dataclass(frozen=True)
class PlaybookRun:
    """What one run did.

    Attributes:
        as_of: The day.
        mode: "live", or why nothing was allowed to happen: "too_old", "superseded".
        numbers: Counts.
        outcomes: How often each playbook decided what ("no_match" left out).
        notes: Sentences about anything out of the ordinary.
    """

    as_of: date
    mode: str
    numbers: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        return {"mode": self.mode, **self.numbers}

    def lines(self) -> list[str]:
        """Sentences for people."""
        n = self.numbers
        first = (
            f"{n['accounts']:,} accounts: {n['episodes_opened']} episodes opened "
            f"({n['episodes_inherited']} inherited), {n['episodes_closed']} closed; "
            f"{n['effects']} new effects ({n['tasks']} tasks, {n['alerts']} Slack messages)."
        )
        per_book = [
            f"{name}: "
            + ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts.items())
            for name, counts in self.outcomes.items()
        ]
        return [first, *self.notes, *per_book]


def run_playbooks(
    engine: Engine,
    config: CompanyConfig,
    *,
    as_of: date,
    now: datetime,
    library: Path = LIBRARY,
    hold: str | Mapping[str, str] = "",
    background: WarehouseContext = NOTHING_KNOWN,
) -> PlaybookRun:
    """Advance episodes, evaluate every playbook, and promise what follows in the outbox.

    Everything is written in one transaction: a crash leaves either nothing or all of it, and running
    the same day again adds nothing, because each effect has a key made of account, playbook, cycle,
    step and destination. A day older than `playbooks.max_as_of_age_hours`, or older than a day that
    already acted, changes nothing and only logs what would have matched.

    Args:
        engine: The ledger.
        config: The company's numbers.
        as_of: The day whose published scores are acted on.
        now: The present, zone-aware.
        library: Folder of playbooks.
        hold: Why the data is under suspicion (a drift, a stale source), in words or by kind: single alerts
            become one summary that waits for approval, see hold.py. Empty when nothing is.
        background: Where usage audits and busy times come from.

    Raises:
        ConfigurationError: A playbook is wrong, or `as_of` has not come yet.
        FatalError: No scores were published for `as_of`.
    """
    midnight = datetime.combine(as_of, time(), UTC)
    if midnight > now:
        raise ConfigurationError(
            f"The as-of date {as_of} has not come yet (it is {now:%Y-%m-%d %H:%M} UTC).",
            hint="Playbooks act on a day's facts once the day has begun.",
        )
    playbooks = load_playbooks(config, library)
    with writing(engine) as connection:
        serialise(connection, scores.PUBLISHED)  # or half of the snapshot could be of another publication
        serialise(connection, "playbooks")
        mode = _mode(
            connection, as_of, now - midnight > timedelta(hours=config.playbooks.max_as_of_age_hours)
        )
        if mode == "live":
            playbooks_known.note(connection, [playbook.name for playbook in playbooks], as_of)
        playbooks = _in_shadow_at_first(playbooks, playbooks_known.came_later(connection), as_of)
        snapshot = snapshots.read(connection, as_of, playbooks, config)
        if snapshot is None:
            raise FatalError(
                f"No scores are published for {as_of}.", hint="Run score_accounts for that day first."
            )
        planned = {**meeting_times.ahead(connection, as_of, now), **background.reviews()}
        snapshot = snapshots.with_reviews(snapshot, planned)
        proposal = propose(snapshot, playbooks, config, now=now)
        if mode == "live":
            run_context = RunContext(config, snapshot.published_at, now, gate(connection, config, as_of))
            existing = outbox.existing(connection, proposal.keys())
            run_context = with_context(run_context, proposal.matches, existing, background, connection)
            suspected = {hold: hold} if isinstance(hold, str) and hold else dict(hold or {})
            held, answered = holds.standing(connection, suspected, config, as_of=as_of)
            plan = settle(proposal, existing, run_context, hold=", ".join(held.values()))
            plan = replace(plan, effects=holds.named(plan.effects, held), notes=[*plan.notes, *answered])
        else:
            refused = [match.decided(mode, _WHY[mode] + match.why) for match in proposal.matches]
            plan = Plan([], refused, [], [_NOTE[mode].format(as_of=as_of)])
        plan = _with_broken(plan, snapshot)
        done = _write(connection, plan, snapshot, mode, playbooks, now)
        if mode == "live":
            seen = replace(snapshot, facts=proposal.snapshot.facts)
            digests = weekly_digests(connection, seen, config, now=now, background=background)
            outbox.add(connection, digests, now=now)
            followed = reminders.advance(connection, config, as_of=as_of, now=now)
            done = replace(done, numbers={**done.numbers, **followed.numbers})
        if plan.assignments:
            drawn = [vars(each) for each in plan.assignments]
            share, salt = config.playbooks.holdout.share, config.playbooks.holdout.salt
            holdout_assignments.save(connection, drawn, as_of=as_of, share=share, salt=salt, now=now)
        crash_point("run_before_commit")
    crash_point("run_after_commit")
    log.info("playbooks of %s: %s", as_of, done.counts())
    return done


def _in_shadow_at_first(
    playbooks: Sequence[Playbook], came: Mapping[str, date], as_of: date
) -> tuple[Playbook, ...]:
    """Put playbooks that came to a running company into shadow until their first days are over."""
    return tuple(
        book.model_copy(update={"shadow": True})
        if book.shadow_for and book.name in came and as_of < came[book.name] + book.shadow_for
        else book
        for book in playbooks
    )


_WHY = {
    "too_old": "the day is too old to act on; it matched: ",
    "superseded": "a later day has acted already; it matched: ",
}
_NOTE = {
    "too_old": "{as_of} is too old to act on: nothing is sent and no episode changes.",
    "superseded": "A later day than {as_of} has acted already: nothing is sent and no episode changes.",
}


def _mode(connection: Connection, as_of: date, too_old: bool) -> str:
    if too_old:
        return "too_old"
    newest = playbook_runs.newest_live(connection)
    return "superseded" if newest is not None and newest > as_of else "live"


def _with_broken(plan: Plan, snapshot: snapshots.Snapshot) -> Plan:
    """Say which accounts could not be decided about: in the log of decisions, and in the run's notes."""
    if not snapshot.broken:
        return plan
    failed = [
        Decision(account, ALL, "failed", f"its score cannot be read: {why}; correct the row and run again")
        for account, why in snapshot.broken.items()
    ]
    some = ", ".join(sorted(snapshot.broken)[:5])
    note = f"{len(failed)} accounts could not be decided about (see the decision log): {some}."
    return replace(plan, decisions=[*plan.decisions, *failed], notes=[note, *plan.notes])


def _write(
    connection: Connection,
    plan: Plan,
    snapshot: snapshots.Snapshot,
    mode: str,
    playbooks: Sequence[Playbook],
    now: datetime,
) -> PlaybookRun:
    as_of = snapshot.as_of
    new = outbox.add(connection, plan.effects, now=now)
    episodes.save(connection, plan.episodes)
    if mode == "live" or not playbook_runs.has_acted(connection, as_of):
        # What a live run of this day decided is history; a later look at the day must not blot it out.
        decisions.replace(connection, as_of, plan.decisions, now=now)
    effects = {effect.key: effect for effect in plan.effects if effect.key in new}
    verbs = Counter(effect.verb for effect in effects.values())
    opened = [e for e in plan.episodes if e.opened_as_of == as_of and e.opened_at == now]
    numbers = {
        "accounts": len(snapshot.facts),
        "episodes_opened": len(opened),
        "episodes_inherited": sum(episode.inherited for episode in opened),
        "episodes_closed": sum(episode.closed_as_of == as_of for episode in plan.episodes),
        "failed": len(snapshot.broken),
        "effects": len(effects),
        "tasks": verbs["create_task"],
        "alerts": verbs["notify"],
        "waiting": sum(d.outcome in decisions.PUT_OFF for d in plan.decisions),
        "held_out": sum(each.arm == HELD_OUT for each in plan.assignments),
        "awaiting_approval": sum(e.payload.get("approval") == "required" for e in effects.values()),
    }
    playbook_runs.record(connection, as_of=as_of, at=now, mode=mode, counts=numbers, notes=plan.notes)
    return PlaybookRun(as_of, mode, numbers, _outcomes(plan.decisions, playbooks), tuple(plan.notes))


def _outcomes(made: Sequence[Decision], playbooks: Sequence[Playbook]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {name: Counter() for name in (*(p.name for p in playbooks), ALL)}
    for decision in made:
        if decision.outcome != "no_match":
            found[decision.playbook][decision.outcome] += 1
    return {name: dict(sorted(counter.items())) for name, counter in found.items() if counter}
