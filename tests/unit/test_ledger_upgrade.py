"""A ledger written by an earlier version is upgraded on command, keeps what it holds, and works."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, create_engine, inspect, select, text
from tests.lib.ledger import day, morning, promised, publish, run
from tests.lib.ledgers import ledger_url

from customer_health import pipeline
from customer_health.cli.command_line import main
from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger import kill_switches, report_numbers, schema, training_runs
from customer_health.ledger.engine import LedgerOutdatedError, open_ledger, writing
from customer_health.ledger.outbox import admin, transitions
from customer_health.ledger.portfolio_summary import fill_missing
from customer_health.ledger.training_runs import TrainingNote
from customer_health.ledger.upgrade import SCRIPTS, upgrade_ledger
from customer_health.settings import load_settings

__all__ = ["ledger_url"]  # every test here runs on SQLite and on Postgres

# The tables as those versions made them, from the project's history.
VERSIONS = (1, 2, 3, 4, 5, 6, 7)
DDL = Path(__file__).parents[1] / "data" / "ledgers"
RENAMED = {"trainings": "training_runs", "findings": "report_numbers", "switches": "kill_switches"}
OURS = ("alembic_version", "ledger_version")
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """What a company's ledger holds on the day that acme has just turned Red, by table."""
    engine = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('history')}/ledger.db")
    for number, score in ((1, 61), (2, 20)):
        publish(engine, number, {"acme": score, "calm": 90})
        run(engine, number)
    kill_switches.stop(engine, "playbook", "save_play", by="lee", reason="too loud", now=morning(2))
    training_runs.note(engine, TrainingNote(day(2), "promoted", "It passed.", "m1"))
    report_numbers.keep(engine, "kpis", day(2), {"nrr": 1.04})
    rows = contents(engine)
    engine.dispose()
    return rows


def contents(engine: Engine) -> Rows:
    """Return every row of every table, in an order of their own."""
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=str)
            for table in found.sorted_tables
            if table.name not in OURS
        }


def write_old(url: str, version: int, history: Rows) -> Rows:
    """Make a ledger of an earlier version and fill it with what its tables can hold; return that."""
    engine = create_engine(url)
    script = (DDL / f"v{version}_{engine.dialect.name}.sql").read_text(encoding="utf-8")
    tables = MetaData()
    with engine.begin() as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.execute(text(statement))
        tables.reflect(connection)
        for table in tables.sorted_tables:
            rows = history.get(RENAMED.get(table.name, table.name), ())
            if version == 1 and table.name == "outbox":  # nothing waited for an approval then
                rows = [row for row in rows if row["state"] != "awaiting_approval"]
            kept = [{k: v for k, v in row.items() if k in table.c and k != "id"} for row in rows]
            if kept:
                connection.execute(table.insert(), kept)
    held = contents(engine)
    engine.dispose()
    return held


def revision_of(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    return str(found)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_ledger_is_upgraded_without_loss_to_what_a_new_one_is(ledger_url, history, version):
    before = write_old(ledger_url, version, history)
    assert sum(map(len, before.values())) >= 20
    assert upgrade_ledger(ledger_url).reached == schema.REVISION

    engine = open_ledger(ledger_url)
    after = contents(engine)
    for table, rows in before.items():
        now = after[RENAMED.get(table, table)]
        kept = [{name: row[name] for name in old} for row, old in zip(now, rows, strict=True)]
        assert sorted(kept, key=str) == sorted(rows, key=str), table
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: name not in OURS,
                "include_object": lambda _o, name, *_: name not in OURS,
            },
        )
        differences = compare_metadata(context, schema.metadata)
    assert differences == []
    assert upgrade_ledger(ledger_url).statements == ()
    engine.dispose()


def test_an_upgraded_ledger_goes_on_where_the_old_one_stopped(ledger_url, history):
    write_old(ledger_url, 1, history)
    upgrade_ledger(ledger_url)
    engine = open_ledger(ledger_url)
    before = {row["key"] for row in admin.find(engine)}
    for number in (3, 4):
        publish(engine, number, {"acme": 52, "calm": 90})
        run(engine, number)

    assert before <= {row["key"] for row in admin.find(engine)}
    states = [row["payload"]["status"]["state"] for row in promised(engine, "update_message")]
    assert states[-1] == "recovered"
    indexes = {index["name"] for index in inspect(engine).get_indexes("outbox")}
    assert "outbox_turn" in indexes
    assert "outbox_due" not in indexes
    engine.dispose()


def test_an_older_ledgers_days_are_summed_up_as_a_publication_sums_them_up(ledger_url, history):
    """The page draws its history from sums: a ledger that lived before them must not begin anew."""
    write_old(ledger_url, 7, history)
    upgrade_ledger(ledger_url)
    engine = open_ledger(ledger_url)
    upgraded = {name: contents(engine)[name] for name in ("portfolio_rows", "portfolio_days")}
    with writing(engine) as connection:
        for name in upgraded:
            connection.execute(schema.metadata.tables[name].delete())
        assert fill_missing(connection) == 2
    anew = {name: contents(engine)[name] for name in upgraded}
    engine.dispose()
    assert upgraded["portfolio_rows"] == anew["portfolio_rows"] == history["portfolio_rows"]
    told = ("as_of", "buckets", "options", "currency", "meanings")
    for first, second in zip(upgraded["portfolio_days"], anew["portfolio_days"], strict=True):
        assert [first[name] for name in told] == [second[name] for name in told]


def test_nobody_who_merely_opens_an_older_ledger_changes_it(ledger_url, history):
    before = write_old(ledger_url, 4, history)
    with pytest.raises(LedgerOutdatedError, match="revision 0004") as refused:
        open_ledger(ledger_url)
    assert "ledger upgrade" in refused.value.hint
    engine = create_engine(ledger_url)
    assert contents(engine) == before
    engine.dispose()


def test_a_page_says_that_the_ledger_must_be_upgraded_and_leaves_it_alone(ledger_url, history):
    from customer_health_airflow.ui import page_queries

    before = write_old(ledger_url, 5, history)
    with pytest.raises(LedgerOutdatedError):
        page_queries.ledger(ledger_url)
    engine = create_engine(ledger_url)
    assert contents(engine) == before
    engine.dispose()


def test_ingestion_upgrades_before_it_asks_anybody(ledger_url, history, tmp_path):
    write_old(ledger_url, 3, history)
    settings = load_settings({"CUSTOMER_HEALTH_LEDGER_URL": ledger_url}, home=tmp_path)
    with pytest.raises(FatalError, match="nobody"):
        pipeline.ask_source(settings, as_of=date(2026, 11, 3), source="nobody")
    assert revision_of(ledger_url) == schema.REVISION


def test_a_dry_run_shows_the_statements_and_changes_nothing(
    ledger_url, history, monkeypatch, capsys, tmp_path
):
    before = write_old(ledger_url, 2, history)
    monkeypatch.setenv("CUSTOMER_HEALTH_LEDGER_URL", ledger_url)
    assert main(["--home", str(tmp_path), "ledger", "upgrade", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert f"would go from revision 0002 to revision {schema.REVISION}" in shown
    assert "RENAME TO kill_switches" in shown
    engine = create_engine(ledger_url)
    assert contents(engine) == before
    engine.dispose()

    assert main(["--home", str(tmp_path), "ledger", "upgrade"]) == 0
    assert "went from revision 0002" in capsys.readouterr().out
    assert main(["--home", str(tmp_path), "ledger", "upgrade"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_ledger_that_does_not_fit_a_revision_is_left_as_it_was(ledger_url, history):
    write_old(ledger_url, 5, history)
    engine = create_engine(ledger_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET state = 'mislaid'"))
    before = contents(engine)
    with pytest.raises(FatalError, match="outbox_state") as failed:
        upgrade_ledger(ledger_url)
    assert "as it was" in failed.value.hint
    assert contents(engine) == before
    engine.dispose()


def test_a_state_that_nobody_knows_cannot_be_written(ledger_url):
    engine = open_ledger(ledger_url)
    publish(engine, 1, {"acme": 61})
    publish(engine, 2, {"acme": 20})
    run(engine, 2)
    with pytest.raises(Exception, match="outbox_state"), engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET state = 'mislaid'"))
    engine.dispose()
    states = {*transitions.OPEN_STATES, *transitions.DONE_STATES, "awaiting_approval"}
    assert states == set(schema.OUTBOX_STATES)


@pytest.mark.parametrize("version", [1, None])
def test_several_that_upgrade_or_create_it_at_once_do_it_once(ledger_url, history, version):
    if version:
        write_old(ledger_url, version, history)
    errors: list[Exception] = []
    gate = threading.Barrier(4)

    def upgrades() -> None:
        gate.wait(timeout=120)
        try:
            upgrade_ledger(ledger_url)
            open_ledger(ledger_url).dispose()
        except Exception as error:  # shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=upgrades) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert errors == []
    assert revision_of(ledger_url) == schema.REVISION


def test_a_newer_ledger_is_refused_by_us_and_ours_by_older_code(ledger_url):
    engine = open_ledger(ledger_url)
    with engine.connect() as connection:  # what code of before revision 0008 looks at
        assert connection.execute(select(schema.ledger_version.c.version)).scalars().all() == [
            int(schema.REVISION)
        ]
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0099'"))
    engine.dispose()
    for opens in (open_ledger, upgrade_ledger):
        with pytest.raises(ConfigurationError, match="revision 0099"):
            opens(ledger_url)


def test_the_newest_revision_is_the_one_that_this_code_needs():
    scripts = ScriptDirectory(str(SCRIPTS))
    assert scripts.get_current_head() == schema.REVISION
    assert [script.revision for script in scripts.walk_revisions()] == [
        "0018",
        "0017",
        "0016",
        "0015",
        "0014",
        "0013",
        "0012",
        "0011",
        "0010",
        "0009",
        "0008",
        "0007",
    ]
