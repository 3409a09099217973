"""The slow twin of the panel engine: one account and one as-of date at a time, in plain Python.

It shares the declarations with the engine and nothing else, so that a mistake in prefix sums, bit
masks or the late table shows. Only tests use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from math import fsum
from statistics import fmean
from typing import Any

from customer_health.settings import CompanyConfig
from customer_health.signals import aggregations as agg
from customer_health.signals.plans import conditions, feature_sets, lookup
from customer_health.signals.reference_tables import Row, derived_rows, stamp
from customer_health.signals.signal import Absent, Signal

GRACE = timedelta(days=30)


class Reference:
    """Every signal, straight from its definition.

    Args:
        tables: Raw rows by table, timestamps as naive datetimes.
        config: The company file.
    """

    def __init__(self, tables: Mapping[str, Sequence[Row]], config: CompanyConfig) -> None:
        self.config = config
        merged = {row["account_id"]: row.get("merged_into") for row in tables["accounts"]}
        self.accounts = sorted(name for name, into in merged.items() if into not in merged)
        self.tables: dict[str, list[Row]] = {}
        for name, rows in tables.items():
            self.tables[name] = [
                row | {"account_id": _follow(row["account_id"], merged)}
                for row in rows
                if row["account_id"] in merged
            ]
        self.tables |= derived_rows(self.tables, config)
        self._seen: dict[tuple[str, str | None, datetime], list[Row]] = {}

    def value(self, signal: Signal, account: str, as_of: date) -> float | None:
        """Return the signal, or None where it is unknown."""
        return _View(self, signal, account, as_of).value()

    def seen(self, table: str, account: str | None, now: datetime) -> list[Row]:
        """Rows of an account (None: of all) that happened and were known before `now`, in order of time."""
        key = (table, account, now)
        if key not in self._seen:
            rows = [
                row
                for row in self.tables[table]
                if account in (None, row["account_id"])
                and stamp(row["occurred_at"]) < now
                and stamp(row["known_at"]) < now
            ]
            self._seen[key] = sorted(
                rows, key=lambda row: (stamp(row["occurred_at"]), stamp(row["known_at"]))
            )
        return self._seen[key]


class _View:
    """One signal, account and date: what may be seen, and what follows from it."""

    def __init__(self, world: Reference, signal: Signal, account: str, as_of: date) -> None:
        self.world, self.signal, self.account, self.as_of = world, signal, account, as_of
        self.now = datetime.combine(as_of, time())
        self.window = signal.window or 0

    # -- what may be seen

    def seen(self, table: str, *, everybody: bool = False) -> list[Row]:
        """Rows that happened and were known before the as-of date, in order of time."""
        return self.world.seen(table, None if everybody else self.account, self.now)

    def facts(self) -> list[Row]:
        """Seen rows of the signal's table that meet its conditions."""
        wanted = conditions(self.signal, self.world.config)
        return [
            row
            for row in self.seen(self.signal.table)
            if all(str(row.get(c)) in values for c, values in wanted)
        ]

    def inside(self, moment: Any, *, skip: int = 0, days: int | None = None) -> bool:
        """Whether a timestamp lies in the window that ends `skip` days before the as-of date."""
        if moment is None:
            return False
        end = self.now - timedelta(days=skip)
        return end - timedelta(days=self.window if days is None else days) <= stamp(moment) < end

    def reached(self, row: Row, column: str) -> bool:
        """Whether a later stage of a fact was reached before the as-of date."""
        return row.get(column) is not None and stamp(row[column]) < self.now

    def days_ago(self, moment: Any) -> int:
        """Whole days from a timestamp's day to the as-of date."""
        return (self.as_of - stamp(moment).date()).days

    # -- what follows

    def value(self) -> float | None:
        return _TWINS[type(self.signal.aggregation)](self, self.signal.aggregation)

    def absent(self) -> float | None:
        source = {"exec_activity": "contact_book", "departures": "contact_changes"}
        evidence = self.seen(source.get(self.signal.table, self.signal.table), everybody=True)
        if self.signal.when_absent == Absent.UNKNOWN or not evidence:
            return None
        if self.signal.table == "exec_activity" and not self.titles_known():
            return None
        if self.signal.when_absent == Absent.SINCE_START:
            start = self.start()
            first = min(max(stamp(r["occurred_at"]), stamp(r["known_at"])) for r in evidence).date()
            since = None if start is None else max(start, first)
            return None if since is None else float((self.as_of - since).days)
        return float(self.signal.when_absent)

    def titles_known(self) -> bool:
        book = self.seen("contact_book")
        executive = any(self.reached(row, "executive_at") for row in book)
        return executive or (bool(book) and all(self.reached(row, "titled_at") for row in book))

    # -- contracts

    def start(self) -> date | None:
        """Day of the first contract, or else of the account."""
        rows = self.seen("contracts") or self.seen("accounts")
        return min((stamp(row["occurred_at"]).date() for row in rows), default=None)

    def in_force(self, days_ago: int = 0) -> list[Row]:
        """Contract states in force so many days ago, as known at the as-of date."""
        then = self.now - timedelta(days=days_ago)
        latest: dict[str, Row] = {}
        for row in self.seen("contracts"):
            if stamp(row["occurred_at"]) < then:
                latest[row["contract_id"]] = row
        return [
            row
            for row in latest.values()
            if (row.get("status") or "active") == "active"
            and (
                row.get("term_end") is None or row.get("auto_renew") or stamp(row["term_end"]) + GRACE >= then
            )
        ]

    def is_customer(self) -> bool:
        churns = [r for r in self.seen("outcomes") if r["kind"] == "logo_churn"]
        lost = max((stamp(r["occurred_at"]).date() for r in churns), default=None)
        live = [r for r in self.seen("contracts") if (r.get("status") or "active") == "active"]
        back = max((stamp(r["occurred_at"]).date() for r in live), default=date.min)
        return bool(self.in_force()) and (lost is None or back >= lost)

    def plan(self) -> str | None:
        def size(row: Row) -> tuple[float, str]:
            return (-(row["arr"] if row.get("arr") is not None else -1.0), row["contract_id"])

        best = min(self.in_force(), key=size, default=None)
        return None if best is None else best.get("plan")

    # -- usage

    def usage(self) -> list[Row]:
        return self.seen("usage")

    def features(self) -> tuple[str, ...] | str | None:
        return feature_sets(self.signal, self.world.config).of(self.plan())

    def events(self, rows: Iterable[Row], features: tuple[str, ...] | None, skip: int = 0) -> float:
        return fsum(
            row["events"]
            for row in rows
            if self.inside(row["occurred_at"], skip=skip) and (features is None or row["feature"] in features)
        )


def _follow(name: str, merged: Mapping[str, Any]) -> str:
    while merged.get(name) in merged:
        name = merged[name]
    return name


def total(rows: Iterable[Row], column: str) -> float | None:
    """Sum of what is known, None if nothing is."""
    known = [row[column] for row in rows if row.get(column) is not None]
    return float(sum(known)) if known else None


def _count(view: _View, how: agg.Count) -> float | None:
    many = sum(view.inside(row.get(how.at)) for row in view.facts())
    return float(many) if many else view.absent()


def _happened(view: _View, how: agg.Happened) -> float | None:
    return 1.0 if any(view.inside(row["occurred_at"]) for row in view.facts()) else view.absent()


def _values(view: _View, column: str) -> list[float]:
    rows = [row for row in view.facts() if view.inside(row["occurred_at"])]
    return [float(row[column]) for row in rows if row.get(column) is not None]


def _sum(view: _View, how: agg.Sum) -> float | None:
    values = _values(view, how.column)
    return sum(values) if values else view.absent()


def _mean(view: _View, how: agg.Mean) -> float | None:
    values = _values(view, how.column)
    return fmean(values) if values else view.absent()


def _mean_duration(view: _View, how: agg.MeanDuration) -> float | None:
    durations = [
        (stamp(row[how.end]) - stamp(row[how.start])).total_seconds() / 86400
        for row in view.facts()
        if row.get(how.start) is not None and view.inside(row.get(how.end))
    ]
    if how.floor is not None:
        durations = [max(how.floor, value) for value in durations]
    return fmean(durations) if durations else view.absent()


def _last(view: _View, how: agg.Last) -> float | None:
    rows = [row for row in view.facts() if row.get(how.column) is not None]
    if rows and view.inside(rows[-1]["occurred_at"]):
        return float(rows[-1][how.column])
    return view.absent()


def _days_since(view: _View, how: agg.DaysSince) -> float | None:
    rows = view.facts()
    return float(view.days_ago(rows[-1]["occurred_at"])) if rows else view.absent()


def _open_now(view: _View, how: agg.OpenNow) -> float | None:
    many = sum(
        view.days_ago(row["occurred_at"]) > how.older_than
        and not any(view.reached(row, column) for column in how.until)
        for row in view.facts()
    )
    return float(many) if many else view.absent()


def _longest_overdue(view: _View, how: agg.LongestOverdue) -> float | None:
    late = [
        view.days_ago(row[how.due])
        for row in view.facts()
        if view.reached(row, how.due) and not view.reached(row, how.until)
    ]
    return float(max(late)) if late else view.absent()


def _change(view: _View, how: agg.ChangeVsPreviousWindow) -> float | None:
    if view.signal.table == "usage":
        rows, features = view.usage(), view.features()
        covered = rows and view.days_ago(rows[0]["occurred_at"]) >= 2 * view.window
        if not covered or isinstance(features, str):
            return None
        before = view.events(rows, features, skip=view.window)
        return (view.events(rows, features) - before) / before if before > 0 else None
    facts = view.facts()
    now = sum(row[how.column] or 0.0 for row in facts if view.inside(row["occurred_at"]))
    before = sum(row[how.column] or 0.0 for row in facts if view.inside(row["occurred_at"], skip=view.window))
    return (now - before) / before if before > 0 else view.absent()


def _share_of_usage(view: _View, how: agg.ShareOfUsage) -> float | None:
    features = view.features()
    every = view.events(view.usage(), None)
    if isinstance(features, str) or every <= 0:
        return None
    return view.events(view.usage(), features) / every


def _feature_share(view: _View, how: agg.FeatureShare) -> float | None:
    features = view.features()
    if isinstance(features, str) or not view.usage():
        return None
    used = {row["feature"] for row in view.usage() if view.inside(row["occurred_at"])}
    key = {r["feature"] for r in view.seen("usage", everybody=True)} if features is None else set(features)
    return len(used & key) / len(key) if key else None


def _active_users(view: _View, how: agg.ActiveUsers) -> float | None:
    named = [row for row in view.usage() if row["user_id"]]
    if not named:
        return None
    least = how.min_days
    min_days = int(str(lookup(view.world.config, least))) if isinstance(least, str) else least
    days: dict[str, set[date]] = {}
    for row in named:
        if view.inside(row["occurred_at"]):
            days.setdefault(row["user_id"], set()).add(stamp(row["occurred_at"]).date())
    many = float(sum(len(active) >= min_days for active in days.values()))
    if not how.per_seat:
        return many
    seats = total(view.in_force(), "seats")
    return many / seats if seats else None


def _slope(view: _View, how: agg.ActiveUsersSlope) -> float | None:
    named = [row for row in view.usage() if row["user_id"]]
    if not named:
        return None
    first = min(stamp(row["occurred_at"]).date() for row in named)
    start = max(first, view.as_of - timedelta(days=view.window))
    n = (view.as_of - start).days
    if n < max(2, how.min_days):
        return None
    users: list[set[str]] = [set() for _ in range(n)]
    for row in named:
        day = (stamp(row["occurred_at"]).date() - start).days
        if day >= 0:
            users[day].add(row["user_id"])
    counts = [len(active) for active in users]
    x_mean, y_mean = (n - 1) / 2, fmean(counts)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in enumerate(counts))
    slope /= sum((x - x_mean) ** 2 for x in range(n))
    if not how.relative:
        return slope
    return slope * 30 / y_mean if y_mean > 0 else None


def _silence(view: _View, how: agg.Silence) -> float | None:
    if not view.usage():
        return None
    rows = [row for table in ("usage", *how.also) for row in view.seen(table)]
    return 0.0 if any(view.inside(row["occurred_at"]) for row in rows) else 1.0


def _days_until_renewal(view: _View, how: agg.DaysUntilRenewal) -> float | None:
    ends = []
    for row in view.in_force():
        if row.get("term_end") is None:
            continue
        end = stamp(row["term_end"]).date()
        if row.get("auto_renew"):
            start = stamp(row["term_start"]).date() if row.get("term_start") is not None else end
            term = (end - start) if start < end else timedelta(days=365)
            while end < view.as_of:
                end += term
        ends.append((end - view.as_of).days)
    return float(min(ends)) if ends else None


def _arr_change(view: _View, how: agg.ArrChange) -> float | None:
    start, arr = view.start(), total(view.in_force(), "arr")
    if not view.is_customer() or start is None or arr is None:
        return None
    if start < view.as_of - timedelta(days=view.window):
        base = total(view.in_force(view.window), "arr")
    else:
        states = view.seen("contracts")
        firsts: dict[str, Row] = {}
        for row in states:
            firsts.setdefault(row["contract_id"], row)
        base = total((r for r in firsts.values() if stamp(r["occurred_at"]).date() == start), "arr")
    if base is None:
        return None
    if not how.relative:
        return arr - base
    return (arr - base) / base if base > 0 else None


_TWINS: Mapping[type[agg.Aggregation], Callable[[_View, Any], float | None]] = {
    agg.Count: _count,
    agg.Happened: _happened,
    agg.Sum: _sum,
    agg.Mean: _mean,
    agg.MeanDuration: _mean_duration,
    agg.Last: _last,
    agg.DaysSince: _days_since,
    agg.OpenNow: _open_now,
    agg.LongestOverdue: _longest_overdue,
    agg.ChangeVsPreviousWindow: _change,
    agg.ShareOfUsage: _share_of_usage,
    agg.FeatureShare: _feature_share,
    agg.ActiveUsers: _active_users,
    agg.ActiveUsersSlope: _slope,
    agg.Silence: _silence,
    agg.DaysUntilRenewal: _days_until_renewal,
    agg.ArrChange: _arr_change,
}
