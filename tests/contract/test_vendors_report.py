"""What a reading did is told in the log and kept in the ledger; one source that is down stops nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.test_vendors_own import FILE, Desk
from tests.lib.servers.vendors.base import AS_OF, BEGIN
from tests.lib.servers.vendors.salesforce import Remote as Salesforce
from tests.lib.vendor_company import VendorCompany

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.errors import RetriableError
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.source_reports import SourceReport, source_reports
from customer_health.pipeline.ingestion import lateness
from customer_health.sources.asking.reading import lag_of
from customer_health.sources.asking.vendor_file import vendor_called, vendor_files

LEFT = FILE.replace("limits: {per_minute: 600}", "limits: {per_minute: 600, left_header: X-Calls-Left}")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "vendors"
    folder.mkdir()
    (folder / "acme_desk.yaml").write_text(LEFT, encoding="utf-8")
    (folder / "other_desk.yaml").write_text(LEFT.replace("acme_desk", "other_desk"), encoding="utf-8")
    return folder


@pytest.fixture
def desk() -> Iterator[Desk]:
    server = Desk()
    server.answers_with = {"X-Calls-Left": "77"}
    server.seed(60)
    yield server
    server.close()


def report(company: VendorCompany, source: str = "acme_desk") -> SourceReport:
    found = {one.source: one for one in source_reports(open_ledger(company.settings.ledger_url))}
    return found[source]


def test_the_report_tells_everything_of_a_reading_and_of_its_load(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    company = VendorCompany(tmp_path, desk, own)
    desk.add("bad", opened="the day before yesterday")
    asked = pipeline.ask_source(company.settings, as_of=AS_OF, source="acme_desk")
    loaded = pipeline.ingest(company.settings, as_of=AS_OF, source="acme_desk", asked=True)
    told = report(company)
    (tickets,) = told.resources
    assert (tickets.read, tickets.new, tickets.changed, tickets.deleted) == (61, 61, 0, 0)
    assert tickets.asked == "2024-01-01T00:00:00.000Z"
    newest = BEGIN + 61 * 60
    assert tickets.lag_hours == lag_of(newest, AS_OF)
    assert (told.calls, told.calls_left) == (2, 77)
    assert told.quarantined == 1
    assert asked.counts()["calls_left"] == 77
    (line, calls) = asked.lines()
    assert "61 new" in line
    assert "the newest 151 days before the day's cut" in line
    assert "77 left by the vendor's count" in calls
    assert any("1 unreadable, in quarantine" in one for one in loaded.lines())


def test_the_next_report_tells_what_changed_and_an_earlier_day_keeps_its_own(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    company = VendorCompany(tmp_path, desk, own)
    pipeline.ingest(company.settings, as_of=AS_OF)
    desk.add("new")
    desk.rows["tickets"]["00003"] |= {"closed": "2026-01-02T00:00:00Z", "updated": "2026-01-02T00:00:00Z"}
    desk.rows["tickets"]["00059"] |= {"closed": "2026-01-02T00:00:00Z"}  # within what is read again
    tomorrow = AS_OF + timedelta(days=1)
    said = pipeline.ingest(company.settings, as_of=tomorrow)
    (newer,), (table,) = report(company).resources, report(company).tables
    assert (newer.as_of, newer.read, newer.whole) == (tomorrow, 3, False)
    assert (newer.new, newer.changed) == (2, 1)  # one of them is known to the warehouse alone
    assert (table.as_of, table.new, table.updated) == (tomorrow, 1, 2)
    assert any("2 new or changed, 1 changed" in line for line in said.lines())
    earlier = source_reports(open_ledger(company.settings.ledger_url), until=AS_OF)[0]
    assert (earlier.resources[0].as_of, earlier.resources[0].new, earlier.tables[0].new) == (AS_OF, 60, 60)


def test_one_source_that_is_down_stops_nobody_else_and_is_reported(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    company = VendorCompany(tmp_path, desk, own)
    nobody = {"vendor": "other_desk", "through": "http://127.0.0.1:9"}
    sources = {**company.settings.config.model_dump()["sources"], "down": nobody}
    settings = company.settings.model_copy(
        update={"config": CompanyConfig.model_validate({"sources": sources})}
    ).with_secrets({"down": {"token": "t"}})
    with pytest.raises(RetriableError, match="nobody answers at its address"):
        quick(settings)
    assert company.query("SELECT count(*) FROM raw.tickets") == [(60,)]
    assert report(company).failed == ""
    assert report(company, "down").failed == "tickets: out of reach"


def quick(settings: object) -> None:
    """Ingest without real waits between tries."""
    from unittest.mock import patch

    with patch("customer_health.sources.asking.session.time.sleep"):
        pipeline.ingest(settings, as_of=AS_OF)  # type: ignore[arg-type]


def test_what_vendors_say_of_their_lateness_reaches_the_freshness(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    company = VendorCompany(tmp_path, desk, own)
    assert lateness(company.settings) == {}
    for sources, expected in (
        ({"amplitude": {}}, {"usage": 1}),
        ({"amplitude": {"late_hours": 49}}, {"usage": 3}),
        ({"amplitude": {"late_hours": 0}}, {}),
    ):
        config = CompanyConfig.model_validate({"sources": sources})
        settings = company.settings.model_copy(update={"config": config})
        assert lateness(settings) == expected
        assert pipeline.company_config(settings).signals.late_days == expected


@pytest.mark.parametrize(
    ("newest", "hours"),
    [(None, None), (7.0, None), (1_780_272_000.0, 0.0), (1_780_268_400.0, 1.0), (1_780_268_400_000.0, 1.0)],
)
def test_a_lag_is_told_only_where_the_cursor_is_a_time(newest: float | None, hours: float | None) -> None:
    assert lag_of(newest, AS_OF) == hours


def test_every_shipped_vendor_that_exports_days_says_how_late_it_is() -> None:
    for name in vendor_files():
        vendor = vendor_called(name)
        if any(one.endpoint.windows and one.answers != "json" for one in vendor.resources):
            assert vendor.late > 0, name


def test_a_lookup_of_a_vendor_is_suspected_only_where_it_has_answers_and_none_fits(tmp_path: Path) -> None:
    """Most contacts have no role, and at first nobody has: that is no wrong key."""
    org = Salesforce()
    org.create("00001")
    for number in range(30):
        org.put("Contact", f"003{number:05d}", AccountId="00100001", Title="CFO")
    org.now += 3600
    company = VendorCompany(tmp_path, org)
    company.fetch()
    assert "Is it the right file and key?" not in " ".join(company.load().notes), "nobody has a role yet"
    org.now += 60
    org.put("OpportunityContactRole", "00K1", ContactId="00300001", Role="Economic Buyer")
    for number in range(30):
        org.put("Contact", f"003{number:05d}", AccountId="00100001", Title="COO")
    org.now += 3600
    company.fetch(AS_OF + timedelta(days=1))
    assert "right file and key" not in " ".join(company.load(AS_OF + timedelta(days=1)).notes), "29 have none"
    org.now += 60
    for number in range(40, 70):
        org.put("Contact", f"003{number:05d}", AccountId="00100001", Title="COO")
    org.now += 3600
    company.fetch(AS_OF + timedelta(days=2))
    notes = " ".join(company.load(AS_OF + timedelta(days=2)).notes)
    assert "contacts.role: the lookup of contacts/0000003.jsonl.gz has no answer for 30 of 30 values" in notes
    org.close()
