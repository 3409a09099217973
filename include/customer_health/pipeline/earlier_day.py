"""How the day was scored that today is compared with: its signals as now known, its model, its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from customer_health.pipeline.retraining import load_champion

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.company import CompanyConfig
    from customer_health.model.registry.champion import Champion
    from customer_health.scoring.earlier_scoring import Earlier


def earlier_scoring(
    con: duckdb.DuckDBPyConnection,
    ledger: Engine,
    previous: pd.DataFrame,
    champion: Champion | None,
    config: CompanyConfig,
    models: Path | None = None,
) -> Earlier | None:
    """Return how the day before was scored, or None where that cannot be told exactly any more.

    Args:
        con: The warehouse, which keeps the signals of every day.
        ledger: Tells who scored that day, by which settings.
        previous: Each account's latest score before today; most of them are of one day, which is meant.
        champion: Who scores today: most of the time the same.
        config: Today's company file.
        models: Where models lie today.
    """
    from customer_health.errors import CustomerHealthError
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger import scores as ledger_scores
    from customer_health.scoring.earlier_scoring import Earlier, with_settings
    from customer_health.signals.build_panel import read_signals

    if previous.empty:
        return None
    day = previous["as_of"].mode().iloc[0]
    run = ledger_scores.run_of(ledger, day)
    if run is None:
        return None
    settings = with_settings(config, run["config"])
    if run["mode"] == "model" and (champion is None or run["model_id"] != champion.model_id):
        records = [record for record in registry.history(ledger) if record.model_id == run["model_id"]]
        then, _ = load_champion(records[0] if records else None, models=models)
        if then is None or then.model_id != run["model_id"]:
            return None
    else:
        then = champion if run["mode"] == "model" else None
        if then is None:
            rules = str(run["model_id"])
            settings = settings.model_copy(
                update={"score": settings.score.model_copy(update={"rules": rules})}
            )
    try:
        panel = read_signals(con, day)
    except CustomerHealthError:  # the signals of that day are no longer kept
        return None
    if then is not None and not set(then.features.sources) <= set(panel.columns):
        return None
    return None if panel.empty else Earlier(day, panel, then, settings)
