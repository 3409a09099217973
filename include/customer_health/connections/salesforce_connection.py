"""Salesforce: its options, its credentials, what it can do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from customer_health.connections.connection_options import FieldMap, FieldName, Options, RecordUrl
from customer_health.connections.kind import CRM_VERBS, Kind
from customer_health.sections import shaped


class SalesforceOptions(Options):
    """Fields must exist in the org; `doctor` says which do not."""

    api_version: Annotated[str, shaped(r"(6[2-9]|[7-9]\d)\.0", "62.0 or a later version")] = "62.0"
    account_key: FieldName = Field("CHS_Account_Id__c", description="our account id on Account; or Id")
    action_key: FieldName = Field("CHS_Action_Key__c", description="on Account, Opportunity and Activity")
    opportunity_stage: str = "Prospecting"
    task_status: str = "Not Started"
    bulk_from: int = Field(2_000, ge=200, description="so many field updates at once go as one bulk job")
    record_url: RecordUrl = Field(
        "", description="page of a record, such as https://acme.lightning.force.com/{id}: what links open"
    )
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


KIND = Kind(
    name="salesforce",
    title="Salesforce",
    options=SalesforceOptions,
    opens="customer_health.destinations.crm.salesforce:open_salesforce",
    verbs=CRM_VERBS,
    after_lost_answer="upsert by external id, 200 rows a call. A task on an org whose Activity carries no "
    "external id is looked up, then created",
    needs="API Enabled; read and edit on the fields below",
    keys=(
        ("consumer_key", "consumer_secret", "domain"),
        ("username", "consumer_key", "privatekey"),
        ("access_token", "instance_url"),
    ),
    places={"login": "username", "password": "password"},
)
