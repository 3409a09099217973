"""Doctor says of a source which rights it needs and which the vendor has granted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lib.servers.vendors import hubspot, salesforce
from tests.lib.servers.vendors.base import AS_OF, RefusedError, VendorServer
from tests.lib.servers.vendors.zendesk import Remote
from tests.lib.vendor_company import VendorCompany

from customer_health.sources.asking.examine import SourceCheck, examine_sources

NEEDED = "tickets:read, organizations:read, satisfaction_ratings:read"


@pytest.fixture
def desk() -> Iterator[Remote]:
    server = Remote()
    server.seed(3)
    server.now += 3600
    yield server
    server.close()


def examined(tmp_path: Path, desk: VendorServer) -> SourceCheck:
    company = VendorCompany(tmp_path, desk)
    (found,) = examine_sources(company.settings, AS_OF, sleep=company.waits.append)
    return found


def test_rights_needed_and_granted_are_told(tmp_path: Path, desk: Remote) -> None:
    found = examined(tmp_path, desk)
    assert found.problems == []
    assert any("tickets 3 rows" in remark for remark in found.remarks)
    granted = "organizations:read, satisfaction_ratings:read, tickets:read"
    assert f"rights needed: {NEEDED}; granted: {granted}" in found.remarks


def test_a_right_that_is_missing_is_named_with_what_to_do(tmp_path: Path, desk: Remote) -> None:
    desk.scope = "tickets:read"
    ((what, fix),) = examined(tmp_path, desk).problems
    assert what == "it has granted tickets:read, and not organizations:read, satisfaction_ratings:read."
    assert "Grant the rights" in fix


@pytest.mark.parametrize("scope", ["", "read"])
def test_a_vendor_that_grants_all_or_says_nothing_is_not_accused(
    tmp_path: Path, desk: Remote, scope: str
) -> None:
    desk.scope = scope
    assert examined(tmp_path, desk).problems == []


@pytest.fixture
def org() -> Iterator[salesforce.Remote]:
    server = salesforce.Remote()
    server.story()
    server.now += 3600
    yield server
    server.close()


@pytest.fixture
def portal() -> Iterator[hubspot.Remote]:
    server = hubspot.Remote()
    server.story()
    server.now += 3600
    yield server
    server.close()


def test_an_org_in_which_all_is_well_has_no_problem_though_a_task_has_no_owner(
    tmp_path: Path, org: salesforce.Remote
) -> None:
    assert examined(tmp_path, org).problems == []


def test_an_api_version_that_is_too_old_is_named_with_the_one_to_set_and_one_refusal_is_said_once(
    tmp_path: Path, org: salesforce.Remote
) -> None:
    org.options = {**org.options, "api_version": "40.0"}
    (old, fix), (refused, _) = examined(tmp_path, org).problems
    assert old == "api_version is '40.0'; what is asked here needs 62.0 or later."
    assert fix == "Set api_version to 62.0 in the connection, or leave it out."
    assert refused.startswith("accounts, opportunities, contacts,")
    assert "404" in refused


def test_a_field_that_the_credentials_may_not_read_is_named_with_what_to_do(
    tmp_path: Path, org: salesforce.Remote
) -> None:
    answered = org._query

    def veiled(soql: str) -> list[dict[str, object]]:
        if " Industry" in soql:
            message = "ERROR at Row:1:Column:18\nNo such column 'Industry' on entity 'Account'."
            raise RefusedError(400, [{"errorCode": "INVALID_FIELD", "message": message}])
        return answered(soql)

    org._query = veiled  # type: ignore[method-assign]
    ((what, fix),) = examined(tmp_path, org).problems
    assert what.startswith("accounts: salesforce answered 400")
    assert "No such column 'Industry' on entity 'Account'" in what
    assert "field-level security" in fix


def test_a_scope_that_is_missing_is_named_by_the_vendors_own_words(
    tmp_path: Path, portal: hubspot.Remote
) -> None:
    answered = portal.respond

    def without_deals(request):  # type: ignore[no-untyped-def]
        if "/deals" in request.path:
            context = {"requiredGranularScopes": ["crm.objects.deals.read"]}
            lines = [{"message": "One or more of the following scopes are required.", "context": context}]
            said = (
                "This app hasn't been granted all required scopes to make this call. Read more about scopes: "
            )
            raise RefusedError(403, {"message": said * 2, "category": "MISSING_SCOPES", "errors": lines})
        return answered(request)

    portal.respond = without_deals  # type: ignore[method-assign]
    ((what, fix),) = examined(tmp_path, portal).problems
    assert what.startswith("deals: hubspot answered 403")
    assert "crm.objects.deals.read" in what
    assert fix.startswith("Add the scope that is named to the private app")


@pytest.mark.parametrize("ahead", [400, -400])
def test_a_clock_that_is_wrong_is_a_problem_by_so_many_seconds(
    tmp_path: Path, org: salesforce.Remote, ahead: int
) -> None:
    import time
    from email.utils import formatdate

    answered = org.respond

    def elsewhen(request):  # type: ignore[no-untyped-def]
        answer = answered(request)
        answer.headers["Date"] = formatdate(time.time() + ahead, usegmt=True)
        return answer

    org.respond = elsewhen  # type: ignore[method-assign]
    ((what, fix),) = examined(tmp_path, org).problems
    assert what.startswith("its clock and ours differ by ")
    assert 395 <= int(what.split()[6]) <= 405
    assert "NTP" in fix
