"""The gate over the sources: too little, another unit, another clock? Asked before anything is computed.

A source that is silent is late or stale (freshness.py): its signals become unknown, and the others go on.
A source that delivers something wrong is worse, because the numbers would look right: that stops the run,
and the scores of the day before stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError
from customer_health.signals.facts.grid import EPOCH
from customer_health.signals.quality.freshness import WATCHED
from customer_health.signals.quality.panel_checks import Finding
from customer_health.signals.state.reduction import Reduced
from customer_health.signals.usage.outage_days import MIN_ACCOUNTS
from customer_health.wording import percent

if TYPE_CHECKING:
    import duckdb

Array = NDArray[Any]
WEEKS = 8  # before a break; together they make a usual week
LOOK = 7 * (2 * WEEKS + 1)  # days: a break of up to nine weeks ago, and the eight weeks before it
LEAST = 0.5  # of a usual week, and of the rows that were there before
FEW_ROWS = 20  # a week; of fewer, half a week is noise
# Spreads of a week by which a break is more than chance: asked every night, of every source. Messages come
# in threads, so that weeks of thirty may be followed by one of fourteen: their own weeks say how they spread.
BEYOND_CHANCE = 4.0
_AMOUNTS = {"contracts": ("arr",), "daily_users": ("users",)}
MONTH = 28  # days in which enough amounts come together
UNIT_JUMP = 30.0  # times the former median: cents for currency, seconds for hours
FEW_MOMENTS = 50
SHIFT_HOURS = 2  # fewer is daylight saving


@dataclass(frozen=True)
class Measure:
    """One number about a source on one date."""

    source: str
    measure: str
    value: float


def gate_sources(
    con: duckdb.DuckDBPyConnection, reduced: Reduced, as_of: date, config: CompanyConfig
) -> None:
    """Measure the sources, keep what was measured, and stop the run if one cannot be trusted.

    Args:
        con: The open warehouse; measurements go to ops.signal_sources.
        reduced: Everything that is left of the raw tables.
        as_of: The newest date that signals are computed for.
        config: See `check_sources`.

    Raises:
        DataContractError: A source brought too little, or something else than before.
    """
    found, measures = check_sources(reduced, as_of, config, rows_before(con, as_of))
    write_measures(con, as_of, measures)
    if found:
        raise DataContractError(
            "\n".join(f"{one.check}: {one.sentence}" for one in found),
            hint="No signal was computed; the scores of the day before stay. Fix it, then clear the task.",
        )


def check_sources(
    reduced: Reduced, as_of: date, config: CompanyConfig, before: Mapping[str, float]
) -> tuple[list[Finding], list[Measure]]:
    """Measure every watched source as it was known on a date.

    Args:
        reduced: Everything that is left of the raw tables.
        as_of: The date; what became known on it or later does not count.
        config: `signals.accepted` names findings that a person has checked.
        before: Source -> rows that were known on an earlier date, as `rows_before` returns it.

    Returns:
        Findings, each of which should stop the run, and all that was measured.
    """
    now = (as_of - EPOCH).days
    found: list[Finding] = []
    measures: list[Measure] = []
    for table in WATCHED:
        rows, daily = _days(reduced, table, now)
        measures.append(Measure(table, "rows", float(rows)))
        found += _vanished(table, rows, before.get(table, 0.0))
        if daily.any() and _reporters(reduced, table, now) >= MIN_ACCOUNTS:
            usual, last = _usual(daily, LOOK - 7), float(daily[-7:].sum())
            measures += [Measure(table, "usual_week", usual), Measure(table, "last_week", last)]
            if (before_break := broken_since(daily)) is not None:
                found.append(_thin(table, last, before_break))
    for table, column, amounts, known in _amounts(reduced, now):
        ratio = _ratio(amounts, known, now)
        if ratio is not None:
            measures.append(Measure(table, f"typical_{column}_ratio", ratio))
            if not 1 / UNIT_JUMP < ratio < UNIT_JUMP:
                found.append(_unit(table, column, ratio))
    for table, column, seconds, known in _moments(reduced, now):
        shift = _shift(seconds, known, now)
        if shift is not None:
            measures.append(Measure(table, f"{column}_shift_hours", float(shift)))
            if abs(shift) >= SHIFT_HOURS:
                found.append(_clock(table, column, shift))
    accepted = set(config.signals.accepted)
    return [one for one in found if f"{one.check}:{one.subject}" not in accepted], measures


def _accept(check: str, subject: str) -> str:
    entry = f"`signals: {{accepted: ['{check}:{subject}']}}`"
    return f"If it is right, write {entry} into the company file until the source has settled."


def _vanished(table: str, rows: int, before: float) -> list[Finding]:
    if rows >= LEAST * before:
        return []
    return [
        Finding(
            "vanished", table,
            f"{table} holds {rows:,} rows; {before:,.0f} were known on an earlier date. History was deleted, "
            f"or a load failed half way: load it again. {_accept('vanished', table)}",
        )
    ]  # fmt: skip


def _thin(table: str, last: float, usual: float) -> Finding:
    return Finding(
        "volume", table,
        f"{table} brought {last:,.0f} rows in its last week, {percent(last / usual)} of a usual week "
        f"({usual:,.0f}): half of an export is missing. Repair the connector, load, and clear the task. "
        + _accept("volume", table),
    )  # fmt: skip


def _unit(table: str, column: str, ratio: float) -> Finding:
    subject = f"{table}.{column}"
    return Finding(
        "unit", subject,
        f"A typical {column} of {table} is {ratio:.3g} times what it was in the {WEEKS} weeks before: did "
        f"the source change its unit? Write `scale:` into the mapping. {_accept('unit', subject)}",
    )  # fmt: skip


def _clock(table: str, column: str, shift: int) -> Finding:
    subject, way = f"{table}.{column}", "later" if shift > 0 else "earlier"
    return Finding(
        "time_zone", subject,
        f"The hours of {subject} lie {abs(shift)} hours {way} than in the {WEEKS} weeks before: did the "
        f"source stop giving UTC? {_accept('time_zone', subject)}",
    )  # fmt: skip


def _days(reduced: Reduced, table: str, now: int) -> tuple[int, Array]:
    """Rows known before a day, and how many became known on each of the last weeks' days, oldest first.

    The days end with the last one that brought anything: late is not little. For usage, a row is an
    account's day.
    """
    if table == "usage":
        total, known = _usage_known(reduced, now)
    else:
        facts = reduced.state.tables.get(table)
        seen = facts["seen"].astype(np.int64) if facts is not None else np.empty(0, np.int64)
        known = seen[seen < now]
        total = len(known)
    if not len(known):
        return total, np.zeros(LOOK, np.int64)
    last = int(known.max())
    ago = last - known
    counts = np.bincount(ago[ago < LOOK], minlength=LOOK)
    return total, counts[::-1]


def _usage_known(reduced: Reduced, now: int) -> tuple[int, Array]:
    if reduced.usage is None:
        return 0, np.empty(0, np.int64)
    total, recent = 0, [np.empty(0, np.int64)]
    for number in sorted(reduced.usage.blocks):
        block = reduced.usage.blocks[number]
        known = block.cells["day"].astype(np.int64) + reduced.usage.lag
        late = block.late
        pairs = np.unique(late["account"].astype(np.int64) << 32 | late["seen"].astype(np.int64))
        known = np.concatenate([known, pairs & 0xFFFFFFFF])
        known = known[known < now]
        total += len(known)
        recent = [*recent[-3:], known]  # of blocks of nine weeks, seventeen weeks are in the last three
    return total, np.concatenate(recent)


def _reporters(reduced: Reduced, table: str, now: int) -> int:
    """How many accounts a source tells of at all; few accounts vary from week to week."""
    if table != "usage":
        facts = reduced.state.tables[table]
        return len(np.unique(facts["account"][facts["seen"] < now]))
    blocks = reduced.usage.blocks if reduced.usage is not None else {}
    return max((len(np.unique(block.edges["account"])) for block in blocks.values()), default=0)


def _before(daily: Array, day: int) -> Array:
    """Rows of each of the eight weeks before a day."""
    return np.asarray(daily[day - 7 * WEEKS : day].reshape(WEEKS, 7).sum(axis=1))


def _usual(daily: Array, day: int) -> float:
    return float(np.median(_before(daily, day)))


def broken_since(daily: Array) -> float | None:
    """A usual week before the source broke, if it still brings less than half of that; else None.

    Half of an export is missing from one day to the next: some week brought less than half of the seven
    days before it. A source that thins out little by little tells of customers who leave: nothing is wrong
    with it. The weeks since the break are not new level, however many they are: the source is compared with
    the eight weeks before it, which must resemble each other, until it has brought a week like those again
    or a person accepts it. After nine weeks the break is out of sight. Less than half may be chance in a
    source that brings little: the fall must be more than its weeks differ by themselves.

    Args:
        daily: Rows of each day, oldest first, LOOK days.
    """
    sums = np.convolve(daily, np.ones(7, np.int64), "valid")
    before, after = sums[7 * WEEKS - 7 : -7], sums[7 * WEEKS :]
    if not (after < LEAST * before).any():
        return None
    day = 7 * WEEKS + int(np.argmin(after / np.maximum(before, 1)))  # the deepest fall between two weeks
    weeks, usual = _before(daily, day), _usual(daily, day)
    steady = usual >= FEW_ROWS and weeks.min() >= LEAST * usual
    back = sums[day:].max() >= weeks.min()
    spread = max(float(np.std(weeks, ddof=1)), float(np.sqrt(usual)))
    little = min(LEAST * usual, usual - BEYOND_CHANCE * spread)
    return usual if steady and not back and sums[-1] < little else None


def _amounts(reduced: Reduced, now: int) -> Iterator[tuple[str, str, Array, Array]]:
    """Amounts of every source with the day on which they became known: table, column, values, days."""
    for table, facts in reduced.state.tables.items():
        names = {name: name.removeprefix("number:") for name in facts if name.startswith("number:")}
        names |= {name: name for name in _AMOUNTS.get(table, ())}
        for name, column in names.items():
            known = (facts["seen"] < now) & (facts["seen"] >= now - MONTH - 7 * WEEKS)
            yield table, column, facts[name][known], facts["seen"][known]


def _ratio(amounts: Array, known: Array, now: int) -> float | None:
    """A typical amount of the last month against the weeks before it; None where there are few."""
    sizes = np.abs(amounts)
    here = np.isfinite(sizes) & (sizes > 0)
    recent = known >= now - MONTH
    late, early = sizes[here & recent], sizes[here & ~recent]
    if min(len(late), len(early)) < FEW_ROWS:
        return None
    return float(np.median(late) / np.median(early))


def _moments(reduced: Reduced, now: int) -> Iterator[tuple[str, str, Array, Array]]:
    """Moments of every source in seconds, with the day on which the row became known."""
    for table, facts in reduced.state.tables.items():
        for name in [name for name in facts if name.startswith("second:")]:
            known = (
                (facts["seen"] < now) & (facts["seen"] >= now - 7 * (WEEKS + 1)) & np.isfinite(facts[name])
            )
            yield table, name.removeprefix("second:"), facts[name][known], facts["seen"][known]


def _shift(seconds: Array, known: Array, now: int) -> int | None:
    """By how many hours the day of a source has moved in its last week; None where that cannot be told.

    People work in a rhythm. If the last week's hours fit the weeks before far better when they are moved,
    they were moved.
    """
    hours = (seconds // 3600 % 24).astype(np.int64)
    timed = seconds % 86400 != 0  # dates without a time say nothing
    recent = known >= now - 7
    late, early = (np.bincount(hours[timed & part], minlength=24).astype(float) for part in (recent, ~recent))
    if late.sum() < FEW_MOMENTS or early.sum() < FEW_MOMENTS or early.std() < 0.2 * early.mean():
        return None
    fits = np.array([np.corrcoef(np.roll(late, -by), early)[0, 1] for by in range(24)])
    best = int(fits.argmax())
    if fits[best] < 0.9 or fits[best] - fits[0] < 0.3:
        return 0
    return best if best <= 12 else best - 24


def rows_before(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, float]:
    """Return the rows that each source had on the latest earlier date that was measured."""
    cursor = con.cursor()
    _create(cursor)
    found = cursor.execute(
        "SELECT source, arg_max(value, as_of) FROM ops.signal_sources "
        "WHERE measure = 'rows' AND as_of < ? GROUP BY source",
        [as_of],
    ).fetchall()
    return {str(source): float(value) for source, value in found}


def write_measures(con: duckdb.DuckDBPyConnection, as_of: date, measures: list[Measure]) -> None:
    """Replace a date's measurements in ops.signal_sources."""
    cursor = con.cursor()
    _create(cursor)
    cursor.execute("BEGIN")
    cursor.execute("DELETE FROM ops.signal_sources WHERE as_of = ?", [as_of])
    for one in measures:
        row = [as_of, one.source, one.measure, one.value]
        cursor.execute("INSERT INTO ops.signal_sources VALUES (?, ?, ?, ?)", row)
    cursor.execute("COMMIT")


def _create(cursor: duckdb.DuckDBPyConnection) -> None:
    cursor.execute("CREATE SCHEMA IF NOT EXISTS ops")
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS ops.signal_sources "
        "(as_of DATE, source VARCHAR, measure VARCHAR, value DOUBLE)"
    )
