"""A large reading of Salesforce is made by a query job, a small one by pages; both bring the same records."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.test_vendors_contract import agree
from tests.lib import children
from tests.lib.servers.vendors.base import AS_OF
from tests.lib.servers.vendors.salesforce import Remote
from tests.lib.vendor_company import VendorCompany

OWN = """
vendor: salesforce
about: An org in which sixty records are many.
extends: salesforce
resources:
  - {name: accounts, bulk: {over: 60, most: 100}}
"""
MANY = 350


@pytest.fixture
def org() -> Iterator[Remote]:
    server = Remote()
    yield server
    server.close()
    assert server.violations == []


@pytest.fixture
def company(org: Remote, tmp_path: Path) -> VendorCompany:
    own = tmp_path / "vendors"
    own.mkdir()
    (own / "salesforce.yaml").write_text(OWN, encoding="utf-8")
    return VendorCompany(tmp_path, org, own)


def grown(org: Remote, number: int) -> None:
    for one in range(number):
        org.add(f"{one:05d}", NumberOfEmployees=one)
    org.put("Account", "00100007", Name='Quoted "and, two\nlines"', IsDeleted=True)
    org.put("Account", "00100008", Owner=None, Name="true")
    org.now += 3600


def test_many_records_are_read_by_a_job_and_are_the_same_as_by_pages(
    company: VendorCompany, org: Remote, tmp_path: Path
) -> None:
    grown(org, MANY)
    reading = company.fetch()
    assert len(org.jobs) == 1
    assert org.sets == ["", "100", "200", "300"]
    assert reading.resources["accounts"].new == MANY
    assert any("by a bulk job" in line for line in reading.lines())
    agree(company)
    pages = VendorCompany(tmp_path / "pages", org)
    pages.fetch()
    assert len(org.jobs) == 1, "20,000 are many where the shipped file says so"
    assert company.landed() == pages.landed()


def test_few_records_are_read_by_pages(company: VendorCompany, org: Remote) -> None:
    grown(org, 60)
    company.fetch()
    assert org.jobs == {}
    agree(company)


def test_after_a_job_only_what_is_new_is_asked_for(company: VendorCompany, org: Remote) -> None:
    grown(org, MANY)
    company.fetch()
    before = sorted(path.name for path in company.home.rglob("landing/**/*.jsonl.gz"))
    reading = company.fetch()
    assert reading.calls <= org.calls_of_an_idle_run + 1
    assert sorted(path.name for path in company.home.rglob("landing/**/*.jsonl.gz")) == before
    org.change("00003")
    org.now += 3600
    assert company.fetch(AS_OF + timedelta(days=1)).resources["accounts"].new == 1
    agree(company)


def test_what_changes_while_a_job_runs_is_not_lost(company: VendorCompany, org: Remote) -> None:
    grown(org, MANY)
    first = org.job

    def meanwhile(request, version, number, what):  # type: ignore[no-untyped-def]
        if number and not what and org.jobs[number].polls == 0:
            org.now += 60
            org.put("Account", "00100001", Industry="Steel")  # read before
            org.now += 60
            org.put("Account", "00100002", Industry="Steel")  # read afterwards, in another part of the work
            org.jobs[number].rows[-1] = {**org.jobs[number].rows[-1], "SystemModstamp": org.stamp()}
        return first(request, version, number, what)

    org.job = meanwhile  # type: ignore[method-assign]
    company.fetch()
    org.now += 3600
    company.fetch(AS_OF + timedelta(days=1))
    assert company.landed()["00100001"]["Industry"] == "Steel"
    assert company.landed()["00100002"]["Industry"] == "Steel"


def killed(company: VendorCompany, org: Remote, at: int) -> None:
    import customer_health.sources.asking.extract
    import customer_health.sources.asking.paginators  # noqa: F401  loaded before the process is doubled

    org.die_at = at
    org.victim = children.begin(company.fetch)
    ended = children.end(org.victim)
    org.victim = 0
    assert ended == -signal.SIGKILL


def once(company: VendorCompany) -> bool:
    keys = [row["Id"] for row in company.rows_of("accounts")]
    return len(keys) == len(set(keys)) == MANY


@pytest.mark.parametrize(("at", "left"), [(1, ["", "100", "200", "300"]), (3, ["200", "300"])])
def test_whoever_is_killed_goes_on_at_the_last_set(
    company: VendorCompany, org: Remote, at: int, left: list[str]
) -> None:
    grown(org, MANY)
    killed(company, org, at)
    org.sets.clear()
    company.fetch()
    assert (len(org.jobs), org.sets) == (1, left)
    assert once(company)
    agree(company)


def test_a_job_whose_results_have_expired_is_made_anew_and_nothing_is_there_twice(
    company: VendorCompany, org: Remote
) -> None:
    grown(org, MANY)
    killed(company, org, 3)
    org.jobs.clear()  # seven days later
    org.sets.clear()
    company.fetch(AS_OF + timedelta(days=8))
    assert (len(org.jobs), org.sets) == (1, ["", "100", "200", "300"])
    assert once(company)
    agree(company)


@pytest.mark.parametrize("how", ["quota", "object", "failed"])
def test_pages_are_asked_for_where_no_job_is_to_be_had(company: VendorCompany, org: Remote, how: str) -> None:
    grown(org, MANY)
    if how == "quota":
        org.left_today = 0
    elif how == "object":
        org.unsupported = {"Account"}
    else:
        org.fails = "InvalidBatch : Failed to process query: Retried more than fifteen times"
    reading = company.fetch()
    assert org.sets == []
    assert reading.resources["accounts"].new == MANY
    assert any("by pages, as" in line for line in reading.lines())
    assert once(company)
    agree(company)


def test_a_set_that_comes_cut_off_is_asked_for_again(company: VendorCompany, org: Remote) -> None:
    grown(org, MANY)
    whole = org._set

    def half(request, job, version):  # type: ignore[no-untyped-def]
        answer = whole(request, job, version)
        if org.sets.count("100") == 1 and org.sets[-1] == "100":
            answer.body = answer.body[: len(answer.body) // 2]
        return answer

    org._set = half  # type: ignore[method-assign]
    company.fetch()
    assert org.sets == ["", "100", "100", "200", "300"]
    assert once(company)
    agree(company)
