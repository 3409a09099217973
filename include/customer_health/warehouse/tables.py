"""The canonical tables: what every source must become, and all that the rest of the project reads.

Each table is a declaration: columns with type, unit and allowed values, a natural key, and two
clocks. `occurred_at` is when a fact happened, `known_at` is when we could have known it; a fact
counts for an as-of date D only if both lie before D 00:00 UTC. Everything else (DDL, quarantine
predicates, Great Expectations suites, mapping checks, docs) is derived from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from customer_health.errors import ConfigurationError, suggest
from customer_health.warehouse.table import (
    ACCOUNT,
    CURRENCY,
    KNOWN,
    STATUS_AT,
    UNKNOWN_STAGES,
    Column,
    Order,
    Table,
    Type,
    occurred,
)
from customer_health.warehouse.tables_ours import CALENDAR as CALENDAR
from customer_health.warehouse.tables_ours import CRM_SNAPSHOT as CRM_SNAPSHOT
from customer_health.warehouse.tables_ours import CRM_TASKS as CRM_TASKS
from customer_health.warehouse.tables_ours import CSM_PULSES as CSM_PULSES
from customer_health.warehouse.tables_ours import TEXT_TOPICS as TEXT_TOPICS
from customer_health.warehouse.tables_usage import DAILY_USERS as DAILY_USERS
from customer_health.warehouse.tables_usage import USAGE as USAGE

_SENTIMENT = Column(
    Type.NUMBER,
    "0 angry ... 1 happy, by a provider; where it is empty, `read_texts` fills it from the words.",
    unit="0-1",
    minimum=0,
    maximum=1,
)
_PRIORITIES = ("low", "normal", "high", "critical")


def _name(doc: str) -> Column:
    return Column(Type.TEXT, doc, optional=True, empty="unknown; a letter greets without it")


ACCOUNTS = Table(
    name="accounts",
    doc="A customer company, as the CRM knows it now.",
    key=("account_id",),
    required=True,
    max_lost_share=0.01,
    aliases=("customers", "companies", "organizations"),
    columns={
        "account_id": Column(Type.TEXT, "Stable id; every other table refers to it.", required=True),
        "name": Column(Type.TEXT, "Display name."),
        "segment": Column(Type.TEXT, "Size class.", allowed=("smb", "mid_market", "enterprise")),
        "industry": Column(Type.TEXT, "Industry."),
        "country": Column(Type.TEXT, "ISO country code."),
        "timezone": Column(Type.TEXT, "IANA time zone of the account.", default="UTC"),
        "owner_email": Column(Type.TEXT, "The CSM who owns the account now."),
        "manager_email": Column(Type.TEXT, "That CSM's manager."),
        "domain": Column(Type.TEXT, "Web domain or address; e-mail addresses of its people end in it."),
        "merged_into": Column(Type.TEXT, "Account that this one was merged into, if any."),
        "merged_at": Column(
            Type.TIMESTAMP,
            "When it was merged; empty: on the day on which the first load shows it, or always.",
            lifecycle=True,
        ),
        "merged_ids": Column(
            Type.TEXT, "Ids that were merged into this account and are not listed themselves: `A2;A9`."
        ),
        "parent_account_id": Column(Type.TEXT, "Account of the parent company, if any."),
        "occurred_at": occurred("When the account was created."),
        "known_at": KNOWN,
    },
)

CONTRACTS = Table(
    name="contracts",
    doc="One state of a contract, valid from occurred_at until the next state of the same contract.",
    key=("contract_id", "occurred_at"),
    scheduled=True,
    required=True,
    max_lost_share=0.01,
    aliases=("subscriptions", "contract_history"),
    # An ended or paused state comes after the term, and a term that renews itself rolls on.
    orders=(
        Order("ends_on"),
        Order("term_end", "term_start"),
        Order(
            "term_end",
            unless=(("term_start", "IS NOT NULL"), ("auto_renew", "= true"), ("status", "<> 'active'")),
        ),
    ),
    columns={
        "contract_id": Column(Type.TEXT, "Stable id of the contract.", required=True),
        "account_id": ACCOUNT,
        "plan": Column(Type.TEXT, "Plan name as sold."),
        "plan_rank": Column(Type.INTEGER, "Rank of the plan, higher is larger.", unit="rank", minimum=0),
        "seats": Column(Type.NUMBER, "Licensed seats.", unit="seats", minimum=0),
        "arr": Column(
            Type.NUMBER, "Annual recurring revenue of this state.", unit="currency/year", minimum=0
        ),
        "currency": Column(
            Type.TEXT, "ISO 4217 code.", empty="the one that the amount carries, or the company's"
        ),
        "term_start": Column(Type.DATE, "First day of the current term."),
        "term_end": Column(Type.DATE, "Renewal date; empty means evergreen."),
        "auto_renew": Column(Type.BOOLEAN, "Renews automatically unless notice is given."),
        "notice_days": Column(Type.INTEGER, "Days of notice before term_end.", unit="days", minimum=0),
        "status": Column(
            Type.TEXT,
            "Whether this state is in force: only active ones are.",
            allowed=("active", "trial", "incomplete", "paused", "unpaid", "ended"),
            default="active",
        ),
        "occurred_at": occurred("When this state took effect."),
        "known_at": KNOWN,
    },
)

TICKETS = Table(
    name="tickets",
    doc="A support ticket and the stages it has reached.",
    key=("ticket_id",),
    aliases=("support_tickets", "cases", "conversations"),
    closed_by={"solved": "resolved_at", "closed": "resolved_at", "deleted": ""},
    orders=(Order("first_response_at"), Order("resolved_at"), Order("escalated_at")),
    columns={
        "ticket_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "contact_id": Column(Type.TEXT, "Who opened it."),
        "priority": Column(Type.TEXT, "Urgency.", allowed=_PRIORITIES, default="normal"),
        "status": Column(
            Type.TEXT,
            "State as the source tells it; solved and closed end a ticket on an unknown day if no date does.",
            allowed=("open", "pending", "solved", "closed", "deleted"),
            extra=True,
            empty="the dates tell",
        ),
        "status_at": STATUS_AT,
        "first_response_at": Column(Type.TIMESTAMP, "First answer by a person.", lifecycle=True),
        "resolved_at": Column(Type.TIMESTAMP, "When it was solved.", lifecycle=True),
        "escalated_at": Column(Type.TIMESTAMP, "When it went to management.", lifecycle=True),
        "unknown_stages": UNKNOWN_STAGES,
        "occurred_at": occurred("When it was opened."),
        "known_at": KNOWN,
    },
)

TICKET_MESSAGES = Table(
    name="ticket_messages",
    doc="One message of a ticket's thread.",
    key=("message_id",),
    aliases=("messages", "comments"),
    columns={
        "message_id": Column(Type.TEXT, "Stable id.", required=True),
        "ticket_id": Column(Type.TEXT, "The thread it belongs to.", required=True),
        "account_id": ACCOUNT,
        "author": Column(Type.TEXT, "Who wrote it.", allowed=("customer", "agent"), default="customer"),
        "text": Column(Type.TEXT, "The words, if the company lets us keep them."),
        "sentiment": _SENTIMENT,
        "occurred_at": occurred("When it was written."),
        "known_at": KNOWN,
    },
)

SURVEYS = Table(
    name="surveys",
    doc="One answer to a survey. NPS 0 is an answer, not a gap.",
    key=("survey_id",),
    aliases=("survey_responses", "nps", "csat"),
    columns={
        "survey_id": Column(Type.TEXT, "Stable id of the answer.", required=True),
        "account_id": ACCOUNT,
        "contact_id": Column(Type.TEXT, "Who answered."),
        "kind": Column(Type.TEXT, "Which question.", required=True, allowed=("nps", "csat"), default="nps"),
        "score": Column(
            Type.NUMBER,
            "NPS 0-10 or CSAT 1-5; other scales are mapped with `rescale:`.",
            required=True,
            unit="points",
            ranges={"nps": (0, 10), "csat": (1, 5)},
        ),
        "text": Column(Type.TEXT, "The comment, if there is one and the company lets us keep it."),
        "sentiment": _SENTIMENT,
        "occurred_at": occurred("When it was answered."),
        "known_at": KNOWN,
    },
)

INVOICES = Table(
    name="invoices",
    doc="One invoice and whether it was paid.",
    key=("invoice_id",),
    aliases=("billing", "payments"),
    closed_by={"paid": "paid_at", "uncollectible": "paid_at", "void": "", "draft": ""},
    orders=(Order("due_at"), Order("paid_at")),
    columns={
        "invoice_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "kind": Column(
            Type.TEXT, "What is charged.", allowed=("subscription", "usage", "other"), default="subscription"
        ),
        "amount": Column(
            Type.NUMBER,
            "Invoiced amount; negative for a credit note, which lowers what is owed.",
            unit="currency",
        ),
        "currency": Column(
            Type.TEXT, "ISO 4217 code.", empty="the one that the amount carries, or the company's"
        ),
        "status": Column(
            Type.TEXT,
            "State as the source tells it: void and draft are nobody's debt; paid and uncollectible close "
            "an invoice on an unknown day if no date does.",
            allowed=("open", "paid", "void", "draft", "uncollectible"),
            extra=True,
            empty="the dates tell",
        ),
        "status_at": STATUS_AT,
        "due_at": Column(Type.TIMESTAMP, "When it falls due."),
        "paid_at": Column(Type.TIMESTAMP, "When it was paid in full.", lifecycle=True),
        "unknown_stages": UNKNOWN_STAGES,
        "occurred_at": occurred("When it was issued."),
        "known_at": KNOWN,
    },
)

CONTACTS = Table(
    name="contacts",
    doc="A person at the customer whom we know.",
    key=("contact_id",),
    aliases=("people",),
    columns={
        "contact_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "user_id": Column(Type.TEXT, "The same person's id in product usage, if known."),
        "first_name": _name("Given name, as letters greet with it."),
        "last_name": _name("Family name."),
        "name": _name("Whole name, where the source tells it in one piece."),
        "title": Column(Type.TEXT, "Job title as written; empty means unknown."),
        "team": Column(Type.TEXT, "Team or department, if known."),
        "role": Column(
            Type.TEXT,
            "Role in the relationship.",
            allowed=("champion", "sponsor", "admin", "user", "other"),
            default="other",
        ),
        "occurred_at": occurred("When we got to know them."),
        "known_at": KNOWN,
    },
)

CONTACT_CHANGES = Table(
    name="contact_changes",
    doc="Something changed about a contact: they left, changed title, became or ceased to be champion.",
    key=("change_id",),
    columns={
        "change_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "contact_id": Column(Type.TEXT, "The contact.", required=True),
        "kind": Column(
            Type.TEXT,
            "What changed.",
            required=True,
            allowed=("joined", "left", "title_changed", "role_changed"),
        ),
        "role": Column(
            Type.TEXT,
            "Role before a departure, or after a change.",
            allowed=("champion", "sponsor", "admin", "user", "other"),
        ),
        "title": Column(Type.TEXT, "Title after the change."),
        "occurred_at": occurred("When it happened."),
        "known_at": KNOWN,
    },
)

INTERACTIONS = Table(
    name="interactions",
    doc="A contact between us and the customer: metadata, and a summary where the company brings one.",
    key=("interaction_id",),
    aliases=("meetings", "calls", "activities", "emails"),
    columns={
        "interaction_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "contact_id": Column(Type.TEXT, "The customer's person, if known."),
        "kind": Column(
            Type.TEXT,
            "What it was.",
            required=True,
            allowed=("call", "meeting", "ebr", "email_sent", "email_reply", "login"),
        ),
        "minutes": Column(Type.NUMBER, "Duration.", unit="minutes", minimum=0),
        "summary": Column(Type.TEXT, "What was said, in a few sentences, as a call recorder writes it."),
        "sentiment": _SENTIMENT,
        "occurred_at": occurred("When it took place."),
        "known_at": KNOWN,
    },
)

CONTRACT_EVENTS = Table(
    name="contract_events",
    doc="Something was asked of, or done to, a contract.",
    key=("event_id",),
    scheduled=True,
    columns={
        "event_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "contract_id": Column(Type.TEXT, "The contract, if known."),
        "kind": Column(
            Type.TEXT,
            "What happened.",
            required=True,
            allowed=(
                "new",
                "renewed",
                "expanded",
                "contracted",
                "upgraded",
                "downgraded",
                "modification_requested",
                "price_increase_announced",
                "notice_given",
                "ended",
            ),
        ),
        "arr_change": Column(Type.NUMBER, "Change of ARR.", unit="currency/year"),
        "currency": replace(CURRENCY, extra=True, empty="the amount's, or the account's contract's"),
        "occurred_at": occurred("When it took effect or was said."),
        "known_at": KNOWN,
    },
)

OUTCOMES = Table(
    name="outcomes",
    doc="A loss that the model learns to predict; occurred_at is its effective date.",
    key=("account_id", "kind", "occurred_at"),
    scheduled=True,
    aliases=("churn_events", "churn"),
    columns={
        "outcome_id": Column(Type.TEXT, "Stable id, if the source has one."),
        "account_id": ACCOUNT,
        "kind": Column(
            Type.TEXT,
            "Which loss.",
            required=True,
            allowed=("logo_churn", "downgrade", "contraction_seats", "contraction_usage"),
            default="logo_churn",
        ),
        "notice_at": Column(Type.TIMESTAMP, "When the customer gave notice, if they did.", lifecycle=True),
        "arr_lost": Column(Type.NUMBER, "ARR that went.", unit="currency/year", minimum=0),
        "currency": replace(CURRENCY, extra=True, empty="the amount's, or the account's contract's"),
        "reason": Column(Type.TEXT, "Reason as recorded."),
        "read_off_terms": Column(
            Type.BOOLEAN,
            "Whether the end of a term tells of it (`unless_followed`); filled while reading. Such a loss is "
            "none if any other contract of the account goes on.",
            extra=True,
            empty="no: the company has logged it",
        ),
        "occurred_at": occurred("Effective date: the first day without it."),
        "known_at": Column(Type.TIMESTAMP, "When the loss was logged.", required=True),
    },
)

TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        ACCOUNTS,
        CONTRACTS,
        USAGE,
        DAILY_USERS,
        TICKETS,
        TICKET_MESSAGES,
        SURVEYS,
        INVOICES,
        CONTACTS,
        CONTACT_CHANGES,
        INTERACTIONS,
        CONTRACT_EVENTS,
        TEXT_TOPICS,
        OUTCOMES,
        CRM_TASKS,
        CALENDAR,
        CSM_PULSES,
        CRM_SNAPSHOT,
    )
}


def table(name: str) -> Table:
    """Return the contract called `name`.

    Raises:
        ConfigurationError: There is no such canonical table.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise ConfigurationError(
            f"There is no canonical table '{name}'.", hint=suggest(name, TABLES)
        ) from None
