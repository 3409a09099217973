"""The closed set of steps: what a playbook may ask a destination to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from string import Template
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from customer_health.playbook_config import ChannelOrPerson
from customer_health.playbooks.conditions import Names, Part
from customer_health.playbooks.guards import Guard
from customer_health.sections import shaped

# What a draft to a customer may mention, and what it may never say: customers feel supported, not scored.
DRAFT_FIELDS = frozenset({"account", "owner", "sender"})
GREETING = "greeting"  # $greeting in a letter: "Hello Dana," or, where no name is known, "Hello,"
LETTER_FIELDS = DRAFT_FIELDS | {GREETING}
TIMES = "times"  # $times in a body whose step attaches meeting_times
INWARD_WORDS = re.compile(
    r"\b(health scores?|scores?|churn\w*|critical|at[- ]risk|red|save play|tier)\b", re.I
)
Role = Literal["csm", "csm_manager", "fallback"]


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+)\s*([hd])", value.strip())):
        number = int(match[1])
        return timedelta(hours=number) if match[2] == "h" else timedelta(days=number)
    if isinstance(value, timedelta):
        return value
    raise ValueError("write a duration as 48h or 60d")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Identifier = Annotated[str, shaped(r"[a-z][a-z0-9_]{0,59}", "a name such as call_sponsor")]


def _known_roles(value: tuple[str, ...]) -> tuple[str, ...]:
    for role in value:
        if role not in ("csm", "csm_manager", "fallback"):
            raise ValueError(f"'{role}' is not a role; use csm, csm_manager, fallback")
    return value


def _safe_for_customers(text: str, fields: frozenset[str] = DRAFT_FIELDS) -> str:
    unknown = set(Template(text).get_identifiers()) - fields
    if unknown or not Template(text).is_valid():
        raise ValueError(f"the draft may use ${', $'.join(sorted(fields))}; found {sorted(unknown)}")
    if said := INWARD_WORDS.search(text):
        raise ValueError(f"a customer would read '{said[0]}': drafts never mention scores or risk")
    return text


def _subject_safe(text: str) -> str:
    return _safe_for_customers(text)


class Step(Part):
    """Base of all steps.

    Attributes:
        id: Name of the step inside its playbook; part of the effect's key, so renaming it makes a new
            promise. Defaults to the verb and what it is about.
        to: Destination, as named in the company file.
        approval: "required" when a person must agree before it leaves the system.
        unless: Left out where any of this holds: no review is asked of an account that had one last week.
        only_if: Taken only where any of this holds.
    """

    verb: ClassVar[str]
    human: ClassVar[bool] = False  # takes a CSM's time, so it counts against capacity
    id: Identifier | None = None
    to: str
    approval: Literal["required"] | None = None
    unless: Guard | None = None
    only_if: Guard | None = None

    @property
    def name(self) -> str:
        """The step's name in keys and logs."""
        return self.id or self._default_name()

    def _default_name(self) -> str:
        return self.verb


class CreateTask(Step):
    """A task in the CRM for one named owner, with a due time counted from the score's publication.

    Attributes:
        owner: Roles in turn, `csm`, `csm_manager` or `fallback`: the first who exists gets it.
        type: Kind of task; a `concession...` always needs approval. Tasks of one type ask for the same thing:
            none is created while an earlier one of the account is open, whichever playbook asked for it.
        subject: Title, at most 60 characters; tier, account and due time are put around it.
        due_in: Time from the publication of the score.
        priority: As the CRM shows it.
        instructions: What to do, one line each.
        done_when: What somebody else could see once it is done.
        draft: Words to a customer that the owner makes their own; `$greeting`, `$account`, `$owner`,
            `$sender`.
        attach: `usage_audit`: seats and use as of the score. `meeting_times`: the play's proposed times.
            `successors`: who may follow the sponsor, and who else is known (see champion_graph.py).
    """

    verb = "create_task"
    human = True
    to: str = "crm"
    owner: Names = ("csm", "csm_manager")
    type: Identifier
    subject: str = Field(max_length=60)
    due_in: Duration
    priority: Literal["critical", "high", "medium", "low"] = "high"
    instructions: tuple[str, ...] = ()
    done_when: str = ""
    draft: str | None = None
    attach: Literal["usage_audit", "meeting_times", "successors"] | None = None

    _roles = field_validator("owner")(_known_roles)

    @field_validator("draft")
    @classmethod
    def _customer_safe(cls, value: str | None) -> str | None:
        return None if value is None else _safe_for_customers(value, LETTER_FIELDS)

    @model_validator(mode="after")
    def _no_concession_by_itself(self) -> CreateTask:
        if self.type.startswith("concession") and self.approval != "required":
            raise ValueError("a concession is never automatic: write approval: required")
        return self

    def _default_name(self) -> str:
        return self.type


class Notify(Step):
    """A Slack alert. It leaves only when the account has become Red or Critical, never for a state.

    `channel` is a #channel, or `@owner` or `@manager` for a direct message; a route of the company file goes
    before it. For an owner who cannot be found in Slack it goes to the alerts channel, with the reason.

    Attributes:
        channel: Where to.
    """

    verb = "notify"
    to: str = "slack"
    channel: ChannelOrPerson

    def _default_name(self) -> str:
        return "alert"


class Enroll(Step):
    """Put the account on a play of the customer-success platform.

    Attributes:
        play: Name of the play; the company file maps it to the platform's id.
    """

    verb = "enroll"
    to: str = "gainsight"
    play: Identifier

    def _default_name(self) -> str:
        return f"enroll_{self.play}"


class CreateOpportunity(Step):
    """An opportunity in the CRM; `amount_share` of today's ARR.

    At most `opportunities_per_day` are proposed on one day, largest first; the others follow. It needs
    approval until the graduation gate says that the system may grow accounts automatically.

    Attributes:
        type: Kind of opportunity, such as `expansion`.
        amount_share: Amount as a share of ARR: 0.2 is 20 %.
    """

    verb = "create_opportunity"
    to: str = "crm"
    type: Identifier
    amount_share: float = Field(gt=0, le=1)

    def _default_name(self) -> str:
        return f"opportunity_{self.type}"


class DraftEmail(Step):
    """A draft to a customer in somebody's mailbox. It needs approval, and nobody sends it for them.

    `attach: meeting_times` puts the play's proposed times where the body says `$times`, and attaches the
    first of them as a calendar file that invites nobody.

    `$greeting` greets whom the draft is for: the sponsor who is there, else the champion, else an executive,
    else who spoke with us last. Where no name is known it is "Hello,", and who approves it is told.

    Attributes:
        owner: Roles in turn; whose mailbox it is put into.
        subject: Title; `$account`, `$owner`, `$sender`.
        body: The words, `$greeting` first; never about scores, tiers or risk.
        attach: See above.
    """

    verb = "draft_email"
    human = True
    to: str = "email"
    approval: Literal["required"] | None = "required"
    owner: Names = ("csm_manager", "csm")
    subject: str = Field(max_length=120)
    body: str
    attach: Literal["meeting_times"] | None = None

    _roles = field_validator("owner")(_known_roles)

    _customer_safe = field_validator("subject")(_subject_safe)

    @field_validator("body")
    @classmethod
    def _body_safe(cls, value: str) -> str:
        return _safe_for_customers(value, LETTER_FIELDS | {TIMES})

    @model_validator(mode="after")
    def _times_are_at_hand(self) -> DraftEmail:
        if (TIMES in Template(self.body).get_identifiers()) != (self.attach == "meeting_times"):
            raise ValueError("$times in the body and attach: meeting_times belong together")
        return self


class ProposeMeeting(Step):
    """A tentative entry in the owner's own calendar, at a time that suits both sides. It invites nobody.

    `options` times are chosen between `after` and `within` from now, in the business hours of the owner and
    of the customer, where the owner is not busy as far as we know. The calendar is asked again when the entry
    is made: it takes the first of the times that is still free. Tasks and drafts of the same playbook that
    attach `meeting_times` name the same times.

    Attributes:
        owner: Roles in turn; whose calendar it is.
        subject: Title of the entry; `$account`, `$owner`, `$sender`.
        agenda: Lines of the entry. The customer may read them one day.
        minutes: Length.
        after: Not sooner than this.
        within: Not later than this.
        options: How many times.
    """

    verb = "propose_meeting"
    human = True
    to: str = "calendar"
    owner: Names = ("csm", "csm_manager")
    subject: str = Field(max_length=120)
    agenda: tuple[str, ...] = ()
    minutes: int = Field(45, ge=15, le=180)
    after: Duration = timedelta(days=3)
    within: Duration = timedelta(days=14)
    options: int = Field(3, ge=1, le=5)

    _roles = field_validator("owner")(_known_roles)

    _customer_safe = field_validator("subject")(_subject_safe)

    @field_validator("agenda")
    @classmethod
    def _agenda_safe(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_safe_for_customers(line) for line in value)

    @model_validator(mode="after")
    def _has_days(self) -> ProposeMeeting:
        if self.within < self.after + timedelta(days=3):
            raise ValueError("within must lie at least 3 days behind after, or no working day may be left")
        return self


class SetFields(Step):
    """The score's fields on the CRM account: written when they change, and once per `refresh`.

    Attributes:
        refresh: Written again after this long even if nothing changed.
    """

    verb = "set_fields"
    to: str = "crm"
    refresh: Duration = timedelta(days=7)


STEPS: Mapping[str, type[Step]] = {
    step.verb: step
    for step in (CreateTask, Notify, Enroll, CreateOpportunity, DraftEmail, ProposeMeeting, SetFields)
}
