"""A customer, or a person at one, asks for everything that is kept about them, and then to be forgotten."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError, FatalError, RetriableError
from customer_health.ledger import erasures, schema
from customer_health.ledger.engine import open_ledger, writing
from customer_health.operations.erasure import erase, export
from customer_health.settings import Settings, load_settings
from customer_health.warehouse.connect import open_warehouse

pytestmark = pytest.mark.slow
DAY = date(2026, 3, 16)
NOW = datetime(2026, 3, 16, 6, tzinfo=UTC)
CONFIG = CompanyConfig.model_validate({"name": "Small Ltd", "simulator": {"accounts": 40}})
ASKED = {"by": "dana", "reason": "asked by letter 17"}


def settings_at(home: Path, config: CompanyConfig = CONFIG) -> Settings:
    return load_settings({}, home=home).model_copy(update={"config": config})


def night(settings: Settings, day: date) -> list[str]:
    now = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    pipeline.ingest(settings, as_of=day)
    said = pipeline.check_quality(settings, as_of=day, now=now).lines()
    pipeline.read_texts(settings, as_of=day)
    pipeline.build_signals(settings, as_of_dates=[day])
    pipeline.score_accounts(settings, as_of=day, now=now)
    pipeline.run_playbooks(settings, as_of=day, now=now)
    for destination in pipeline.destinations(settings):
        pipeline.deliver_effects(settings, destination=destination, now=now)
    return said


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("lived")
    night(settings_at(home), DAY)
    return home


@pytest.fixture
def settings(lived: Path, tmp_path: Path) -> Settings:
    shutil.copytree(lived, tmp_path / "home")
    return settings_at(tmp_path / "home")


def everything(settings: Settings) -> str:
    """Every row of both stores and every file of ours as one text; what the source has is not ours."""
    parts = []
    with open_warehouse(settings.warehouse_url) as con:
        names = con.execute(
            "SELECT schema_name || '.\"' || table_name || '\"' FROM duckdb_tables()"
        ).fetchall()
        for (name,) in names:
            parts += [f"{name} {row}" for row in con.execute(f"SELECT * FROM {name}").fetchall()]
    with open_ledger(settings.ledger_url).connect() as connection:
        for table in schema.metadata.sorted_tables:
            parts += [f"{table.name} {row}" for row in connection.execute(select(table))]
    for path in settings.home.rglob("*"):
        if path.is_file() and "company" not in path.parts and path.suffix not in (".duckdb", ".wal"):
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            parts.append(f"{path.name} {data.decode(errors='replace')}")
    return "\n".join(parts)


def some_account(settings: Settings) -> str:
    """An account that an effect is about."""
    with open_ledger(settings.ledger_url).connect() as connection:
        query = select(schema.outbox.c.account_id).where(schema.outbox.c.verb == "create_task")
        return str(connection.execute(query.order_by(schema.outbox.c.account_id)).scalars().first())


def some_person(settings: Settings) -> tuple[str, str, str]:
    with open_warehouse(settings.warehouse_url) as con:
        row = con.execute(
            "SELECT contact_id, user_id, account_id FROM raw.contacts WHERE user_id IN "
            "(SELECT user_id FROM raw.usage) AND contact_id IN (SELECT contact_id FROM raw.tickets) "
            "ORDER BY 1"
        ).fetchall()[0]
    return str(row[0]), str(row[1]), str(row[2])


def test_an_erased_account_is_nowhere_and_stays_away_while_the_others_go_on(settings: Settings) -> None:
    account = some_account(settings)
    assert account in everything(settings)
    result = erase(settings, "account", account, now=NOW, **ASKED)
    assert {"preview", "ledger outbox", "ledger scores", "warehouse raw.usage"} <= set(result.counts())
    assert account not in everything(settings)
    said = night(settings, DAY + timedelta(days=1))  # the source still has it
    assert any("were kept out" in line for line in said)
    assert account not in everything(settings)
    with open_ledger(settings.ledger_url).connect() as connection:
        days = connection.execute(select(schema.score_runs.c.accounts)).scalars().all()
    assert days[1] == days[0] - 1


def test_who_reads_the_ledger_meanwhile_is_told_of_and_a_second_run_takes_it_out_of_the_file(
    settings: Settings,
) -> None:
    account = some_account(settings)
    with open_ledger(settings.ledger_url).connect() as reader:
        reader.execute(select(schema.score_runs)).all()  # an older state is held until this ends
        result = erase(settings, "account", account, now=NOW, **ASKED)
        assert any("ledger.db-wal" in line for line in result.lines())
    again = erase(settings, "account", account, now=NOW, **ASKED)
    assert not any("ledger.db-wal" in line for line in again.lines())
    assert account not in everything(settings)


def test_erasing_twice_changes_nothing_and_keeps_one_receipt_that_names_nobody(settings: Settings) -> None:
    account = some_account(settings)
    erase(settings, "account", account, now=NOW, **ASKED)
    (first,) = erasures.receipts(open_ledger(settings.ledger_url))
    again = erase(settings, "account", account, now=NOW + timedelta(days=3), **ASKED)
    (second,) = erasures.receipts(open_ledger(settings.ledger_url))
    assert dict(second) == dict(first)
    assert "nothing (more) was found" in again.lines()[0]
    assert account not in str(dict(first))


def test_an_erased_person_loses_their_name_and_words_but_the_account_keeps_its_numbers(
    settings: Settings,
) -> None:
    contact, user, account = some_person(settings)
    counted = "SELECT count(*), sum(events), count(DISTINCT user_id) FROM raw.usage WHERE account_id = ?"
    with open_warehouse(settings.warehouse_url) as con:
        before = con.execute(counted, [account]).fetchall()
    result = erase(settings, "person", user, now=NOW, **ASKED)  # by any of their ids
    assert result.counts()["warehouse raw.usage"] > 0
    for one in (contact, user):
        assert f"'{one}'" not in everything(settings)
    with open_warehouse(settings.warehouse_url) as con:
        assert con.execute(counted, [account]).fetchall() == before
        titles = con.execute("SELECT title FROM raw.contacts WHERE contact_id LIKE 'erased-%'").fetchall()
        assert titles
        assert {title for (title,) in titles} == {None}
    night(settings, DAY + timedelta(days=1))
    for one in (contact, user):
        assert f"'{one}'" not in everything(settings)


def test_what_was_sent_is_listed_with_its_remote_id_and_nothing_leaves_any_more(settings: Settings) -> None:
    account = some_account(settings)
    crm = {"name": "Small Ltd", "simulator": {"accounts": 40}, "destinations": {"crm": "hubspot"}}
    real = settings.model_copy(update={"config": CompanyConfig.model_validate(crm)})
    with writing(open_ledger(settings.ledger_url)) as connection:
        mine = (schema.outbox.c.account_id == account) & (schema.outbox.c.destination == "crm")
        connection.execute(update(schema.outbox).where(mine).values(remote_id="hs-4711", state="delivered"))
    result = erase(real, "account", account, now=NOW, **ASKED)
    assert any("hubspot create_task hs-4711" in line for line in result.lines())
    with open_ledger(settings.ledger_url).connect() as connection:
        assert not connection.execute(select(schema.outbox).where(mine)).all()


def test_an_effect_on_its_way_stops_the_erasure_before_the_ledger(settings: Settings) -> None:
    account = some_account(settings)
    with writing(open_ledger(settings.ledger_url)) as connection:
        mine = schema.outbox.c.account_id == account
        connection.execute(update(schema.outbox).where(mine).values(state="sending"))
    with pytest.raises(RetriableError, match="on its way"):
        erase(settings, "account", account, now=NOW, **ASKED)


def test_an_erasure_needs_a_name_and_a_reason(settings: Settings) -> None:
    with pytest.raises(FatalError, match="a name and a reason"):
        erase(settings, "account", some_account(settings), by="", reason="x", now=NOW)


def test_landed_answers_lose_the_rows_and_are_not_loaded_again(settings: Settings) -> None:
    account = some_account(settings)
    folder = settings.home / "landing" / "crm" / "accounts"
    folder.mkdir(parents=True)
    rows = [{"id": account, "name": "Gone"}, {"id": "other", "parent": {"id": account}}, {"id": "stays"}]
    path = folder / "0000001.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    with open_warehouse(settings.warehouse_url) as con:
        con.execute(
            "INSERT INTO ops.files (source, file, table_name, size, modified) "
            "VALUES ('crm', 'accounts/0000001.jsonl.gz', 'accounts', 1, 'before')"
        )
    erase(settings, "account", account, now=NOW, **ASKED)
    assert gzip.decompress(path.read_bytes()) == b'{"id": "stays"}\n'
    with open_warehouse(settings.warehouse_url) as con:
        known = con.execute("SELECT size, modified FROM ops.files WHERE source = 'crm'").fetchall()
    assert known == [(path.stat().st_size, str(path.stat().st_mtime_ns))]


def test_another_customers_digest_keeps_its_lines_without_the_erased_one(settings: Settings) -> None:
    account = some_account(settings)
    digest = {"lines": [f"{account}: 12", "acc_other: 80"], "by_account": {account: 1, "acc_other": 2}}
    now = {"at": NOW, "by": "dana", "episode_id": "e-other", "kind": "note", "ref": "r"}
    with writing(open_ledger(settings.ledger_url)) as connection:
        connection.execute(insert(schema.episode_events).values(detail=digest, **now))
    erase(settings, "account", account, now=NOW, **ASKED)
    with open_ledger(settings.ledger_url).connect() as connection:
        kept = connection.execute(
            select(schema.episode_events.c.detail).where(schema.episode_events.c.episode_id == "e-other")
        ).scalar_one()
    assert kept == {"lines": ["[erased]: 12", "acc_other: 80"], "by_account": {"[erased]": 1, "acc_other": 2}}


def test_an_export_holds_every_row_that_an_erasure_would_take(settings: Settings, tmp_path: Path) -> None:
    account = some_account(settings)
    export(settings, "account", account, tmp_path / "out")
    given = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jsonl")}
    assert {"warehouse/raw.usage.jsonl", "ledger/scores.jsonl", "ledger/deliveries.jsonl"} <= given
    rows = {
        name: len((tmp_path / "out" / name).read_text().splitlines()) for name in given if "ledger/" in name
    }
    taken = erase(settings, "account", account, now=NOW, **ASKED).counts()
    for name, count in rows.items():
        assert taken[f"ledger {Path(name).stem}"] == count, name
    with pytest.raises(ConfigurationError, match="Nothing is kept about account"):
        export(settings, "account", account, tmp_path / "later")
