"""Graduation on a simulated company: published days are counted out again, pair by pair; it is reached.

The riskiest accounts by the simulator's own probabilities get the attention. No model can beat that: a gate
that not even they passed could never be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from sqlalchemy import Engine, insert
from tests.lib.ledger import new_ledger, promised, score_row
from tests.lib.oracle import true_probability
from tests.lib.world import create_raw_tables

from customer_health.company import CompanyConfig
from customer_health.kpis.graduation_readings import keep_readings
from customer_health.ledger import scores
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import episodes
from customer_health.playbooks.graduation import Gate, gate
from customer_health.playbooks.playbook_run import run_playbooks
from customer_health.simulator.behaviour import LOGO
from customer_health.simulator.world import World, simulate

START = date(2024, 1, 1)
WEEKS, READINGS = 80, (44, 48, 52, 56, 60)
AS_OF = START + timedelta(weeks=WEEKS)
HORIZON = timedelta(days=90)
Risk = Mapping[date, "pd.Series[float]"]


@dataclass(frozen=True)
class Company:
    """What the simulator knows: who left when, and by day who is how likely to leave within 90 days."""

    left: Mapping[str, date]
    risk: Risk


@pytest.fixture(scope="module")
def company() -> Company:
    world: World = simulate(21, 1_800, WEEKS, start=START)
    left = {
        world.account_ids[account]: world.day(week) + timedelta(days=int(world.accounts.weekday[account]))
        for week, account in world.happened(LOGO)
    }
    days = [world.day(week) for week in READINGS]
    return Company(left, {day: true_probability(world, day, 90, given_notice=False, paths=8) for day in days})


def riskiest(risk: pd.Series, share: float) -> set[str]:
    return set(risk.sort_values(ascending=False).index[: round(share * len(risk))])


def counted(company: Company, share: float, days: int) -> tuple[float, float, float, int]:
    """Recall, precision, share and losses from their definition, over pairs of account and published day."""
    pairs = lost = flagged = both = 0
    who: set[str] = set()
    for day, risk in list(company.risk.items())[:days]:
        chosen = riskiest(risk, share)
        for account in risk.index:
            leaves = day < company.left.get(account, date.max) <= day + HORIZON
            pairs, lost, flagged = pairs + 1, lost + leaves, flagged + (account in chosen)
            both += leaves and account in chosen
            who |= {account} if leaves else set()
    return both / lost, both / flagged, flagged / pairs, len(who)


def graded(company: Company, folder: Path, *, share: float, days: int = 5, saved: int = 20) -> Engine:
    """Publish days with attention at the riskiest, tell what happened, and grade; 40 episodes beside."""
    ledger, con = new_ledger(folder), duckdb.connect()
    create_raw_tables(con)
    for account, day in company.left.items():
        con.execute(
            "INSERT INTO raw.outcomes (outcome_id, account_id, kind, occurred_at, known_at) "
            "VALUES ($id, $id, 'logo_churn', $day, $day)",
            {"id": account, "day": day},
        )
    stayed: list[str] = []
    for day, risk in list(company.risk.items())[:days]:
        chosen = riskiest(risk, share)
        rows = [score_row(account, 45 if account in chosen else 85, attention=account in chosen)
                for account in risk.index]  # fmt: skip
        scores.publish(ledger, pd.DataFrame(rows), day, published_at=datetime.combine(day, time(5), UTC))
        stayed = [account for account in risk.index if account not in company.left]
    opened = next(iter(company.risk))
    back = [opened + timedelta(days=20)] * saved + [None] * (40 - saved)
    with writing(ledger) as connection:
        for account, day in zip(stayed, back, strict=False):
            connection.execute(
                insert(episodes).values(
                    episode_id=f"ep-{account}", account_id=account, opened_as_of=opened, red_since=opened,
                    opened_at=datetime.combine(opened, time(5), UTC), opened_score=30, lowest_score=30,
                    inherited=False, recovered_as_of=day, closed_as_of=day,
                    outcome="recovered" if day else None,
                )
            )  # fmt: skip
    keep_readings(con, ledger, CompanyConfig(), as_of=AS_OF)
    return ledger


def of(ledger: Engine) -> Gate:
    with ledger.connect() as connection:
        return gate(connection, CompanyConfig(), AS_OF)


@pytest.mark.parametrize(
    ("share", "days", "saved", "lacks"),
    [
        (0.25, 5, 20, ""),
        (0.02, 5, 20, "recall"),
        (0.25, 1, 20, "losses"),
        (1.00, 5, 20, "lift"),  # who calls everybody finds every loss
        (0.25, 5, 12, "saves"),  # 30 % of 40, and more is needed
    ],
)
def test_it_is_reached_where_each_part_is_proven_and_never_otherwise(
    company: Company, tmp_path: Path, share: float, days: int, saved: int, lacks: str
) -> None:
    ledger = graded(company, tmp_path, share=share, days=days, saved=saved)
    found, (recall, precision, of_all, losses) = of(ledger), counted(company, share, days)
    one = next(reading for reading in found.readings if reading["name"] == "attention needed")
    assert (one["recall"], one["precision"], one["share"]) == pytest.approx((recall, precision, of_all))
    assert (one["losses"], one["lift"]) == (losses, pytest.approx(recall / of_all))
    missing = {
        "recall": recall < 0.80,
        "losses": losses < 30,
        "lift": recall / of_all < 2,
        "saves": saved / 40 <= 0.30,
    }
    assert [name for name, lacking in missing.items() if lacking] == ([lacks] if lacks else [])
    assert found.passed is not bool(lacks)


def test_every_reading_stands_beside_the_one_that_decides(company: Company, tmp_path: Path) -> None:
    """A lead sees what Red, and Red and Yellow, would have found, at what they took."""
    readings = {one["name"]: one for one in of(graded(company, tmp_path, share=0.25)).readings}
    assert list(readings) == ["attention needed", "Red and Yellow", "Red"]
    assert readings["Red and Yellow"]["share"] == pytest.approx(readings["attention needed"]["share"])
    assert readings["Red"]["share"] == 0.0
    assert readings["Red"]["precision"] is None


@pytest.mark.parametrize(("share", "state"), [(0.25, "pending"), (0.02, "awaiting_approval")])
def test_the_lock_opens_with_it_and_a_flight_risk_gets_nothing_either_way(
    company: Company, tmp_path: Path, share: float, state: str
) -> None:
    ledger = graded(company, tmp_path, share=share)
    good = {"reasons": [], "days_to_renewal": 50.0}
    rows = [score_row("acme", 92, **good), score_row("risk", 92, **good | {"notice_given": True})]
    morning = datetime.combine(AS_OF, time(5), UTC)
    scores.publish(ledger, pd.DataFrame(rows), AS_OF, published_at=morning)
    run_playbooks(ledger, CompanyConfig(), as_of=AS_OF, now=morning)
    (row,) = promised(ledger, "create_opportunity")
    assert (row["account_id"], row["state"]) == ("acme", state)
