"""What a training looks at, read from the warehouse as of one day."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING

from customer_health.company import CompanyConfig
from customer_health.progress import Progress
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import pandas as pd

    from customer_health.settings import Settings


def training_inputs(
    settings: Settings, config: CompanyConfig, as_of: date, progress: Progress
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read what a training looks at: panel, outcomes, the CRM's snapshot, signals as once stored."""
    from customer_health.model.candidates.external_score import attach, read
    from customer_health.model.data.training_panel import as_of_dates
    from customer_health.remote.usage_placement import signals_warehouse
    from customer_health.signals.build_panel import build_panel
    from customer_health.warehouse.merges import outcomes as outcomes_before

    with open_warehouse(settings.warehouse_url) as con:
        cut = datetime.combine(as_of, time())
        outcomes = con.execute(outcomes_before("$cut"), {"cut": cut}).df()
        snapshot = con.execute("SELECT * FROM raw.crm_snapshot WHERE known_at < ?", [cut]).df()
        born = con.execute("SELECT min(occurred_at) FROM raw.contracts").fetchone()
        first = born[0].date() if born and born[0] else as_of
        days = [day for day in as_of_dates(as_of, months=config.model.history_months) if day > first]
        found = has_table(con, "values", "signals")
        stored = (
            con.execute('SELECT * FROM signals."values" WHERE as_of >= ? AND day(as_of) = 1', [days[0]]).df()
            if found and days
            else _no_rows()
        )
        days = days or [as_of]
        with signals_warehouse(settings, con, until=max(days)) as warehouse:
            panel = build_panel(
                con, config, days, state_dir=settings.state, warehouse=warehouse, progress=progress
            )
    if config.model.external_scores:
        panel = attach(panel, read(config.model.external_scores))
    return panel, outcomes, snapshot, stored


def _no_rows() -> pd.DataFrame:
    """An empty table."""
    import pandas

    return pandas.DataFrame()
