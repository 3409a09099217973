"""What speaks against alerting people today: a source that stopped, inputs or probabilities that drifted."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb
    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.settings import Settings

REFERENCE = timedelta(weeks=13)
LEAST_DAYS = 4  # of the same weekday; a company younger than a month has nothing to be compared with
GRADE_LASTS = timedelta(days=45)  # the scoreboard is written once a month
NAMED = 5


def suspicions(
    con: duckdb.DuckDBPyConnection, settings: Settings, ledger: Engine, *, as_of: date
) -> dict[str, str]:
    """Return kind -> words for everything that makes today's data doubtful; empty when nothing does."""
    found = {**_stale(con, settings, as_of), **_drifted(con, settings, ledger, as_of)}
    if words := _miscalibrated(settings, ledger, as_of):
        found["calibration"] = words
    return found


def tell(settings: Settings, ledger: Engine, found: Mapping[str, str], *, as_of: date, now: datetime) -> None:
    """Tell the data team, once a day; those who call customers read it in the summary that waits."""
    from customer_health.playbooks.operator_notices import Notice, tell_data_team

    if not found:
        return
    notice = Notice(
        topic="alerts_held",
        cycle=f"day-{as_of}",
        title="Single alerts are held: the data is under suspicion",
        lines=[f"{words[:1].upper()}{words[1:]}." for words in found.values()],
        remedy="Look at the source and at the last change of its pipeline. When the data is right, approve "
        "the summary that waits (Required Actions, or page Health, Actions): alerts then go out one by one "
        "again.",
    )
    tell_data_team(ledger, settings.config, [notice], now=now)


def _stale(con: duckdb.DuckDBPyConnection, settings: Settings, as_of: date) -> dict[str, str]:
    limits = settings.config.playbooks.stale_after_days
    if not has_table(con, "freshness"):
        return {}
    query = "SELECT table_name, days_old FROM ops.freshness WHERE as_of = ? ORDER BY table_name"
    rows = con.execute(query, [as_of]).fetchall()
    return {
        f"stale:{name}": f"{name} is {days:.0f} days old"
        for name, days in rows
        if days and days > limits.get(name, days)
    }


def _drifted(
    con: duckdb.DuckDBPyConnection, settings: Settings, ledger: Engine, as_of: date
) -> dict[str, str]:
    """Compare the champion's signals of today with the last quarter's, see model/monitoring/drift.py."""
    from customer_health.ledger import model_registry as registry
    from customer_health.model.monitoring import drift

    least = settings.config.playbooks.hold_drifted_signals
    record = registry.current(ledger, as_of=as_of)
    signals = list(record.summary.get("signals", [])) if record and record.decision == "model" else []
    if not least or not signals:
        return {}
    today, before = _panels(con, signals, as_of)
    if today.empty or before.empty:
        return {}
    moved = drift.of_signals(before, today, [name for name in signals if name in today])
    loud = list(moved.loc[moved["level"] == "page", "signal"])
    if len(loud) < least:
        return {}
    rest = f" and {len(loud) - NAMED} more" if len(loud) > NAMED else ""
    return {"drift": f"{len(loud)} signals moved far beyond chance ({', '.join(loud[:NAMED])}{rest})"}


def _panels(
    con: duckdb.DuckDBPyConnection, signals: Sequence[str], as_of: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the customers' signals of today, and of the same weekdays of the last quarter.

    A Sunday is no drift from the Saturdays before it: what people do depends on the day of
    the week on which it is looked at.
    """
    import pandas

    columns = [
        str(row[0])
        for row in con.execute(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = 'signals' AND table_name = 'values'"
        ).fetchall()
    ]
    known = [name for name in signals if name in columns]
    if not known:
        return pandas.DataFrame(), pandas.DataFrame()
    listed = ", ".join(f'"{name}"' for name in known)
    days = [
        row[0]
        for row in con.execute(
            'SELECT DISTINCT as_of FROM signals."values" WHERE as_of < ? AND as_of >= ? ORDER BY 1',
            [as_of, as_of - REFERENCE],
        ).fetchall()
    ]
    days = [day for day in days if day.weekday() == as_of.weekday()]
    if len(days) < LEAST_DAYS:
        return pandas.DataFrame(), pandas.DataFrame()
    query = f'SELECT {listed} FROM signals."values" WHERE is_customer AND list_contains(?, as_of)'
    return con.execute(query, [[as_of]]).df(), con.execute(query, [days]).df()


def _miscalibrated(settings: Settings, ledger: Engine, as_of: date) -> str:
    """Ask the newest scoreboard whether far more, or far fewer, losses came than were predicted."""
    from customer_health.ledger import report_numbers
    from customer_health.model.monitoring.drift import of_calibration

    factor = settings.config.playbooks.hold_calibration_factor
    day, content = report_numbers.latest(ledger, report_numbers.SCOREBOARD, as_of=as_of)
    if not factor or day is None or content is None or as_of - day > GRADE_LASTS:
        return ""
    kept = content.get("calibration") or []
    expected, observed = (sum(float(row[name] or 0) for row in kept) for name in ("predicted", "observed"))
    if not kept or of_calibration(expected, round(observed))[2] == "fine":
        return ""
    if max(expected, 0.5) / max(observed, 0.5) < factor and max(observed, 0.5) / max(expected, 0.5) < factor:
        return ""
    return f"the probabilities do not hold: {expected:.0f} losses predicted, {observed:.0f} came"
