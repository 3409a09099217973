"""Words by which companies call what the canonical tables call otherwise; only drafting uses them."""

from __future__ import annotations

from collections.abc import Mapping

TABLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "accounts": (
        "org",
        "kunde",
        "firm",
        "mandant",
        "account",
        "customer",
        "compan",
        "organi",
        "client",
        "tenant",
    ),
    "contracts": ("vertr", "abo", "lizenz", "contract", "subs", "term", "licen", "deal"),
    "daily_users": ("dau", "daily_active", "daily_users", "active_users"),
    "usage": ("nutzung", "login", "meter", "usage", "event", "activity", "telemetry", "feature"),
    "tickets": (
        "zendesk",
        "freshdesk",
        "anfrage",
        "stoerung",
        "ticket",
        "case",
        "conversation",
        "support",
        "issue",
    ),
    "ticket_messages": ("message", "comment", "repl"),
    "surveys": ("umfrage", "bewertung", "survey", "nps", "csat", "response", "feedback"),
    "invoices": ("rechnung", "zahlung", "invoice", "bill", "payment"),
    "contacts": ("ansprechpartner", "kontakt", "contact", "people", "person", "user_list"),
    "contact_changes": ("contact_change", "job_change"),
    "interactions": (
        "termin",
        "gespraech",
        "interaction",
        "meeting",
        "call",
        "email",
        "touchpoint",
        "engagement",
    ),
    "contract_events": ("contract_event", "opportunit", "amendment"),
    "outcomes": ("kuendig", "abgang", "churn", "outcome", "cancel", "loss", "lost"),
}

COMMON: Mapping[str, tuple[str, ...]] = {
    "account_id": (
        "customer",
        "organization_external_id",
        "group_id",
        "context_group_id",
        "kundennummer",
        "kunden_nr",
        "kunde",
        "mandant",
        "customer_id",
        "company_id",
        "org_id",
        "organization_id",
        "client_id",
        "tenant_id",
        "account",
        "acc",
        "acct",
        "cust",
        "org",
        "organization",
        "organisation",
        "workspace",
        "workspace_id",
        "id_cliente",
        "cliente_id",
        "id_client",
    ),
    "users": ("dau", "daily_active_users", "active_users", "daily_users", "aktive_nutzer", "unique_users"),
    "user_id": ("benutzer", "nutzer", "user", "userid", "member_id", "login"),
    "contact_id": ("requester_id", "respondent_id", "person_id"),
    "contract_id": ("subscription_id", "deal_id", "contract"),
    "ticket_id": ("ticket", "case_id", "conversation_id"),
    "currency": (
        "waehrung",
        "currency_code",
    ),
    "known_at": (
        "loaded_at",
        "loaded",
        "logged",
        "ingested_at",
        "recorded_at",
        "logged_at",
        "synced_at",
        "exported_at",
    ),
    "plan": (
        "plan_id",
        "tarif",
        "paket",
        "produkt",
        "plan_tier",
        "plan_name",
        "product",
        "tier",
        "package",
        "edition",
    ),
    "seats": (
        "plan_quantity",
        "lizenzen",
        "benutzerzahl",
        "licenses",
        "licences",
        "seat_count",
        "quantity",
        "users_licensed",
    ),
    "arr": ("jahresbetrag", "jahreswert", "arr_amount", "annual_recurring_revenue", "acv", "annual_value"),
    "country": ("land", "address_country", "country_code", "region"),
    "industry": ("branche", "vertical", "sector"),
    "segment": ("groesse", "size", "size_class", "customer_segment", "tier"),
    "owner_email": ("betreuer", "csm", "csm_email", "owner", "account_owner"),
    "timezone": ("time_zone", "tz"),
    "merged_into": ("masterrecordid", "master_record_id", "merged_to", "merged_into_id", "survivor_id"),
    "domain": ("website", "web_domain", "domain_name", "url"),
    "merged_at": ("merged_on", "merge_date", "merged_date"),
    "merged_ids": (
        "hs_merged_object_ids",
        "merged_object_ids",
        "hs_calculated_merged_vids",
        "merged_record_ids",
    ),
    "parent_account_id": (
        "parentid",
        "parent_id",
        "hs_parent_company_id",
        "parent_company_id",
        "parent_account",
    ),
    "auto_renew": ("auto", "automatische_verlaengerung", "auto_renew_flag", "auto_renewal", "autorenew"),
    "notice_days": ("notice_period", "notice_period_days"),
    "term_start": ("vertragsbeginn", "beginn", "start_date", "starts_at", "valid_from", "start"),
    "term_end": (
        "current_term_end",
        "fecha_fin",
        "date_fin",
        "current_period_end",
        "current_period_ends_at",
        "current_term_ends_at",
        "vertragsende",
        "laufzeitende",
        "renewal_date",
        "end_date",
        "ends_at",
        "renews_at",
        "valid_to",
        "next_renewal_date",
        "next_billed_at",
        "next_billing_date",
        "expires_at",
        "end",
    ),
    "feature": ("modul", "funktion", "feature_name", "event_type", "event_name", "event", "action", "module"),
    "events": ("anzahl", "usage_count", "count", "event_count", "total", "hits"),
    "priority": ("prioritaet", "severity", "urgency", "prio", "sev"),
    "first_response_at": ("first_reply_at", "first_responded_at", "answered_at", "answered"),
    "resolved_at": (
        "geloest_am",
        "geschlossen_am",
        "closed_at",
        "solved_at",
        "closed_date",
        "resolution_date",
    ),
    "escalated_at": ("escalation_date", "escalated"),
    "score": ("note", "rating", "nps_score", "csat_score", "satisfaction_score", "value", "nps", "csat"),
    "amount": ("amt", "betrag", "summe", "total", "invoice_amount", "amount_due"),
    "due_at": ("faellig_am", "faelligkeit", "due_date", "due"),
    "paid_at": ("bezahlt_am", "paid_date", "payment_date", "paid_on"),
    "title": ("job_title", "position"),
    "minutes": ("duration_minutes", "duration", "length_minutes", "mins"),
    "reason": ("grund", "kuendigungsgrund", "reason_code", "churn_reason", "cancel_reason"),
    "arr_lost": ("lost_arr", "arr_churned"),
    "notice_at": ("gekuendigt_am", "notice_date", "notice_given_at"),
    "text": ("body", "comment", "message"),
    "author": ("sender", "author_type"),
    "kind": ("art", "type", "category", "survey_type", "event_type", "activity_type"),
}

IDENTITY: Mapping[str, tuple[str, ...]] = {
    "accounts": (
        "kundennummer",
        "kunden_nr",
        "account_id",
        "customer_id",
        "company_id",
        "org_id",
        "id",
        "org",
    ),
    "contracts": ("vertragsnummer", "contract_id", "subscription_id", "id"),
    "tickets": ("ticketnummer", "ticket_id", "case_id", "conversation_id", "number", "id"),
    "ticket_messages": ("message_id", "comment_id", "id"),
    "surveys": ("survey_id", "response_id", "id"),
    "invoices": ("rechnungsnummer", "invoice_id", "invoice_number", "id"),
    "contacts": ("contact_id", "person_id", "id"),
    "contact_changes": ("change_id", "id"),
    "interactions": ("interaction_id", "activity_id", "meeting_id", "call_id", "id"),
    "contract_events": ("event_id", "id"),
    "outcomes": ("outcome_id", "churn_event_id", "id"),
    "crm_tasks": ("task_id", "id"),
    "calendar": ("busy_id", "event_id", "id"),
}

HAPPENED: Mapping[str, tuple[str, ...]] = {
    "accounts": (
        "kunde_seit",
        "angelegt_am",
        "signup_date",
        "created_at",
        "created",
        "created_date",
        "customer_since",
        "registered_at",
    ),
    "contracts": (
        "vertragsbeginn",
        "gueltig_ab",
        "valid_from",
        "start_date",
        "effective_date",
        "starts_at",
        "start",
        "started_at",
        "activated_at",
        "signed_at",
        "created_at",
    ),
    "daily_users": ("datum", "tag", "date", "day", "activity_date", "usage_date"),
    "usage": (
        "datum",
        "tag",
        "month",
        "monat",
        "period",
        "date",
        "day",
        "usage_date",
        "event_date",
        "activity_date",
        "timestamp",
        "event_time",
        "time",
    ),
    "tickets": (
        "erstellt_am",
        "eroeffnet_am",
        "created_at",
        "submitted_at",
        "opened_at",
        "created",
        "created_date",
        "opened",
    ),
    "ticket_messages": ("created_at", "sent_at", "date"),
    "surveys": (
        "datum",
        "submitted",
        "answered_at",
        "responded_at",
        "submitted_at",
        "response_date",
        "created_at",
        "date",
    ),
    "invoices": ("rechnungsdatum", "issued_at", "invoice_date", "issue_date", "issued", "created_at", "date"),
    "contacts": ("created_at", "created", "added_at", "since"),
    "contact_changes": ("changed_at", "date", "created_at"),
    "interactions": ("datum", "started_at", "start_time", "held_at", "date", "created_at", "sent_at"),
    "contract_events": ("effective_date", "date", "created_at", "closed_at"),
    "outcomes": (
        "kuendigung_zum",
        "vertragsende",
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
    "active": (
        "live",
        "current",
        "aktiv",
        "trialing",
        "past_due",
    ),
    "ended": (
        "canceled",
        "cancelled",
        "churned",
        "expired",
        "inactive",
        "gekündigt",
        "beendet",
    ),
    "critical": ("kritisch", "dringend", "urgent", "p1", "blocker", "sev1", "highest", "p0", "emergency"),
    "high": ("hoch", "p2", "sev2", "major"),
    "normal": ("mittel", "medium", "p3", "sev3", "standard", "moderate"),
    "low": ("niedrig", "gering", "p4", "sev4", "minor", "lowest", "p5"),
    "smb": ("klein", "small", "startup", "small business", "starter"),
    "mid_market": ("mittel", "mid-market", "midmarket", "medium", "mid market", "commercial"),
    "enterprise": ("groß", "gross", "large", "corporate", "strategic"),
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

_WHO = "(customer|account|company|client|org|organi[sz]ation|tenant|workspace|kunden|firmen)"
PATTERNS: Mapping[str, str] = {
    "account_id": rf"(.*_)?{_WHO}_?(external_)?(id|no|nr|num|number|nummer|key|code|uid|uuid|ref)",
    "name": rf"{_WHO}(_name)?|firma",
    "contract_id": r"(contract|subscription|deal|agreement)_?(id|no|nr|number|key)",
    "arr": r"(annual|yearly).*(fee|value|amount|revenue|price)|arr.*",
    "segment": r".*(segment|size|size_class|groesse)",
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

MONTHLY = r"mrr.*|monthly.*(fee|value|amount|revenue|price)|monats(betrag|preis|gebuehr)"
PRICED = (
    r"(unit_|plan_|subscription_|recurring_|base_|list_|net_)?(amount|price|fee|value)(_(per_(seat|user)|minor|cents))?"
    r"|betrag|preis|gebuehr|montant|prix|valor|preco|total"
)
"""Money of a contract, of a period that the name does not tell."""
PRICE_OF_ONE = r"unit_(amount|price).*|.*_per_(seat|user)|(list_)?price|preis|prix|preco"
PERIODS = (
    r"(.*_)?(interval|period|cycle|frequency|cadence)(_unit)?|billing|billed|(billing_)?term|turnus|zahlungsweise"
    r"|abrechnung(s(zeitraum|intervall|art))?|periodicite|periodicidade|frequence|frequencia"
)
"""Columns with the word for a billing period."""
PERIOD_COUNTS = (
    r"(.*_)?(interval|period|cycle|billing)_(count|length)|(billing_)?frequency|every|billing_period|period"
)
"""Columns with how many periods one bill pays for."""
ENDED = (
    r"(end|ended|cancel|cancelled|canceled|terminated|termination|expired|churn|churned|customer_to)(_on|_at|_date)?"
    r"|vertragsende|ende|beendet_am|gekuendigt_(am|zum)|kuendigung_zum|austritt(sdatum)?"
)
"""When a contract or a customer ended."""
SPOKEN = (
    r"(canceled|cancelled|cancel(lation)?_(requested|request|scheduled|created|schedule_created)|gekuendigt|notice(_given)?)"
    r"(_at|_on|_am|_date)?"
)
"""Ends that are rather the day of the notice, if there is a better one."""
EXPIRES = r"(expires|expiry|expiration)(_at|_on|_date)?"
"""The end of a term that goes on no further, where another column has the renewal date."""
CANCELS = r"(cancels?|canceled|cancelled|will_cancel)_at_(period|term)_end|does_not_renew|non_renewing"
"""Flags of a subscription that ends with its term."""
ENDING = ("non_renewing", "non-renewing", "cancel", "pending_cancellation", "cancel_at_period_end")
"""Words for a subscription that ends with its term."""

MONTHS = ("%Y-%m", "%m/%Y", "%b %Y")
"""Formats of whole months."""
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
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%Y-%m",
    "%m/%Y",
    "%b %Y",
)
"""Formats that a draft tries; ISO dates need none."""

EVENT_IDS = ("event_id", "insert_id", "event_uuid", "message_id", "uuid", "hit_id", "log_id")
"""Columns that name an event."""
NO_SEATS = (
    r"add-?on|storage|\bgb\b|\bapi\b|\bsms\b|\bcalls?\b|\bcredits?\b|quota|\btokens?\b|\bminutes?\b"
    r"|support|onboarding|service"
)
"""Words in a row of a contract that sells something else than seats."""
MINOR_UNITS = r"amount(_due|_paid|_total|_remaining)?|unit_amount|.*_(cents|minor)"
"""Names of amounts that billing systems tell in cents."""
