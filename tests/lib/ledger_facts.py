"""A small ledger to look at: six accounts, nine weeks, one effect of each kind of ending."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine, insert, update

from customer_health.effects.effect import Effect, effect_key
from customer_health.ledger import people_graphs, scores
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.schema import decisions
from customer_health.ledger.schema import outbox as outbox_table
from tests.lib.headlines import headlines

TODAY = date(2026, 11, 20)
EVIL = "<script>alert('x')</script>"
TIERS = (
    (0, "Critical", "Red"),
    (30, "At Risk", "Red"),
    (50, "Attention", "Yellow"),
    (70, "Healthy", "Green"),
)
ACCOUNTS = {
    "acme": ("Acme GmbH", 240_000.0, [74, 71, 66, 61, 52, 44, 38, 27, 22]),
    "bolt": ("Bolt & Söhne", 61_500.0, [55, 54, 51, 49, 47, 48, 46, 45, 44]),
    "calm": ("Calm Inc", 18_000.0, [80, 81, 83, 82, 84, 85, 86, 85, 88]),
    "duna": ("Duna", 1_250_000.0, [66, 64, 65, 63, 62, 60, 59, 58, 58]),
    "evil": (EVIL, 5_000.0, [33, 32, 30, 29, 28, 27, 26, 25, 25]),
    "a/b c": ("Slash & Space", None, [91, 92, 92, 93, 92, 94, 95, 95, 95]),
}

AUDIT = {
    "as_of": TODAY.isoformat(),
    "seats": 100.0,
    "active": {"30": 41, "60": 47, "90": None},
    "utilisation": 0.41,
    "change": -0.3,
    "weeks": [[(TODAY - timedelta(weeks=13 - week)).isoformat(), 60 - 2 * week] for week in range(13)],
    "teams": [],
    "team_known": None,
    "dropped": [{"feature": EVIL, "last_used": "2026-09-03", "users": 12}],
    "data_through": TODAY.isoformat(),
    "unknown": "",
    "measures": [],
}


def _person(contact: str, state: str, **known: object) -> dict[str, object]:
    return {
        "contact_id": contact,
        "title": EVIL,
        "team": "Operations",
        "role": "sponsor",
        "executive": True,
        "state": state,
        "left": "2026-09-01" if state == "left" else None,
        "last_two_way": None,
        "last_kind": None,
        "days_since": None,
        "recent": 0,
        "active_days": None,
        "known_by": [],
        **known,
    }


_HEIR = _person(
    "c1",
    "in touch",
    title="Director Finance",
    role="user",
    last_two_way="2026-11-10",
    last_kind="call",
    days_since=12,
    known_by=[{"email": "dana@example.com", "last": "2026-11-10", "times": 2}],
)
GRAPH = {
    "as_of": TODAY.isoformat(),
    "people": [_HEIR, _person("c0", "left")],
    "ours": [{"email": "dana@example.com", "last": "2026-11-10", "next": None}],
    "successors": [_HEIR],
}


def fill(home: Path) -> Engine:
    """Write the ledger of `home` as the pipeline would."""
    engine = open_ledger(f"sqlite:///{home}/ledger.db")
    for week in range(9):
        day = TODAY - timedelta(weeks=8 - week)
        frame = pd.DataFrame([_score(account, week, day) for account in ACCOUNTS])
        scores.publish(engine, frame, day, published_at=datetime.combine(day, datetime.min.time(), UTC))
    people_graphs.publish(engine, {"acme": GRAPH}, TODAY)
    _promise(engine)
    return engine


def _score(account: str, week: int, day: date) -> dict[str, object]:
    name, arr, history = ACCOUNTS[account]
    score = history[week]
    tier, band = next((tier, band) for low, tier, band in reversed(TIERS) if score >= low)
    risk = (100 - score) / 150
    return {
        "account_id": account,
        "score": float(score),
        "score_shown": score,
        "tier": tier,
        "band": band,
        "p90": risk / 2,
        "p180": risk,
        "expected_loss": None if arr is None else arr * risk,
        "coverage": 0.92,
        "why": "Core usage down 30 %; sponsor left" if score < 50 else "Steady use; renewal far away",
        "reasons": [
            {
                "code": "usage_decline",
                "concept": "usage",
                "signal": "usage_delta_28d",
                "value": -0.3,
                "points": -14.2,
                "phrase": f"Usage fell by 30 % in {name}",
            },
            {
                "code": "low_nps",
                "concept": "sentiment",
                "signal": "recent_nps",
                "value": None,
                "points": 3.0,
                "phrase": "No recent survey",
            },
            {
                "code": "renewal_near",
                "concept": "calendar",
                "signal": "days_to_renewal",
                "value": 54.0,
                "points": 0.0,
                "context": True,
                "phrase": "Renewal in 54 days",
            },
        ],
        "facts": headlines("overdue_invoices", as_of=day) if account == "acme" else [],
        "waterfall": {"start": 61.0, "usage": score - 65.0, "calendar": 4.0},
        "lever": {
            "target": "Green",
            "score": 71,
            "concepts": ["usage"],
            "changes": [
                {"signal": "active_users_28d", "concept": "usage", "phrase": "40 instead of 20 users"}
            ],
            "text": "The score would be 71 with 40 active users instead of 20",
        }
        if account == "acme"
        else None,
        "mode": "model",
        "model_id": "lightgbm-2026-11-01",
        "state": "notice_given" if account == "evil" else "scored",
        "name": name,
        "segment": "mid-market",
        "plan": "pro",
        "arr": arr,
        "renewal_date": day + timedelta(days=54),
        "owner_email": "dana@example.com" if account != "duna" else None,
    }


def _promise(engine: Engine) -> None:
    now = datetime.combine(TODAY, datetime.min.time(), UTC)
    states = {
        "acme": "delivered",
        "bolt": "rejected",
        "calm": "awaiting_approval",
        "duna": "pending",
        "evil": "unknown",
    }
    effects = [
        Effect(
            key=effect_key(account, "critical_save", "ep-1", "1", "crm"),
            destination="crm",
            verb="create_task",
            account_id=account,
            as_of=TODAY,
            playbook="critical_save",
            step="1",
            episode_id="ep-1",
            payload={"subject": "Call them", "usage_audit": AUDIT} if account == "acme" else {"subject": "X"},
        )
        for account in states
    ]
    with writing(engine) as connection:
        outbox.add(connection, effects, now=now)
        for effect in effects:
            state = states[effect.account_id]
            said = {"error": f"Owner not found {EVIL}", "fix": "Give the account an owner."}
            connection.execute(
                update(outbox_table)
                .where(outbox_table.c.key == effect.key)
                .values(
                    state=state,
                    delivered_at=now if state == "delivered" else None,
                    **(said if state == "rejected" else {}),
                )
            )
        connection.execute(
            insert(decisions),
            [
                {
                    "as_of": TODAY,
                    "account_id": "acme",
                    "playbook": "critical_save",
                    "outcome": "acted",
                    "reason": "Critical and above the floor",
                    "cycle_id": "ep-1",
                    "at": now,
                }
            ],
        )
