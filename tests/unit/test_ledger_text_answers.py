"""Answers are kept for good, and the budget holds for runs at the same time, on SQLite and Postgres."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from tests.lib.ledgers import ledger_url  # noqa: F401

from customer_health.ledger import text_answers
from customer_health.ledger.engine import open_ledger

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)


@pytest.fixture
def engine(ledger_url: str) -> Engine:  # noqa: F811
    return open_ledger(ledger_url)


def reserve(engine: Engine, most: float, budget: float = 1.0, now: datetime = NOW) -> int | None:
    return text_answers.reserve(
        engine, provider="claude", model="m", purpose="read", most=most, budget=budget, now=now
    )


def test_a_reservation_counts_until_it_is_settled_and_then_what_it_cost(engine: Engine) -> None:
    first = reserve(engine, 0.6)
    assert first is not None
    assert reserve(engine, 0.6) is None
    text_answers.settle(engine, first, 0.1)
    assert text_answers.spent_in_week(engine, NOW) == pytest.approx(0.1)
    assert reserve(engine, 0.6) is not None


def test_a_new_week_has_a_budget_of_its_own(engine: Engine) -> None:
    reserve(engine, 1.0)
    monday = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)
    assert reserve(engine, 0.5, now=monday - timedelta(seconds=1)) is None
    assert reserve(engine, 0.5, now=monday) is not None


def test_runs_that_ask_at_once_cannot_exceed_the_budget(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: reserve(engine, 0.3), range(24)))
    assert sum(one is not None for one in found) == 3


def test_an_answer_belongs_to_its_text_model_and_version(engine: Engine) -> None:
    question = {
        "purpose": "read",
        "provider": "claude",
        "model": "m",
        "prompt": "read-1",
        "content_hash": "h",
    }
    text_answers.keep_answer(engine, **question, answer={"sentiment": 0.2}, now=NOW)
    text_answers.keep_answer(engine, **question, answer={"sentiment": 0.3}, now=NOW)
    key = text_answers.answer_key(**question)
    other = text_answers.answer_key(**{**question, "prompt": "read-2"})
    assert text_answers.known_answers(engine, [key, other]) == {key: {"sentiment": 0.3}}
    assert text_answers.answers_of(engine, "read", "claude", "m", "read-1") == {"h": {"sentiment": 0.3}}
    assert text_answers.answers_of(engine, "read", "claude", "m", "read-2") == {}
