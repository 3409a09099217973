"""A company to look at: weeks of scores, real playbooks, actions in every state; and one of hostile names."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine, update

from customer_health.company import CompanyConfig
from customer_health.delivery.dispatch import deliver
from customer_health.destinations.preview import PreviewDestination
from customer_health.ledger import (
    crm_tasks,
    cursors,
    episode_events,
    episodes,
    pulses,
    report_numbers,
    scores,
    source_reports,
    text_answers,
)
from customer_health.ledger.crm_tasks import TaskSeen
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.schema import OUTBOX_STATES, outbox
from tests.lib.headlines import headlines
from tests.lib.ledger import band_of, day, morning, new_ledger, promised, run, score_row, tier_of

WEEKS = 14
LAST = 1 + 7 * (WEEKS - 1)
TODAY = day(LAST)
SEGMENTS = ("enterprise", "mid-market", "smb")
OWNERS = ("dana@example.com", "kofi@example.com", "mei@example.com", None)

# What somebody could type into a CRM: each is a kind of attack or of accident on a page.
ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)' x='",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "${7*7}<%= 7*7 %>#{7*7}",
    "Robert'); DROP TABLE scores;--",
    "\u202egnirts desrever\u202c \u2066inner\u2069",
    "\u0000nul\u0007bell",
    '=HYPERLINK("http://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "</title></style></textarea></script><script>alert(1)</script>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<form action=//evil.example><button>Pay</button>",
    "a\nb\r\nSet-Cookie: x=1",
    "\ud83d\udc69\u200d\ud83d\udcbb".encode("utf-16", "surrogatepass").decode("utf-16"),
    "Z\u0351\u0301\u0302\u0303\u0304\u0305\u0306" * 12,
    "%3Cscript%3Ealert(1)%3C/script%3E",
)


# Control characters stay in names and leave ids: the part of an address that frameworks route on has none.
CONTROLS = dict.fromkeys(range(32))


def hostile_names(count: int = 200) -> list[str]:
    """Return that many different names; every tenth is 10,000 characters long."""
    found = []
    for number in range(count):
        attack = ATTACKS[number % len(ATTACKS)]
        name = f"{attack} {number}"
        if number % 10 == 0:
            name += "W" * (10_000 - len(name))
        found.append(name)
    return found


def fill(home: Path) -> Engine:
    """Write the ledger of `home`: 40 accounts over 14 weeks, decided by the shipped playbooks each week."""
    engine, config = new_ledger(home), CompanyConfig()
    for week in range(WEEKS):
        number = 1 + 7 * week
        _publish(engine, number, {f"acc-{n:02}": _row(n, week, number) for n in range(40)})
        run(engine, number, config)
        if week == WEEKS - 3:
            _worked(engine, number)
    previews = {row["destination"] for row in admin.find(engine)}
    for name in sorted(previews):
        deliver(engine, PreviewDestination(name, home / "preview"), now=lambda: morning(LAST), limit=60)
    _every_state(engine)
    _reports(engine)
    return engine


def fill_hostile(home: Path) -> Engine:
    """Write a ledger of two weeks in which every account has a hostile name, reason, owner and plan."""
    engine = new_ledger(home)
    names = hostile_names()
    for number in (1, 8):
        rows = {}
        for index, name in enumerate(names):
            score = (12 + 7 * index) % 100 if number == 8 else 75
            row = {"score": score, "score_shown": score} | _tiers(score)
            row |= {"name": name, "why": name[:900], "plan": name[:900], "owner_email": name[:300]}
            row |= {"segment": name[:60], "currency": "<b>", "explanation": name}
            row |= {"reasons": [_reason(name[:1000])], "topics": [_said(name)]}
            rows[f"{index}/{name[:120]}".translate(CONTROLS)] = row
        _publish(engine, number, rows)
        run(engine, number)
    return engine


def _said(name: str) -> dict[str, Any]:
    place = {"table": name[:40], "id": name[:400], "on": TODAY.isoformat(), "confidence": 0.8}
    return {"topic": name[:400], "kind": "reason", "texts": 1, "confidence": 0.8, "last": TODAY.isoformat(),
            "said_in": [place]}  # fmt: skip


def _publish(engine: Engine, number: int, rows: dict[str, dict[str, Any]]) -> None:
    table = [score_row(account, 50) | row for account, row in rows.items()]
    scores.publish(engine, pd.DataFrame(table), day(number), published_at=morning(number))


def _tiers(score: int) -> dict[str, str]:
    return {"tier": tier_of(score), "band": band_of(score)}


def _reason(phrase: str, points: float = -14.0) -> dict[str, Any]:
    return {
        "code": "usage_decline",
        "concept": "usage",
        "signal": "usage_delta_28d",
        "value": -0.3,
        "points": points,
        "phrase": phrase,
    }


def _score(account: int, week: int) -> int:
    """Six stories: falling, saved, steady, rising, always Red, swinging."""
    start = 55 + (account * 7) % 40
    move = (-5 * week, -9 * (week % 10), 0, 2 * week, -40, 8 * ((week % 4) - 2))[account % 6]
    return max(3, min(98, start + move))


def _row(account: int, week: int, number: int) -> dict[str, Any]:
    score = _score(account, week)
    row: dict[str, Any] = {
        "score": float(score),
        "score_shown": score,
        **_tiers(score),
        "name": f"{('Acme', 'Bolt & Söhne', 'Calm', 'Duna', 'Einar', 'Frost')[account % 6]} {account:02}",
        "segment": SEGMENTS[account % 3],
        "owner_email": OWNERS[account % 4],
        "manager_email": ("lee@example.com", "sam@example.com")[account % 2],
        "arr": None if account == 11 else 18_000.0 * (1 + account % 9),
        "expected_loss": None if account == 11 else (100 - score) * 150.0 * (1 + account % 9),
        "renewal_date": day(number) + timedelta(days=20 + 11 * account),
        "days_to_renewal": 20.0 + 11 * account,
        "p_decision": round((100 - score) / 180, 3),
        "meaning": "health_119d",
        "explanation": "Usage has fallen for four weeks and the champion is gone." if score < 50 else None,
        "waterfall": {"start": 72.0, "usage": score - 75.0, "support": 3.0},
        "facts": headlines("sponsor_left", "overdue_invoices", as_of=day(number)) if score <= 40 else [],
        "lever": _lever() if score < 50 else None,
        "topics": TOPICS if account % 6 == 0 else None,
    }
    if account in (12, 13):
        row |= {"state": "notice_given", "notice_given": True}
    if account in (14, 15):
        row |= {"state": "too_little_known", "score": None, "score_shown": None, "tier": None, "band": None}
    if account == 16:
        row |= {"state": "onboarding", "score": None, "score_shown": None, "tier": None, "band": None}
        row |= {"lifecycle_score": 12, "meaning": "lifecycle", "lifecycle": _lifecycle()}
    if account == 5:
        happened = headlines("sponsor_left", "overdue_invoices", as_of=day(number))
        row |= {"review": True, "attention": False, "facts": happened}
    return row


def _lifecycle() -> dict[str, Any]:
    part = {"signal": "active_days_28d", "words": "active days", "value": 3.0, "typical": 14.0, "share": 0.12}
    return {"age": 34, "references": 41, "at_risk": True, "parts": [part]}


GATE: dict[str, Any] = {
    "counts": {
        "new_rows": 12_400,
        "quarantined": 3,
        "expectations": 92,
        "failed": 1,
        "critical": 0,
        "unmatched_ids": 2,
    },
    "day": TODAY.isoformat(),
    "tables": [
        {"table": "contracts", "newest": "2026-11-29T08:00:00", "days_old": 1.0, "rows": 80.0, "new_rows": 4},
        {"table": "usage", "newest": "2026-11-02T23:30:00", "days_old": 28.0, "rows": 9e6, "new_rows": 0.0},
    ],
    "failed": [
        {
            "table": "contracts",
            "column": "arr",
            "severity": "warning",
            "expected": "at most 1 % unknown",
            "found": "4 %",
            "remedy": "See quarantine.rows: it names file, row, column and value.",
        }
    ],
    "quarantine": [{"table": "contracts", "rows": 3, "causes": [
        {"source": "hubspot", "file": "hubspot/deals/part-000001-with-a-name-that-is-rather-long.json.gz",
         "column": "term_end", "reason": "is not a date", "remedy": "Write it as 2026-12-31.", "rows": 3,
         "samples": [{"row": 7, "cell": "31.13.2026"}, {"row": 9, "cell": "aaaa aaaa"}]}]}],
}  # fmt: skip
FINDINGS = {
    "findings": [
        {"check": "stale", "subject": "usage", "sentence": "Nothing came for 28 days; longest pause: 3."},
        {
            "check": "null_share",
            "subject": "nps_last",
            "sentence": "Known for 40 % of accounts, not 61 %.",
        },
    ]
}
TOPICS = [
    {"topic": "asks_to_cancel", "kind": "intent", "texts": 2, "confidence": 0.9, "last": "2026-11-20",
     "said_in": [{"table": "ticket_messages", "id": "msg-00000000000000000000000000412", "on": "2026-11-20",
                  "confidence": 0.9}]},
    {"topic": "price", "kind": "reason", "texts": 1, "confidence": 0.7, "last": "2026-11-12",
     "said_in": [{"table": "surveys", "id": "s-12", "on": "2026-11-12", "confidence": 0.7}]},
]  # fmt: skip


def _lever() -> dict[str, Any]:
    return {
        "target": "Green",
        "score": 71,
        "concepts": ["usage"],
        "changes": [{"signal": "active_users_28d", "concept": "usage", "phrase": "40 instead of 20 users"}],
        "text": "The score would be 71 with 40 active users instead of 20",
    }


def _worked(engine: Engine, number: int) -> None:
    """Let people do something: acknowledge, begin a task, decline, approve."""
    now = morning(number)
    for index, episode in enumerate(episodes.all_of(engine)):
        if index % 2 == 0:
            episode_events.acknowledge(engine, episode.episode_id, by="dana@example.com", now=now)
    tasks = [
        TaskSeen(row["key"], f"T-{n}", ("open", "in_progress", "completed")[n % 3], "kofi@example.com", None,
                 now if n % 3 else None, now if n % 3 == 2 else None, now)
        for n, row in enumerate(promised(engine, "create_task"))
    ]  # fmt: skip
    crm_tasks.take_in(engine, tasks)
    waiting = admin.awaiting(engine)
    for act, rows in ((admin.decline, waiting[:1]), (admin.approve, waiting[1:2])):
        for row in rows:
            act(engine, row["key"], by="lee", reason="agreed by phone", now=now)


def _every_state(engine: Engine) -> None:
    """Put one action into each state that the story did not reach."""
    have = {row["state"] for row in admin.find(engine)}
    with writing(engine) as connection:
        free = [
            row for row in admin.find(engine) if row["state"] == "pending" and row["verb"] == "create_task"
        ]
        for state, row in zip(sorted(set(OUTBOX_STATES) - have), free, strict=False):
            values = {"state": state, "error": "The owner is not known there.", "fix": "Give it an owner."}
            connection.execute(update(outbox).where(outbox.c.key == row["key"]).values(values))


def _reports(engine: Engine) -> None:
    report_numbers.keep(engine, report_numbers.SCOREBOARD, TODAY, {"alarms": [], "summary": {}, "drift": []})
    report_numbers.keep(engine, report_numbers.GATE, TODAY, GATE)
    report_numbers.keep(engine, report_numbers.SIGNALS, TODAY, FINDINGS)
    counts = {"read": 41, "new": 4, "changed": 2, "lag_hours": 3.0, "calls": 17, "calls_left": 983}
    cursors.save_reading(engine, "hubspot", "deals", TODAY, counts)
    cursors.save_reading(engine, "zendesk", "tickets", TODAY, {"failed": "refused (401)", "calls": 1})
    source_reports.save_load(engine, "hubspot", "contracts", TODAY, {"new": 4, "quarantined": 3})
    text_answers.reserve(
        engine, provider="claude", model="reader-1", purpose="read", most=0.4, budget=5.0, now=morning(LAST)
    )
    pulses.record(engine, "acc-00", 2, by="dana", note="They stopped answering.", now=morning(LAST))


def age(weeks: int) -> date:
    """Return the published day that many weeks before the newest."""
    return TODAY - timedelta(weeks=weeks)
