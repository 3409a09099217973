"""Doctor says of a source which rights it needs and which the vendor has granted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.lib.servers.vendors.base import AS_OF
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


def examined(tmp_path: Path, desk: Remote) -> SourceCheck:
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
