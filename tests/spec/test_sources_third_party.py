"""Third-party data that nobody of us designed; skipped where it is not at hand."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from customer_health.settings import Settings
from customer_health.sources.load import ingest
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CUSTOMER_HEALTH_TEST_DATA") or ROOT.parent / "shared" / "data")


def _load(folder: str, home: Path, as_of: date) -> tuple[dict[str, int], dict[str, int | float | str]]:
    if not (DATA / folder).is_dir():
        pytest.skip(f"{DATA / folder} is absent: set CUSTOMER_HEALTH_TEST_DATA to the folder of test data")
    mapping = ROOT / "examples" / f"mapping_{folder.split('_')[0]}.yaml"
    settings = Settings(
        home=home,
        warehouse_url=f"duckdb:///{home}/w.duckdb",
        ledger_url="sqlite://",
        data=str(DATA / folder),
        mapping=mapping,
    )
    ingest(settings, as_of=as_of)
    with open_warehouse(settings.warehouse_url) as con:
        gate = run_gate(con, as_of=as_of, report_dir=home / "reports")
        counts = {
            name: con.execute(f"SELECT count(*) FROM raw.{name} WHERE _source = 'files'").fetchall()[0][0]
            for name in ("accounts", "contracts", "usage", "tickets", "surveys", "outcomes")
        }
        derived = "SELECT kind, count(*) FROM raw.outcomes WHERE _source = 'derived' GROUP BY 1"
        counts |= dict(con.execute(derived).fetchall())
    return counts, gate.counts()


def test_ravenstack_maps_onto_the_canonical_tables(home: Path) -> None:
    counts, gate = _load("ravenstack", home, date(2025, 1, 1))
    assert counts == {
        "accounts": 500,
        "contracts": 4617,
        "usage": 24981,
        "tickets": 2000,
        "surveys": 1175,
        "outcomes": 538,
        "contraction_seats": 97,  # it tells of churn only; these follow from its subscriptions
        "downgrade": 11,
    }
    assert gate["quarantined"] == 1  # the same account lost twice on one day, for two reasons


@pytest.mark.slow
def test_the_churn_simulation_maps_onto_the_canonical_tables(home: Path) -> None:
    counts, gate = _load("churnsim_social", home, date(2020, 7, 1))
    assert counts["accounts"] == 14_641
    assert counts["usage"] == 5_542_679
    assert counts["outcomes"] == 1_434
    assert gate["quarantined"] == 0
