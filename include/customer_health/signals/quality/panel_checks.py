"""The gate after the signals: does the panel look like the one before, or did a source break?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.quality.freshness import Freshness
from customer_health.signals.signal import Signal
from customer_health.warehouse.raw import has_table
from customer_health.wording import percent

if TYPE_CHECKING:
    import duckdb

NULL_JUMP = 0.20  # of the customers; as many newly unknown is a source, not customers
UNIT_JUMP = 30.0  # times the former median: cents for currency, percent for shares, hours for days
FEW = 30  # customers; of fewer, shares and medians say little
SAME_SHARE = 0.999  # of changing values equal to last week's: the source is frozen
VOLUME_DROP = 0.20
# What moves from day to day as long as anybody works.
RESTLESS = ("daily_users_28d", "active_users_7d", "usage_delta_28d", "core_actions_per_user_30d")
BOUNDS: Mapping[str, tuple[float, float]] = {
    "0-1": (0.0, 1.0), "0/1": (0.0, 1.0), "share": (-1.0, np.inf), "users": (0.0, np.inf),
    "tickets": (0.0, np.inf), "contacts": (0.0, np.inf), "invoices": (0.0, np.inf),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at.

    Attributes:
        check: null_share, constant, range, unit, frozen, volume, stale; of sources vanished, time_zone too.
        subject: Signal or source.
        sentence: What was found and what to do, without customer names.
    """

    check: str
    subject: str
    sentence: str


def check_panel(
    panel: pd.DataFrame, before: pd.DataFrame | None, fresh: Sequence[Freshness] = ()
) -> list[Finding]:
    """Compare the newest as-of date of a panel with an earlier one.

    Args:
        panel: As `build_panel` returns it; only its last as-of date is looked at.
        before: The panel of an earlier date, best of a week ago; None if there is none.
        fresh: How the sources are on that date.

    Returns:
        Findings, stale sources first. None of them stops the run: an account is scored with what is
        known, and says so by its coverage.
    """
    newest = panel["as_of"].max()
    now = panel[(panel["as_of"] == newest) & panel["is_customer"]]
    found = [_stale(one) for one in fresh if one.stale and pd.Timestamp(one.as_of) == newest]
    signals = [CATALOGUE[name] for name in panel.columns if name in CATALOGUE]
    for signal in signals:
        found += _range(signal, now)
    if before is None:
        return found
    before = before[before["is_customer"].astype(bool)]
    if min(len(now), len(before)) < FEW:
        return found
    found += _volume(now, before)
    for signal in signals:
        if signal.name in before:
            found += _null_share(signal, now, before) + _unit(signal, now, before)
            found += _constant(signal, now, before)
    return found + _frozen(now, before)


def _stale(one: Freshness) -> Finding:
    return Finding(
        "stale", one.table,
        f"{one.table} is silent for {one.silent_days} days (at most {one.patience_days} are usual): its "
        "signals are unknown until it delivers again. Look at the connector.",
    )  # fmt: skip


def _range(signal: Signal, now: pd.DataFrame) -> list[Finding]:
    low, high = BOUNDS.get(signal.unit, (-np.inf, np.inf))
    outside = int(((now[signal.name] < low - 1e-9) | (now[signal.name] > high + 1e-9)).sum())
    if not outside:
        return []
    return [
        Finding(
            "range", signal.name,
            f"{signal.name} lies outside {low:g}..{high:g} for {outside:,} customers: look at raw values.",
        )
    ]  # fmt: skip


def _volume(now: pd.DataFrame, before: pd.DataFrame) -> list[Finding]:
    if len(now) >= (1 - VOLUME_DROP) * len(before):
        return []
    return [
        Finding(
            "volume", "accounts",
            f"{len(now):,} customers, {len(before):,} before: contracts or accounts may be missing.",
        )
    ]  # fmt: skip


def _null_share(signal: Signal, now: pd.DataFrame, before: pd.DataFrame) -> list[Finding]:
    share, was = float(now[signal.name].isna().mean()), float(before[signal.name].isna().mean())
    if share - was <= NULL_JUMP:
        return []
    return [
        Finding(
            "null_share", signal.name,
            f"{signal.name} is unknown for {percent(share)} of the customers, {percent(was)} before.",
        )
    ]  # fmt: skip


def _constant(signal: Signal, now: pd.DataFrame, before: pd.DataFrame) -> list[Finding]:
    here, there = now[signal.name].dropna(), before[signal.name].dropna()
    # A rare event that nobody had this week is not a fault: only what used to differ widely counts.
    if min(len(here), len(there)) < FEW or here.nunique() > 1 or there.nunique() < FEW // 2:
        return []
    return [
        Finding(
            "constant", signal.name,
            f"{signal.name} is {here.iloc[0]:.3g} for all {len(here):,} customers, and used to differ: is a "
            "column filled with its default?",
        )
    ]  # fmt: skip


def _unit(signal: Signal, now: pd.DataFrame, before: pd.DataFrame) -> list[Finding]:
    sizes = [frame[signal.name].abs() for frame in (now, before)]
    medians = [float(size[size > 0].median()) for size in sizes if int((size > 0).sum()) >= FEW]
    if len(medians) < 2 or 1 / UNIT_JUMP < medians[0] / medians[1] < UNIT_JUMP:
        return []
    return [
        Finding(
            "unit", signal.name,
            f"{signal.name}: a typical value went from {medians[1]:.3g} to {medians[0]:.3g} {signal.unit}. "
            "Did the source change its unit?",
        )
    ]  # fmt: skip


def _frozen(now: pd.DataFrame, before: pd.DataFrame) -> list[Finding]:
    if pd.Timestamp(now["as_of"].iloc[0]) == pd.Timestamp(before["as_of"].iloc[0]):
        return []
    names = [name for name in RESTLESS if name in now and name in before]
    was = before.set_index("account_id")[names].add_suffix("_was")
    both = now.set_index("account_id")[names].join(was)
    moving = both[[*names, *(f"{name}_was" for name in names)]].dropna()
    if len(moving) < FEW or not names or (moving[names] == 0).all(axis=None):
        return []
    same = np.mean([np.isclose(moving[name], moving[f"{name}_was"]).mean() for name in names])
    if same < SAME_SHARE:
        return []
    return [
        Finding(
            "frozen", "usage",
            f"Usage of {len(moving):,} customers is what it was on "
            f"{pd.Timestamp(before['as_of'].iloc[0]):%Y-%m-%d}, to the digit: the same file again?",
        )
    ]  # fmt: skip


def panel_before(con: duckdb.DuckDBPyConnection, as_of: date) -> pd.DataFrame | None:
    """Return the kept panel of the latest date at least a week before, else of the latest one before."""
    con = con.cursor()
    if not has_table(con, "values", "signals"):
        return None
    week, latest = con.execute(
        "SELECT max(as_of) FILTER (as_of <= CAST(? AS DATE) - 7), max(as_of) FROM signals.values "
        "WHERE as_of < CAST(? AS DATE)",
        [as_of, as_of],
    ).fetchall()[0]
    day = week or latest
    if day is None:
        return None
    return con.execute("SELECT * FROM signals.values WHERE as_of = ?", [day]).df()


def write_quality(
    con: duckdb.DuckDBPyConnection, as_of: date, findings: Sequence[Finding], fresh: Sequence[Freshness]
) -> None:
    """Replace a date's findings and freshness in signals.findings and signals.freshness."""
    con = con.cursor()
    con.execute("CREATE SCHEMA IF NOT EXISTS signals")
    con.execute(
        'CREATE TABLE IF NOT EXISTS signals.findings (as_of DATE, "check" VARCHAR, subject VARCHAR, '
        "sentence VARCHAR)"
    )
    con.execute(
        "CREATE TABLE IF NOT EXISTS signals.freshness (as_of DATE, source VARCHAR, last_news DATE, "
        "silent_days BIGINT, patience_days BIGINT, stale BOOLEAN)"
    )
    con.execute("BEGIN")
    try:
        for table in ("findings", "freshness"):
            con.execute(f"DELETE FROM signals.{table} WHERE as_of = ?", [as_of])
        for one in findings:
            con.execute(
                "INSERT INTO signals.findings VALUES (?, ?, ?, ?)",
                [as_of, one.check, one.subject, one.sentence],
            )
        for row in (one for one in fresh if one.as_of == as_of):
            con.execute(
                "INSERT INTO signals.freshness VALUES (?, ?, ?, ?, ?, ?)",
                [as_of, row.table, row.last, row.silent_days, row.patience_days, row.stale],
            )
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
