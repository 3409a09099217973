"""Grade the published days for the gate before growth is automated, and keep what was found for it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from customer_health.ledger import report_numbers
from customer_health.ledger.score_history import weekly_bands
from customer_health.model.monitoring.recall_readings import recall_readings
from customer_health.warehouse.merges import outcomes

if TYPE_CHECKING:
    import duckdb

    from customer_health.company import CompanyConfig

GRADED = timedelta(days=365)


def keep_readings(
    con: duckdb.DuckDBPyConnection, engine: Engine, config: CompanyConfig, *, as_of: date
) -> None:
    """Grade one published day a week of the last year at the shortest horizon, and keep the readings.

    The playbooks look at them when they decide whether an opportunity needs a person; they open no
    warehouse for it.
    """
    horizon = min(config.model.horizons)
    cut = datetime.combine(as_of, time())
    lost = con.execute(outcomes("$cut"), {"cut": cut}).df()
    published = weekly_bands(engine, as_of - GRADED - timedelta(days=horizon), as_of)
    found = recall_readings(published, lost, as_of=as_of, horizon_days=horizon)
    content = {"horizon_days": horizon, "readings": [{**vars(one), "lift": one.lift} for one in found]}
    report_numbers.keep(engine, report_numbers.GRADUATION, as_of, content)
