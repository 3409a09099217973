"""What retention has let go of that a replay of a score would need, in words."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Engine, func, select

from customer_health.company import CompanyConfig
from customer_health.ledger.schema import score_runs, scores
from customer_health.ledger.scores import KEEP_SIGNALS, PREVIOUS_WITHIN


def row_of(engine: Engine, config: CompanyConfig, account: str, as_of: date) -> str:
    """Say that an account's row of a published day was let go of; empty where it cannot have been."""
    keep = config.retention
    published, left = _counts(engine, as_of)
    with engine.connect() as connection:
        known = connection.execute(select(func.count()).where(scores.c.account_id == account)).scalar()
    if left >= published or not known:
        return ""
    return (
        f"Gone: {published:,} accounts were published as of {as_of}, and the row of '{account}' is not kept "
        f"any more. All rows stay for {keep.daily_scores} days; after that those of Mondays, of the first of "
        f"a month and around episodes, for {keep.weekly_scores} days (section retention of the company file)."
    )


def beside(engine: Engine, account: str, as_of: date, *, signals_kept: bool) -> list[str]:
    """Name what is missing beside a row that is kept: its signals as published, and the reading before it."""
    found = []
    if not signals_kept:
        found.append(
            f"gone: the signals as they were published, which the ledger keeps for {KEEP_SIGNALS.days} days; "
            "late data cannot be told from other causes"
        )
    run, c = score_runs.c.as_of, scores.c
    with engine.connect() as connection:
        near = select(func.max(run)).where(run < as_of, run >= as_of - PREVIOUS_WITHIN)
        before = connection.execute(near).scalar()
        mine = select(func.count()).where(c.account_id == account, c.as_of == before)
        there = connection.execute(mine).scalar()
    if before is not None and not there:
        published, left = _counts(engine, before)
        if left < published:
            found.append(
                f"gone: the reading of {before}, which smoothing went on from; an older one takes its place"
            )
    return found


def _counts(engine: Engine, as_of: date) -> tuple[int, int]:
    """Accounts that a day published, and rows of it that are left."""
    with engine.connect() as connection:
        published = connection.execute(
            select(score_runs.c.accounts).where(score_runs.c.as_of == as_of)
        ).scalar()
        left = connection.execute(select(func.count()).where(scores.c.as_of == as_of)).scalar()
    return int(published or 0), int(left or 0)
