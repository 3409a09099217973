"""A ledger in a file, filled with scores that can be checked by eye."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine, RowMapping

from customer_health.company import CompanyConfig
from customer_health.ledger import decisions, scores
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import admin
from customer_health.playbooks.playbook_run import PlaybookRun, run_playbooks


def new_ledger(folder: Path) -> Engine:
    """Return an empty ledger in a file of `folder`."""
    return open_ledger(f"sqlite:///{folder}/ledger.db")


def day(number: int) -> date:
    """Return the n-th day of the story; day 1 is 1 November 2026."""
    return date(2026, 10, 31) + timedelta(days=number)


def morning(number: int) -> datetime:
    """Return five o'clock (UTC) of the n-th day, when the playbooks run."""
    return datetime.combine(day(number), time(5), UTC)


def tier_of(score: float) -> str:
    """Return the four-tier name of a shown score."""
    for floor, name in ((70, "Healthy"), (50, "Attention"), (30, "At Risk")):
        if score >= floor:
            return name
    return "Critical"


def band_of(score: float) -> str:
    """Return the red, yellow or green band of a shown score."""
    return "Red" if score <= 40 else "Yellow" if score <= 70 else "Green"


def score_row(account: str, score: float, **fields: Any) -> dict[str, Any]:
    """Return one complete row for `publish`; keyword arguments override or add columns."""
    return {
        "account_id": account,
        "score": float(score),
        "score_shown": round(score),
        "tier": tier_of(score),
        "band": band_of(score),
        "p90": round(0.4 * (100 - score) / 100, 4),
        "p180": round(0.7 * (100 - score) / 100, 4),
        "expected_loss": round((100 - score) * 1_000.0, 2),
        "coverage": 0.92,
        "why": "Usage down 30%; sponsor left.",
        "reasons": [
            {
                "code": "usage_decline",
                "concept": "usage",
                "signal": "usage_delta_28d",
                "value": -0.3,
                "points": -14.0,
                "phrase": "Usage down 30% in 28 days",
            },
            {
                "code": "sponsor_left",
                "concept": "relationship",
                "signal": "sponsor_change_6m",
                "value": 1.0,
                "points": -11.0,
                "phrase": "Champion left within 6 months",
            },
        ],
        "mode": "model",
        "model_id": "m-1",
        "state": "scored",
        "name": account.title(),
        "segment": "enterprise",
        "plan": "pro",
        "arr": 240_000.0,
        "currency": "USD",
        "seats": 100.0,
        "renewal_date": date(2027, 6, 1),
        "days_to_renewal": 200.0,
        "tenure_days": 700.0,
        "notice_given": False,
        "owner_email": "dana@example.com",
        "manager_email": "lee@example.com",
        "timezone": "UTC",
        "usage_delta_28d": -0.3,
    } | fields


def publish(
    engine: Engine, number: int, rows: Mapping[str, float | Mapping[str, Any]], **fields: Any
) -> None:
    """Publish the scores of day `number`: account -> score, or account -> columns of its row."""
    table = [
        score_row(account, **{"score": 50, **fields, **dict(given)})
        if isinstance(given, Mapping)
        else score_row(account, given, **fields)
        for account, given in rows.items()
    ]
    frame = pd.DataFrame(table) if table else pd.DataFrame(columns=list(score_row("x", 1)))
    scores.publish(engine, frame, day(number), published_at=morning(number))


def run(engine: Engine, number: int, config: CompanyConfig | None = None, **arguments: Any) -> PlaybookRun:
    """Run the playbooks for day `number` on its morning."""
    given = {"as_of": day(number), "now": morning(number)} | arguments
    return run_playbooks(engine, config or CompanyConfig(), **given)


def promised(engine: Engine, verb: str, **fields: Any) -> list[RowMapping]:
    """Return the outbox rows of one verb whose columns equal `fields`, by account, day and step."""
    rows = [row for row in admin.find(engine) if row["verb"] == verb]
    chosen = [row for row in rows if all(row[name] == value for name, value in fields.items())]
    return sorted(chosen, key=lambda row: (row["account_id"], row["as_of"], row["playbook"], row["step"]))


def alerts(engine: Engine, kind: str = "alert") -> list[str]:
    """Return the accounts of single alerts, or of the portfolio's messages of one kind."""
    return [row["account_id"] for row in promised(engine, "notify") if row["payload"]["kind"] == kind]


def outcome(engine: Engine, number: int, account: str, playbook: str) -> tuple[str, str]:
    """Return what was decided about an account by a playbook on day `number`, and why."""
    for row in decisions.of(engine, day(number), account):
        if row["playbook"] == playbook:
            return row["outcome"], row["reason"]
    return "", ""
