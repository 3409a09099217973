"""HubSpot's search knows no associations, no archived records and no end of 10,000: what we ask beside it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.lib import children
from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors import hubspot
from tests.lib.servers.vendors.base import AS_OF, Row
from tests.lib.vendor_company import VendorCompany

from customer_health.sources.asking.faults import SourceBusyError
from customer_health.sources.asking.reading import Reading


class Portal(hubspot.Remote):
    """A portal that counts what it is asked for."""

    fails: str = ""

    def asked(self, ending: str) -> list[Request]:
        return [one for one in self.requests if one.path.endswith(ending)]

    def deal(self, id_: str, company: str = "1", **properties: str | None) -> None:
        won: dict[str, str | None] = {"amount": "12000", "hs_is_closed_won": "true"}
        self.put("deals", id_, company, **{**won, "closedate": "2026-01-05T00:00:00Z", **properties})

    def _ties_of(self, request: Request, kind: str) -> Answer:
        if kind == "deals":
            self.saw_main()
        if self.fails:
            failed: Row = {"status": "error", "category": self.fails, "message": "later"}
            return Answer(207, {"status": "COMPLETE", "results": [], "errors": [failed], "numErrors": 1})
        return super()._ties_of(request, kind)


@pytest.fixture
def portal() -> Iterator[Portal]:
    server = Portal()
    server.put("companies", "1", name="Ann", industry=None)
    server.put("companies", "2", name="Bob", industry=None)
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def company(portal: Portal, tmp_path: Path) -> VendorCompany:
    return VendorCompany(tmp_path, portal)


def night(company: VendorCompany, day: int = 0) -> Reading:
    """Ask and load on one of the following days."""
    company.remote.now += 3600
    reading = company.fetch(AS_OF + timedelta(days=day))
    company.load(AS_OF + timedelta(days=day))
    company.settle(AS_OF + timedelta(days=day))
    return reading


def contracts(company: VendorCompany) -> list[tuple[Any, ...]]:
    return company.query("SELECT contract_id, account_id FROM raw.contracts ORDER BY 1")


def test_ties_are_asked_for_in_batches_and_only_of_what_is_new(
    company: VendorCompany, portal: Portal
) -> None:
    for number in range(70):
        portal.deal(f"{number:03d}")
    night(company)
    assert len(contracts(company)) == 70
    ties = "associations/2026-03/deals/companies/batch/read"
    assert [len(one.json["inputs"]) for one in portal.asked(ties)] == [70]
    assert portal.asked("/2026-03/deals")[0].query["archived"] == ["true"]
    assert len(portal.asked("/2026-03/deals")) == 1, "nothing is listed whole on the first day"
    portal.now += 600
    portal.deal("900", "2")
    reading = night(company, 1)
    assert [[key["id"] for key in one.json["inputs"]] for one in portal.asked(ties)[1:]] == [["900"]]
    assert reading.resources["deals"].new == 1
    assert ("hs-900", "2") in contracts(company)


def test_a_search_that_ends_at_10000_results_goes_on_behind_them(
    company: VendorCompany, portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubspot, "PAGE", 200)
    for number in range(10_350):
        portal.now += number % 3 == 0
        portal.put("calls", f"{number}", "1", hs_timestamp="2026-01-05T12:00:00Z", hs_call_duration="60000")
    company.remote.now += 3600
    reading = company.fetch()
    assert reading.resources["calls"].new == 10_350
    searches = [one.json for one in portal.asked("calls/search")]
    assert len({one["filterGroups"][0]["filters"][0]["value"] for one in searches}) == 2
    sizes = [len(one.json["inputs"]) for one in portal.asked("calls/companies/batch/read")]
    assert max(sizes) <= 1_000
    assert len(sizes) <= 12
    keys = [row["id"] for row in company.rows_of("calls")]
    assert len(keys) == len(set(keys)) == 10_350


def test_what_the_index_of_the_search_shows_late_is_not_lost(company: VendorCompany, portal: Portal) -> None:
    portal.deal("11")
    portal.late = {"11"}
    portal.now += 120
    portal.deal("12")
    night(company)
    assert contracts(company) == [("hs-12", "1")]
    portal.late = set()
    night(company, 1)
    assert contracts(company) == [("hs-11", "1"), ("hs-12", "1")]


def test_a_tie_that_changes_alone_is_seen_with_the_weekly_list(
    company: VendorCompany, portal: Portal
) -> None:
    for name in ("1", "2", "3"):
        portal.deal(name)
    night(company)
    portal.tie("deals", "1", "2")
    portal.tie("deals", "2", None)
    for day in (1, 6):
        night(company, day)
    assert contracts(company) == [("hs-1", "1"), ("hs-2", "1"), ("hs-3", "1")]
    assert len(portal.asked("/2026-03/meetings")) == 0
    reading = night(company, 7)
    assert contracts(company) == [("hs-1", "2"), ("hs-3", "1")]
    assert reading.resources["deals"].changed == 2
    assert len(portal.asked("/2026-03/meetings")) == 1
    night(company, 8)
    assert len(portal.asked("/2026-03/meetings")) == 1, "the next list is due a week later"


def test_an_archived_deal_goes_on_the_next_day_and_comes_back_when_it_is_restored(
    company: VendorCompany, portal: Portal
) -> None:
    portal.deal("1")
    portal.deal("2", "2")
    night(company)
    portal.archive("deals", "2")
    night(company, 1)
    assert contracts(company) == [("hs-1", "1")]
    portal.restore("2", "deals")
    night(company, 2)
    assert contracts(company) == [("hs-1", "1"), ("hs-2", "2")]
    portal.archive("deals", "2")
    night(company, 3)
    assert contracts(company) == [("hs-1", "1")]


def test_who_leaves_the_list_of_archived_records_for_good_stays_out(
    company: VendorCompany, portal: Portal
) -> None:
    portal.deal("1")
    portal.deal("2")
    night(company)
    portal.archive("deals", "2")
    night(company, 1)
    del portal.rows["deals"]["2"]  # after 90 days
    night(company, 2)
    night(company, 3)
    assert contracts(company) == [("hs-1", "1")]
    assert len(portal.asked("deals/batch/read")) == 1


def test_a_meeting_that_is_deleted_goes_with_the_weekly_list(company: VendorCompany, portal: Portal) -> None:
    for name in ("1", "2"):
        portal.put("meetings", name, "1", hs_meeting_start_time="2026-01-05T10:00:00Z")
    night(company)
    portal.archive("meetings", "2")
    night(company, 7)
    assert company.query("SELECT interaction_id FROM raw.interactions") == [("hs-meeting-1",)]


def test_a_deal_that_was_won_and_is_open_again_is_no_contract(company: VendorCompany, portal: Portal) -> None:
    portal.deal("1")
    portal.deal("2")
    night(company)
    portal.now += 60
    portal.deal("2", hs_is_closed_won="false")
    night(company, 1)
    assert contracts(company) == [("hs-1", "1")]


def test_the_primary_company_counts_among_many_and_further_pages_of_ties_are_read(
    company: VendorCompany, portal: Portal
) -> None:
    portal.deal("1")
    portal.ties["deals", "1"] = ["2", "1", "3", "4", "5"]
    night(company)
    assert contracts(company) == [("hs-1", "2")]
    tokens = [one.json["inputs"][0].get("after") for one in portal.asked("deals/companies/batch/read")]
    assert tokens == [None, "2", "4"]
    landed = len(company.rows_of("deals"))
    night(company, 7)
    assert len(company.rows_of("deals")) == landed, "the list says the same of the deal as search and batch"


def test_ties_that_could_not_be_answered_are_not_taken_for_none(
    company: VendorCompany, portal: Portal
) -> None:
    portal.deal("1")
    portal.fails = "INTERNAL_ERROR"
    with pytest.raises(SourceBusyError, match="INTERNAL_ERROR"):
        company.fetch()
    portal.fails = ""
    night(company)
    assert contracts(company) == [("hs-1", "1")]


@pytest.mark.parametrize("at", [1, 2])
def test_a_run_that_is_killed_while_it_asks_for_ties_loses_nothing(
    company: VendorCompany, portal: Portal, at: int
) -> None:
    import customer_health.sources.asking.extract
    import customer_health.sources.asking.paginators  # noqa: F401  loaded before the process is doubled

    for number in range(1_200):
        portal.now += 1
        portal.deal(f"{number:04d}")
    portal.now += 3600
    portal.kill_at = at
    portal.victim = children.begin(company.fetch)
    ended = children.end(portal.victim)
    portal.victim = 0
    assert ended == -signal.SIGKILL
    night(company)
    keys = [row["id"] for row in company.rows_of("deals")]
    assert len(keys) == len(set(keys)) == 1_200
    assert all(row["company_id"] == "1" for row in company.rows_of("deals"))
