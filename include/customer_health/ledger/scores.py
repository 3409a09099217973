"""Publish scores and read them back: one row per account and as-of date, replaced as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, RowMapping, Select, bindparam, delete, func, insert, select, update

import customer_health
from customer_health.errors import DataContractError
from customer_health.ledger import portfolio_summary
from customer_health.ledger.crash_points import crash_point
from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.schema import score_runs, score_signals, scores

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("account_id", "score", "score_shown", "tier", "band", "state")
KEEP_SIGNALS = timedelta(days=35)
# A gap longer than this between two readings is not a transition: nobody watched in between.
PREVIOUS_WITHIN = timedelta(days=45)
# Lock of anybody who replaces a day's scores, or reads them in several steps.
PUBLISHED = "scores"
_BATCH = 2_000
_PLAIN = frozenset({str, int, bool, type(None)})
# As `as_shown`, for queries.
TIER_SHOWN = func.coalesce(scores.c.tier_shown, scores.c.tier)
BAND_SHOWN = func.coalesce(scores.c.band_shown, scores.c.band)


def as_shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a published row with the tier and band that people saw.

    That of the score. Rows that older versions wrote may hold another, which lagged behind a rising score.
    """
    shown = {name: row[f"{name}_shown"] for name in ("tier", "band") if row.get(f"{name}_shown")}
    return {**row, **shown}


def publish(
    engine: Engine,
    frame: pd.DataFrame,
    as_of: date,
    *,
    published_at: datetime,
    panel: pd.DataFrame | None = None,
    accounts: pd.DataFrame | None = None,
    note: str | None = None,
    config: Mapping[str, Any] | None = None,
) -> int:
    """Replace the scores of one day in one transaction: readers see the old run or the new one.

    Args:
        frame: One row per account with at least the columns of `REQUIRED`; columns of the ledger's
            `scores` table are stored, and every other number is taken for a signal.
        as_of: The day; an `as_of` column of `frame` must agree.
        published_at: When, zone-aware. The first publication of a day starts its 48-hour clock.
        panel: The rows that were scored; adds ARR, renewal date, segment ... and the signals.
        accounts: `raw.accounts`; adds name, owner and time zone.
        note: Who scored, and what was wrong with the model that should have; shown with the day.
        config: Settings that moved these scores; tomorrow's change, and a replay, look at them.

    Returns:
        The number of rows published.

    Raises:
        DataContractError: A column is missing, an account appears twice, or a scored account has no score.
    """
    from pandas.api.types import is_numeric_dtype

    table = _with_context(_checked(frame, as_of), panel, accounts, as_of)
    columns = [c.name for c in scores.columns if c.name in table.columns and c.name != "as_of"]
    signal_columns = [
        name
        for name in table.columns
        if name not in scores.columns or name == "days_to_renewal"
        if name != "is_customer" and is_numeric_dtype(table[name])
    ]
    rows = [
        {"as_of": as_of, **{name: plain(value) for name, value in zip(columns, values, strict=True)}}
        for values in table[columns].itertuples(index=False, name=None)
    ]
    ids = table["account_id"].astype(str).tolist()
    values = table[signal_columns].to_numpy(dtype=float, na_value=math.nan)
    signal_rows = [
        {"as_of": as_of, "account_id": account, "signals": _known(signal_columns, numbers)}
        for account, numbers in zip(ids, values.tolist(), strict=True)
    ]
    with writing(engine) as connection:
        serialise(connection, PUBLISHED)
        connection.execute(delete(scores).where(scores.c.as_of == as_of))
        connection.execute(delete(score_signals).where(score_signals.c.as_of == as_of))
        for start in range(0, len(rows), _BATCH):
            connection.execute(insert(scores), rows[start : start + _BATCH])
        portfolio_summary.refresh(connection, as_of, rows)
        newest = connection.execute(select(func.max(score_runs.c.as_of))).scalar()
        horizon = max(newest or as_of, as_of) - KEEP_SIGNALS
        if signal_columns and as_of >= horizon:
            for start in range(0, len(signal_rows), _BATCH):
                connection.execute(insert(score_signals), signal_rows[start : start + _BATCH])
        connection.execute(delete(score_signals).where(score_signals.c.as_of < horizon))
        _note_run(connection, table, as_of, published_at, note, config)
        crash_point("publish_before_commit")
    crash_point("publish_after_commit")
    return len(rows)


def of(engine: Engine, as_of: date) -> pd.DataFrame:
    """Return the published scores of one day, by account; empty when that day was never published."""
    return _read(engine, select(scores).where(scores.c.as_of == as_of).order_by(scores.c.account_id))


def accounts_of(engine: Engine, as_of: date) -> list[str]:
    """Return the accounts that were published for a day, scored or not."""
    query = select(scores.c.account_id).where(scores.c.as_of == as_of).order_by(scores.c.account_id)
    with engine.connect() as connection:
        return [str(account) for account in connection.execute(query).scalars()]


def previous(engine: Engine, as_of: date) -> pd.DataFrame:
    """Return each account's latest score published for a day before `as_of`, back-filled days included."""
    with engine.connect() as connection:
        return _frame(connection, previous_of(as_of))


def previous_of(as_of: date) -> Select[Any]:
    """Return the query of `previous`, for use inside a transaction."""
    latest = (
        select(scores.c.account_id, func.max(scores.c.as_of).label("as_of"))
        .where(scores.c.as_of < as_of, scores.c.as_of >= as_of - PREVIOUS_WITHIN)
        .where(scores.c.score_shown.is_not(None))
        .group_by(scores.c.account_id)
        .subquery()
    )
    joined = (scores.c.account_id == latest.c.account_id) & (scores.c.as_of == latest.c.as_of)
    return select(scores).join(latest, joined).order_by(scores.c.account_id)


def currency_of(rows: pd.DataFrame) -> str | None:
    """Return the currency of most of these score rows; None where none is known."""
    known = rows["currency"].dropna() if "currency" in rows else rows.iloc[:0, 0]
    return None if known.empty else str(known.mode().iloc[0])


def history(engine: Engine, account_id: str) -> pd.DataFrame:
    """Return every published score of one account, oldest first."""
    return _read(engine, select(scores).where(scores.c.account_id == account_id).order_by(scores.c.as_of))


def days(engine: Engine) -> list[date]:
    """Return every published as-of date, oldest first."""
    with engine.connect() as connection:
        return list(connection.execute(select(score_runs.c.as_of).order_by(score_runs.c.as_of)).scalars())


def run_of(engine: Engine, as_of: date) -> RowMapping | None:
    """Return what a day's publication noted about itself: model, code version, settings; None without one."""
    with engine.connect() as connection:
        return connection.execute(select(score_runs).where(score_runs.c.as_of == as_of)).mappings().first()


def latest_day(engine: Engine) -> date | None:
    """Return the newest published as-of date."""
    with engine.connect() as connection:
        return connection.execute(select(func.max(score_runs.c.as_of))).scalar()


def comparable_from(connection: Connection) -> date | None:
    """Return the first day since which scores mean what they mean today; None without any day.

    A score of health and a score of risk are two measures: no tier, sum or arrow is compared across them.
    """
    meaning, scored = func.coalesce(scores.c.meaning, ""), scores.c.score_shown.is_not(None)
    newest = select(func.max(scores.c.as_of)).where(scored).scalar_subquery()
    query = select(func.min(meaning)).where(scored, scores.c.as_of == newest)
    now = connection.execute(query).scalar()
    if now is None:
        return connection.execute(select(func.min(score_runs.c.as_of))).scalar()
    other = connection.execute(select(func.max(scores.c.as_of)).where(scored, meaning != now)).scalar()
    since = select(func.min(scores.c.as_of)).where(scored, meaning == now)
    return connection.execute(since if other is None else since.where(scores.c.as_of > other)).scalar()


def signals_of(engine: Engine, as_of: date) -> dict[str, dict[str, float]]:
    """Return the known signals of one recent day by account; unknown ones are absent."""
    query = select(score_signals.c.account_id, score_signals.c.signals).where(score_signals.c.as_of == as_of)
    with engine.connect() as connection:
        return {row.account_id: row.signals for row in connection.execute(query)}


def plain(value: Any) -> Any:
    """Turn NumPy and pandas scalars, NaN and NaT into what a database driver and JSON accept."""
    kind = type(value)
    if kind in _PLAIN:  # nearly all values of a night: reasons are long lists of texts and numbers
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist") and not isinstance(value, str | bytes):
        value = value.tolist()
        if isinstance(value, list):
            return [plain(item) for item in value]
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if kind.__module__.startswith("pandas"):
        import pandas as pd

        if value is pd.NaT or value is pd.NA:
            return None
        return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
    return value


def _checked(frame: pd.DataFrame, as_of: date) -> pd.DataFrame:
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise DataContractError(
            f"The scores of {as_of} lack the column(s) {', '.join(missing)}.",
            hint=f"A published score needs {', '.join(REQUIRED)}.",
        )
    table = frame.copy()
    table["account_id"] = table["account_id"].astype(str)
    table["score_shown"] = table["score_shown"].astype("Int64")
    repeated = table.loc[table["account_id"].duplicated(), "account_id"]
    if len(repeated):
        raise DataContractError(
            f"{len(repeated)} accounts have two scores for {as_of}, e.g. {repeated.iloc[0]}.",
            hint="One row per account: the panel has duplicate accounts.",
        )
    hollow = table.loc[(table["state"] == "scored") & table["score_shown"].isna(), "account_id"]
    if len(hollow):
        raise DataContractError(
            f"{len(hollow)} accounts of {as_of} are 'scored' without a score, e.g. {hollow.iloc[0]}.",
            hint="Give them the state 'not_scored_yet', or a score.",
        )
    return table


def _with_context(
    table: pd.DataFrame, panel: pd.DataFrame | None, accounts: pd.DataFrame | None, as_of: date
) -> pd.DataFrame:
    import pandas as pd

    if panel is not None:
        rows = panel
        if "as_of" in panel.columns:
            rows = panel[pd.to_datetime(panel["as_of"]).dt.date == as_of]
        table = _joined(table, rows)
    if accounts is not None:
        wanted = ["account_id", "name", "segment", "timezone", "owner_email", "manager_email", "currency"]
        wanted.append("parent_account_id")
        table = _joined(table, accounts[[name for name in wanted if name in accounts.columns]])
    if "renewal_date" in table.columns:
        table["renewal_date"] = pd.to_datetime(table["renewal_date"], errors="coerce").dt.date
    return table


def _joined(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    extra = [name for name in right.columns if name not in left.columns and name != "as_of"]
    addition = right[["account_id", *extra]].assign(account_id=right["account_id"].astype(str))
    return left.merge(addition.drop_duplicates("account_id", keep="last"), on="account_id", how="left")


def _known(names: list[str], values: list[float]) -> dict[str, float]:
    pairs = zip(names, values, strict=True)
    return {name: float(f"{value:.8g}") for name, value in pairs if math.isfinite(value)}


def _note_run(
    connection: Connection,
    table: pd.DataFrame,
    as_of: date,
    published_at: datetime,
    note: str | None,
    config: Mapping[str, Any] | None,
) -> None:
    def most(column: str) -> Any:
        values = table[column].dropna() if column in table.columns else ()
        return str(table[column].dropna().mode().iloc[0]) if len(values) else None

    facts = {
        "published_at": published_at,
        "accounts": len(table),
        "mode": most("mode") or "unknown",
        "model_id": most("model_id"),
        "code_version": customer_health.__version__,
        "note": note,
        "config": None if config is None else plain(config),
    }
    known = update(score_runs).where(score_runs.c.as_of == bindparam("day")).values(facts)
    if connection.execute(known, {"day": as_of}).rowcount == 0:
        connection.execute(insert(score_runs).values(as_of=as_of, first_published_at=published_at, **facts))


def _read(engine: Engine, query: Select[Any]) -> pd.DataFrame:
    with engine.connect() as connection:
        return _frame(connection, query)


def _frame(connection: Connection, query: Select[Any]) -> pd.DataFrame:
    import pandas as pd

    result = connection.execute(query)
    return pd.DataFrame(result.fetchall(), columns=list(result.keys()))
