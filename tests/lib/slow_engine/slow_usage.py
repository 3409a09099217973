"""The slow twins of the aggregations over usage: rows, sets of users and loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import pairwise
from math import fsum, sqrt
from statistics import fmean
from typing import Any

from customer_health.signals import aggregations as agg
from customer_health.signals import usage_aggregations as usage_agg
from customer_health.signals.plan_lists import lookup
from tests.lib.slow_engine.slow_tables import stamp, total
from tests.lib.slow_engine.slow_view import View


def _sum(view: View, how: agg.Sum) -> float | None:
    features = view.features()
    if isinstance(features, str) or not view.usage():
        return None
    events = view.events(view.usage(), features)
    if not how.per_seat:
        return events
    seats = total(view.in_force(), "seats")
    return events / seats if seats else None


def _own_baseline(view: View, how: agg.ChangeVsOwnBaseline) -> float | None:
    rows, features = view.usage(), view.features()
    if not rows or isinstance(features, str):
        return None
    days = min(how.baseline, view.days_ago(rows[0]["occurred_at"]) - view.window)
    earlier = [row for row in rows if view.inside(row["occurred_at"], skip=view.window, days=how.baseline)]
    before = sum(float(row["events"]) for row in earlier if features is None or row["feature"] in features)
    delivered = days - view.outage(skip=view.window, days=max(0, days))
    if delivered < how.least or 2 * delivered < days or not before:
        return None
    usual = before / delivered
    return (view.events(rows, features) / (view.window - view.outage()) - usual) / usual


def _fall_beyond_chance(view: View, how: agg.FallBeyondChance) -> float | None:
    rows, features, window = view.usage(), view.features(), view.window
    if not _covered(view) or isinstance(features, str) or 2 * view.outage(skip=window) > window:
        return None
    age = view.days_ago(rows[0]["occurred_at"])
    many = []
    for number in range(how.earlier + 1):
        if age >= (number + 1) * window:
            delivered = max(1, window - view.outage(skip=number * window))
            many.append(view.events(rows, features, skip=number * window) * window / delivered)
    if many[0] + many[1] <= 0:
        return None
    scatters = [(a - b) ** 2 / (a + b) for a, b in pairwise(many[1:]) if a + b > 0]
    scatter = max(1.0, fsum(scatters) / len(scatters)) if len(scatters) >= 2 else 1.0
    return (many[1] - many[0]) / sqrt(scatter * (many[0] + many[1]))


def _change(view: View, how: agg.ChangeVsPreviousWindow) -> float | None:
    rows, features = view.usage(), view.features()
    if not _covered(view) or isinstance(features, str):
        return None
    lost, days = view.outage(skip=view.window), view.window - view.outage()
    if 2 * lost > view.window:
        return None
    before = view.events(rows, features, skip=view.window) / (view.window - lost)
    return (view.events(rows, features) / days - before) / before if before > 0 else None


def _covered(view: View) -> bool:
    """Whether the account's telemetry began before both windows."""
    rows = view.usage()
    return bool(rows) and view.days_ago(rows[0]["occurred_at"]) >= 2 * view.window


def _share_of_usage(view: View, how: usage_agg.ShareOfUsage) -> float | None:
    features = view.features()
    every = view.events(view.usage(), None)
    if isinstance(features, str) or every <= 0:
        return None
    return view.events(view.usage(), features) / every


def _feature_share(view: View, how: usage_agg.FeatureShare) -> float | None:
    features = view.features()
    if isinstance(features, str) or not view.usage():
        return None
    used = {row["feature"] for row in view.usage() if view.inside(row["occurred_at"])}
    key = {r["feature"] for r in view.seen("usage", everybody=True)} if features is None else set(features)
    return len(used & key) / len(key) if key else None


def _active_users(view: View, how: usage_agg.ActiveUsers) -> float | None:
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


def _users(view: View, skip: int = 0) -> set[str]:
    """Who was active in the window."""
    rows = [row for row in view.usage() if row["user_id"]]
    return {row["user_id"] for row in rows if view.inside(row["occurred_at"], skip=skip)}


def _per_user(view: View, how: usage_agg.EventsPerUser) -> float | None:
    events, users = _sum(view, agg.Sum("events")), _users(view)
    return events / len(users) if users and events is not None else None


def _users_change(view: View, how: usage_agg.ActiveUsersChange) -> float | None:
    if any(10 * view.outage(skip=skip) > view.window for skip in (0, view.window)):
        return None
    now, before = len(_users(view)), len(_users(view, skip=view.window))
    return (now - before) / before if before and _covered(view) else None


def _people(view: View) -> dict[date, float]:
    """Users by day: those that usage names, or as many as were counted where it names nobody."""
    named = {(stamp(row["occurred_at"]).date(), row["user_id"]) for row in view.usage() if row["user_id"]}
    out: dict[date, float] = {}
    for day, _ in named:
        out[day] = out.get(day, 0) + 1
    for row in [] if named else _counts(view):
        day = stamp(row["occurred_at"]).date()
        out[day] = out.get(day, 0) + row["users"]
    return out


def _counts(view: View) -> list[dict[str, Any]]:
    return [dict(row) for row in view.seen("daily_users") if row["users"] > 0]


def _active(view: View) -> list[Any]:
    """The days of usage, or of counted users where there is no usage."""
    return [row["occurred_at"] for row in view.usage() or _counts(view)]


def _daily_users(view: View, how: usage_agg.DailyUsers) -> float | None:
    people = _people(view)
    if not people:
        return None
    days = min(view.window, (view.as_of - min(people)).days)
    days -= view.outage(days=days)
    mean = sum(many for day, many in people.items() if view.inside(day)) / days
    if how.per is None:
        return mean
    of = total(view.in_force(), "seats") if how.per == "seat" else len(_users(view))
    return mean / of if of else None


def _active_days(view: View, how: usage_agg.ActiveDays) -> float | None:
    days = _active(view)
    return float(len({stamp(day).date() for day in days if view.inside(day)})) if days else None


def _days_since(view: View, how: agg.DaysSince) -> float | None:
    active = _active(view)
    if not active:
        return None
    days = view.days_ago(active[-1])
    return float(days - view.outage(days=days))


def _slope(view: View, how: usage_agg.ActiveUsersSlope) -> float | None:
    people = _people(view)
    if not people:
        return None
    start = max(min(people), view.as_of - timedelta(days=view.window))
    n = (view.as_of - start).days
    outage = {(day - start).days for day in view.dark()}
    counts = {day: people.get(start + timedelta(days=day), 0) for day in range(n) if day not in outage}
    if len(counts) < max(2, how.min_days):
        return None
    x_mean, y_mean = fmean(counts), fmean(counts.values())
    slope = sum((x - x_mean) * (y - y_mean) for x, y in counts.items())
    slope /= sum((x - x_mean) ** 2 for x in counts)
    if not how.relative:
        return slope
    return slope * 30 / y_mean if y_mean > 0 else None


def _silence(view: View, how: usage_agg.Silence) -> float | None:
    active = _active(view)
    if not active:
        return None
    others = (row for table in how.also for row in view.seen(table) if not view.nobodys(row, table))
    sounds = [*active, *(row["occurred_at"] for row in others)]
    return 0.0 if any(view.inside(moment) for moment in sounds) else 1.0


USAGE_TWINS: Mapping[type[agg.Aggregation], Callable[[View, Any], float | None]] = {
    agg.Sum: _sum,
    agg.ChangeVsPreviousWindow: _change,
    agg.ChangeVsOwnBaseline: _own_baseline,
    agg.FallBeyondChance: _fall_beyond_chance,
    usage_agg.ShareOfUsage: _share_of_usage,
    usage_agg.FeatureShare: _feature_share,
    usage_agg.ActiveUsers: _active_users,
    usage_agg.ActiveUsersChange: _users_change,
    usage_agg.DailyUsers: _daily_users,
    usage_agg.ActiveDays: _active_days,
    usage_agg.EventsPerUser: _per_user,
    usage_agg.ActiveUsersSlope: _slope,
    agg.DaysSince: _days_since,
    usage_agg.Silence: _silence,
}
