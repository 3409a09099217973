"""Let go of old rows, table by table.

Scores are the bulk: one row per account and day. After `retention.daily_scores` days one a week stays, and
the first of each month; and around every episode all of them, because the save rate looks there again.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection, Engine, Table, and_, delete, exists, select

from customer_health.ledger import schema
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox.retired import retire
from customer_health.retention_config import RetentionConfig

MONDAY = 0
# What the questions about an episode look at: the reading before it, and 60 days of recovery after it.
BEFORE, AFTER = timedelta(days=50), timedelta(days=75)


def remove_old_rows(engine: Engine, keep: RetentionConfig, today: date) -> dict[str, int]:
    """Remove what `keep` no longer keeps on `today`; return the number of rows by table."""
    scores, decisions = schema.scores, schema.decisions
    counts = {"scores": 0}
    for day in _thinned_days(engine, keep, today):
        # A transaction per day: the page and the night never wait for a year's clean-up.
        with writing(engine) as connection:
            counts["scores"] += _thin(connection, day)
    old = [
        (scores, scores.c.as_of < today - timedelta(days=keep.weekly_scores)),
        (schema.portfolio_rows, schema.portfolio_rows.c.as_of < today - timedelta(days=keep.weekly_scores)),
        (schema.portfolio_days, schema.portfolio_days.c.as_of < today - timedelta(days=keep.weekly_scores)),
        (decisions, decisions.c.as_of < today - timedelta(days=keep.decisions)),
        (schema.deliveries, schema.deliveries.c.at < _midnight(today - timedelta(days=keep.deliveries))),
        (schema.report_numbers, schema.report_numbers.c.as_of < today - timedelta(days=keep.findings)),
        (schema.source_readings, schema.source_readings.c.as_of < today - timedelta(days=keep.findings)),
    ]
    for table, is_old in old:
        with writing(engine) as connection:
            removed = connection.execute(delete(table).where(is_old)).rowcount
        counts[table.name] = counts.get(table.name, 0) + removed
    counts["outbox"] = retire(engine, keep, today)
    return counts


def _thinned_days(engine: Engine, keep: RetentionConfig, today: date) -> list[date]:
    """Return the days of which only the scores around episodes stay."""
    runs = schema.score_runs.c.as_of
    query = select(runs).where(
        runs < today - timedelta(days=keep.daily_scores), runs >= today - timedelta(days=keep.weekly_scores)
    )
    with engine.connect() as connection:
        days = connection.execute(query.order_by(runs)).scalars().all()
    return [day for day in days if day.weekday() != MONDAY and day.day != 1]


def _thin(connection: Connection, day: date) -> int:
    def gone(table: Table) -> int:
        around = and_(
            schema.episodes.c.account_id == table.c.account_id,
            schema.episodes.c.opened_as_of >= day - AFTER,
            schema.episodes.c.opened_as_of <= day + BEFORE,
        )
        return connection.execute(delete(table).where(table.c.as_of == day, ~exists().where(around))).rowcount

    gone(schema.portfolio_rows)  # the day's totals stay: they are what history is drawn from
    return gone(schema.scores)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
