"""Signals of usage: one function per aggregation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.signals import aggregations as agg
from customer_health.signals import usage_aggregations as usage_agg
from customer_health.signals.answer_registry import Answers
from customer_health.signals.plan_lists import feature_sets, lookup
from customer_health.signals.signal import Signal
from customer_health.signals.state.daily_state import NEVER
from customer_health.signals.usage.usage_engine import MISSABLE, Usage

Array = NDArray[Any]
USAGE_ANSWERS: Answers[Usage] = Answers()


@USAGE_ANSWERS.to(usage_agg.ActiveUsersSlope)
def _slope(usage: Usage, how: usage_agg.ActiveUsersSlope, signal: Signal) -> Array:
    return usage.slope(signal.window_days, how.min_days, how.relative)


@USAGE_ANSWERS.to(usage_agg.ActiveUsers)
def _active(usage: Usage, how: usage_agg.ActiveUsers, signal: Signal) -> Array:
    least = how.min_days
    min_days = int(str(lookup(usage.config, least))) if isinstance(least, str) else least
    many = usage.active_users(signal.window_days, min_days)
    many = np.where(usage.first_user < NEVER, many, np.nan)
    if not how.per_seat:
        return many
    seats = usage.context.seats
    return usage.grid.ratio(many, seats, seats > 0)


@USAGE_ANSWERS.to(agg.ChangeVsPreviousWindow)
def _change(usage: Usage, how: agg.ChangeVsPreviousWindow, signal: Signal) -> Array:
    window = signal.window_days
    covered = usage.first <= usage.grid.dates - 2 * window
    days, days_before = (np.maximum(window - usage.outage.many(window, skip), 1.0) for skip in (0, window))
    per_day = days / days_before

    def change(features: tuple[str, ...] | None) -> Array:
        now = usage.events(features, window)
        before = usage.events(features, window, skip=window) * per_day  # in as many delivered days
        usable = covered & (before > 0)
        return usage.grid.ratio(now - before, before, usable)

    values = usage.per_plan(feature_sets(signal, usage.config), change)
    return usage.delivered(values, window, skip=window)


@USAGE_ANSWERS.to(usage_agg.ShareOfUsage)
def _share(usage: Usage, how: usage_agg.ShareOfUsage, signal: Signal) -> Array:
    window = signal.window_days
    every = usage.events(None, window)

    def share(features: tuple[str, ...] | None) -> Array:
        some = usage.events(features, window)
        return usage.grid.ratio(some, every, every > 0)

    return usage.per_plan(feature_sets(signal, usage.config), share)


@USAGE_ANSWERS.to(agg.ChangeVsOwnBaseline)
def _own_baseline(usage: Usage, how: agg.ChangeVsOwnBaseline, signal: Signal) -> Array:
    window = signal.window_days
    end = usage.grid.dates - window
    every = np.minimum(end - usage.first, how.baseline)
    days = every - usage.outage.sums(end - every, end)[0]
    delivered = np.maximum(window - usage.outage.many(window), 1.0)

    def change(features: tuple[str, ...] | None) -> Array:
        now = usage.events(features, window) / delivered
        before = usage.events(features, how.baseline, skip=window)
        usable = (days >= how.least) & (2 * days >= every) & (before > 0)
        return usage.grid.ratio(now * days - before, before, usable)

    return usage.per_plan(feature_sets(signal, usage.config), change)


@USAGE_ANSWERS.to(agg.FallBeyondChance)
def _fall_beyond_chance(usage: Usage, how: agg.FallBeyondChance, signal: Signal) -> Array:
    window = signal.window_days
    skips = [number * window for number in range(how.earlier + 1)]
    covered = [usage.first <= usage.grid.dates - skip - window for skip in skips]
    full = [window / np.maximum(window - usage.outage.many(window, skip), 1.0) for skip in skips]

    def fall(features: tuple[str, ...] | None) -> Array:
        sums = [
            usage.events(features, window, skip=skip) * more for skip, more in zip(skips, full, strict=True)
        ]
        total, pairs = usage.grid.full(0.0), usage.grid.full(0.0)
        for later in range(1, how.earlier):
            both = sums[later] + sums[later + 1]
            known = covered[later + 1] & (both > 0)
            total += np.where(known, usage.grid.ratio((sums[later] - sums[later + 1]) ** 2, both, known), 0.0)
            pairs += known
        scatter = np.where(pairs >= 2, np.maximum(usage.grid.ratio(total, pairs, pairs > 0), 1.0), 1.0)
        usable = covered[1] & (sums[0] + sums[1] > 0)
        chance = np.sqrt(scatter * np.maximum(sums[0] + sums[1], 0.0))
        return usage.grid.ratio(sums[1] - sums[0], chance, usable)

    values = usage.per_plan(feature_sets(signal, usage.config), fall)
    return usage.delivered(values, window, skip=window)


@USAGE_ANSWERS.to(agg.Sum)
def _sum(usage: Usage, how: agg.Sum, signal: Signal) -> Array:
    events = _events(usage, signal)
    if not how.per_seat:
        return events
    seats = usage.context.seats
    return usage.grid.ratio(events, seats, seats > 0)


def _events(usage: Usage, signal: Signal) -> Array:
    window = signal.window_days

    def events(features: tuple[str, ...] | None) -> Array:
        return np.where(usage.first < NEVER, usage.events(features, window), np.nan)

    return usage.per_plan(feature_sets(signal, usage.config), events)


@USAGE_ANSWERS.to(usage_agg.EventsPerUser)
def _per_user(usage: Usage, how: usage_agg.EventsPerUser, signal: Signal) -> Array:
    users = usage.active_users(signal.window_days)
    return usage.grid.ratio(_events(usage, signal), users, users > 0)


@USAGE_ANSWERS.to(usage_agg.ActiveUsersChange)
def _users_change(usage: Usage, how: usage_agg.ActiveUsersChange, signal: Signal) -> Array:
    window = signal.window_days
    now, before = usage.active_users(window), usage.active_users(window, skip=window)
    covered = usage.first <= usage.grid.dates - 2 * window
    values = usage.grid.ratio(now - before, before, covered & (before > 0))
    for skip in (0, window):  # who came cannot be had per day: only nearly whole windows compare
        values = usage.delivered(values, window, skip, most=MISSABLE)
    return values


@USAGE_ANSWERS.to(usage_agg.DailyUsers)
def _daily_users(usage: Usage, how: usage_agg.DailyUsers, signal: Signal) -> Array:
    window = signal.window_days
    days = usage.observed_days(window)
    mean = usage.grid.ratio(usage.user_days(window), days, days > 0)
    if how.per is None:
        return mean
    of = usage.context.seats if how.per == "seat" else usage.active_users(window)
    return usage.grid.ratio(mean, of, of > 0)


@USAGE_ANSWERS.to(usage_agg.ActiveDays)
def _active_days(usage: Usage, how: usage_agg.ActiveDays, signal: Signal) -> Array:
    return np.where(usage.first_day < NEVER, usage.active_days(signal.window_days), np.nan)


@USAGE_ANSWERS.to(usage_agg.FeatureShare)
def _features(usage: Usage, how: usage_agg.FeatureShare, signal: Signal) -> Array:
    return usage.features(feature_sets(signal, usage.config), signal.window_days)


@USAGE_ANSWERS.to(agg.DaysSince)
def _days_since(usage: Usage, how: agg.DaysSince, signal: Signal) -> Array:
    dates, last = usage.grid.dates, usage.last_day()
    return np.where(usage.first_day < NEVER, dates - last - usage.dark(last + 1, dates)[0], np.nan)
