"""An id is a value wherever it goes: SQL of warehouse and ledger binds it, and no wildcard in it counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from customer_health.assistant.assistant_answers import account
from customer_health.errors import FatalError
from customer_health.ledger import outbox_queries, portfolio_queries, schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.erasure import erase, export
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import create_tables

NOW = datetime(2026, 3, 16, 6, tzinfo=UTC)
HOSTILE = [
    "x'; DROP TABLE raw.accounts; --",
    'x"; DROP TABLE outbox; --',
    "') OR ('1'='1",
    "%%%%%",
    "_____",
    "{0} {{account}} :id $1 ?",
    "\\' OR true --",
]
OTHERS = ["acc_00001", "acc_00002"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = load_settings({}, home=tmp_path)
    with open_warehouse(settings.warehouse_url) as con:
        create_tables(con)
        for account in (*HOSTILE, *OTHERS):
            con.execute(
                "INSERT INTO raw.accounts (account_id, name, occurred_at) VALUES (?, ?, ?)",
                [account, f"{account} Ltd", NOW],
            )
            con.execute(
                "INSERT INTO raw.contacts (contact_id, account_id, occurred_at) VALUES (?, ?, ?)",
                [f"c {account}", account, NOW],
            )
    with writing(open_ledger(settings.ledger_url)) as connection:
        for account in (*HOSTILE, *OTHERS):
            note = {"at": NOW, "by": "dana", "episode_id": f"e-{account}", "kind": "note", "ref": "r"}
            connection.execute(insert(schema.episode_events).values(detail={"lines": [account]}, **note))
    return settings


def kept(settings: Settings) -> tuple[set[str], set[str]]:
    """Accounts of the warehouse, and those that the ledger's notes name."""
    with open_warehouse(settings.warehouse_url) as con:
        accounts = {one for (one,) in con.execute("SELECT account_id FROM raw.accounts").fetchall()}
        of_contacts = con.execute("SELECT account_id FROM raw.contacts").fetchall()
        assert {one for (one,) in of_contacts} == accounts
    with open_ledger(settings.ledger_url).connect() as connection:
        details = connection.execute(select(schema.episode_events.c.detail)).scalars()
        return accounts, {detail["lines"][0] for detail in details} - {"[erased]"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_id_is_handed_out_and_erased_alone(
    settings: Settings, tmp_path: Path, hostile: str
) -> None:
    export(settings, "account", hostile, tmp_path / "out")
    rows = (tmp_path / "out" / "warehouse" / "raw.accounts.jsonl").read_text(encoding="utf-8")
    assert len(rows.splitlines()) == 1

    erase(settings, "account", hostile, by="dana", reason="asked by letter 17", now=NOW)
    everybody = {*HOSTILE, *OTHERS}
    assert kept(settings) == (everybody - {hostile}, everybody - {hostile})


@pytest.mark.parametrize("words", HOSTILE)
def test_an_id_that_somebody_asks_for_is_no_statement(settings: Settings, words: str) -> None:
    engine = open_ledger(settings.ledger_url)
    with writing(engine) as connection:
        run = {"accounts": 1, "mode": "rules", "code_version": "1", "first_published_at": NOW}
        connection.execute(insert(schema.score_runs).values(as_of=NOW.date(), published_at=NOW, **run))
        connection.execute(
            insert(schema.scores).values(as_of=NOW.date(), account_id=OTHERS[0], state="scored")
        )
    with pytest.raises(FatalError, match="There is no account"):
        account(engine, words)
    assert portfolio_queries.account_line(engine, words, until=date.max) == []
    assert outbox_queries.listing(engine, account_id=words, limit=5) == []
    with engine.connect() as connection:
        assert len(connection.execute(select(schema.scores)).all()) == 1
