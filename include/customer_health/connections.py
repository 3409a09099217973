"""How destinations are reached: what may stand in the company file, and secrets that never print.

Options (versions, field names, channels, rates) are business settings and live in YAML. Secrets never
do: the command line reads them from `CUSTOMER_HEALTH_SECRET_<KIND>`, a JSON object, and Airflow's hook
passes the same object from a Connection; see `settings.load_settings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from customer_health.sections import Address, Section

# Names that end up in SOQL, in URLs and in JSON keys: letters, digits and underscores only.
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
Host = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$")
]
ScoreField = Literal[
    "score",
    "tier",
    "band",
    "trend",
    "p_churn_90",
    "p_churn_180",
    "p_churn_decision",
    "primary_reason",
    "why",
    "coverage",
    "as_of",
    "scored_at",
    "model_id",
    "mode",
]
FieldMap = Mapping[ScoreField, FieldName]


class Secret(Mapping[str, str]):
    """Credentials of one destination. Reads like a mapping; prints only the names of its keys."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secret(keys={sorted(self._values)})"


class Options(Section):
    """What every destination has: time-outs and rates.

    Attributes:
        timeout_seconds: Each of connecting and reading. A call to any destination makes at most three
            requests, so that it ends well within the 30 s that a lease allows for it.
        per_second: Requests a second at most, on average.
        burst: Requests that may go at once after a pause.
    """

    timeout_seconds: float = Field(10.0, gt=0, le=30)
    per_second: float = Field(5.0, ge=0.1, le=200)
    burst: int = Field(5, ge=1, le=200)


class SalesforceOptions(Options):
    """Fields must exist in the org; `doctor` says which do not."""

    api_version: str = Field("62.0", pattern=r"^(6[2-9]|[7-9]\d)\.0$", description="62.0 or later")
    account_key: FieldName = Field("CHS_Account_Id__c", description="our account id on Account; or Id")
    action_key: FieldName = Field("CHS_Action_Key__c", description="on Account, Opportunity and Activity")
    opportunity_stage: str = "Prospecting"
    task_status: str = "Not Started"
    bulk_from: int = Field(2_000, ge=200, description="so many field updates at once go as one bulk job")
    bulk_wait_seconds: float = Field(600.0, gt=0, le=600, description="how long the org has for it")
    fields: FieldMap = Field(
        default={
            "score": "AI_Health_Score__c",
            "tier": "AI_Health_Tier__c",
            "trend": "AI_Health_Trend__c",
            "p_churn_90": "AI_Health_P90__c",
            "p_churn_180": "AI_Health_P180__c",
            "primary_reason": "AI_Health_Reason__c",
            "why": "AI_Health_Why__c",
            "coverage": "AI_Health_Coverage__c",
            "as_of": "AI_Health_AsOf__c",
            "scored_at": "AI_Health_Scored_At__c",
            "model_id": "AI_Health_Model__c",
        }
    )


class HubspotOptions(Options):
    """HubSpot's dated API; `account_key` and `action_key` are unique properties."""

    api_version: str = Field("2026-03", pattern=r"^20\d\d-\d\d$")
    per_second: float = Field(15.0, ge=0.1, le=200)
    burst: int = Field(15, ge=1, le=200)
    account_key: FieldName = "chs_account_id"
    action_key: FieldName = "chs_action_key"
    deal_stage: str = "appointmentscheduled"
    deal_pipeline: str = "default"
    task_to_company: int = Field(192, description="HubSpot's association type")
    deal_to_company: int = Field(341, description="HubSpot's association type")
    fields: FieldMap = Field(
        default={
            "score": "ai_health_score",
            "tier": "ai_health_tier",
            "trend": "ai_health_trend",
            "p_churn_90": "ai_health_p90",
            "p_churn_180": "ai_health_p180",
            "primary_reason": "ai_health_reason",
            "why": "ai_health_why",
            "coverage": "ai_health_coverage",
            "as_of": "ai_health_as_of",
            "scored_at": "ai_health_scored_at",
            "model_id": "ai_health_model",
        }
    )


class SlackOptions(Options):
    """`channels` maps a playbook's #name to the channel's id; names that are missing are looked up."""

    per_second: float = Field(1.0, ge=0.1, le=50, description="Slack allows one message a second a channel")
    burst: int = Field(1, ge=1, le=20)
    channels: Mapping[str, Annotated[str, Field(pattern=r"^[CG][A-Z0-9]{2,20}$")]] = Field(
        default_factory=dict
    )
    buttons: bool = Field(False, description="on alerts; `slack-buttons` must run to answer them")
    charts: bool = Field(True, description="native line chart; falls back to characters where it is refused")


class GainsightOptions(Options):
    """Custom fields of the Company object end in __gc."""

    per_second: float = Field(1.5, ge=0.1, le=50, description="Gainsight allows 100 calls a minute")
    account_key: FieldName = Field("CHS_Account_Id__gc", description="our account id on Company")
    cta_type: str = "Risk"
    cta_reason: str = "Health score"
    cta_status: str = "New"
    playbook_field: FieldName | None = Field(
        None, description="CTA key that attaches a playbook, where the tenant has one"
    )
    fields: FieldMap = Field(
        default={
            "score": "AI_Health_Score__gc",
            "tier": "AI_Health_Tier__gc",
            "why": "AI_Health_Why__gc",
            "as_of": "AI_Health_AsOf__gc",
        }
    )


class TotangoOptions(Options):
    """`plays` maps a playbook's play to the id of a manual, active SuccessPlay."""

    per_second: float = Field(1.5, ge=0.1, le=50, description="Totango allows 100 calls a minute")
    region: Literal["us", "eu"] = "us"
    plays: Mapping[str, str] = Field(default_factory=dict)
    activity_type_id: str = "support"
    fields: Mapping[ScoreField, str] = Field(
        default={"score": "AI Health Score", "tier": "AI Health Tier", "why": "AI Health Why"}
    )


class ChurnzeroOptions(Options):
    """Account attributes; custom ones must exist in ChurnZero."""

    fields: Mapping[ScoreField, str] = Field(
        default={"score": "AI Health Score", "tier": "AI Health Tier", "why": "AI Health Why"}
    )


class WebhookOptions(Options):
    """A receiver of signed JSON. Its host must be listed; it must drop keys that it has seen."""

    url: str = Field("", pattern=r"^(https://[^\s@]+)?$")
    hosts: tuple[Host, ...] = ()


class MailboxOptions(Options):
    """Drafts that Gmail or Microsoft Graph puts into the owner's mailbox."""

    sender: Address = "customer-health@example.com"


class SmtpOptions(MailboxOptions):
    """Drafts that a mail server sends to the account's owner."""

    host: Host = "smtp.example.com"
    port: int = Field(587, ge=1, le=65535)


class CalendarOptions(Options):
    """Tentative entries in the owner's calendar."""


SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class SourceOptions(Section):
    """One vendor that the company asks for data; the section's name is the source's.

    Attributes:
        vendor: The vendor file, by its name; empty: the same as the source's.
        options: Values of the vendor file's `connection:` that are not secrets, such as a subdomain.
        tables: Canonical tables that are taken from it; empty: all that it brings.
        through: An address that every call goes to instead, with its path: a recording proxy, or a server on
            this machine. Only https addresses, and http on this machine, are accepted.
    """

    vendor: str = ""
    options: Mapping[str, str] = Field(default_factory=dict)
    tables: tuple[str, ...] = ()
    through: str = Field("", pattern=r"^(https://[^\s@]+|http://(127\.0\.0\.1|localhost)(:\d+)?)?$")


class ConnectionsConfig(Section):
    """One section per kind of destination; kinds that nobody uses are ignored."""

    salesforce: SalesforceOptions = SalesforceOptions()
    hubspot: HubspotOptions = HubspotOptions()
    slack: SlackOptions = SlackOptions()
    gainsight: GainsightOptions = GainsightOptions()
    totango: TotangoOptions = TotangoOptions()
    churnzero: ChurnzeroOptions = ChurnzeroOptions()
    webhook: WebhookOptions = WebhookOptions()
    smtp: SmtpOptions = SmtpOptions()
    gmail: MailboxOptions = MailboxOptions()
    graph: MailboxOptions = MailboxOptions()
    google_calendar: CalendarOptions = CalendarOptions()
    graph_calendar: CalendarOptions = CalendarOptions()
