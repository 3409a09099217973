"""Somebody follows docs/sources.md and nothing else: what it shows works as it stands there."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.contract.test_vendors_own import Desk
from tests.lib.servers.vendors.base import VendorServer
from tests.lib.servers.vendors.stripe import Remote as Stripe
from tests.lib.servers.vendors.zendesk import Remote as Zendesk

from customer_health.cli.command_line import main as command
from customer_health.sources.asking.vendor_file import SHIPPED, load_vendor

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
OWN = PAGE.split("## A vendor of your own")[1].split("\n## ")[0]


def block(begin: str) -> str:
    """Return the indented block of the page that begins with a line."""
    found = re.search(rf"^    {re.escape(begin)}\n(?:(?:    .*)?\n)+", OWN, re.M)
    assert found, begin
    return textwrap.dedent(found[0])


class DocumentedDesk(Desk):
    """The made-up desk of the page; its secret is the page's, too."""

    def respond(self, request):  # type: ignore[no-untyped-def]
        assert request.headers["authorization"] == "Bearer ..."
        request.headers["authorization"] = "Bearer desk-secret-1"
        return super().respond(request)


@pytest.fixture(params=[DocumentedDesk, Zendesk, Stripe], ids=["made-up", "zendesk", "stripe"])
def remote(request: pytest.FixtureRequest) -> Iterator[VendorServer]:
    server: VendorServer = request.param()
    server.seed(30)
    server.now += 3600
    yield server
    server.close()


def test_try_source_shows_canonical_rows(
    tmp_path: Path,
    remote: VendorServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = SHIPPED / f"{remote.vendor}.yaml"
    secret = dict(remote.secret)
    if remote.vendor == "acme_desk":
        file = tmp_path / "acme_desk.yaml"
        file.write_text(block("vendor: acme_desk"), encoding="utf-8")
        secret = {"token": "..."}
    company = tmp_path / "company.yaml"
    named = {remote.vendor: {"options": dict(remote.options), "through": remote.url}}
    company.write_text(yaml.safe_dump({"sources": named}), encoding="utf-8")
    for name, value in {
        "CONFIG": str(company),
        "HOME": str(tmp_path / "home"),
        f"SECRET_{remote.vendor.upper()}": json.dumps(secret),
    }.items():
        monkeypatch.setenv(f"CUSTOMER_HEALTH_{name}", value)
    code = command(["try-source", str(file), "--pages", "1"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert f"Try {remote.vendor}" in said
    assert re.search(r"\b(tickets|invoices)\b.*rows", said)
    assert "account_id" in said
    for value in remote.secret.values():
        assert value not in said


def test_the_vendor_that_changes_a_shipped_one_is_a_vendor_file(tmp_path: Path) -> None:
    file = tmp_path / "our_salesforce.yaml"
    file.write_text(block("vendor: our_salesforce"), encoding="utf-8")
    vendor = load_vendor(file, tmp_path)
    (opportunities,) = [one for one in vendor.resources if one.name == "opportunities"]
    assert "ARR__c" in opportunities.endpoint.params["q"]
    assert vendor.means["contracts"][0].columns["arr"].column == "ARR__c"
    assert "tickets" in vendor.means
