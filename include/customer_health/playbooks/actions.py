"""From a step to an effect: the payload holds everything a destination needs, and nothing it must look up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from string import Template
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect, effect_key
from customer_health.playbooks import working_time
from customer_health.playbooks.account_view import LEVELS, AccountView
from customer_health.playbooks.effect_context import (
    account_fields,
    account_payload,
    name_of,
    owner_of,
    subject,
    weekly_readings,
)
from customer_health.playbooks.graduation import Gate
from customer_health.playbooks.invitation import invitation
from customer_health.playbooks.meeting_times import Availability, Wish
from customer_health.playbooks.playbook import Playbook
from customer_health.playbooks.recipient import addressed
from customer_health.playbooks.routing import channel_of, due_at, not_before, zone_of
from customer_health.playbooks.steps import (
    CreateOpportunity,
    CreateTask,
    DraftEmail,
    Enroll,
    Notify,
    ProposeMeeting,
    SetFields,
    Step,
)
from customer_health.playbooks.usage_audit import blank
from customer_health.wording import percent

OUTCOMES = ("saved", "partly", "lost", "false alarm", "not actionable")
# Signals that the usage audit shows beside its own numbers: what they are called, and their unit.
USAGE_MEASURES = {
    "core_action_delta_30d": ("Core action, change in 30 days", "share"),
    "feature_adoption_score": ("Key features in use", "share"),
    "power_user_ratio": ("Power users", "share"),
    "days_since_last_usage": ("Days since anybody used it", "days"),
}


def key_of(facts: AccountView, playbook: Playbook, step: Step, cycle_id: str) -> str:
    """Return the key of the effect that this step makes for this account and cycle."""
    return effect_key(facts.account_id, playbook.name, cycle_id, step.name, step.to)


@dataclass(frozen=True)
class RunContext:
    """What effects of one run have in common.

    Attributes:
        config: The company's numbers.
        published: When the scores were first published; due times count from here.
        now: The present.
        gate: The graduation gate: whether growth may be automated.
        audits: Usage audits by account, of those whose steps attach one; see background.py.
        availability: Who is busy when.
        people: Champion graphs by account, of those whose steps attach one or write a letter.
    """

    config: CompanyConfig
    published: datetime
    now: datetime
    gate: Gate
    audits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    availability: Availability | None = None
    people: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def times(self, facts: AccountView, playbook: Playbook, cycle_id: str) -> dict[str, Any]:
        """Return the times that this play proposes: the same for each of its steps."""
        step = next(step for step in playbook.steps if isinstance(step, ProposeMeeting))
        owner = owner_of(facts, step.owner, self.config)["email"]
        guest = facts.get("timezone")
        wish = Wish(
            owner=owner,
            zone=self.config.playbooks.quiet.zones.get(owner) or guest or "UTC",
            guest_zone=guest,
            minutes=step.minutes,
            earliest=self.now + step.after,
            latest=self.now + step.within,
            options=step.options,
        )
        availability = self.availability or Availability(self.config.playbooks.meeting_hours)
        return availability.propose(f"{facts.account_id}\x1f{playbook.name}\x1f{cycle_id}", wish)


def effect_of(
    facts: AccountView, playbook: Playbook, step: Step, cycle_id: str, run_context: RunContext
) -> Effect:
    """Build the effect of one step.

    Args:
        facts: The account on its day.
        playbook: Who asks for it.
        step: What is asked for.
        cycle_id: The episode or other cycle it belongs to.
        run_context: What all effects of the run share.
    """
    config = run_context.config
    match step:
        case CreateTask():
            payload = task_payload(facts, playbook, step, cycle_id, run_context)
        case Notify():
            payload = alert_payload(facts, playbook, step, run_context)
        case ProposeMeeting():
            payload = _meeting_payload(facts, playbook, step, cycle_id, run_context)
        case Enroll():
            payload = account_payload(facts, config) | {"play": step.play}
        case CreateOpportunity():
            payload = _opportunity_payload(facts, step, cycle_id, config)
        case DraftEmail():
            payload = _email_payload(facts, playbook, step, cycle_id, run_context)
        case SetFields():
            payload = {"fields": account_fields(facts, run_context.published)}
        case _:
            raise TypeError(f"No payload for {type(step).__name__}.")
    payload["because"] = playbook.because.strip()
    payload["playbook_title"] = playbook.title
    if step.approval:
        payload |= _approval(facts, step, run_context)
    return Effect(
        key=key_of(facts, playbook, step, cycle_id),
        destination=step.to,
        verb=step.verb,
        account_id=facts.account_id,
        as_of=facts.as_of,
        playbook=playbook.name,
        step=step.name,
        episode_id=cycle_id,
        payload=payload,
    )


def _approval(facts: AccountView, step: Step, run_context: RunContext) -> dict[str, Any]:
    """Return who must agree and until when, or why nobody needs to."""
    config = run_context.config.playbooks
    if isinstance(step, CreateOpportunity) and run_context.gate.passed:
        return {"approval_waived": run_context.gate.why}
    if isinstance(step, DraftEmail) and facts.get("segment") in config.auto_send_segments:
        return {"approval_waived": f"drafts for {facts.get('segment')} need none"}
    expires = run_context.now + timedelta(hours=config.approval_expires_hours)
    asks = {
        "create_opportunity": f"Propose the expansion? Automation is locked: {run_context.gate.why}",
        "draft_email": "May this draft go to the customer in our name?",
    }
    return {
        "approval": "required",
        "approval_asks": asks.get(step.verb, "May this be done?"),
        "expires_at": expires.isoformat(),
    }


def alert_payload(
    facts: AccountView, playbook: Playbook, step: Notify, run_context: RunContext
) -> dict[str, Any]:
    """Return what a Slack alert says: the transition, the Why, the money, the clock, one next step."""
    config, now = run_context.config, run_context.now
    owner = owner_of(facts, ("csm", "csm_manager"), config)["email"]
    tasks = [other for other in playbook.steps if isinstance(other, CreateTask)]
    first = min(tasks, key=lambda task: task.due_in) if tasks else None
    episode = facts.episode
    leaves = not_before(now, owner, facts.get("timezone"), config)
    payload = account_payload(facts, config)
    payload["score"]["history"] = weekly_readings(facts)
    return payload | {
        "kind": "alert",
        **_addressed(facts, owner, step, config),
        "not_before": leaves.isoformat() if leaves > now else None,
        "zone": config.playbooks.quiet.zones.get(owner) or facts.get("timezone"),
        "level": LEVELS[facts.level],
        "days_red": facts.days_red,
        "episode_id": None if episode is None else episode.episode_id,
        "next_step": first
        and {
            "subject": first.subject,
            "owner": owner_of(facts, first.owner, config),
            "due_at": due_at(
                run_context.published,
                now,
                first.due_in,
                _zone(facts, first, config),
                config.playbooks.meeting_hours,
            ).isoformat(),
        },
    }


def _addressed(facts: AccountView, owner: str, step: Notify, config: CompanyConfig) -> dict[str, Any]:
    """Return the channel, or the person with the channel that stands in where Slack does not know them."""
    place = channel_of(facts, owner, step.channel, config)
    if not place.startswith("@"):
        return {"channel": place}
    wanted = ("csm", "csm_manager") if place == "@owner" else ("csm_manager", "csm")
    person = owner_of(facts, wanted, config)
    return {"channel": config.playbooks.alerts_channel, "direct_to": person["email"]}


def task_payload(
    facts: AccountView, playbook: Playbook, step: CreateTask, cycle_id: str, run_context: RunContext
) -> dict[str, Any]:
    """Return every field of the CRM task (who, what, until when, why, evidence, how it counts as done)."""
    config = run_context.config
    owner = owner_of(facts, step.owner, config)
    zone = _zone(facts, step, config)
    hours = config.playbooks.meeting_hours
    due = due_at(run_context.published, run_context.now, step.due_in, zone, hours)
    local = due.astimezone(zone_of(zone))
    escalates = _escalates_at(facts, playbook, zone, run_context)
    label = facts.tier or "Account"
    payload = account_payload(facts, config) | {
        "external_id": f"chs:{facts.account_id}:{playbook.name}:{cycle_id}:{step.name}",
        "subject": subject(label, facts.name, step.subject, local),
        "type": step.type,
        "reason_code": facts.primary_reason,
        "priority": step.priority,
        "owner": owner,
        "due_at": due.isoformat(),
        "zone": zone_of(zone).key,
        "escalates_at": escalates and escalates.isoformat(),
        "hypothesis": facts.get("why"),
        "explanation": facts.get("explanation"),
        "instructions": list(step.instructions),
        "done_when": step.done_when,
        "review_on": (local + timedelta(days=14)).date().isoformat(),
        "close_outcomes": list(OUTCOMES),
    }
    if step.draft:
        payload |= addressed(run_context.people.get(facts.account_id))
        words = _draft_words(facts, owner, config) | {"greeting": payload["greeting"]}
        payload["draft"] = Template(step.draft).substitute(words)
    if step.attach == "usage_audit":
        payload["usage_audit"] = _usage_audit(facts, run_context)
    if step.attach == "successors":
        payload["people"] = run_context.people.get(facts.account_id)
    if step.attach == "meeting_times":
        payload["times"] = run_context.times(facts, playbook, cycle_id)
    return payload


def _zone(facts: AccountView, step: CreateTask, config: CompanyConfig) -> str | None:
    """Time zone in which a task's owner works, as far as anybody said."""
    owner = owner_of(facts, step.owner, config)["email"]
    return config.playbooks.quiet.zones.get(owner) or facts.get("timezone")


def _usage_audit(facts: AccountView, run_context: RunContext) -> dict[str, Any]:
    """Return the audit as read from the warehouse, or one that says that nobody looked."""
    audit = run_context.audits.get(facts.account_id)
    if audit is None:
        audit = blank(facts.as_of, facts.number("seats"), "no product usage was at hand").payload
    measures = [
        {"name": name, "label": label, "unit": unit, "value": facts.signals.get(name)}
        for name, (label, unit) in USAGE_MEASURES.items()
    ]
    return {**audit, "measures": measures}


def _escalates_at(
    facts: AccountView, playbook: Playbook, zone: str | None, run_context: RunContext
) -> datetime | None:
    """Return when a save play that nobody began escalates; other work has a due date and no alarm.

    Its hours are those of the owner's working days, as in reminders.py.
    """
    episode = facts.episode
    if playbook.once_per != "episode" or episode is None or episode.inherited:
        return None
    rules = run_context.config.playbooks
    span = timedelta(hours=rules.escalate_after_hours)
    clock = zone_of(zone)
    at = working_time.after(run_context.published, span, clock, rules.meeting_hours)
    return working_time.in_working_hours(at, clock, rules.meeting_hours) if zone else at


def _draft_words(facts: AccountView, sender: Mapping[str, Any], config: CompanyConfig) -> dict[str, str]:
    """Return what a text to the customer may say of us: colleagues by name, never by address."""
    owner = owner_of(facts, ("csm", "csm_manager"), config)
    return {
        "account": facts.name,
        "owner": name_of(owner["email"], config),
        "sender": name_of(sender["email"], config),
    }


def _email_payload(
    facts: AccountView, playbook: Playbook, step: DraftEmail, cycle_id: str, run_context: RunContext
) -> dict[str, Any]:
    """Return a draft: whose mailbox, whom it greets, subject and body. To whom is the sender's to choose."""
    config = run_context.config
    sender = owner_of(facts, step.owner, config)
    payload = account_payload(facts, config) | {"sender": sender}
    payload |= addressed(run_context.people.get(facts.account_id))
    words = _draft_words(facts, sender, config) | {"greeting": payload["greeting"]}
    title = Template(step.subject).substitute(words)
    if step.attach == "meeting_times":
        times = run_context.times(facts, playbook, cycle_id)
        listed = [f"- {slot['guest_text']}" for slot in times["slots"]]
        words["times"] = "\n".join(listed) or "- at a time of your choice"
        if listed:
            file = invitation(key_of(facts, playbook, step, cycle_id), times, title, run_context.now)
            payload["attachments"] = [{"name": "invitation.ics", "type": "text/calendar", "text": file}]
    return payload | {"subject": title, "body": Template(step.body).substitute(words)}


def _meeting_payload(
    facts: AccountView, playbook: Playbook, step: ProposeMeeting, cycle_id: str, run_context: RunContext
) -> dict[str, Any]:
    """Return a tentative entry for the owner's calendar: title, agenda, and the times it may take."""
    words = {
        "account": facts.name,
        "owner": owner_of(facts, ("csm", "csm_manager"), run_context.config)["email"],
        "sender": owner_of(facts, step.owner, run_context.config)["email"],
    }
    return account_payload(facts, run_context.config) | {
        "owner": owner_of(facts, step.owner, run_context.config),
        "subject": Template(step.subject).substitute(words),
        "agenda": [Template(line).substitute(words) for line in step.agenda],
        "minutes": step.minutes,
        "times": run_context.times(facts, playbook, cycle_id),
    }


def _opportunity_payload(
    facts: AccountView, step: CreateOpportunity, cycle_id: str, config: CompanyConfig
) -> dict[str, Any]:
    payload = account_payload(facts, config)
    arr = facts.number("arr")
    return payload | {
        "external_id": f"chs:{facts.account_id}:{step.type}:{cycle_id}",
        "type": step.type,
        "amount": None if arr is None else round(arr * step.amount_share, 2),
        "amount_rule": f"{percent(step.amount_share)} of ARR",
        "close_date": payload["account"]["renewal_date"],
        "owner": payload["account"]["owner"],
    }
