"""The page Renewals: what a VP reads, what a CSM and a lead write, and what nobody can slip in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import report_numbers, scores
from customer_health_airflow.ui import remembered_forecast
from customer_health_airflow.ui.told_once import COOKIE
from tests.lib import airflow_env, ledger_facts
from tests.lib.ledger import score_row
from tests.lib.ledger_facts import EVIL, TODAY

RENEWALS = "/customer-health/renewals"
OURS = {"Origin": "http://testserver"}
GRADED = {
    "currency": "USD",
    "quarters": [
        {"quarter": "2026-Q3", "ends": "2026-10-01", "opened": "2026-07-01", "renewals": 12, "arr": 1e6,
         "expected": 9e5, "low": 8e5, "high": 9.6e5, "unpredicted": 0, "with_calls": 9.1e5, "final": 8.8e5,
         "final_by": "lee", "retained": 8.7e5, "left": 2, "inside": True}
    ],
    "accuracy": [
        {"group": "all", "caller": "model", "renewals": 12, "arr": 1e6, "error": 0.071, "bias": 0.03,
         "brier": 0.08, "model_error": 0.071},
    ],
}  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    engine = ledger_facts.fill(tmp_path)
    rows = [
        score_row("acme", 22, name="Acme GmbH", arr=200_000.0, p_decision=0.5, renewal_date=date(2027, 2, 1)),
        score_row("evil", 80, name=EVIL, why=EVIL, arr=None, p_decision=0.1, renewal_date=date(2027, 3, 1)),
        score_row("calm", 88, arr=50_000.0, p_decision=0.0, renewal_date=date(2026, 12, 1)),
    ]

    scores.publish(engine, pd.DataFrame(rows), TODAY, published_at=datetime.combine(TODAY, time(5), UTC))
    report_numbers.keep(engine, report_numbers.RENEWALS, TODAY, GRADED)
    return engine


@pytest.fixture
def browser(api_server: TestClient, ledger: Engine) -> Iterator[TestClient]:
    api_server.cookies.set("_token", airflow_env.token_of(api_server, "admin"))
    yield api_server
    api_server.cookies.clear()


def call(browser: TestClient, **fields: Any) -> Any:
    form = {"account_id": "acme", "verdict": "renews", "note": "signed by phone"} | fields
    return browser.post(f"{RENEWALS}/call", data=form, headers=OURS, follow_redirects=False)


def test_a_vp_reads_what_next_quarter_will_bring(browser: TestClient) -> None:
    text = browser.get(RENEWALS).text
    assert "Next quarter, 2027-Q1: 2 renewals with at least $200K" in text
    assert "<strong>$100K is expected to stay</strong>" in text
    assert "It leaves out what hits many customers at once" in text
    assert "7.1%" in text
    assert EVIL not in text


def test_a_call_and_a_final_call_are_signed_and_shown_once_told(browser: TestClient) -> None:
    answer = call(browser, verdict="amount", amount="150,000")
    assert answer.headers["location"] == f"{RENEWALS}?quarter=2027-Q1"
    first = browser.get(answer.headers["location"]).text
    assert "The call is in the forecast." in first
    assert "CSM: shrinks, $150K" in first
    assert "signed by phone" in first
    assert "The call is in the forecast." not in browser.get(answer.headers["location"]).text

    assert call(browser, verdict="leaves", final="1").status_code == 303
    assert "Final: leaves, $0" in browser.get(f"{RENEWALS}?quarter=2027-Q1").text


def test_the_lead_makes_the_number_of_the_quarter(browser: TestClient) -> None:
    form = {"quarter": "2027-Q1", "amount": "120000", "note": "two are shaky"}
    browser.post(f"{RENEWALS}/final", data=form, headers=OURS, follow_redirects=False)
    assert "Final call: <strong>$120K</strong>, admin" in browser.get(RENEWALS).text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"verdict": "amount", "amount": "much"}, "is not an amount"),
        ({"verdict": "amount", "amount": "-5"}, "is not an amount"),
        ({"verdict": "amount", "amount": "1e999"}, "is not an amount"),
        ({"note": ""}, "who and why"),
        ({"account_id": "nobody"}, "There is no account"),
        ({"account_id": "evil"}, "is unknown"),
    ],
)
def test_a_call_that_cannot_be_is_refused_with_a_sentence(browser: TestClient, wrong: Any, said: str) -> None:
    answer = call(browser, **wrong)
    assert answer.status_code == 409
    assert said in answer.text
    assert EVIL not in answer.text


def test_a_link_cannot_make_the_page_say_that_something_was_done(browser: TestClient) -> None:
    assert "in the forecast." not in browser.get(f"{RENEWALS}?done=called").text
    browser.cookies.set(COOKIE, "<b>nonsense</b>", path="/customer-health")
    assert "nonsense" not in browser.get(RENEWALS).text


def test_calls_are_refused_from_another_site_and_from_a_viewer(browser: TestClient) -> None:
    form = {"account_id": "acme", "verdict": "leaves", "note": "an evil form"}
    elsewhere = browser.post(f"{RENEWALS}/call", data=form, headers={"Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    browser.cookies.set("_token", airflow_env.token_of(browser, "viewer"))
    assert call(browser).status_code == 403
    assert "Make a call" not in browser.get(RENEWALS).text


def test_an_earlier_day_knows_nothing_of_todays_calls(browser: TestClient) -> None:
    assert call(browser, verdict="leaves").status_code == 303
    before = browser.get(f"{RENEWALS}?as_of={TODAY - timedelta(weeks=1)}").text
    assert "leaves, $0" not in before
    assert "Make a call" not in before


@pytest.mark.parametrize("query", ["quarter=2031-Q1", "as_of=2020-01-01", "quarter=%3Cscript%3E"])
def test_what_there_is_not_is_not_found(browser: TestClient, query: str) -> None:
    assert browser.get(f"{RENEWALS}?{query}").status_code == 404


def test_a_forecast_is_kept_until_scores_or_calls_change(
    browser: TestClient, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50,000 customers take seconds to sum up: once a night, not once a reader."""
    made = []
    whole = remembered_forecast.forecast

    def counted(*args: Any, **how: Any) -> Any:
        made.append(how)
        return whole(*args, **how)

    monkeypatch.setattr(remembered_forecast, "forecast", counted)
    remembered_forecast._KEPT.clear()
    for _ in range(3):
        assert browser.get(f"{RENEWALS}?quarter=2027-Q1").status_code == 200
    assert len(made) == 1
    assert call(browser, account_id="acme", verdict="leaves", note="they said so").status_code == 303
    assert "they said so" in browser.get(f"{RENEWALS}?quarter=2027-Q1").text
    assert len(made) == 2
    row = score_row("acme", 22, name="Acme, renamed", arr=1_000.0, renewal_date=date(2027, 2, 1))
    scores.publish(ledger, pd.DataFrame([row]), TODAY, published_at=datetime.combine(TODAY, time(7), UTC))
    assert "Acme, renamed" in browser.get(f"{RENEWALS}?quarter=2027-Q1").text
    assert len(made) == 3
    assert browser.get(f"{RENEWALS}?segment=smb").status_code == 200
    assert len(made) == 4
