"""Who sees which customers: every route, asked by every kind of person, answers as is declared here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from customer_health.ledger import scores
from customer_health.ledger.outbox import admin as outbox_desk
from customer_health.ledger.own_rows import OPEN, own_ledger
from customer_health.ledger.schema import metadata
from tests.lib import airflow_env, ledger_facts
from tests.lib.ledger import score_row
from tests.lib.ledger_facts import TODAY
from tests.plugins.test_access import PREFIX, addresses

# People of Airflow in the company: dana owns acme, lee manages dana and kim, vera leads; op is nobody.
COMPANY = """
roles:
  limited: true
  people: {viewer: DANA@example.com, user: lee@example.com, admin: vera@example.com}
  leads: [vera@example.com]
"""
ACCOUNTS = {
    "acme": {"owner_email": "dana@example.com", "manager_email": "lee@example.com"},
    "bolt": {"owner_email": "kim@example.com", "manager_email": "lee@example.com"},
    "calm": {"owner_email": "kim@example.com", "manager_email": "pat@example.com"},
}
SEEN = {"viewer": {"acme"}, "user": {"acme", "bolt"}, "admin": {"acme", "bolt", "calm"}, "op": set()}
NAMES = {"acme": "Acme GmbH", "bolt": "Bolt Brothers", "calm": "Calm Inc"}
# Pages about the whole company.
LEADS_ONLY = ("/kpis", "/model", "/reports", "/files/", "/sources", "/data-docs/")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    (tmp_path / "company.yaml").write_text(COMPANY, encoding="utf-8")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "gate_2026-11-20.html").write_text("<h1>Gate</h1>", encoding="utf-8")
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(tmp_path / "company.yaml"))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    engine = ledger_facts.fill(tmp_path)
    rows = [score_row(name, 40, name=NAMES[name], **fields) for name, fields in ACCOUNTS.items()]
    scores.publish(engine, pd.DataFrame(rows), TODAY, published_at=datetime.combine(TODAY, time(5), UTC))
    return engine


@pytest.fixture
def ask(api_server: TestClient, ledger: Engine) -> Iterator[Any]:
    def asked(person: str, method: str, address: str, **how: Any) -> Any:
        api_server.cookies.clear()
        api_server.cookies.set("_token", airflow_env.token_of(api_server, person))
        how.setdefault("headers", {"Origin": "http://testserver"})
        return api_server.request(method, address, follow_redirects=False, **how)

    yield asked
    api_server.cookies.clear()


@pytest.mark.parametrize("person", SEEN)
def test_every_page_shows_a_person_the_own_customers_and_no_other(
    ask: Any, page: FastAPI, person: str
) -> None:
    hidden = [NAMES[name] for name in NAMES if name not in SEEN[person]]
    for address in addresses(page, acting=False):
        answer = ask(person, "GET", address)
        path = address.removeprefix(PREFIX)
        if path.startswith(LEADS_ONLY):
            known = 404 if path.startswith("/data-docs/") else 200  # no gate wrote any here
            expected = known if person == "admin" else 403
        elif path.startswith("/account/"):
            expected = 200 if "acme" in SEEN[person] else 404
        elif path.endswith("/some-key"):
            expected = 404
        else:
            expected = 200
        assert answer.status_code == expected, (person, path, answer.text[:300])
        for name in hidden:
            assert name not in answer.text, (person, path)


@pytest.mark.parametrize("person", SEEN)
def test_accounts_csv_and_renewals_hold_the_own_customers(ask: Any, person: str) -> None:
    for view in ("/", "/portfolio.csv", "/renewals", "/renewals?quarter=2027-Q2"):
        text = ask(person, "GET", PREFIX + view).text
        shown = {name for name in NAMES if NAMES[name] in text}
        assert shown <= SEEN[person], view
        if view != "/renewals":
            assert shown == SEEN[person], view
    for name in NAMES:
        expected = 200 if name in SEEN[person] else 404
        assert ask(person, "GET", f"{PREFIX}/account/{name}").status_code == expected


def test_nobody_acts_on_somebody_elses_customer(
    ask: Any, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manager may start deliveries here, and yet touches only what the team owns."""
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", lambda *_, **__: True)
    promised = outbox_desk.find(ledger, state="awaiting_approval")[0]
    why = {"reason": "agreed with them"}
    owners = {"acme": "viewer", "bolt": "user", "calm": "admin"}
    for person in SEEN:
        answer = ask(person, "POST", f"{PREFIX}/actions/{promised['key']}/nonsense", data=why)
        assert answer.status_code == 404
    allowed = owners.get(str(promised["account_id"]), "admin")
    assert ask("op", "POST", f"{PREFIX}/actions/{promised['key']}/decline", data=why).status_code == 404
    assert outbox_desk.find(ledger, state="awaiting_approval")[0]["key"] == promised["key"]
    assert ask(allowed, "POST", f"{PREFIX}/actions/{promised['key']}/decline", data=why).status_code == 303


def test_a_call_is_made_by_who_sees_the_account_and_final_by_who_leads_it(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", lambda *_, **__: True)

    def call(person: str, account: str, **more: str) -> int:
        form = {"account_id": account, "verdict": "renews", "note": "as agreed"} | more
        return int(ask(person, "POST", f"{PREFIX}/renewals/call", data=form).status_code)

    assert (call("viewer", "acme"), call("viewer", "bolt"), call("op", "acme")) == (303, 409, 409)
    assert (call("viewer", "acme", final="1"), call("user", "acme", final="1")) == (409, 303)
    quarter = {"quarter": "2027-Q2", "amount": "5", "note": "as agreed"}
    answers = [ask(who, "POST", f"{PREFIX}/renewals/final", data=quarter) for who in ("user", "admin")]
    assert [answer.status_code for answer in answers] == [409, 303]


def test_off_by_default_everybody_sees_everything(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "company.yaml").write_text("name: all of us\n", encoding="utf-8")
    text = ask("viewer", "GET", f"{PREFIX}/").text
    assert all(name in text for name in NAMES.values())


def test_every_table_of_the_ledger_is_either_open_or_narrowed(ledger: Engine) -> None:
    """A table that a later version adds is closed until somebody has thought about it."""
    engine = own_ledger(str(ledger.url), address="dana@example.com", owners=["dana@example.com"])
    former = {"a/b c", "evil"}  # gone from the newest day; they were dana's
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            if table.name in OPEN:
                continue
            rows = connection.execute(table.select()).mappings().all()
            accounts = {row["account_id"] for row in rows if "account_id" in row}
            assert accounts <= {"acme", *former}, table.name
            assert not rows or "account_id" in table.c or table.name in (
                "episode_events", "deliveries", "task_states"
            ), table.name  # fmt: skip
        newest = metadata.tables["scores"].select().where(metadata.tables["scores"].c.as_of == TODAY)
        assert {row.account_id for row in connection.execute(newest)} == {"acme"}
    engine.dispose()


def test_nobody_writes_through_a_ledger_that_shows_a_part(ledger: Engine) -> None:
    engine = own_ledger(str(ledger.url), address="dana@example.com", owners=["dana@example.com"])
    with pytest.raises(Exception, match="view"), engine.begin() as connection:
        connection.execute(metadata.tables["outbox"].delete())
    engine.dispose()
    assert outbox_desk.find(ledger)


def test_who_is_not_logged_in_gets_a_page_that_leads_back_to_the_address(api_server: TestClient) -> None:
    answer = api_server.get(f"{PREFIX}/account/a%2Fb?as_of=2026-11-20")
    assert answer.status_code == 401
    assert "Please log in" in answer.text
    link = answer.text.split('href="/api/v2/auth/login')[1].split('"')[0]
    led = api_server.get(f"/api/v2/auth/login{link}".replace("&amp;", "&"), follow_redirects=False)
    assert led.status_code == 307
    assert "next=%2Fcustomer-health%2Faccount" in led.headers["location"]


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/account/acme?as_of=yesterday", 200, "“yesterday” is not a date such as 2026-11-20"),
        ("/renewals?page=many", 422, "page: &#39;many&#39; is not a whole number."),
        ("/renewals?as_of=%3Cscript%3E", 422, "is not a date"),
        ("/nowhere", 404, "There is no such page"),
        ("/account/nobody", 404, "No score was ever published"),
    ],
)
def test_what_cannot_be_understood_or_found_is_a_page_with_a_sentence(
    ask: Any, address: str, status: int, words: str
) -> None:
    answer = ask("admin", "GET", PREFIX + address)
    assert answer.status_code == status
    assert words in answer.text
    assert "<!doctype html>" in answer.text
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_no_address_makes_the_page_say_that_something_was_approved(ask: Any) -> None:
    assert "Approved" not in ask("admin", "GET", f"{PREFIX}/actions?done=approve").text
    assert "Approved" not in ask("admin", "GET", f"{PREFIX}/model?done=approve").text


def test_a_csm_still_sees_an_account_that_left_and_nobody_elses(ask: Any, ledger: Engine) -> None:
    """acme and bolt are gone from the newest day; each stays with the owner whom it had last."""
    tomorrow = TODAY + timedelta(days=1)
    rows = [score_row("calm", 40, name=NAMES["calm"], **ACCOUNTS["calm"])]
    scores.publish(
        ledger, pd.DataFrame(rows), tomorrow, published_at=datetime.combine(tomorrow, time(5), UTC)
    )
    for person, seen in SEEN.items():
        for name in NAMES:
            expected = 200 if name in seen else 404
            assert ask(person, "GET", f"{PREFIX}/account/{name}").status_code == expected, (person, name)


def test_an_account_follows_its_newest_owner_whatever_is_filled_in_behind(ask: Any, ledger: Engine) -> None:
    for day, owner in (
        (TODAY + timedelta(days=1), "kim@example.com"),
        (TODAY - timedelta(days=3), "dana@example.com"),
    ):
        rows = [score_row("acme", 40, name=NAMES["acme"], owner_email=owner, manager_email=None)]
        scores.publish(ledger, pd.DataFrame(rows), day, published_at=datetime.combine(day, time(5), UTC))
    assert ask("viewer", "GET", f"{PREFIX}/account/acme").status_code == 404  # dana had it before
