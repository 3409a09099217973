"""Gainsight: its options, its credentials, what it can do."""

from __future__ import annotations

from pydantic import Field

from customer_health.connections.connection_options import FieldMap, FieldName, Options
from customer_health.connections.kind import Kind


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


KIND = Kind(
    name="gainsight",
    title="Gainsight",
    options=GainsightOptions,
    opens="customer_health.destinations.success_platforms.gainsight:open_gainsight",
    verbs=("create_task", "enroll", "set_fields"),
    after_lost_answer="a CTA is looked up by `referenceId`; company fields are written again",
    needs="an access key",
    keys=(("host", "access_key"),),
    places={"host": "host", "password": "access_key"},
)
