"""People and secrets are canaries: after a whole night they are where they belong, and nowhere else."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse

pytestmark = pytest.mark.slow
DAY, NOW = date(2026, 3, 16), datetime(2026, 3, 16, 6, tzinfo=UTC)
CONFIG = CompanyConfig.model_validate({"name": "Small Ltd", "simulator": {"accounts": 40}})
SECRET = "canary-7f3a9d-secret"
KINDS = ("slack", "hubspot", "salesforce", "gainsight", "webhook", "claude", "zendesk")


class Night:
    """What one night of a small company left behind."""

    def __init__(self, home: Path, log: str, counts: list[dict[str, object]]) -> None:
        self.settings = _settings(home)
        self.log, self.counts = log, counts

    def ledger(self) -> dict[str, str]:
        with open_ledger(self.settings.ledger_url).connect() as connection:
            return {
                table.name: "\n".join(str(tuple(row)) for row in connection.execute(select(table)))
                for table in schema.metadata.sorted_tables
            }

    def files(self, *folders: str) -> dict[str, str]:
        return {
            path.relative_to(self.settings.home).as_posix(): path.read_bytes().decode(errors="replace")
            for folder in folders
            for path in (self.settings.home / folder).rglob("*")
            if path.is_file()
        }


def _settings(home: Path) -> Settings:
    secrets = {kind: {"token": SECRET, "access_token": SECRET, "api_key": SECRET} for kind in KINDS}
    return load_settings({}, home=home, secrets=secrets).model_copy(update={"config": CONFIG})


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    home = tmp_path_factory.mktemp("canaries")
    settings, lines = _settings(home), []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        done = [
            pipeline.ingest(settings, as_of=DAY),
            pipeline.check_quality(settings, as_of=DAY, now=NOW),
            pipeline.read_texts(settings, as_of=DAY),
            pipeline.build_signals(settings, as_of_dates=[DAY]),
            pipeline.score_accounts(settings, as_of=DAY, now=NOW),
            pipeline.run_playbooks(settings, as_of=DAY, now=NOW),
            *(
                pipeline.deliver_effects(settings, destination=name, now=NOW)
                for name in pipeline.destinations(settings)
            ),
            pipeline.report_kpis(settings, as_of=DAY, now=NOW),
        ]
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    said = [line for result in done for line in result.lines()]
    return Night(home, "\n".join([*lines, *said]), [result.counts() for result in done])


def canaries(night: Night, query: str) -> list[str]:
    with open_warehouse(night.settings.warehouse_url) as con:
        return [value for (value,) in con.execute(query).fetchall()]


def test_a_canary_person_is_in_the_facts_and_nowhere_else(night: Night) -> None:
    people = canaries(night, "SELECT DISTINCT contact_id FROM raw.contacts")
    people += canaries(night, "SELECT DISTINCT user_id FROM raw.usage WHERE user_id <> ''")
    people += canaries(night, "SELECT DISTINCT title FROM raw.contacts WHERE length(title) > 12")
    people += canaries(
        night, "SELECT DISTINCT first_name || ' ' || last_name FROM raw.contacts WHERE first_name <> ''"
    )
    assert len(people) > 100
    places = {
        "log": night.log,
        "XCom": str(night.counts),
        **night.ledger(),
        **night.files("preview", "reports", "models"),
    }
    found = {place: [who for who in people if who in text] for place, text in places.items()}
    graphs = found.pop("people_graphs")
    assert {place: who for place, who in found.items() if who} == {}
    assert graphs, "what the account page shows of people, as of the newest day; erasing a person reaches it"


def test_a_customers_words_are_in_the_facts_and_nowhere_else(night: Night) -> None:
    words = canaries(night, "SELECT DISTINCT text FROM raw.ticket_messages WHERE length(text) > 40")
    words += canaries(night, "SELECT DISTINCT text FROM raw.surveys WHERE length(text) > 40")
    assert len(words) > 20
    places = {"log": night.log, "XCom": str(night.counts), **night.ledger(), **night.files("preview")}
    assert [(place, text) for text in words for place, found in places.items() if text in found] == []


def test_a_canary_secret_is_nowhere(night: Night) -> None:
    found = {"log": night.log, "XCom": str(night.counts), **night.ledger()}
    assert [place for place, text in found.items() if SECRET in text] == []
    for path in night.settings.home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in repr(night.settings)
    assert SECRET not in night.settings.model_dump_json()
