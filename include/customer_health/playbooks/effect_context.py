"""What every effect says about its account: the snapshot, the owner, the fields, the links."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from customer_health.company import CompanyConfig
from customer_health.playbooks.account_view import AccountView

MOST_RISKS, MOST_STRENGTHS, MOST_FACTS = 3, 2, 5
# What a task says about the relationship, beside the reasons.
CONTACT_MEASURES = ("days_since_last_interaction", "contacts_known", "days_since_ebr")
# A change of these makes a new version of the CRM's fields; probabilities move a little every day.
SIGNIFICANT = ("score", "tier", "primary_reason")


def owner_of(facts: AccountView, roles: tuple[str, ...], config: CompanyConfig) -> dict[str, str]:
    """Return the first owner of the chain who exists; the queue never holds an ownerless task."""
    people = {"csm": facts.get("owner_email"), "csm_manager": facts.get("manager_email")}
    missing: list[str] = []
    for role in roles:
        if email := people.get(role):
            said = f"; no {' or '.join(missing)} known" if missing else ""
            return {"email": str(email), "role": role, "why": f"{_spoken(role)}{said}"}
        if role in people:
            missing.append(_spoken(role))
    said = f"fallback; no {' or '.join(missing)} known" if missing else "fallback"
    return {"email": config.playbooks.fallback_owner, "role": "fallback", "why": said}


def _spoken(role: str) -> str:
    """Return a role as people write it: CSM manager."""
    return role.replace("_", " ").replace("csm", "CSM")


def account_payload(facts: AccountView, config: CompanyConfig) -> dict[str, Any]:
    """Return the account's snapshot that every human-facing effect carries."""
    renewal = facts.get("renewal_date")
    return {
        "account": {
            "id": facts.account_id,
            "name": facts.name,
            "segment": facts.get("segment"),
            "plan": facts.get("plan"),
            "arr": facts.number("arr"),
            "currency": facts.currency,
            "seats": facts.number("seats"),
            "renewal_date": renewal.isoformat() if renewal else None,
            "days_to_renewal": facts.number("days_to_renewal"),
            "owner": owner_of(facts, ("csm", "csm_manager"), config),
        },
        "score": {
            "now": facts.score,
            "before": None if facts.previous is None else facts.previous.score,
            "before_as_of": None if facts.previous is None else facts.previous.as_of.isoformat(),
            "tier": facts.tier,
            "tier_before": None if facts.previous is None else facts.previous.tier,
            "band": facts.get("band"),
            "p90": facts.number("p90"),
            "p180": facts.number("p180"),
            "p_decision": facts.number("p_decision"),
            "attention": facts.get("attention"),
            "expected_loss": facts.number("expected_loss"),
            "coverage": facts.number("coverage"),
            "why": facts.get("why"),
            "mode": facts.get("mode"),
            "model_id": facts.get("model_id"),
            "as_of": facts.as_of.isoformat(),
        },
        "risks": facts.risks[:MOST_RISKS],
        "facts": facts.headlines[:MOST_FACTS],
        "lever": (facts.get("lever") or {}).get("text"),
        "contact": {name: facts.signals.get(name) for name in CONTACT_MEASURES},
        "cause": facts.cause,
        "cause_note": facts.cause_note,
        "links": [[label, link_of(url, facts.account_id)] for label, url in config.playbooks.links.items()],
        "strengths": [reason for reason in facts.reasons if (reason.get("points") or 0) > 0][:MOST_STRENGTHS],
    }


def name_of(address: str, config: CompanyConfig) -> str:
    """Return a colleague's name as a customer reads it: as the company file has it, else from the address."""
    names = {known.lower(): name for known, name in config.playbooks.names.items()}
    if found := names.get(address.lower()):
        return found
    parts = re.split(r"[._+-]+", re.sub(r"\d+", "", address.partition("@")[0]))
    return " ".join(part.capitalize() for part in parts if part) or "your team"


def link_of(template: str, account_id: str) -> str:
    """Return an address about an account; whatever its id holds, it stays inside its place."""
    return template.replace("{account_id}", quote(account_id, safe=""))


def weekly_readings(facts: AccountView) -> list[list[Any]]:
    """Return [ISO date, score] of the last reading of each week, today's last."""
    by_week = {reading.as_of.isocalendar()[:2]: (reading.as_of, reading.score) for reading in facts.past}
    if facts.score is not None:
        by_week[facts.as_of.isocalendar()[:2]] = (facts.as_of, facts.score)
    return [[as_of.isoformat(), score] for as_of, score in by_week.values()]


def subject(tier: str, account: str, what: str, due: datetime, most: int = 80) -> str:
    """Return `[Tier] Account – what (due Thu 17:00)`; a long account name gives way, the rest never does."""
    head, tail = f"[{tier}] ", f" – {what}"
    when = f" (due {due:%a %H:%M})"
    if len(head) + len(tail) + len(when) + 12 > most:
        when = ""
    room = most - len(head) - len(tail) - len(when)
    name = account if len(account) <= room else account[: max(room - 1, 0)] + "…"
    return f"{head}{name}{tail}{when}"


def account_fields(facts: AccountView, published: datetime) -> dict[str, Any]:
    """Return the score's fields for the CRM account."""
    trend = None if facts.drop is None else -facts.drop
    return {
        "score": facts.score,
        "tier": facts.tier or str(facts.get("state") or "").replace("_", " "),
        "band": facts.get("band"),
        "trend": trend,
        "p_churn_90": facts.number("p90"),
        "p_churn_180": facts.number("p180"),
        "p_churn_decision": facts.number("p_decision"),
        "primary_reason": facts.primary_reason,
        "why": facts.get("why"),
        "coverage": facts.number("coverage"),
        "as_of": facts.as_of.isoformat(),
        "scored_at": published.isoformat(),
        "model_id": facts.get("model_id"),
        "mode": facts.get("mode"),
    }
