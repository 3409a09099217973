"""A CSM's pulse as an input of the model: both clocks, unknown where nobody gave one, watched for leaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine
from tests.lib.ledger import new_ledger, publish
from tests.lib.model_worlds import CONFIG, MONTHS, SIZE, make_world

from customer_health.ledger import pulses
from customer_health.model.training import train
from customer_health.pipeline.pulse_rows import take_in_pulses
from customer_health.warehouse.raw import create_tables

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Engine:
    engine = new_ledger(tmp_path)
    publish(engine, 1, {"acme": {"score": 80}, "bolt": {"score": 80}})
    return engine


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    for schema in ("raw", "ops", "quarantine"):
        made.execute(f"CREATE SCHEMA {schema}")
    create_tables(made)
    return made


def test_pulses_of_the_ledger_become_facts_once_beside_those_that_a_source_brings(
    ledger: Engine, con: duckdb.DuckDBPyConnection
) -> None:
    con.execute(
        "INSERT INTO raw.csm_pulses (pulse_id, account_id, pulse, occurred_at, known_at, _source) "
        "VALUES ('v1', 'acme', 5, '2026-01-01', '2026-01-01', 'gainsight')"
    )
    pulses.record(ledger, "acme", 2, by="dana", note="they went silent", now=NOON)
    for _ in range(2):
        assert take_in_pulses(con, ledger) == 1
    pulses.record(ledger, "bolt", 4, by="dana", note="", now=NOON + timedelta(days=1))
    assert take_in_pulses(con, ledger) == 2
    found = con.execute(
        "SELECT account_id, pulse, occurred_at, known_at FROM raw.csm_pulses ORDER BY occurred_at"
    ).fetchall()
    at, midnight = NOON.replace(tzinfo=None), datetime.fromisoformat("2026-01-01")
    assert found == [
        ("acme", 5.0, midnight, midnight),
        ("acme", 2.0, at, at),
        ("bolt", 4.0, at + timedelta(days=1), at + timedelta(days=1)),
    ]


def test_no_word_of_what_a_csm_wrote_reaches_the_warehouse(
    ledger: Engine, con: duckdb.DuckDBPyConnection
) -> None:
    pulses.record(ledger, "acme", 2, by="dana@example.com", note="their CFO is furious", now=NOON)
    take_in_pulses(con, ledger)
    kept = str(con.execute("SELECT * FROM raw.csm_pulses").fetchall())
    assert "dana" not in kept
    assert "furious" not in kept


def _pulsed(right: float) -> tuple[pd.DataFrame, pd.DataFrame, object]:
    """A company whose CSMs say 1 where a loss comes within 91 days, as often as `right`; else anything."""
    world = make_world(SIZE, MONTHS, seed=1)
    lost = world.panel[["account_id", "as_of"]].merge(
        world.outcomes[["account_id", "occurred_at"]], on="account_id", how="left"
    )
    soon = (lost["occurred_at"] - lost["as_of"]).dt.days.between(0, 91).to_numpy()
    rng = np.random.default_rng(0)
    told = np.where(soon & (rng.random(len(soon)) < right), 1.0, rng.integers(2, 6, len(soon)))
    silent = ~soon & (rng.random(len(soon)) < 0.4)
    return world.panel.assign(csm_pulse=np.where(silent, np.nan, told)), world.outcomes, world.as_of


def test_a_pulse_that_only_repeats_a_loss_already_heard_of_is_left_out_by_name() -> None:
    """A CSM hears first. A column that all but states next quarter's losses is not insight into health."""
    panel, outcomes, as_of = _pulsed(0.95)
    training = train(panel, outcomes, CONFIG, as_of=as_of, horizons=(180,))
    assert training.refused == ("csm_pulse",)
    assert any("'csm_pulse'" in line for line in training.lines())
    assert training.champion is None or "csm_pulse" not in training.champion.features.sources


def test_an_honest_pulse_is_an_input_like_any_other() -> None:
    panel, outcomes, as_of = _pulsed(0.35)
    training = train(panel, outcomes, CONFIG, as_of=as_of, horizons=(180,))
    assert training.refused == ()
    assert training.champion is not None
    assert "csm_pulse" in training.champion.features.sources
