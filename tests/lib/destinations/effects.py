"""Effects of every verb that playbooks make, about an account of which the reader knows everything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from customer_health.effects.effect import Effect, effect_key
from tests.lib.ledger import day, morning

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
            "currency": "USD",
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


_NOBODY: dict[str, Any] = {"count": 0, "entries": []}
# A quiet week: nobody moved, nobody needs a call.
DIGEST: dict[str, Any] = {
    "currency": "USD",
    "published_at": morning(2).isoformat(),
    "tiers": {"Healthy": {"accounts": 1, "arr": 1000.0, "accounts_change": None, "arr_change": None}},
    "tiers_compared_from": None,
    **dict.fromkeys(
        ("calls", "review", "worst", "best", "overdue", "saved", "lost", "small", "expansion"), _NOBODY
    ),
    "renewals": None,
    "rejected_rows": {},
    "refused": 0,
    "awaiting_approval": 0,
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
        "send_digest": {
            "to": owner["email"],
            "kind": "weekly",
            "company": "the company",
            "page": "",
            "as_of": day(days).isoformat(),
            **DIGEST,
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
