"""Working time between two moments, by the company's week and time zone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from customer_health.company import BusinessHours

Array = NDArray[Any]
DAY = 86400.0
# 1900 to 2200. What lies beyond is a typing error, and calendars of time zones do not reach there.
SANE = (-2_208_988_800.0, 7_258_118_400.0)


def hours_between(start: Array, end: Array, hours: BusinessHours) -> Array:
    """Return the working hours from `start` to `end`; 0 if the end comes first, NaN if either is missing.

    Args:
        start: Seconds since 1970 UTC, shape (facts,).
        end: As start.
        hours: The company's week; its clock follows daylight saving time.
    """
    worked = _worked_before(end, hours) - _worked_before(start, hours)
    result: Array = np.maximum(worked, 0.0) / 3600.0
    return result


def _worked_before(seconds: Array, hours: BusinessHours) -> Array:
    """Working seconds from the epoch to each moment: whole weeks, whole days, and a part of today."""
    wall = _wall_clock(seconds, hours.timezone)
    day = np.floor(wall / DAY)
    weekday = np.mod(day + 3, 7)  # 1970-01-01 was a Thursday
    weeks = np.floor((day + 3) / 7)
    opens, closes = hours.opens * 3600.0, hours.closes * 3600.0
    works = np.zeros(7)
    works[list(hours.weekdays)] = 1.0
    before = np.concatenate([[0.0], np.cumsum(works)])
    known = np.isfinite(weekday)
    index = np.where(known, weekday, 0).astype(np.int64)
    days = weeks * works.sum() + before[index]
    today = works[index] * np.clip(wall - day * DAY - opens, 0.0, closes - opens)
    result: Array = np.where(known, days * (closes - opens) + today, np.nan)
    return result


def _wall_clock(seconds: Array, timezone: str) -> Array:
    """What the clock on the wall shows, as if it were UTC."""
    import pandas as pd

    known = (seconds >= SANE[0]) & (seconds < SANE[1])  # NaN is neither
    out = np.full(len(seconds), np.nan)
    moments = pd.to_datetime(seconds[known], unit="s", utc=True).tz_convert(timezone).tz_localize(None)
    out[known] = moments.to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
    return out
