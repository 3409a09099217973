"""What was delivered can be opened where it landed: on the page, and from the task that delivered it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import update
from tests.lib import ledger_facts

from customer_health.company import CompanyConfig
from customer_health.destinations.record_links import newest_record, record_link
from customer_health.ledger.engine import writing
from customer_health.ledger.schema import outbox
from customer_health.settings import load_settings

PAGE = "https://acme.lightning.force.com/{id}"
ROW: dict[str, Any] = {"state": "delivered", "destination": "crm", "remote_id": "00T5g00000AbCdE"}


def config(page: str = PAGE) -> CompanyConfig:
    return CompanyConfig.model_validate(
        {"destinations": {"crm": "salesforce"}, "connections": {"salesforce": {"record_url": page}}}
    )


def test_a_record_opens_at_the_page_that_the_company_file_names():
    assert record_link(config(), ROW) == "https://acme.lightning.force.com/00T5g00000AbCdE"


@pytest.mark.parametrize(
    "other",
    [
        {"state": "pending"},
        {"remote_id": None},
        {"remote_id": "2026-11-20/crm/1.json"},
        {"destination": "slack"},
        {"destination": "nowhere"},
    ],
)
def test_what_has_no_page_has_no_link(other):
    assert record_link(config(), ROW | other) == ""


def test_without_a_page_in_the_company_file_only_an_address_is_a_link():
    assert record_link(config(""), ROW) == ""
    address = "https://tool.example/t/7"
    assert record_link(config(""), ROW | {"remote_id": address}) == address
    assert record_link(config(""), ROW | {"remote_id": "javascript:alert(1)"}) == ""


def test_no_id_leaves_its_place_in_the_address():
    found = record_link(config(), ROW | {"remote_id": "1/../x?y=\"'<script>"})
    assert found == "https://acme.lightning.force.com/1%2F..%2Fx%3Fy%3D%22%27%3Cscript%3E"


@pytest.mark.parametrize("page", ["http://acme.example/{id}", "https://acme.example/", "javascript:{id}"])
def test_a_page_that_is_no_page_is_refused(page):
    with pytest.raises(ValueError, match="record_url"):
        config(page)


def test_a_delivery_leads_to_the_newest_record_that_it_wrote(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    engine = ledger_facts.fill(tmp_path)
    settings = load_settings().model_copy(update={"config": config()})
    now = datetime.combine(ledger_facts.TODAY, time(6), UTC)
    with writing(engine) as connection:
        connection.execute(
            update(outbox)
            .where(outbox.c.account_id == "acme")
            .values(delivered_at=now + timedelta(minutes=1), remote_id="00T1")
        )
    assert newest_record(settings, "crm", since=now) == "https://acme.lightning.force.com/00T1"
    assert newest_record(settings, "crm", since=now + timedelta(minutes=2)) == ""
    assert newest_record(settings, "slack", since=now) == ""
