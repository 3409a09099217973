"""What the reader of the page sees."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.lib.ledger_facts import EVIL


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("<wbr>", "")))


def test_the_account_with_the_most_money_at_risk_comes_first(visitor: TestClient) -> None:
    html = visitor.get("/customer-health/").text
    order = [html.index(name) for name in ("Duna", "Acme GmbH", "Bolt &amp; Söhne", "Calm Inc")]
    assert order == sorted(order)


def test_a_tier_card_counts_accounts_and_money_and_how_they_changed_in_a_week(visitor: TestClient) -> None:
    text = text_of(visitor.get("/customer-health/").text)
    assert "■ Critical 1 account ±0 240K ARR ±0" in text
    assert "✕ Notice given 1 account ±0 5K ARR ±0" in text
    assert "● Healthy 2 accounts ±0 at least" in text  # of one of them no ARR is known
    assert "changes since 13 Nov 2026" in text


def test_a_filter_keeps_only_what_was_asked_for(visitor: TestClient) -> None:
    html = visitor.get("/customer-health/", params={"tier": "Healthy", "q": "calm"}).text
    assert "Calm Inc" in html
    assert "Acme GmbH" not in html


def test_what_came_from_a_customer_is_text_and_never_markup(visitor: TestClient) -> None:
    for address in ("", "account/evil", "actions"):
        html = visitor.get(f"/customer-health/{address}", params={"q": EVIL} if not address else {}).text
        assert "&lt;script&gt;" in html
        assert "<script>" not in html
        assert html.count("<script") == 1, "our own, by its address"


def test_the_account_page_shows_history_reasons_and_what_was_done(visitor: TestClient) -> None:
    html = visitor.get("/customer-health/account/acme").text
    assert "9 readings, now 22" in html
    assert "Usage fell by 30 % in Acme GmbH" in html
    assert "−14.2" in html
    assert "unknown" in html, "a value that nobody knows is not shown as zero"
    assert "critical save" in html or "critical_save" in html


def test_the_account_page_tells_what_happened_beside_what_the_model_weighs(visitor: TestClient) -> None:
    text = text_of(visitor.get("/customer-health/account/acme").text)
    assert "What happened" in text
    assert "An invoice is 45 days overdue" in text
    assert "invoices · overdue_days_max" in text
    assert "the due date; it counts beyond 30 days" in text
    assert "What happened" not in text_of(visitor.get("/customer-health/account/calm").text)
    assert "Invoice overdue" in text_of(visitor.get("/customer-health/").text)


def test_the_account_page_shows_whom_we_know_who_left_and_who_may_follow(visitor: TestClient) -> None:
    html = visitor.get("/customer-health/account/acme").text
    text = text_of(html)
    assert "Likeliest successors, of those we know: Director Finance" in text
    assert "in touch; last two-way contact 12 days ago (a call); met dana@example.com on 10 Nov 2026" in text
    assert "Left on 1 Sep 2026" in text
    assert "<script>" not in html
    assert "People" not in text_of(visitor.get("/customer-health/account/calm").text)
    earlier = text_of(visitor.get("/customer-health/account/acme?as_of=2026-11-06").text)
    assert "Director Finance" not in earlier, "an earlier day does not know whom we know by now"


def test_the_calendar_is_context_and_no_reason(visitor: TestClient) -> None:
    text = text_of(visitor.get("/customer-health/account/acme").text)
    assert "Renewal in 54 days renewal date: context, not a reason" in text


def test_the_account_page_says_what_would_help_and_what_the_score_would_be(visitor: TestClient) -> None:
    text = text_of(visitor.get("/customer-health/account/acme").text)
    assert "The score would be 71 with 40 active users instead of 20" in text
    assert "40 instead of 20 users" in text
    assert "What would help" not in visitor.get("/customer-health/account/calm").text


def test_the_steps_from_the_start_add_up_to_the_score() -> None:
    from customer_health_airflow.ui.score_drawing import steps

    found = steps({"start": 61.0, "calendar": 4.0, "usage": -50.0, "limit": 2.5}, 17.5)
    assert [step.name for step in found] == [
        "start",
        "usage",
        "calendar",
        "end of the scale",
        "score",
    ]
    assert sum(step.points for step in found[:-1]) == pytest.approx(found[-1].points)
    assert (found[1].left, found[1].width) == (11.0, 50.0)
    assert steps({}, 20.0) == []


def test_a_model_card_is_a_page_with_its_tables_and_pictures_and_runs_nothing(visitor: TestClient) -> None:
    address = "/customer-health/files/models/lightgbm-2026-11-01/"
    html = visitor.get(address + "model_card.md").text
    assert "<h1>The card</h1>" in html
    assert "<td>0.86</td>" in html
    assert html.count('<div class="scroll"') == html.count("</table></div>") == 1, (
        "a wide table scrolls alone"
    )
    assert '<img src="walk.png"' in html
    assert html.count("<script") == 1, "our own, by its address"
    assert 'href="javascript' not in html
    picture = visitor.get(address + "walk.png")
    assert picture.headers["content-type"] == "image/png"


def test_an_account_id_with_slashes_and_spaces_has_a_page(visitor: TestClient) -> None:
    link = re.search(r'href="(/customer-health/account/[^"]*b[^"]*c)"', visitor.get("/customer-health/").text)
    assert link
    assert "Slash &amp; Space" in visitor.get(link.group(1)).text


def test_a_refused_effect_says_what_a_person_should_do(visitor: TestClient) -> None:
    text = text_of(visitor.get("/customer-health/actions?state=rejected").text)
    assert "To do: Give the account an owner." in text


@pytest.mark.parametrize(
    "address", ["account/nobody", "?as_of=1999-01-01", "files/reports/none.html", "nothing-here"]
)
def test_what_does_not_exist_is_a_404(visitor: TestClient, address: str) -> None:
    assert visitor.get(f"/customer-health/{address}").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "reports/../secret.html",
        "reports/%2e%2e/secret.html",
        "reports/..%2fsecret.html",
        "reports/way_out.html",
        "reports//etc/passwd",
        "models/lightgbm-2026-11-01/model.pkl",
        "../ledger.db",
        "secret.html",
        "reports/gate_2026-11-20.html%00.png",
    ],
)
def test_no_address_leads_out_of_the_report_folders(visitor: TestClient, address: str) -> None:
    answer = visitor.get(f"/customer-health/files/{address}")
    assert answer.status_code == 404
    assert "outside" not in answer.text


def test_a_report_cannot_run_anything_in_the_readers_name(visitor: TestClient) -> None:
    answer = visitor.get("/customer-health/files/reports/gate_2026-11-20.html")
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]


def test_a_company_without_scores_is_told_where_they_will_come_from(
    visitor: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    assert "No scores yet" in visitor.get("/customer-health/").text
    assert visitor.get("/customer-health/actions").status_code == 200
    assert visitor.get("/customer-health/reports").status_code == 200


def test_a_wrong_setting_is_explained_on_the_page(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", "/nowhere/company.yaml")
    answer = visitor.get("/customer-health/")
    assert answer.status_code == 503
    assert "/nowhere/company.yaml does not exist" in answer.text
    assert "To do:" in answer.text


def test_a_ledger_that_cannot_be_read_is_said_so_without_its_details(
    visitor: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database at all, but long enough to be read as one" * 100)
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    answer = visitor.get("/customer-health/")
    assert answer.status_code == 503
    assert "The ledger cannot be read" in answer.text
    assert "sqlite3" not in answer.text


def test_the_pages_never_open_the_warehouse(visitor: TestClient, filled_home: Path) -> None:
    """DuckDB lets in one process; a page that held the file would stop the night's run."""
    before = "duckdb" in sys.modules
    for address in ("", "account/acme", "actions", "reports"):
        visitor.get(f"/customer-health/{address}")
    assert ("duckdb" in sys.modules) == before
    assert not (filled_home / "warehouse.duckdb").exists()
