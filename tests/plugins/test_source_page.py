"""The page Sources: what is red and what to do, how fresh the data are, and no customer's cell."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import report_numbers, source_reports, text_answers
from customer_health.ledger.cursors import save_reading
from customer_health.settings import load_settings
from customer_health_airflow.ui.page_queries import now_for_pages
from tests.lib import airflow_env, ledger_facts
from tests.lib.ledger_facts import EVIL, TODAY

SOURCES = "/customer-health/sources"
GATE: dict[str, Any] = {
    "counts": {"new_rows": 1200, "quarantined": 3, "expectations": 90, "failed": 1, "critical": 1,
               "unmatched_ids": 2},
    "day": TODAY.isoformat(),
    "tables": [
        {"table": "tickets", "newest": "2026-11-19T18:00:00", "days_old": 0.0, "rows": 8.0, "new_rows": 2.0,
         "quarantined": 0.0},
        {"table": "usage", "newest": "2026-10-30T23:30:00", "days_old": 20.0, "rows": 10.0, "new_rows": 0.0,
         "quarantined": 3.0},
    ],
    "failed": [{"table": "contracts", "column": "arr", "severity": "critical", "expected": "at most 5%",
                "found": "31%", "remedy": "Map the right column."}],
    "quarantine": [
        {"table": "usage", "rows": 3, "causes": [
            {"source": "files", "file": EVIL, "column": "day", "reason": "not a date", "remedy": "Fix it.",
             "rows": 3, "samples": [{"row": 7, "cell": "99.aa.9999"}]}]},
    ],
}  # fmt: skip
FINDINGS = {"findings": [
    {"check": "stale", "subject": "usage", "sentence": "Nothing came for 20 days."},
    {"check": "null_share", "subject": "nps_last", "sentence": "Half as many accounts know it."},
]}  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    return ledger_facts.fill(tmp_path)


@pytest.fixture
def browser(api_server: TestClient, ledger: Engine) -> Iterator[TestClient]:
    api_server.cookies.set("_token", airflow_env.token_of(api_server, "viewer"))
    yield api_server
    api_server.cookies.clear()


DOCS = f"/customer-health/data-docs/{TODAY}"
VALIDATION = "validations/accounts/__none__/1/measurements-accounts.html"
HOSTILE = """<html><head><title>x</title><link rel=stylesheet href=https://cdn.example/b.css>
<script src=https://cdn.example/a.js></script></head><body><style>p{color:red}</style><h4>Result</h4>
<p onclick=alert(1) style=color:red>Status: Failed</p><img src=x onerror=alert(1)>
<iframe src=//evil.example></iframe>
<a href="javascript:alert(1)">run</a><a href="../../../../expectations/accounts.html">suite</a>
<a href="//evil.example/x.html">away</a>
<table><thead><tr><th></th></tr></thead><tbody><tr><td>29</td></tr></tbody></table>
</body></html>"""


def archive() -> bytes:
    """Data Docs as Great Expectations lays them out, with everything that must not reach the reader."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for name in ("index.html", VALIDATION, "expectations/accounts.html"):
            file.writestr(name, HOSTILE)
        file.writestr("static/styles/x.css", "p {}")
    return held.getvalue()


def test_data_docs_are_shown_without_anything_that_runs_or_comes_from_elsewhere(
    browser: TestClient, tmp_path: Path
) -> None:
    folder = tmp_path / "reports" / TODAY.isoformat()
    folder.mkdir(parents=True)
    (folder / "data_docs.zip").write_bytes(archive())
    listed = browser.get(DOCS).text
    assert f"{DOCS}/{VALIDATION}" in listed
    assert "not as expected" in listed
    answer = browser.get(f"{DOCS}/{VALIDATION}")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    report = answer.text.partition('<article class="report">')[2]
    for bad in ("script", "style", "onclick", "img", "iframe", "evil", "cdn.example", "<th>"):
        assert bad not in report, bad
    assert '<a href="../../../../expectations/accounts.html"' in report
    assert "<td>29</td>" in report


@pytest.mark.parametrize(
    "name", ["nothing.html", "static/styles/x.css", "..%2f..%2fgate.html", "%2e%2e/%2e%2e/ledger.db"]
)
def test_only_what_the_archive_lists_is_shown(browser: TestClient, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "reports" / TODAY.isoformat()
    folder.mkdir(parents=True)
    (folder / "data_docs.zip").write_bytes(archive())
    assert browser.get(f"{DOCS}/{name}").status_code == 404


def test_a_day_without_data_docs_and_a_damaged_archive_are_pages(browser: TestClient, tmp_path: Path) -> None:
    assert "There are no Data Docs" in browser.get(DOCS).text
    folder = tmp_path / "reports" / TODAY.isoformat()
    folder.mkdir(parents=True)
    (folder / "data_docs.zip").write_bytes(b"half a file")
    answer = browser.get(DOCS)
    assert answer.status_code == 404
    assert "is damaged" in answer.text


def shown(browser: TestClient) -> str:
    answer = browser.get(SOURCES)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def test_before_the_first_run_the_page_says_what_will_come(browser: TestClient) -> None:
    text = shown(browser)
    assert "No gate has looked at the data yet." in text
    assert "No source has been read yet." in text
    assert "nothing leaves the system" in text


def test_what_is_red_comes_first_with_what_to_do_and_a_way_to_the_reports(
    browser: TestClient, ledger: Engine, tmp_path: Path
) -> None:
    report_numbers.keep(ledger, report_numbers.GATE, TODAY, GATE)
    folder = tmp_path / "reports" / TODAY.isoformat()
    folder.mkdir(parents=True)
    for name in ("gate.html", "data_docs.zip"):
        (folder / name).write_bytes(archive() if name.endswith("zip") else b"x")
    text = shown(browser)
    assert "The gate stopped the run" in text
    assert text.index("■ critical") < text.index("How fresh the data are")
    assert "Map the right column." in text
    for link in (f"/customer-health/files/reports/{TODAY}/gate.html", f"/customer-health/data-docs/{TODAY}"):
        assert link in text
        assert browser.get(link).status_code == 200
    assert EVIL not in text


def test_silent_tables_lead_the_list_and_are_named_on_the_model_page(
    browser: TestClient, ledger: Engine
) -> None:
    report_numbers.keep(ledger, report_numbers.GATE, TODAY, GATE)
    report_numbers.keep(ledger, report_numbers.SIGNALS, TODAY, FINDINGS)
    text = shown(browser)
    assert text.index('<th scope="row">usage</th>') < text.index('<th scope="row">tickets</th>')
    assert "▲ silent:</strong> Nothing came for 20 days." in text
    assert "row 7: <code>99.aa.9999</code>" in text
    assert "Half as many accounts know it." in text
    assert "usage: 3 rows" in text


def test_old_data_are_said_to_be_old(browser: TestClient, ledger: Engine) -> None:
    report_numbers.keep(ledger, report_numbers.GATE, date(2026, 11, 1), GATE)
    assert "more than 36 hours ago" in shown(browser)


def test_each_source_tells_what_came_and_what_failed(browser: TestClient, ledger: Engine) -> None:
    counts = {
        "read": 40,
        "new": 4,
        "lag_hours": 3.0,
        "calls": 17,
        "calls_left": 200,
        "failed": "out of reach",
    }
    save_reading(ledger, "hubspot", "deals", TODAY, counts)
    source_reports.save_load(ledger, "hubspot", "contracts", TODAY, {"new": 4, "quarantined": 2})
    text = shown(browser)
    assert "▲ failed:</strong> deals: out of reach" in text
    for words in ("3 hours", ">17<", ">200<", "hubspot: every resource (1)"):
        assert words in text, words


def test_what_texts_cost_stands_beside_the_budget(browser: TestClient, ledger: Engine) -> None:
    now = now_for_pages(load_settings())
    for spent in (0.25, None):
        number = text_answers.reserve(
            ledger, provider="claude", model="m", purpose="read", most=0.5, budget=5.0, now=now
        )
        assert number is not None
        if spent is not None:
            text_answers.settle(ledger, number, spent)
    text = shown(browser)
    assert "cost 0.7500 of a budget of 5.0000" in text
    assert '<td class="n">2</td><td class="n">1</td><td class="n">0.7500</td>' in text
