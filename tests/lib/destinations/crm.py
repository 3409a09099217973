"""The CRMs: Salesforce in two kinds, HubSpot."""

from __future__ import annotations

from dataclasses import replace

from customer_health.connections.connection_options import Secret
from customer_health.connections.hubspot_connection import HubspotOptions
from customer_health.connections.kind import CRM_VERBS
from customer_health.connections.salesforce_connection import SalesforceOptions
from customer_health.destinations.crm.hubspot import HubspotClient, HubspotDestination
from customer_health.destinations.crm.salesforce import SalesforceDestination
from customer_health.destinations.crm.salesforce_client import SalesforceClient
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.servers.hubspot import HubspotPortal
from tests.lib.servers.salesforce import SalesforceOrg


def salesforce(timeout: float = 2.0, *, task_key: str = "external") -> Rig:
    """Salesforce, with Activity carrying our key as an external id or as a plain field."""
    org = SalesforceOrg()
    org.task_key = task_key
    org.add("User", Email="dana@example.com", IsActive=True)
    options = SalesforceOptions()
    secret = Secret({"consumer_key": "k", "consumer_secret": "s", "domain": "acme.my"})
    client = SalesforceClient(options, secret, org.session(timeout), no_pace())
    destination = SalesforceDestination("crm", client, options, fallback_owner="dana@example.com")

    def add(account: str) -> object:
        return org.add("Account", Name=account, CHS_Account_Id__c=account)

    return Rig(destination, org, CRM_VERBS, ("create_task", "create_opportunity"), add, reads=1)


def salesforce_plain(timeout: float = 2.0) -> Rig:
    """An org whose Activity may not carry an external id."""
    return replace(salesforce(timeout, task_key="plain"), reads=2)


def hubspot(timeout: float = 2.0) -> Rig:
    """HubSpot."""
    portal = HubspotPortal()
    portal.owners["dana@example.com"] = "77"
    client = HubspotClient(Secret({"access_token": "pat-1"}), portal.session(timeout), no_pace())
    destination = HubspotDestination("crm", client, HubspotOptions())
    return Rig(
        destination,
        portal,
        CRM_VERBS,
        CRM_VERBS,
        lambda account: portal.add("companies", chs_account_id=account),
        reads=1,
    )
