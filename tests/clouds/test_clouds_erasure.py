"""An account, and a person, leave the three clouds' stores as they leave a folder."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_health.ledger import erasures
from customer_health.ledger.engine import open_ledger
from customer_health.operations.erasure import erase, export
from customer_health.settings import Settings, load_settings
from customer_health.storage import write
from tests.clouds.stores import Bucket
from tests.e2e.test_erasure_orders import ASKED, DAY, FIRST, KIM, NOW, ROBIN, SECOND, load

pytestmark = pytest.mark.timeout(600)
ALL = (FIRST, SECOND, *ROBIN, *KIM)


@pytest.fixture
def settings(bucket: Bucket, home: Path) -> Settings:
    """Canaries in previews, reports and landed answers of every kind, at addresses."""
    addresses = {"STORAGE": f"{bucket.address}/health", "LANDING": f"{bucket.address}/landing"}
    settings = load_settings({f"CUSTOMER_HEALTH_{k}": v for k, v in addresses.items()}, home=home)
    load(settings, 1)
    lines = gzip.compress("".join(json.dumps({"id": one}) + "\n" for one in (*ALL, "stays")).encode())
    seen = gzip.compress(json.dumps({f"{one}|1": "aa" for one in ALL}).encode())
    table = io.BytesIO()
    pq.write_table(pa.table({"who": [*ALL, "stays"]}), table)
    root = bucket.address.partition("://")[2]
    for name, data in {
        "crm/people/0000001.jsonl.gz": lines,
        "crm/people/_seen-0000001.json.gz": seen,
        "events/usage/2026-03-01.parquet": table.getvalue(),
    }.items():
        bucket.system.pipe_file(f"{root}/landing/{name}", data)
    for number, name in enumerate(ALL):
        write(settings.preview / f"{DAY}" / "emails" / f"{number}.md", f"Dear {name}")
        write(settings.reports / f"{DAY}" / f"{number}.md", f"| {name} |")
    write(settings.reports / f"{DAY}" / "to_check.csv", "\n".join(["who", *ALL, "stays"]))
    return settings


def said(bucket: Bucket) -> str:
    """Every name and every word that the bucket holds."""
    parts = []
    for name in bucket.names():
        data = bucket.content(name)
        if name.endswith(".gz"):
            data = gzip.decompress(data)
        elif name.endswith(".parquet"):
            data = json.dumps(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
        parts.append(f"{name} {data.decode()}")
    return "\n".join(parts)


def test_what_is_erased_is_nowhere_in_the_bucket_and_the_receipt_names_the_addresses(
    settings: Settings, bucket: Bucket, tmp_path: Path
) -> None:
    export(settings, "account", FIRST, tmp_path / "out")
    assert (tmp_path / "out" / "landed" / "rows.jsonl").exists()
    assert all(one in said(bucket) for one in ALL)

    erase(settings, "account", FIRST, now=NOW, **ASKED)
    assert not any(one in said(bucket) for one in (FIRST, *ROBIN))  # Robin was known through it only
    assert all(one in said(bucket) for one in (SECOND, *KIM))
    erase(settings, "person", KIM[1], now=NOW, **ASKED)
    assert not any(one in said(bucket) for one in KIM)
    assert said(bucket).count("stays") == 3  # lines, the table, and the report's list
    assert SECOND in said(bucket)

    account, person = erasures.receipts(open_ledger(settings.ledger_url))
    for receipt in (account, person):
        assert receipt["counts"][f"landing at {bucket.address}/landing"] > 0
        assert receipt["counts"][f"preview at {bucket.address}/health/preview"] > 0
