"""Every destination beside the local server it talks to, and effects of every verb that playbooks make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from customer_health.connections import (
    ChurnzeroOptions,
    EmailOptions,
    GainsightOptions,
    HubspotOptions,
    SalesforceOptions,
    Secret,
    SlackOptions,
    TotangoOptions,
    WebhookOptions,
)
from customer_health.destinations.calendars import GoogleCalendarDestination, GraphCalendarDestination
from customer_health.destinations.churnzero import ChurnzeroDestination
from customer_health.destinations.crm_rows import CRM_VERBS
from customer_health.destinations.gainsight import GainsightDestination
from customer_health.destinations.hubspot import HubspotClient, HubspotDestination
from customer_health.destinations.mail import GmailDestination, GraphDestination, SmtpDestination
from customer_health.destinations.pace import Pace
from customer_health.destinations.salesforce import SalesforceDestination
from customer_health.destinations.salesforce_client import SalesforceClient
from customer_health.destinations.slack import SlackDestination
from customer_health.destinations.totango import TotangoDestination
from customer_health.destinations.webhook import WebhookDestination
from customer_health.destinations.wire import Wire
from customer_health.effects.destination import Destination
from customer_health.effects.effect import Effect, effect_key
from tests.lib.ledger import day, morning
from tests.lib.servers.base import Server
from tests.lib.servers.calendars import GoogleCalendars, GraphCalendars
from tests.lib.servers.hubspot import HubspotPortal
from tests.lib.servers.mail import SIGNING_KEY, GmailMailbox, GraphMailbox, MailServer, WebhookReceiver
from tests.lib.servers.salesforce import SalesforceOrg
from tests.lib.servers.slack import SlackWorkspace
from tests.lib.servers.success import ChurnzeroTenant, GainsightTenant, TotangoService

REASONS = [
    {
        "code": "usage_decline",
        "signal": "usage_delta_28d",
        "value": -0.3,
        "points": -14.0,
        "phrase": "Usage -30%",
    },
    {
        "code": "sponsor_left",
        "signal": "sponsor_change_6m",
        "value": 1.0,
        "points": -11.0,
        "phrase": "Sponsor left",
    },
]


def no_pace() -> Pace:
    """Return a rate that no test notices."""
    return Pace(1e6, 1_000_000)


def account_part(account: str = "acme", name: str = "Acme", why: str = "Usage down 30%") -> dict[str, Any]:
    """Return what every human-facing payload says about its account."""
    owner = {"email": "dana@example.com", "role": "csm", "why": "csm"}
    return {
        "account": {
            "id": account,
            "name": name,
            "segment": "enterprise",
            "plan": "pro",
            "arr": 240_000.0,
            "seats": 100.0,
            "renewal_date": "2027-06-01",
            "days_to_renewal": 200.0,
            "owner": owner,
        },
        "score": {
            "now": 27,
            "before": 61,
            "before_as_of": day(1).isoformat(),
            "tier": "Critical",
            "tier_before": "Attention",
            "band": "Red",
            "p90": 0.31,
            "p180": 0.5,
            "expected_loss": 73_000.0,
            "coverage": 0.92,
            "why": why,
            "mode": "model",
            "model_id": "m-1",
            "as_of": day(2).isoformat(),
        },
        "risks": [
            dict(reason, phrase=why if why != "Usage down 30%" else reason["phrase"]) for reason in REASONS
        ],
        "strengths": [],
        "because": "An account this low rarely renews.",
        "playbook_title": "Save play",
    }


THREAD = "1793500000.000100"  # a message that every workspace of these tests has


def usage_audit(**changes: Any) -> dict[str, Any]:
    """Return an audit of 100 seats: 41 users in 30 days, a feature dropped, one team."""
    weeks = [((day(1) - timedelta(weeks=ago)).isoformat(), 30 + ago) for ago in range(13, 0, -1)]
    return {
        "as_of": day(2).isoformat(),
        "seats": 100.0,
        "active": {"30": 41, "60": 47, "90": 55},
        "utilisation": 0.41,
        "change": -0.3,
        "weeks": weeks,
        "teams": [{"team": "Operations", "active_30": 3, "active_90": 9}],
        "team_known": 0.6,
        "dropped": [{"feature": "reports", "last_used": "2026-09-03", "users": 12}],
        "data_through": day(1).isoformat(),
        "unknown": "",
    } | changes


def meeting_times() -> dict[str, Any]:
    """Return two times of an hour's distance."""
    slots = [
        {
            "start": (morning(6) + timedelta(hours=hour)).isoformat(),
            "end": (morning(6) + timedelta(hours=hour, minutes=45)).isoformat(),
            "text": f"Fri 6 Nov, {5 + hour}:00",
            "guest_text": f"Fri 6 Nov, {5 + hour}:00",
        }
        for hour in (4, 5)
    ]
    return {
        "owner": "dana@example.com",
        "zone": "UTC",
        "guest_zone": "UTC",
        "calendar_known": False,
        "overlap": True,
        "slots": slots,
    }


def effect(
    verb: str, account: str = "acme", *, step: str = "", to: str = "crm", days: int = 2, **payload: Any
) -> Effect:
    """Return one effect of `verb`; keyword arguments override its payload."""
    about = {name: payload.pop(name) for name in ("name", "why") if name in payload}
    parts = account_part(account, **about)
    owner = parts["account"]["owner"]
    due = (morning(days) + timedelta(hours=48)).isoformat()
    extra: dict[str, dict[str, Any]] = {
        "notify": {
            "kind": "alert",
            "channel": "#csm-alerts",
            "level": "critical",
            "days_red": 0,
            "episode_id": f"ep-{account}",
            "next_step": {"subject": "Urgent review", "owner": owner, "due_at": due},
        },
        "create_task": {
            "external_id": f"chs:{account}:critical_save:ep:1",
            "subject": f"[Critical] {parts['account']['name'][:30]} – Urgent review",
            "type": "urgent_review",
            "reason_code": "usage_decline",
            "priority": "critical",
            "owner": owner,
            "due_at": due,
            "escalates_at": due,
            "hypothesis": parts["score"]["why"],
            "instructions": ["Call them."],
            "done_when": "They answered.",
            "review_on": "2026-11-20",
            "close_outcomes": ["saved", "lost"],
        },
        "enroll": {"play": "activation"},
        "create_opportunity": {
            "external_id": f"chs:{account}:expansion:r",
            "type": "expansion",
            "amount": 48_000.0,
            "amount_rule": "20% of ARR",
            "close_date": "2027-06-01",
            "owner": owner,
        },
        "draft_email": {
            "sender": owner,
            "subject": f"{parts['account']['name']} and us",
            "body": "Hello,\n\nmay we talk?",
            "attachments": [
                {"name": "invitation.ics", "type": "text/calendar", "text": "BEGIN:VCALENDAR\r\n"}
            ],
        },
        "propose_meeting": {
            "owner": owner,
            "subject": f"{parts['account']['name'][:30]}: business review",
            "agenda": ["Results since the last review"],
            "minutes": 45,
            "times": meeting_times(),
        },
        "attach_file": {
            "kind": "file",
            "channel": "#csm-alerts",
            "parent_remote_id": f"C0000001:{THREAD}",
            "picture": "usage_audit",
            "title": "Seats and use, week by week",
            "usage_audit": usage_audit(),
        },
        "reply": {
            "kind": "usage_audit",
            "channel": "#csm-alerts",
            "parent_remote_id": f"C0000001:{THREAD}",
            "usage_audit": usage_audit(),
        },
    }
    if verb == "set_fields":
        full: dict[str, Any] = {
            "fields": {
                "score": 27,
                "tier": "Critical",
                "band": "Red",
                "trend": -34,
                "p_churn_90": 0.31,
                "p_churn_180": 0.5,
                "primary_reason": "usage_decline",
                "why": parts["score"]["why"],
                "coverage": 0.92,
                "as_of": day(days).isoformat(),
                "scored_at": morning(days).isoformat(),
                "model_id": "m-1",
                "mode": "model",
            }
        }
    else:
        full = parts | extra[verb]
    key = effect_key(account, "critical_save", f"ep-{account}-{days}", step or verb, to)
    return Effect(
        key, to, verb, account, day(days), "critical_save", step or verb, f"ep-{account}", full | payload
    )


OTHER_VERBS = ("notify", "enroll", "draft_email", "propose_meeting", "reply", "attach_file")


@dataclass
class Rig:
    """A destination, the server behind it, and what may be asked of them.

    Attributes:
        destination: As the registry would build it, pointed at the server.
        server: Keeps the history.
        verbs: What it can do.
        finds: Verbs whose effects can be looked up by key.
        add: Makes an account known to the remote.
    """

    destination: Destination
    server: Server
    verbs: tuple[str, ...]
    finds: tuple[str, ...]
    add: Callable[[str], object]

    def landed(self, promise: Effect) -> int:
        """Return how often what `promise` asks for was done; an update counts once however often repeated."""
        mine = [one for one in self.server.history if one.key in (promise.key, promise.account_id)]
        created = sum(one.created for one in mine)
        return created or min(len(mine), 1)


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

    return Rig(destination, org, CRM_VERBS, ("create_task", "create_opportunity"), add)


def salesforce_plain(timeout: float = 2.0) -> Rig:
    """An org whose Activity may not carry an external id."""
    return salesforce(timeout, task_key="plain")


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
    )


def slack(timeout: float = 2.0) -> Rig:
    """Slack."""
    workspace = SlackWorkspace()
    options = SlackOptions(timeout_seconds=timeout, channels={"#csm-alerts": "C0000001"})
    destination = SlackDestination(
        "slack", Secret({"token": "xoxb-1"}), options, no_pace(), base_url=workspace.base_url
    )
    workspace.messages["C0000001", THREAD] = {"ts": THREAD, "text": "alert", "metadata": {}, "channel": "C1"}
    verbs = ("notify", "reply", "attach_file")
    return Rig(destination, workspace, verbs, verbs, lambda account: None)


def slack_files(timeout: float = 2.0) -> Rig:
    """Slack, as one sees it who only shares files."""
    import matplotlib.figure  # noqa: F401  # once, before tests fork a child for every kill

    rig = slack(timeout)
    return replace(rig, verbs=("attach_file", "reply", "notify"))


def gainsight(timeout: float = 2.0) -> Rig:
    """Gainsight."""
    tenant = GainsightTenant()
    wire = Wire(
        "Gainsight",
        "https://acme.gainsightcloud.com",
        session=tenant.session(timeout),
        pace=no_pace(),
        headers={"accesskey": "key-1"},
    )
    destination = GainsightDestination("gainsight", wire, GainsightOptions())
    return Rig(
        destination, tenant, ("create_task", "enroll", "set_fields"), ("create_task", "enroll"), tenant.add
    )


def totango(timeout: float = 2.0) -> Rig:
    """Totango."""
    service = TotangoService()

    def wire(host: str, headers: dict[str, str]) -> Wire:
        session = service.session(timeout)
        return Wire(
            "Totango", f"https://{host}.totango.com", session=session, pace=no_pace(), headers=headers
        )

    options = TotangoOptions(plays={"activation": "sp-1"})
    api, pixel = wire("api", {"app-token": "key-1"}), wire("sdr", {})
    destination = TotangoDestination("gainsight", api, pixel, "SP-1", options)
    return Rig(destination, service, ("enroll", "create_task", "set_fields"), (), service.accounts.add)


def churnzero(timeout: float = 2.0) -> Rig:
    """ChurnZero."""
    tenant = ChurnzeroTenant()
    wire = Wire("ChurnZero", "https://acme.churnzero.net", session=tenant.session(timeout), pace=no_pace())
    destination = ChurnzeroDestination("gainsight", wire, "key-1", ChurnzeroOptions())
    return Rig(destination, tenant, ("set_fields",), (), lambda account: None)


def webhook(timeout: float = 2.0) -> Rig:
    """A webhook's receiver."""
    receiver = WebhookReceiver()
    options = WebhookOptions(url="https://hooks.example.com/chs", hosts=("hooks.example.com",))
    wire = Wire(
        "The webhook's receiver",
        "https://hooks.example.com",
        session=receiver.session(timeout),
        pace=no_pace(),
    )
    destination = WebhookDestination("crm", wire, options, Secret({"signing_key": SIGNING_KEY}))
    return Rig(destination, receiver, (*OTHER_VERBS, *CRM_VERBS), (), lambda account: None)


def gmail(timeout: float = 2.0) -> Rig:
    """Drafts in Gmail."""
    return _mailbox(GmailMailbox(), GmailDestination, timeout)


def graph(timeout: float = 2.0) -> Rig:
    """Drafts in Outlook."""
    return _mailbox(GraphMailbox(), GraphDestination, timeout)


def smtp(timeout: float = 2.0) -> Rig:
    """Drafts to their owner by a mail server."""
    server = MailServer()
    destination = SmtpDestination(
        "email", EmailOptions(), Secret(), no_pace(), open_line=lambda: server.line(timeout)
    )
    return Rig(destination, server, ("draft_email",), (), lambda account: None)


def google_calendar(timeout: float = 2.0) -> Rig:
    """Tentative entries in Google calendars."""
    server = GoogleCalendars()
    return Rig(
        GoogleCalendarDestination("calendar", _authorised(server, timeout)),
        server,
        ("propose_meeting",),
        ("propose_meeting",),
        lambda account: None,
    )


def graph_calendar(timeout: float = 2.0) -> Rig:
    """Tentative entries in Outlook."""
    server = GraphCalendars()
    return Rig(
        GraphCalendarDestination("calendar", _authorised(server, timeout)),
        server,
        ("propose_meeting",),
        ("propose_meeting",),
        lambda account: None,
    )


def _authorised(server: Server, timeout: float) -> Wire:
    return Wire(
        "The mailbox",
        "https://mail.example.com",
        session=server.session(timeout),
        pace=no_pace(),
        headers={"Authorization": "Bearer key-1"},
    )


def _mailbox(server: Server, kind: type[GmailDestination] | type[GraphDestination], timeout: float) -> Rig:
    wire = _authorised(server, timeout)
    return Rig(
        kind("email", wire, EmailOptions()), server, ("draft_email",), ("draft_email",), lambda account: None
    )


RIGS: dict[str, Callable[..., Rig]] = {
    rig.__name__: rig
    for rig in (
        salesforce,
        salesforce_plain,
        hubspot,
        slack,
        gainsight,
        totango,
        churnzero,
        webhook,
        smtp,
        gmail,
        graph,
        google_calendar,
        graph_calendar,
        slack_files,
    )
}
