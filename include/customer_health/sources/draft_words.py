"""Words by which companies call what the canonical tables call otherwise; only drafting uses them."""

from __future__ import annotations

from collections.abc import Mapping

TABLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "accounts": ("account", "customer", "compan", "organi", "client", "tenant"),
    "contracts": ("contract", "subscription", "term", "licen", "deal"),
    "usage": ("usage", "event", "activity", "telemetry", "feature"),
    "tickets": ("ticket", "case", "conversation", "support", "issue"),
    "ticket_messages": ("message", "comment", "repl"),
    "surveys": ("survey", "nps", "csat", "response", "feedback"),
    "invoices": ("invoice", "billing", "payment"),
    "contacts": ("contact", "people", "person", "user_list"),
    "contact_changes": ("contact_change", "job_change"),
    "interactions": ("interaction", "meeting", "call", "email", "touchpoint", "engagement"),
    "contract_events": ("contract_event", "opportunit", "amendment"),
    "outcomes": ("churn", "outcome", "cancel", "loss", "lost"),
}

COMMON: Mapping[str, tuple[str, ...]] = {
    "account_id": (
        "customer_id",
        "company_id",
        "org_id",
        "organization_id",
        "client_id",
        "tenant_id",
        "account",
    ),
    "user_id": ("user", "userid", "member_id", "login"),
    "contact_id": ("requester_id", "respondent_id", "person_id"),
    "contract_id": ("subscription_id", "deal_id"),
    "currency": ("currency_code",),
    "known_at": ("loaded_at", "ingested_at", "recorded_at", "logged_at", "synced_at", "exported_at"),
    "plan": ("plan_tier", "plan_name", "product", "tier", "package", "edition"),
    "seats": ("licenses", "licences", "seat_count", "quantity", "users_licensed"),
    "arr": ("arr_amount", "annual_recurring_revenue", "acv", "annual_value"),
    "country": ("country_code", "region"),
    "industry": ("vertical", "sector"),
    "segment": ("size", "size_class", "customer_segment", "tier"),
    "owner_email": ("csm", "csm_email", "owner", "account_owner"),
    "timezone": ("time_zone", "tz"),
    "auto_renew": ("auto_renew_flag", "auto_renewal", "autorenew"),
    "notice_days": ("notice_period", "notice_period_days"),
    "term_start": ("start_date", "starts_at", "valid_from", "start"),
    "term_end": ("renewal_date", "end_date", "ends_at", "renews_at", "valid_to", "expires_at", "end"),
    "feature": ("feature_name", "event_type", "event_name", "event", "action", "module"),
    "events": ("usage_count", "count", "event_count", "total", "hits"),
    "priority": ("severity", "urgency"),
    "first_response_at": ("first_reply_at", "first_responded_at", "answered_at"),
    "resolved_at": ("closed_at", "solved_at", "closed_date", "resolution_date"),
    "escalated_at": ("escalation_date",),
    "score": ("rating", "nps_score", "csat_score", "satisfaction_score", "value", "nps", "csat"),
    "amount": ("total", "invoice_amount", "amount_due"),
    "due_at": ("due_date", "due"),
    "paid_at": ("paid_date", "payment_date", "paid_on"),
    "title": ("job_title", "position"),
    "minutes": ("duration_minutes", "duration", "length_minutes"),
    "reason": ("reason_code", "churn_reason", "cancel_reason"),
    "arr_lost": ("lost_arr", "arr_churned"),
    "notice_at": ("notice_date", "notice_given_at"),
    "text": ("body", "comment", "message"),
    "author": ("sender", "author_type"),
    "kind": ("type", "category", "survey_type", "event_type", "activity_type"),
}

IDENTITY: Mapping[str, tuple[str, ...]] = {
    "accounts": ("account_id", "customer_id", "company_id", "org_id", "id"),
    "contracts": ("contract_id", "subscription_id", "id"),
    "tickets": ("ticket_id", "case_id", "conversation_id", "number", "id"),
    "ticket_messages": ("message_id", "comment_id", "id"),
    "surveys": ("survey_id", "response_id", "id"),
    "invoices": ("invoice_id", "invoice_number", "id"),
    "contacts": ("contact_id", "person_id", "id"),
    "contact_changes": ("change_id", "id"),
    "interactions": ("interaction_id", "activity_id", "meeting_id", "call_id", "id"),
    "contract_events": ("event_id", "id"),
    "outcomes": ("outcome_id", "churn_event_id", "id"),
    "crm_tasks": ("task_id", "id"),
}

HAPPENED: Mapping[str, tuple[str, ...]] = {
    "accounts": ("signup_date", "created_at", "created", "created_date", "customer_since", "registered_at"),
    "contracts": (
        "valid_from",
        "start_date",
        "effective_date",
        "starts_at",
        "start",
        "signed_at",
        "created_at",
    ),
    "usage": ("date", "day", "usage_date", "event_date", "activity_date", "timestamp", "event_time", "time"),
    "tickets": ("created_at", "submitted_at", "opened_at", "created", "created_date", "opened"),
    "ticket_messages": ("created_at", "sent_at", "date"),
    "surveys": ("answered_at", "responded_at", "submitted_at", "response_date", "created_at", "date"),
    "invoices": ("issued_at", "invoice_date", "issue_date", "issued", "created_at", "date"),
    "contacts": ("created_at", "created", "added_at", "since"),
    "contact_changes": ("changed_at", "date", "created_at"),
    "interactions": ("started_at", "start_time", "held_at", "date", "created_at", "sent_at"),
    "contract_events": ("effective_date", "date", "created_at", "closed_at"),
    "outcomes": (
        "churn_date",
        "cancelled_at",
        "canceled_at",
        "effective_date",
        "end_date",
        "churned_at",
        "date",
    ),
    "crm_tasks": ("created_at", "created_date"),
    "crm_snapshot": ("snapshot_at", "exported_at", "updated_at"),
}

VALUES: Mapping[str, tuple[str, ...]] = {
    "critical": ("urgent", "p1", "blocker", "sev1", "highest", "p0", "emergency"),
    "high": ("p2", "sev2", "major"),
    "normal": ("medium", "p3", "sev3", "standard", "moderate"),
    "low": ("p4", "sev4", "minor", "lowest", "p5"),
    "smb": ("small", "startup", "small business", "starter"),
    "mid_market": ("mid-market", "midmarket", "medium", "mid market", "commercial"),
    "enterprise": ("large", "corporate", "strategic"),
    "nps": ("net promoter score",),
    "csat": ("satisfaction",),
    "logo_churn": ("churn", "churned", "cancelled", "canceled", "lost", "logo"),
    "meeting": ("video", "demo", "onsite", "video call"),
    "ebr": ("qbr", "business review", "executive business review"),
    "call": ("phone", "phone call"),
    "email_reply": ("reply", "email received", "inbound email", "email_received"),
    "email_sent": ("email", "outbound email", "mail"),
}
"""Canonical value -> words that mean it."""

_WHO = "(customer|account|company|client|org|organi[sz]ation|tenant|workspace)"
PATTERNS: Mapping[str, str] = {
    "account_id": rf"{_WHO}_?(id|no|nr|num|number|key|code|uid|uuid|ref)",
    "name": rf"{_WHO}(_name)?",
    "contract_id": r"(contract|subscription|deal|agreement)_?(id|no|nr|number|key)",
    "arr": r"(annual|yearly).*(fee|value|amount|revenue|price)|arr.*",
    "seats": r".*(seats|licen[cs]es|users)(_count|_licensed)?",
    "occurred_at": r"(created|opened|issued|submitted|answered|started|held|known)(_on|_at|_since|_date)?",
    "resolved_at": r"(closed|solved|resolved|completed)(_on|_at|_date)?",
    "first_response_at": r"first_(response|reply|answer)(_on|_at|_date)?",
    "term_end": r"(renewal|renews|expiry|expires)(_on|_at|_date)?",
    "paid_at": r"(paid|settled)(_on|_at|_date)?",
    "due_at": r"due(_on|_at|_date)?",
    "notice_at": r"(notice|cancellation_requested)(_on|_at|_date|_given)?",
    "owner_email": r"(csm|owner|account_manager)(_email)?",
    "user_id": r"(user|login|member)(_id|_name)?",
    "reason": r"(why|reason).*",
}
"""Canonical column -> pattern of names, tried when no known word fits."""

MONTHLY = r"mrr.*|monthly.*(fee|value|amount|revenue|price)"
ENDED = r"(end|ended|cancel|cancelled|canceled|terminated|termination)(_on|_at|_date)?"

DATE_FORMATS = (
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
)
"""Formats that a draft tries; ISO dates need none."""
