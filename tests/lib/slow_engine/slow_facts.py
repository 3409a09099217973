"""The slow twins of the aggregations over facts and contracts: each from its definition."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from statistics import fmean
from typing import Any
from zoneinfo import ZoneInfo

from customer_health.company import BusinessHours
from customer_health.signals import aggregations as agg
from customer_health.signals import contract_aggregations as contract_agg
from tests.lib.slow_engine.slow_tables import Row, stamp, total
from tests.lib.slow_engine.slow_view import View


def _count(view: View, how: agg.Count) -> float | None:
    many = sum(view.inside(row.get(how.at)) for row in view.facts())
    value = float(many) if many else view.absent()
    if any(_is_untold(row, how.at) for row in view.facts()):
        value = None
    if not how.per_seat:
        return value
    seats = total(view.in_force(), "seats")
    return value / seats if seats and value is not None else None


def _count_distinct(view: View, how: agg.CountDistinct) -> float | None:
    rows = [row for row in view.facts() if view.inside(row["occurred_at"])]
    different = {row[how.column] for row in rows if row.get(how.column)}
    return float(len(different)) if different else view.absent()


def _happened(view: View, how: agg.Happened) -> float | None:
    return 1.0 if any(view.inside(row["occurred_at"]) for row in view.facts()) else view.absent()


def _values(view: View, column: str, skip: int = 0) -> list[float]:
    rows = [row for row in view.facts() if view.inside(row["occurred_at"], skip=skip)]
    return [float(row[column]) for row in rows if row.get(column) is not None]


def _sum(view: View, how: agg.Sum) -> float | None:
    values = _values(view, how.column)
    value = sum(values) if values else view.absent()
    if any(view.inside(row["occurred_at"]) and row.get(how.column) is None for row in view.facts()):
        value = None
    if not how.per_seat:
        return value
    seats = total(view.in_force(), "seats")
    return value / seats if seats and value is not None else None


def _mean(view: View, how: agg.Mean) -> float | None:
    rows = [row for row in view.facts() if view.inside(row["occurred_at"])]
    rows = [row for row in rows if row.get(how.column) is not None]
    if len(rows) < how.least:
        return view.absent()
    if how.half_life is None:
        return fmean(float(row[how.column]) for row in rows)
    weights = [0.5 ** (view.days_ago(row["occurred_at"]) / how.half_life) for row in rows]
    values = [float(row[how.column]) for row in rows]
    return float(sum(w * value for w, value in zip(weights, values, strict=True)) / sum(weights))


def _mean_change(view: View, how: agg.MeanChange) -> float | None:
    now, before = _values(view, how.column), _values(view, how.column, skip=view.window)
    if min(len(now), len(before)) < how.least:
        return view.absent()
    return fmean(now) - fmean(before)


def _business_hours(view: View, how: agg.MeanBusinessHours) -> float | None:
    waits = [
        _working_seconds(stamp(row[how.start]), stamp(row[how.end]), view.world.config.signals.business_hours)
        for row in view.facts()
        if row.get(how.start) is not None and view.inside(row.get(how.end))
    ]
    return fmean(waits) / 3600 if waits else view.absent()


def _working_seconds(start: datetime, end: datetime, hours: BusinessHours) -> float:
    """Walk from day to day on the wall clock of the company."""
    zone = ZoneInfo(hours.timezone)
    begin, stop = (m.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) for m in (start, end))
    worked, day = 0.0, datetime.combine(begin.date(), time())
    while day < stop:
        if day.weekday() in hours.weekdays:
            opens, closes = day + timedelta(hours=hours.opens), day + timedelta(hours=hours.closes)
            worked += max(0.0, (min(closes, stop) - max(opens, begin)).total_seconds())
        day += timedelta(days=1)
    return worked


def _mean_duration(view: View, how: agg.MeanDuration) -> float | None:
    durations = [
        (stamp(row[how.end]) - stamp(row[how.start])).total_seconds() / 86400
        for row in view.facts()
        if row.get(how.start) is not None and view.inside(row.get(how.end))
    ]
    if how.floor is not None:
        durations = [max(how.floor, value) for value in durations]
    return fmean(durations) if durations else view.absent()


def _last(view: View, how: agg.Last) -> float | None:
    rows = [row for row in view.facts() if row.get(how.column) is not None]
    if rows and view.inside(rows[-1]["occurred_at"]):
        return float(rows[-1][how.column])
    return view.absent()


def _days_since(view: View, how: agg.DaysSince) -> float | None:
    rows = view.facts()
    value = float(view.days_ago(rows[-1]["occurred_at"])) if rows else view.absent()
    if not how.beyond_review or value is None:
        return value
    due = view.world.config.people.review_interval(view.segment())
    return 0.0 if due is None else max(0.0, value - due)


def _open_now(view: View, how: agg.OpenNow) -> float | None:
    rows = [
        row
        for row in view.facts()
        if view.reached(row, how.begins)
        and view.days_ago(row[how.begins]) > how.older_than
        and not _is_closed(view, row, how.until)
    ]
    rows, net = _debts(view, rows, how.debt, how.until)
    if rows is None or any(_is_untold(row, column) for row in rows for column in how.until):
        return None
    if how.column is not None and rows:
        if any(row[how.column] is None for row in rows):
            return None
        return net if how.debt else float(sum(row[how.column] for row in rows))
    return float(len(rows)) if rows else view.absent()


def _longest_overdue(view: View, how: agg.LongestOverdue) -> float | None:
    rows = [
        row for row in view.facts() if view.reached(row, how.due) and not _is_closed(view, row, (how.until,))
    ]
    late, _ = _debts(view, rows, how.debt, (how.until,))
    if late is None or any(_is_untold(row, how.until) for row in late):
        return None
    days = max((view.days_ago(row[how.due]) for row in late), default=0)
    return float(days) if days else view.absent()


def _is_untold(row: Row, stage: str) -> bool:
    """Whether the source does not say if, or when, a fact reached a stage."""
    state, closes = row.get("status"), {"solved": "resolved_at", "closed": "resolved_at"}
    closes |= {"paid": "paid_at", "uncollectible": "paid_at"}
    if closes.get(state or "") == stage and row.get(stage) is None:
        return True
    unmapped = stage in (row.get("unknown_stages") or "").split(",")
    return unmapped and (state is None or stage not in ("resolved_at", "paid_at"))


def _is_closed(view: View, row: Row, stages: Sequence[str]) -> bool:
    """Whether one of the stages was reached, or a state that closes the fact was seen."""
    if any(view.reached(row, stage) for stage in stages):
        return True
    undated = any(
        _is_untold(row, stage)
        and row.get("status") not in (None, "open", "pending")
        and row.get(stage) is None
        for stage in stages
        if stage in ("resolved_at", "paid_at")
    )
    return undated and view.reached(row, "status_at")


def _debts(
    view: View, rows: Sequence[Row], column: str | None, until: Sequence[str]
) -> tuple[list[Row] | None, float]:
    """What is owed of some open rows, and how much with credit taken off; None where that is unclear."""
    if column is None:
        return list(rows), 0.0
    owed = [row for row in rows if row[column] is None or row[column] > 0]
    credit = [
        row
        for row in view.facts()
        if row[column] is not None and row[column] < 0 and not _is_closed(view, row, until)
    ]
    sure = [row for row in credit if not any(_is_untold(row, stage) for stage in until)]
    net = sum(row[column] or 0.0 for row in owed if not any(_is_untold(row, stage) for stage in until))
    net += sum(row[column] for row in sure)
    certain = [row for row in owed if not any(_is_untold(row, stage) for stage in until)]
    if len(certain) < len(owed):
        return None, 0.0
    if net <= 0 and all(row[column] is not None for row in owed):
        return [], 0.0
    return (None if owed and len(sure) < len(credit) else owed), float(net)


def _change(view: View, how: agg.ChangeVsPreviousWindow) -> float | None:
    facts = view.facts()
    now = sum(row[how.column] or 0.0 for row in facts if view.inside(row["occurred_at"]))
    before = sum(row[how.column] or 0.0 for row in facts if view.inside(row["occurred_at"], skip=view.window))
    if any(
        view.inside(row["occurred_at"], days=2 * view.window) and row[how.column] is None for row in facts
    ):
        return None
    covered = max((view.days_ago(row["occurred_at"]) for row in facts), default=0) >= 2 * view.window
    return (now - before) / before if covered and before > 0 else view.absent()


def _rolled_end(view: View, row: Row) -> date | None:
    """Term end after the automatic renewals so far."""
    if row.get("term_end") is None:
        return None
    end = stamp(row["term_end"]).date()
    if not row.get("auto_renew"):
        return end
    start = stamp(row["term_start"]).date() if row.get("term_start") is not None else end
    renewals = 0
    while end_after(start, end, renewals) < view.as_of:
        renewals += 1
    return end_after(start, end, renewals)


def end_after(start: date, end: date, renewals: int) -> date:
    """End of a term that was signed from `start` to `end`, after so many renewals of the same length.

    Someone with a paper calendar looks for a day of the month that start and end share, a short month's
    last day standing for the days that it lacks: first with the end as written, then with the day after.
    """
    if not start < end:
        return _in_month(end.year, end.month + 12 * renewals, end.day)
    for last_day_counts in (timedelta(days=0), timedelta(days=1)):
        stop = end + last_day_counts
        months = (stop.year - start.year) * 12 + stop.month - start.month
        shared = [
            day
            for day in range(1, 32)
            if _in_month(start.year, start.month, day) == start
            and _in_month(stop.year, stop.month, day) == stop
        ]
        if months and shared:
            return _in_month(stop.year, stop.month + months * renewals, shared[0]) - last_day_counts
    return end + renewals * (end - start)


def _in_month(year: int, month: int, day: int) -> date:
    """A day of a month, which may be counted on beyond December; the last day if the month lacks it."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    return date(year, month, min(day, monthrange(year, month)[1]))


def _days_until_renewal(view: View, how: contract_agg.DaysUntilRenewal) -> float | None:
    ends = []
    for row in view.in_force():
        end = _rolled_end(view, row)
        if how.notice and row.get("notice_days") is None:
            continue
        if end is not None:
            ends.append((end - view.as_of).days - (row["notice_days"] if how.notice else 0))
    return float(min(ends)) if ends else None


def _term_length(view: View, how: contract_agg.TermLength) -> float | None:
    terms = []
    for row in view.in_force():
        end = _rolled_end(view, row)
        if end is not None and row.get("term_start") is not None and row["term_start"] < row["term_end"]:
            terms.append((end, (stamp(row["term_end"]).date() - stamp(row["term_start"]).date()).days))
    return float(min(terms)[1]) if terms else None


def _auto_renew_share(view: View, how: contract_agg.AutoRenewShare) -> float | None:
    known = [row["auto_renew"] for row in view.in_force() if row.get("auto_renew") is not None]
    return fmean(known) if known else None


def _contract_change(view: View, how: contract_agg.ContractChange) -> float | None:
    start, now = view.start(), total(view.in_force(), how.column)
    if not view.is_customer() or start is None or now is None:
        return None
    if start < view.as_of - timedelta(days=view.window):
        base = total(view.in_force(view.window), how.column)
    else:
        states = view.seen("contracts")
        firsts: dict[str, Row] = {}
        for row in states:
            firsts.setdefault(row["contract_id"], row)
        base = total((r for r in firsts.values() if stamp(r["occurred_at"]).date() == start), how.column)
    if base is None:
        return None
    if not how.relative:
        return now - base
    return (now - base) / base if base > 0 else None


TWINS: Mapping[type[agg.Aggregation], Callable[[View, Any], float | None]] = {
    agg.Count: _count,
    agg.CountDistinct: _count_distinct,
    agg.Happened: _happened,
    agg.Sum: _sum,
    agg.Mean: _mean,
    agg.MeanChange: _mean_change,
    agg.MeanDuration: _mean_duration,
    agg.MeanBusinessHours: _business_hours,
    agg.Last: _last,
    agg.DaysSince: _days_since,
    agg.OpenNow: _open_now,
    agg.LongestOverdue: _longest_overdue,
    agg.ChangeVsPreviousWindow: _change,
    contract_agg.DaysUntilRenewal: _days_until_renewal,
    contract_agg.TermLength: _term_length,
    contract_agg.AutoRenewShare: _auto_renew_share,
    contract_agg.ContractChange: _contract_change,
}
