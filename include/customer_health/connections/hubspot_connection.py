"""HubSpot: its options, its credentials, what it can do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from customer_health.connections.connection_options import FieldMap, FieldName, Options, RecordUrl
from customer_health.connections.kind import CRM_VERBS, Kind
from customer_health.sections import shaped


class HubspotOptions(Options):
    """HubSpot's dated API; `account_key` and `action_key` are unique properties."""

    api_version: Annotated[str, shaped(r"20\d\d-\d\d", "a version such as 2026-03")] = "2026-03"
    per_second: float = Field(15.0, ge=0.1, le=200)
    burst: int = Field(15, ge=1, le=200)
    account_key: FieldName = "chs_account_id"
    action_key: FieldName = "chs_action_key"
    deal_stage: str = "appointmentscheduled"
    deal_pipeline: str = "default"
    task_to_company: int = Field(192, description="HubSpot's association type")
    deal_to_company: int = Field(341, description="HubSpot's association type")
    record_url: RecordUrl = Field(
        "",
        description="page of a task, such as https://app.hubspot.com/contacts/PORTAL/record/0-27/{id}: "
        "what links open",
    )
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


KIND = Kind(
    name="hubspot",
    title="HubSpot",
    options=HubspotOptions,
    opens="customer_health.destinations.crm.hubspot:open_hubspot",
    verbs=CRM_VERBS,
    after_lost_answer="upsert on a unique property, 100 rows a call; companies are updated only",
    needs="a private app: read and write on companies, deals, tasks; read on owners",
    keys=(("access_token",),),
    places={"password": "access_token"},
)
