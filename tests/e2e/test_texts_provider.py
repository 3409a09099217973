"""From raw texts to signals with a provider that answers, and with one that does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from customer_health import pipeline
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse
from tests.lib.servers.base import Answer
from tests.lib.servers.language_models import AnthropicServer

AS_OF, NOW = date(2026, 3, 2), datetime(2026, 3, 2, 6, tzinfo=UTC)
SECRETIVE = "Hi Anna, this is Bob Jones (bob@acme.example). The export fails for Acme Corp every day."


class Company:
    """Two accounts with tickets in a folder of canonical files, and a stand-in for Claude."""

    def __init__(self, folder: Path, server: AnthropicServer) -> None:
        data = folder / "data"
        data.mkdir(parents=True)
        (data / "accounts.csv").write_text(
            "account_id,name,occurred_at\nacme,Acme Corp,2024-01-01\nzeta,Zeta,2024-01-01\n", encoding="utf-8"
        )
        (data / "contracts.csv").write_text(
            "contract_id,account_id,seats,arr,occurred_at\nc1,acme,10,9000,2024-01-01\nc2,zeta,10,9000,2024-01-01\n",
            encoding="utf-8",
        )
        (data / "ticket_messages.csv").write_text(
            "message_id,ticket_id,account_id,text,occurred_at\n"
            f'm1,t1,acme,"{SECRETIVE}",2026-02-20\n'
            "m2,t2,zeta,How do I add a user?,2026-02-21\n",
            encoding="utf-8",
        )
        columns = {
            "accounts": ("account_id", "name", "occurred_at"),
            "contracts": ("contract_id", "account_id", "seats", "arr", "occurred_at"),
            "ticket_messages": ("message_id", "ticket_id", "account_id", "text", "occurred_at"),
        }
        tables = {
            table: {"files": f"{table}.csv", "columns": {name: name for name in names}}
            for table, names in columns.items()
        }
        mapping = {"version": 1, "company": "Test", "tables": tables}
        (folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
        claude = {
            "model": "m-1",
            "url": server.url,
            "price": {"input": 1, "output": 5},
            "timeout_seconds": 60,
        }
        texts = {"reader": "claude", "endpoints": {"claude": claude}}
        (folder / "company.yaml").write_text(yaml.safe_dump({"texts": texts}), encoding="utf-8")
        self.settings: Settings = load_settings(
            {
                "CUSTOMER_HEALTH_HOME": str(folder / "home"),
                "CUSTOMER_HEALTH_DATA": str(data),
                "CUSTOMER_HEALTH_MAPPING": str(folder / "mapping.yaml"),
                "CUSTOMER_HEALTH_CONFIG": str(folder / "company.yaml"),
                "CUSTOMER_HEALTH_SECRET_CLAUDE": json.dumps({"api_key": "key-1"}),
            }
        )

    def run(self) -> dict[str, Any]:
        pipeline.ingest(self.settings, as_of=AS_OF)
        pipeline.check_quality(self.settings, as_of=AS_OF, now=NOW)
        pipeline.read_texts(self.settings, as_of=AS_OF)
        asked = pipeline.ask_text_provider(self.settings, as_of=AS_OF, now=NOW)
        pipeline.build_signals(self.settings, as_of_dates=[AS_OF])
        return asked.counts()

    def sentiment(self) -> dict[str, float]:
        with open_warehouse(self.settings.warehouse_url) as con:
            return dict(
                con.execute('SELECT account_id, support_sentiment_90d FROM signals."values"').fetchall()
            )


@pytest.fixture
def server() -> Iterator[AnthropicServer]:
    one = AnthropicServer(lambda prompt: {"sentiment": 0.11, "language": "en", "reasons": [], "intents": []})
    yield one
    one.close()


def test_the_providers_reading_counts_and_is_paid_once(tmp_path: Path, server: AnthropicServer) -> None:
    company = Company(tmp_path, server)
    assert company.run()["answered"] == 2
    assert company.sentiment() == {"acme": 0.11, "zeta": 0.11}
    assert company.run()["asked"] == 0
    assert len(server.asked) == 2


def test_nothing_that_identifies_anybody_leaves_the_house(tmp_path: Path, server: AnthropicServer) -> None:
    company = Company(tmp_path, server)
    company.run()
    sent = " ".join(request.raw.decode() for request in server.requests)
    for secret in ("Anna", "Bob", "Jones", "bob@", "Acme", "acme"):
        assert secret not in sent, secret
    assert "export fails" in sent
    assert not (company.settings.home / "texts" / "waiting.jsonl").exists()


def test_a_provider_that_is_down_leaves_the_offline_reading(tmp_path: Path, server: AnthropicServer) -> None:
    server.mind = lambda prompt: Answer(500, {"error": {"message": "internal"}})
    company = Company(tmp_path, server)
    counts = company.run()
    assert (counts["answered"], counts["left"], counts["failed"]) == (0, 2, 2)
    assert company.sentiment()["acme"] < 0.4
