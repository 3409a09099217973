"""Vendors' answers may land at any fsspec address: who asks and who loads need not share a disk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path

import fsspec
import pytest
from tests.lib.servers.vendors.base import AS_OF
from tests.lib.servers.vendors.zendesk import Remote
from tests.lib.vendor_company import VendorCompany

from customer_health.operations.erasure import erase, export
from customer_health_airflow.dag_names import asking_queue


@pytest.fixture
def remote() -> Iterator[Remote]:
    server = Remote()
    server.seed(25)
    server.now += 3600
    yield server
    server.close()


@pytest.fixture
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"memory": f"memory://{uuid.uuid4().hex}", "file": f"file://{tmp_path}/elsewhere"}[request.param]


def at(address: str, remote: Remote, folder: Path) -> VendorCompany:
    company = VendorCompany(folder, remote)
    company.settings = company.settings.model_copy(update={"landing": address})
    return company


@pytest.mark.parametrize("address", ["memory", "file"], indirect=True)
def test_one_home_asks_and_another_loads_what_landed(address: str, remote: Remote, tmp_path: Path) -> None:
    here = VendorCompany(tmp_path / "here", remote)
    here.fetch()
    here.load()
    truth = here.query("SELECT ticket_id, known_at FROM raw.tickets ORDER BY 1")
    assert len(truth) > 10

    asks = at(address, remote, tmp_path / "asks")
    asks.fetch()
    assert not list(asks.home.rglob("*.jsonl.gz")), "nothing of it lies on the disk of the one who asked"
    system, root = fsspec.url_to_fs(address)
    assert system.find(root)

    loads = at(address, remote, tmp_path / "loads")
    loads.load()
    assert loads.query("SELECT ticket_id, known_at FROM raw.tickets ORDER BY 1") == truth
    again = loads.load()
    assert again.counts()["new"] == 0


@pytest.mark.parametrize("address", ["memory"], indirect=True)
def test_what_is_asked_to_be_forgotten_is_forgotten_there_too(
    address: str, remote: Remote, tmp_path: Path
) -> None:
    company = at(address, remote, tmp_path)
    company.fetch()
    company.load()
    account = company.query("SELECT account_id FROM raw.tickets ORDER BY 1 LIMIT 1")[0][0]
    system, root = fsspec.url_to_fs(address)
    assert _naming(account, system, root)
    export(company.settings, "account", account, tmp_path / "copy")
    now = datetime.combine(AS_OF, time(6), UTC)
    erase(company.settings, "account", account, by="dana", reason="letter", now=now)
    assert _naming(account, system, root) == []


def _naming(account: str, system: fsspec.AbstractFileSystem, root: str) -> list[str]:
    """Return the landed files with a record of an account; what was seen of a resource is digests."""
    found = []
    for path in system.glob(f"{root}/**/*.jsonl.gz"):
        with system.open(path, compression="infer") as file:
            if account.encode() in file.read():
                found.append(path)
    return found


@pytest.mark.parametrize(
    ("landing", "queue"),
    [
        ("", "warehouse"),
        ("/data/landing", "warehouse"),
        ("file:///data", "warehouse"),
        ("s3://b/l", "default"),
    ],
)
def test_vendors_are_asked_from_any_worker_where_the_answers_land_at_a_shared_address(
    landing: str, queue: str
) -> None:
    assert asking_queue({"CUSTOMER_HEALTH_LANDING": landing}) == queue
