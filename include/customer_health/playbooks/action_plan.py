"""From matches to a plan: what is new, what capacity allows today, what waits. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect
from customer_health.ledger.decisions import Decision
from customer_health.ledger.episodes import Episode
from customer_health.playbooks.actions import RunContext, effect_of
from customer_health.playbooks.alerts import Alert, braked, newly_red, release, worsened
from customer_health.playbooks.effect_context import owner_of
from customer_health.playbooks.episode_lifecycle import advance, left
from customer_health.playbooks.holdout_draw import Assignment, assign
from customer_health.playbooks.matching import Match, match_account
from customer_health.playbooks.playbook import Playbook
from customer_health.playbooks.portfolio_alerts import baseline
from customer_health.playbooks.snapshot import Snapshot
from customer_health.playbooks.steps import CreateOpportunity, CreateTask, Notify, Step


@dataclass(frozen=True)
class Proposal:
    """What the playbooks want, before the outbox is asked what was done already.

    Attributes:
        snapshot: The ledger, with every account's episode as it stands after today.
        episodes: Episodes that are new or changed.
        matches: Playbooks that may act.
        decisions: Playbooks that may not, and why.
        assignments: Accounts that enter the holdout experiment today, with their arm.
    """

    snapshot: Snapshot
    episodes: list[Episode]
    matches: list[Match]
    decisions: list[Decision]
    assignments: list[Assignment]

    def keys(self) -> set[str]:
        """Keys of every effect that is wanted, and of those that would make it needless."""
        wanted = {key for match in self.matches for key in match.keys.values()}
        return wanted | {
            key for match in self.matches for keys in match.elsewhere.values() for key in keys.values()
        }


@dataclass(frozen=True)
class Plan:
    """What a run writes, in one transaction."""

    episodes: list[Episode]
    decisions: list[Decision]
    effects: list[Effect]
    notes: list[str]
    assignments: list[Assignment] = field(default_factory=list)


def propose(
    snapshot: Snapshot, playbooks: Sequence[Playbook], config: CompanyConfig, *, now: datetime
) -> Proposal:
    """Advance every episode by today's reading, draw the holdout, and evaluate every playbook."""
    changed = [left(episode, snapshot.as_of) for episode in snapshot.gone]
    facts, matches, decisions = [], [], []
    advanced = [
        (
            fact,
            advance(
                fact,
                margin=config.playbooks.recovery_margin,
                now=now,
                red_since=snapshot.red_since,
                owner=owner_of(fact, ("csm", "csm_manager"), config)["email"],
            ),
        )
        for fact in snapshot.facts
    ]
    entrants = (
        (fact, episode)
        for fact, episode in advanced
        if episode is not None
        and episode.opened_as_of == snapshot.as_of
        and fact.account_id not in snapshot.arms
    )
    drawn = assign(entrants, snapshot.drawn, config.playbooks.holdout)
    arms = {**snapshot.arms, **{each.account_id: each.arm for each in drawn}}
    snapshot = replace(snapshot, arms=arms)
    for fact, episode in advanced:
        is_open = episode is not None and episode.closed_as_of is None
        after = replace(fact, episode=episode if is_open else None)
        found, refused = match_account(after, playbooks, snapshot)
        if episode is not None:
            stand_in = next((match for match in found if match.playbook.suppresses), None)
            if stand_in is not None:
                episode = replace(episode, suppressed_reason=f"{stand_in.playbook.name}: {stand_in.why}")
            elif any(match.playbook.withheld for match in found):
                episode = replace(episode, suppressed_reason=None)  # it has grown; people take over
            if episode != fact.episode:
                changed.append(episode)
        facts.append(after)
        matches += found
        decisions += refused
    return Proposal(replace(snapshot, facts=facts), changed, matches, decisions, drawn)


def settle(
    proposal: Proposal, existing: Mapping[str, date], run_context: RunContext, *, hold: str = ""
) -> Plan:
    """Turn a proposal into a plan.

    Args:
        proposal: What is wanted.
        existing: Keys that were promised before, with the day that asked for them.
        run_context: What all effects of the run share.
        hold: Why single alerts must not leave today (a drift, a stale source); empty when they may.
    """
    snapshot, config = proposal.snapshot, run_context.config
    mass_move = braked(snapshot, config)
    brake_on = mass_move or bool(hold)
    jobs, decisions = [], list(proposal.decisions)
    for match in proposal.matches:
        job = _job(match, snapshot, existing, brake_on=brake_on)
        if isinstance(job, Decision):
            decisions.append(job)
        else:
            jobs.append(job)
    taken = _taken(proposal.matches, snapshot, existing, brake_on=brake_on)
    granted = taken | _grant(jobs, taken, config.playbooks.first_run_tasks)
    due = [alert for job in jobs for alert in job.alerts]
    # Promising the summary again is harmless: its key is the day's.
    alerts, said = (
        release(due, snapshot, run_context, brake_on=brake_on, hold=hold) if due or mass_move else ([], {})
    )
    effects = list(alerts)
    put_off: set[str] = set()
    over = _over_the_limit(jobs, proposal.matches, existing, snapshot.as_of, config)
    for job in jobs:
        if (job.match.facts.account_id, job.match.playbook.name) in over:
            limit = config.playbooks.opportunities_per_day
            words = f"{job.match.why}; waits: {limit} opportunities a day, largest first"
            decisions.append(job.match.decided("daily_limit", words))
            continue
        waits = bool(job.rationed and job.human) and job.match.facts.account_id not in granted
        if waits:
            put_off.add(job.match.facts.account_id)
        for step in (*job.automatic, *(() if waits else job.human)):
            match = job.match
            effects.append(effect_of(match.facts, match.playbook, step, match.cycle_id, run_context))
        decisions.append(job.decision(waits, said))
    notes = [f"{len(put_off)} accounts wait for a free place among today's tasks."] if put_off else []
    if snapshot.first_live:
        opened = {job.match.facts.account_id for job in jobs if job.rationed and job.human} - put_off
        effects.append(
            baseline(
                snapshot.facts, as_of=snapshot.as_of, tasks=len(opened), backlog=len(put_off), config=config
            )
        )
        notes.append("First live run: what was Red before is the baseline and no alert.")
    if brake_on:
        turned = len(newly_red(snapshot.facts))
        notes.append(
            f"Alert brake: {hold or f'{turned} accounts turned Red at once'}; "
            "single alerts are held, one summary waits for approval."
        )
    return Plan(proposal.episodes, decisions, effects, notes, proposal.assignments)


@dataclass(frozen=True)
class _Job:
    """A match with something left to do."""

    match: Match
    human: tuple[Step, ...]
    automatic: tuple[Step, ...]
    alerts: tuple[Alert, ...]
    rationed: str  # why its human steps must find a place; empty if they need none
    acted_today: bool
    silent: str  # why no alert is due; empty if one is or none was asked for
    left_out: tuple[str, ...] = ()  # which tasks are not asked for a second time

    def decision(self, waits: bool, said: Mapping[str, str]) -> Decision:
        """Return the decision, with what became of its alerts."""
        words = [
            self.match.why,
            *self.left_out,
            *(said[alert.key] for alert in self.alerts if alert.key in said),
        ]
        if self.silent:
            words.append(self.silent)
        if waits:
            words.append("its tasks wait: others have more ARR to lose today")
            return self.match.decided(self.rationed, "; ".join(words))
        return self.match.decided("fired", "; ".join(words))


def _job(
    match: Match, snapshot: Snapshot, existing: Mapping[str, date], *, brake_on: bool
) -> _Job | Decision:
    facts, playbook = match.facts, match.playbook
    days = [existing[key] for key in match.keys.values() if key in existing]
    today = snapshot.as_of in days
    if (
        not days
        and (last := snapshot.last_fired.get((facts.account_id, playbook.name)))
        and playbook.cooldown
    ):
        until = last + playbook.cooldown
        if snapshot.as_of < until:
            return match.decided("cooling_down", f"it acted on {last} and rests until {until}")
    begun = {
        step: f"{play} began it on {existing[key]}"
        for step, keys in match.elsewhere.items()
        for play, key in keys.items()
        if key in existing
    }
    missing = [
        step for step in playbook.steps if match.keys[step.name] not in existing and step.name not in begun
    ]
    asked = {step.name: words for step in missing if (words := _asked_already(step, match))}
    left_out = tuple(f"without {step}: {words}" for step, words in asked.items())
    missing = [step for step in missing if step.name not in asked]
    news = worsened(facts, snapshot.worst_level)
    alerts = tuple(Alert(match, step) for step in missing if isinstance(step, Notify) and news)
    others = [step for step in missing if not isinstance(step, Notify)]
    if not alerts and not others:
        if today:
            return match.decided("fired", match.why)
        first = f" on {min(days)}" if days else ""
        done = [f"done{first} for {match.cycle_id}"] if days or not left_out else []
        told = "; ".join([*done, *begun.values(), *left_out])
        return match.decided("done_already", told)
    quiet = any(isinstance(step, Notify) for step in missing) and not news
    return _Job(
        match=match,
        human=tuple(step for step in others if step.human),
        automatic=tuple(step for step in others if not step.human),
        alerts=alerts,
        rationed=_rationed(match, snapshot, news=news, brake_on=brake_on),
        acted_today=today,
        silent="no alert: it was Red before and is not news" if quiet else "",
        left_out=left_out,
    )


def _asked_already(step: Step, match: Match) -> str:
    """Return why nobody is asked for this task a second time, in words; empty where it is none or is new.

    Tasks of one type ask for the same thing, whichever play they come from. One that was open when an episode
    began and was closed since was done for that episode.
    """
    if not isinstance(step, CreateTask) or (before := match.facts.tasks.get(step.type)) is None:
        return ""
    if before.open_since is not None:
        return f"still open since {before.open_since}"
    episode, closed_on = match.facts.episode, before.closed_on
    if match.playbook.once_per != "episode" or episode is None or closed_on is None:
        return ""
    return f"done on {closed_on}, in this episode" if closed_on >= episode.opened_as_of else ""


def _rationed(match: Match, snapshot: Snapshot, *, news: bool, brake_on: bool) -> str:
    facts = match.facts
    if brake_on and news:
        return "held_by_brake"
    if news and facts.model_changed:
        return "held_by_new_model"
    if (snapshot.first_live and not news) or (facts.account_id, match.playbook.name) in snapshot.waiting:
        return "first_run_backlog"
    return ""


def _over_the_limit(
    jobs: Iterable[_Job],
    matches: Iterable[Match],
    existing: Mapping[str, date],
    as_of: date,
    config: CompanyConfig,
) -> set[tuple[str, str]]:
    """Return account and playbook whose opportunities must wait for another day: the smaller ones."""

    def keys(match: Match) -> list[str]:
        steps = (step for step in match.playbook.steps if isinstance(step, CreateOpportunity))
        return [match.keys[step.name] for step in steps]

    today = sum(existing.get(key) == as_of for match in matches for key in keys(match))
    wanting = [job.match for job in jobs if any(key not in existing for key in keys(job.match))]
    wanting.sort(key=lambda match: (-(match.facts.number("arr") or 0.0), match.facts.account_id))
    waiting = wanting[max(config.playbooks.opportunities_per_day - today, 0) :]
    return {(match.facts.account_id, match.playbook.name) for match in waiting}


def _taken(
    matches: Iterable[Match], snapshot: Snapshot, existing: Mapping[str, date], *, brake_on: bool
) -> set[str]:
    """Return the accounts whose rationed tasks an earlier run of this day has opened already."""
    taken = set()
    for match in matches:
        human = (match.keys[step.name] for step in match.playbook.steps if step.human)
        if any(existing.get(key) == snapshot.as_of for key in human):
            news = worsened(match.facts, snapshot.worst_level)
            if _rationed(match, snapshot, news=news, brake_on=brake_on):
                taken.add(match.facts.account_id)
    return taken


def _grant(jobs: Iterable[_Job], taken: set[str], places: int) -> set[str]:
    """Return the accounts whose rationed tasks open now: the gravest first, then by expected ARR loss.

    Red comes first, then who needs attention or at whom facts pile up, then everybody else: a check-in with a
    large and healthy customer takes no place from one whose sponsor left with an invoice unpaid.
    """
    wanting = {job.match.facts.account_id: job.match.facts for job in jobs if job.rationed and job.human}
    ranked = sorted(
        (facts for account, facts in wanting.items() if account not in taken),
        key=lambda facts: (facts.level == 0, not facts.to_look_at, -facts.stake, facts.account_id),
    )
    return {facts.account_id for facts in ranked[: max(places - len(taken), 0)]}
