"""Canonical tables beside the customer's own facts: our work as it comes back, and what texts state."""

from __future__ import annotations

from customer_health.warehouse.table import ACCOUNT, KNOWN, Column, Order, Table, Type, occurred

CRM_TASKS = Table(
    name="crm_tasks",
    doc="A task in the CRM, as it came back: the only way in which follow-through is seen.",
    key=("task_id",),
    orders=(Order("started_at"), Order("completed_at")),
    orphans="keep",
    columns={
        "task_id": Column(Type.TEXT, "Remote id.", required=True),
        "account_id": ACCOUNT,
        "effect_key": Column(Type.TEXT, "Key of the effect that created it, if we did."),
        "external_id": Column(Type.TEXT, "Our `chs:...` id, where the CRM keeps that instead of the key."),
        "owner_email": Column(Type.TEXT, "Who owns the task now."),
        "status": Column(
            Type.TEXT, "Where it stands.", allowed=("open", "in_progress", "completed"), default="open"
        ),
        "outcome": Column(Type.TEXT, "Outcome recorded by the CSM."),
        "started_at": Column(Type.TIMESTAMP, "When somebody began.", lifecycle=True),
        "completed_at": Column(Type.TIMESTAMP, "When it was closed.", lifecycle=True),
        "occurred_at": occurred("When it was created."),
        "known_at": KNOWN,
    },
)

CSM_PULSES = Table(
    name="csm_pulses",
    doc="How the CSM felt about an account on a day, from 1 (we will lose them) to 5 (they love us).",
    key=("pulse_id",),
    orphans="keep",
    aliases=("pulses", "csm_sentiment", "csm_health"),
    columns={
        "pulse_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "pulse": Column(Type.NUMBER, "The feeling.", required=True, unit="1-5", minimum=1, maximum=5),
        "occurred_at": occurred("When they felt so."),
        "known_at": KNOWN,
    },
)

CALENDAR = Table(
    name="calendar",
    doc="When one of our people is busy: times only, never what for or with whom.",
    key=("busy_id",),
    orphans="keep",
    scheduled=True,
    aliases=("busy_times", "free_busy"),
    orders=(Order("ends_at"),),
    columns={
        "busy_id": Column(Type.TEXT, "Stable id.", required=True),
        "owner_email": Column(Type.TEXT, "Whose calendar.", required=True),
        "account_id": Column(Type.TEXT, "The account it is about, if known."),
        "ends_at": Column(Type.TIMESTAMP, "When it ends.", required=True),
        "occurred_at": occurred("When it begins."),
        "known_at": KNOWN,
    },
)

CRM_SNAPSHOT = Table(
    name="crm_snapshot",
    doc="The CRM's current-state fields. It has no past, so no signal may read it: the leakage gate does.",
    key=("account_id",),
    columns={
        "account_id": ACCOUNT,
        "cancellation_requested": Column(Type.BOOLEAN, "Somebody ticked 'requested cancellation'."),
        "seats_now": Column(Type.NUMBER, "Seats as of today.", unit="seats"),
        "weeks_since_crm_update": Column(Type.NUMBER, "Weeks since the record was touched.", unit="weeks"),
        "occurred_at": occurred("When the snapshot was taken."),
        "known_at": KNOWN,
    },
)

TEXT_TOPICS = Table(
    name="text_topics",
    doc="One reason or intent that a customer's words state: read from texts, or brought by a vendor.",
    key=("topic_id",),
    aliases=("trackers", "message_topics", "call_trackers"),
    columns={
        "topic_id": Column(Type.TEXT, "Stable id.", required=True),
        "account_id": ACCOUNT,
        "topic": Column(
            Type.TEXT,
            "What is stated: why somebody is unhappy, or what they ask for.",
            required=True,
            allowed=(
                "missing_feature",
                "price",
                "reliability",
                "support",
                "champion_change",
                "competitor",
                "no_longer_needed",
                "merger",
                "asks_to_cancel",
                "asks_for_export",
                "asks_for_discount",
                "names_competitor",
            ),
        ),
        "confidence": Column(Type.NUMBER, "How sure the reader is.", unit="0-1", minimum=0, maximum=1),
        "source_id": Column(Type.TEXT, "The message, answer or call that states it."),
        "occurred_at": occurred("When it was said."),
        "known_at": KNOWN,
    },
)
