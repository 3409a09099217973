"""A company's own vendor: one YAML file and no code, refused where it is wrong, tried before use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import AS_OF, RefusedError, Row, VendorServer, iso, only
from tests.lib.vendor_company import VendorCompany

from customer_health import pipeline
from customer_health.errors import ConfigurationError
from customer_health.sources.asking.examine import examine_sources
from customer_health.sources.asking.trial import try_vendor
from customer_health.sources.asking.vendor_file import load_vendor

FILE = """
vendor: acme_desk
about: Tickets of our own desk.
connection: {token: from the desk's settings}
limits: {per_minute: 600}
client:
  base_url: https://desk.acme.com/
  auth: {type: bearer, token: "${token}"}
resources:
  - name: tickets
    key: id
    requires: [id, opened]
    endpoint:
      path: api/tickets
      params: {updated_since: "{incremental.start_value}", limit: 100}
      incremental: {cursor_path: updated, convert: iso, initial_value: "2024-01-01T00:00:00Z"}
      data_selector: tickets
      paginator: {type: cursor, cursor_path: next, cursor_param: after}
means:
  tickets:
    files: tickets/*.jsonl.gz
    repeated_keys: newest_wins
    columns: {ticket_id: id, account_id: company, resolved_at: closed, occurred_at: opened}
"""


class Desk(VendorServer):
    """A made-up vendor of a few lines."""

    vendor, secret, main = "acme_desk", {"token": "desk-secret-1"}, "tickets"
    answers_with: Mapping[str, str] = {}

    def create(self, name: str, **fields: Any) -> None:
        new: Row = {"id": name, "company": "a1", "opened": iso(self.now), "closed": None, **fields}
        self.rows.setdefault("tickets", {})[name] = {**new, "updated": iso(self.now)}

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer desk-secret-1":
            raise RefusedError(401, {"error": "who are you?"})
        asked = only(request, "updated_since", "limit", "after")
        rows = [
            row
            for row in self.rows.get("tickets", {}).values()
            if row["updated"] >= asked["updated_since"][:19]
        ]
        begin = int(asked.get("after", 0))
        more = begin + 50 < len(rows)
        body = {"tickets": rows[begin : begin + 50], "next": str(begin + 50) if more else None}
        return Answer(body=body, headers=dict(self.answers_with))


@pytest.fixture
def desk() -> Iterator[Desk]:
    server = Desk()
    server.seed(120)
    yield server
    server.close()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "vendors"
    folder.mkdir()
    (folder / "acme_desk.yaml").write_text(FILE, encoding="utf-8")
    return folder


def test_a_made_up_vendor_takes_one_file_and_no_code(tmp_path: Path, desk: Desk, own: Path) -> None:
    company = VendorCompany(tmp_path, desk, own)
    assert pipeline.sources(company.settings) == ["acme_desk"]
    result = pipeline.ingest(company.settings, as_of=AS_OF)
    assert result.counts()["tickets_new"] == 120
    assert any("120 rows read" in line for line in result.lines())
    assert company.query("SELECT count(DISTINCT ticket_id) FROM raw.tickets") == [(120,)]


@pytest.mark.parametrize(
    ("old", "new", "complaint", "hint"),
    [
        ("data_selector:", "data_selecter:", "resources.0.endpoint.data_selecter", "data_selector"),
        ("account_id: company", "acount_id: company", "means.tickets.columns.acount_id", "account_id"),
        ("files: tickets/", "files: ticket/", "no resource 'ticket' lands files", "tickets"),
        ('token: "${token}"', 'token: "${tokn}"', r"\$\{tokn\} is not among `connection:`", "token"),
        ("https://desk", "http://desk", "must begin with https", "in the clear"),
        ("type: cursor,", "type: cursr,", "no paginator 'cursr'", "cursor"),
        ("    key: id\n", "", "give `key:`", ""),
        (", occurred_at: opened", "", "tickets.occurred_at is required", ""),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    tmp_path: Path, desk: Desk, own: Path, old: str, new: str, complaint: str, hint: str
) -> None:
    assert old in FILE
    (own / "acme_desk.yaml").write_text(FILE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        VendorCompany(tmp_path, desk, own).fetch()
    assert hint in caught.value.hint


def test_a_connection_that_lacks_something_says_what_and_where(tmp_path: Path, desk: Desk, own: Path) -> None:
    desk.secret = {}
    with pytest.raises(ConfigurationError, match="acme_desk needs token") as caught:
        VendorCompany(tmp_path, desk, own).fetch()
    assert "CUSTOMER_HEALTH_SECRET_ACME_DESK" in caught.value.hint


def test_a_link_to_another_host_is_not_followed_with_our_credentials(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    pages = "paginator: {type: cursor, cursor_path: next, cursor_param: after}"
    text = FILE.replace(pages, "paginator: {type: json_link, next_url_path: next}")
    (own / "acme_desk.yaml").write_text(text, encoding="utf-8")
    elsewhere = Answer(body={"tickets": [], "next": "https://evil.example.com/x"})
    desk.respond = lambda request: elsewhere  # type: ignore[method-assign]
    with pytest.raises(Exception, match=r"evil\.example\.com, which is not one of its hosts"):
        VendorCompany(tmp_path, desk, own).fetch()


def test_a_trial_shows_rows_as_they_would_be_loaded_and_keeps_nothing(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    company = VendorCompany(tmp_path, desk, own)
    vendor = load_vendor(own / "acme_desk.yaml")
    with try_vendor(vendor, dict(desk.secret), as_of=AS_OF, through=desk.url) as trial:
        said = "\n".join(trial.lines())
    assert "ticket_id=00000, account_id=a1" in said
    assert "50 rows read" in said  # one page, not all
    assert not company.home.exists()


def test_a_trial_names_columns_that_no_record_has(desk: Desk, own: Path) -> None:
    (own / "acme_desk.yaml").write_text(FILE.replace("closed", "closed_on"), encoding="utf-8")
    vendor = load_vendor(own / "acme_desk.yaml")
    with try_vendor(vendor, dict(desk.secret), as_of=AS_OF, through=desk.url) as trial:
        assert trial.absent == [("means.tickets.columns.resolved_at", "closed_on")]


def test_the_doctor_says_what_a_trial_page_showed_and_what_is_wrong(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    company = VendorCompany(tmp_path, desk, own)
    (found,) = examine_sources(company.settings, AS_OF, sleep=company.waits.append)
    assert found.problems == []
    assert found.remarks == ["a trial page: tickets 50 rows"]
    wrong = company.settings.with_secrets({"acme_desk": {"token": "stolen"}})
    (found,) = examine_sources(wrong, AS_OF, sleep=company.waits.append)
    assert "401" in found.problems[0][0]
    assert "Renew the credentials of acme_desk" in found.problems[0][1]
    assert "stolen" not in "\n".join(found.lines())


def test_the_doctor_warns_half_a_year_before_something_that_is_used_ends(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    ends = "ends:\n  - {what: API 1, on: 2027-04-30, instead: API 2}\n"
    unused = "  - {what: API 0, used: false, on: 2027-04-30, instead: API 2}\n"
    (own / "acme_desk.yaml").write_text(FILE.replace("limits:", f"{ends}{unused}limits:"), encoding="utf-8")
    company = VendorCompany(tmp_path, desk, own)
    early, late = (
        [what for check in examine_sources(company.settings, day) for what, _ in check.problems]
        for day in (date(2026, 9, 1), date(2027, 1, 1))
    )
    assert early == []
    assert late == ["API 1 ends on 2027-04-30."]


def test_a_shipped_vendor_is_changed_by_naming_only_what_differs(tmp_path: Path, own: Path) -> None:
    (own / "our_zendesk.yaml").write_text(
        "vendor: our_zendesk\nabout: Ours.\nextends: zendesk\nlimits: {per_minute: 30}\n"
        "means: {tickets: {columns: {priority: {constant: high}}}}\n",
        encoding="utf-8",
    )
    vendor = load_vendor(own / "our_zendesk.yaml", own)
    assert vendor.limits.per_minute == 30
    assert vendor.means["tickets"][0].columns["priority"].constant == "high"
    assert vendor.means["tickets"][0].columns["ticket_id"].prefix == "zd-"
    assert [one.name for one in vendor.resources] == ["organizations", "tickets", "satisfaction_ratings"]


def test_a_contract_that_is_told_by_a_record_for_each_term_keeps_the_others_when_one_does_not_count(
    tmp_path: Path, desk: Desk, own: Path
) -> None:
    terms = """
means:
  contracts:
    files: tickets/*.jsonl.gz
    repeated_keys: newest_wins
    where: {closed: {present: false}}
    columns: {contract_id: company, account_id: company, occurred_at: opened}
"""
    (own / "acme_desk.yaml").write_text(FILE.split("means:")[0] + terms, encoding="utf-8")
    company = VendorCompany(tmp_path, desk, own)
    company.fetch()
    desk.add("00900", closed=iso(desk.now))
    company.fetch(date(2026, 6, 2))
    company.load(date(2026, 6, 2))
    assert company.query("SELECT DISTINCT contract_id FROM raw.contracts") == [("a1",)]
