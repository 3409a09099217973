"""A company whose tables lie in a warehouse already: one setting, and the same scores."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from adbc_driver_postgresql import dbapi
from tests.lib.signals_postgres import postgres_url

from customer_health import pipeline
from customer_health.company import CompanyConfig, UsageConfig
from customer_health.errors import ConfigurationError, DataContractError, RetriableError
from customer_health.ledger import scores
from customer_health.ledger.engine import open_ledger
from customer_health.playbooks.usage_audit import read_audits
from customer_health.remote.usage_placement import remote_usage
from customer_health.settings import Settings, load_settings
from customer_health.simulator.product import USAGE_SETTINGS
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.tables import TABLES

AS_OF = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)
CONFIG = CompanyConfig(
    usage=UsageConfig.model_validate(USAGE_SETTINGS),
    simulator={"accounts": 25, "seed": 3, "start": "2026-01-05"},
)


def settings_of(home: Path, **more: Any) -> Settings:
    return Settings(
        home=home,
        warehouse_url=f"duckdb:///{home}/warehouse.duckdb",
        ledger_url=f"sqlite:///{home}/ledger.db",
        config=CONFIG,
        **more,
    )


def run_chain(settings: Settings) -> dict[str, pipeline.Result]:
    settings.home.mkdir(parents=True, exist_ok=True)
    return {
        "ingest": pipeline.ingest(settings, as_of=AS_OF),
        "gate": pipeline.check_quality(settings, as_of=AS_OF, now=NOW),
        "signals": pipeline.build_signals(settings, as_of_dates=[AS_OF]),
        "champion": pipeline.ensure_champion(settings, as_of=AS_OF),
        "score": pipeline.score_accounts(settings, as_of=AS_OF, now=NOW),
        "playbooks": pipeline.run_playbooks(settings, as_of=AS_OF, now=NOW),
        "kpis": pipeline.report_kpis(settings, as_of=AS_OF, now=NOW),
    }


def published(settings: Settings) -> Any:
    frame = scores.of(open_ledger(settings.ledger_url), AS_OF)
    return frame.drop(columns=[name for name in frame if name in ("published_at", "model_id")])


class Embedded:
    """The simulated company, everything in the embedded warehouse, after one day's chain."""

    def __init__(self, home: Path, **more: Any) -> None:
        self.settings = settings_of(home, **more)
        self.results = run_chain(self.settings)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    return Embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def facts(embedded: Embedded) -> dict[str, Any]:
    """What that company's tables hold, as Arrow, without our provenance."""
    with open_warehouse(embedded.settings.warehouse_url) as con:
        return {
            name: con.sql(f"SELECT {', '.join(table.columns)} FROM raw.{name}").to_arrow_table()
            for name, table in TABLES.items()
        }


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, facts: dict[str, Any]) -> Iterator[str]:
    """A Postgres in which two loaders have landed everything, each in its own way."""
    with postgres_url(tmp_path_factory.mktemp("company") / "pg") as address:
        with dbapi.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA raw")
            cursor.execute("CREATE SCHEMA product")
            for name, rows in facts.items():
                cursor.adbc_ingest(name, rows, mode="create", db_schema_name="raw")
            cursor.execute(
                'CREATE TABLE product."Events" AS SELECT account_id AS tenant, user_id AS person, '
                "upper(feature) AS what, events::numeric(12, 3) AS times, occurred_at::timestamptz AS at, "
                "known_at AS synced, false AS internal FROM raw.usage"
            )
            cursor.execute(
                "INSERT INTO product.\"Events\" SELECT tenant, 'staff', what, 99, at, synced, true "
                'FROM product."Events" LIMIT 500'
            )
            connection.commit()
        yield address


def signals_of(settings: Settings) -> Any:
    with open_warehouse(settings.warehouse_url) as con:
        return con.execute("SELECT * FROM signals.values ORDER BY account_id").df()


@pytest.fixture(scope="module")
def remote(embedded: Embedded, url: str, tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    """The same company with everything in Postgres, after the same day's chain."""
    return Embedded(tmp_path_factory.mktemp("remote"), source_warehouse=url)


def again(remote: Embedded, home: Path, **more: Any) -> Settings:
    """The company in Postgres, loaded already, under other settings."""
    shutil.copytree(remote.settings.home, home)
    return settings_of(home, source_warehouse=remote.settings.source_warehouse, **more)


def test_the_whole_chain_gives_the_same_scores_from_a_real_postgres(
    embedded: Embedded, remote: Embedded
) -> None:
    ours, theirs = published(embedded.settings), published(remote.settings)
    assert len(ours) > 15
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)
    for step in ("signals", "champion", "score", "playbooks", "kpis"):
        ours, theirs = (dict(one.results[step].counts()) for one in (embedded, remote))
        assert ours.pop("rows_moved", 0) == 0
        assert (theirs.pop("rows_moved", 0) > 0) == (step == "signals")
        assert ours == theirs


def test_usage_never_leaves_its_warehouse_and_the_rest_is_loaded_once(remote: Embedded) -> None:
    with open_warehouse(remote.settings.warehouse_url) as con:
        assert con.execute("SELECT count(*) FROM raw.usage").fetchall() == [(0,)]
        assert con.execute("SELECT count(*) > 15 FROM raw.contracts").fetchall() == [(True,)]
    second = pipeline.ingest(remote.settings, as_of=AS_OF)
    assert second.counts()["new"] == second.counts()["updated"] == 0
    assert "usage stays in the source warehouse and is reduced there." in second.lines()


def test_the_usage_audit_is_the_same_wherever_usage_lies(embedded: Embedded, remote: Embedded) -> None:
    """Only the rows of the audited accounts are asked for, and nothing of them is kept."""
    with open_warehouse(embedded.settings.warehouse_url) as con:
        seats: dict[str, float | None] = {
            row[0]: row[1]
            for row in con.execute("SELECT account_id, max(seats) FROM raw.contracts GROUP BY 1").fetchall()
        }
        ours = read_audits(con, seats, AS_OF)
    with (
        open_warehouse(remote.settings.warehouse_url) as con,
        remote_usage(remote.settings) as usage,
    ):
        theirs = read_audits(con, seats, AS_OF, usage)
        assert con.execute("SELECT count(*) FROM raw.usage").fetchall() == [(0,)]
    assert sum(audit["active"]["30"] is not None for audit in ours.values()) > 10
    assert theirs == ours


def mapping_file(path: Path, usage: Mapping[str, Any], features: Sequence[str]) -> Path:
    """Everything as it is named by contract, except usage, which a vendor's loader has landed."""
    tables: dict[str, Any] = {
        name: {"table": f"raw.{name}", "columns": {column: column for column in table.columns}}
        for name, table in TABLES.items()
        if name != "usage"
    }
    columns = {
        "account_id": "tenant",
        "user_id": "PERSON",
        "feature": {"column": "what", "values": {name.upper(): name for name in features}},
        "events": "times",
        "occurred_at": "at",
        "known_at": "synced",
    }
    tables["usage"] = {"table": "product.events", "where": {"internal": False}, "columns": columns} | usage
    path.write_text(yaml.safe_dump({"company": "Mapped", "tables": tables}), encoding="utf-8")
    return path


def test_a_loaders_own_columns_are_mapped_inside_the_warehouse(
    embedded: Embedded, remote: Embedded, facts: dict[str, Any], tmp_path: Path
) -> None:
    """Renamed, translated and filtered (our own staff) where the rows are; spelling of names is forgiven."""
    features = facts["usage"].column("feature").unique().to_pylist()
    mapping = mapping_file(tmp_path / "mapping.yaml", {}, features)
    mapped = again(remote, tmp_path / "home", mapping=mapping)

    pipeline.build_signals(mapped, as_of_dates=[AS_OF])

    pd.testing.assert_frame_equal(signals_of(mapped), signals_of(embedded.settings), rtol=1e-9)


def test_a_night_moves_what_the_reduction_yields_however_many_rows_there_are(
    remote: Embedded, url: str, facts: dict[str, Any], tmp_path: Path
) -> None:
    """Every row is there ten times, with a tenth of its events: the same users, features and days."""
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            'CREATE TABLE product."Tenfold" AS SELECT tenant, person, what, times / 10 AS times, at, synced, '
            'internal FROM product."Events", generate_series(1, 10)'
        )
        cursor.execute('SELECT count(*) FROM product."Tenfold"')
        there = cursor.fetchone()[0]
        connection.commit()
    features = facts["usage"].column("feature").unique().to_pylist()
    moved = []
    for name in ("events", "tenfold"):
        mapping = mapping_file(tmp_path / f"{name}.yaml", {"table": f"product.{name}"}, features)
        settings = again(remote, tmp_path / name, mapping=mapping)
        moved += [
            pipeline.build_signals(settings, as_of_dates=[AS_OF]).counts()["rows_moved"] for _ in range(2)
        ]
    once, once_more, tenfold, tenfold_more = moved
    assert once == tenfold < there / 10
    assert once_more == tenfold_more < once / 2, "what is kept is not moved again"


def test_the_gate_measures_usage_where_it_is_and_leaves_broken_rows_out(
    remote: Embedded, url: str, tmp_path: Path
) -> None:
    settings = again(remote, tmp_path / "home")
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        bad = "INSERT INTO raw.usage SELECT {}, user_id, feature, {}, occurred_at, known_at FROM raw.usage "
        bad += "LIMIT {}"
        cursor.execute(bad.format("NULL", "events", 3))
        cursor.execute(bad.format("account_id", "-1", 2))
        cursor.execute(bad.format("'stranger'", "events", 4))
        try:
            connection.commit()
            lines = "\n".join(pipeline.check_quality(settings, as_of=AS_OF, now=NOW).lines())
        finally:
            cursor.execute("DELETE FROM raw.usage WHERE account_id IS NULL OR events < 0")
            cursor.execute("DELETE FROM raw.usage WHERE account_id = 'stranger'")
            connection.commit()

    assert "account_id is empty" in lines
    assert "found 3" in lines
    assert "found 2" in lines
    assert "found 4" in lines
    with open_warehouse(settings.warehouse_url) as con:
        days = con.execute("SELECT days_old FROM ops.freshness WHERE table_name = 'usage'").fetchone()
    assert days == (0,)


def test_a_rule_that_engines_understand_differently_is_refused(url: str, tmp_path: Path) -> None:
    columns = {
        "account_id": "tenant",
        "feature": "what",
        "occurred_at": {"column": "at", "format": "%d.%m.%Y"},
    }
    mapping = mapping_file(tmp_path / "mapping.yaml", {"columns": columns}, [])
    settings = settings_of(tmp_path / "home", source_warehouse=url, mapping=mapping)
    with pytest.raises(ConfigurationError, match=r"`format:` is not carried out[^$]*in a view"):
        pipeline.build_signals(settings, as_of_dates=[AS_OF])


def test_a_column_that_is_not_there_is_named_with_its_neighbours(url: str, tmp_path: Path) -> None:
    columns = {"account_id": "tennant", "feature": "what", "occurred_at": "at"}
    mapping = mapping_file(tmp_path / "mapping.yaml", {"columns": columns}, [])
    settings = settings_of(tmp_path / "home", source_warehouse=url, mapping=mapping)
    with pytest.raises(DataContractError, match=r"has no column 'tennant'[^$]*Did you mean one of: tenant"):
        pipeline.check_quality(settings, as_of=AS_OF, now=NOW)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("snowflake://user:hunter2@account/db", 'Run: pip install "ibis-framework[snowflake]"'),
        ("trino://user@host/catalog", 'Run: pip install "ibis-framework[trino]"'),
        ("mysql://user:hunter2@host/db", "A warehouse of kind 'mysql' is not read"),
    ],
)
def test_a_missing_driver_is_named_with_the_package_to_install(place: str, told: str, tmp_path: Path) -> None:
    settings = load_settings({"CUSTOMER_HEALTH_SOURCE_WAREHOUSE": place}, home=tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        pipeline.ingest(settings, as_of=AS_OF)
    assert told in str(refused.value)
    assert "hunter2" not in f"{refused.value}{settings!r}{settings.model_dump()}"


def test_a_warehouse_that_does_not_answer_is_tried_again_later(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, source_warehouse="postgresql://me:hunter2@127.0.0.1:1/db")
    with pytest.raises(RetriableError, match="refuses our login") as refused:
        pipeline.ingest(settings, as_of=AS_OF)
    assert "hunter2" not in str(refused.value)
