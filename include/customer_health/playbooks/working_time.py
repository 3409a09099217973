"""Time as those who must act have it: days off do not count, and nothing is due at night."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo

from customer_health.playbook_config import MeetingHours

_DAY = timedelta(days=1)


def after(start: datetime, span: timedelta, zone: tzinfo, hours: MeetingHours) -> datetime:
    """Return when `span` of working days has passed: 48 h from Friday 10:00 is Tuesday 10:00."""
    now, left = start, span
    while True:
        midnight = _next_midnight(now, zone)
        if now.astimezone(zone).weekday() not in hours.weekdays:
            now = midnight
        elif now + left < midnight or (now + left == midnight and not left):
            return now + left
        else:
            left -= midnight - now
            now = midnight


def passed(start: datetime, end: datetime, zone: tzinfo, hours: MeetingHours) -> timedelta:
    """Return how much time of working days lies between two instants."""
    now, found = start, timedelta()
    while now < end:
        until = min(_next_midnight(now, zone), end)
        if now.astimezone(zone).weekday() in hours.weekdays:
            found += until - now
        now = until
    return found


def in_working_hours(instant: datetime, zone: tzinfo, hours: MeetingHours) -> datetime:
    """Return the instant itself if somebody works then, or else the next opening."""
    local = instant.astimezone(zone)
    if local.weekday() in hours.weekdays and hours.from_hour <= local.hour < hours.until_hour:
        return instant
    day = local.date()
    if local.weekday() not in hours.weekdays or local.hour >= hours.until_hour:
        day += _DAY
    while day.weekday() not in hours.weekdays:
        day += _DAY
    return datetime.combine(day, time(hours.from_hour), zone).astimezone(UTC)


def _next_midnight(instant: datetime, zone: tzinfo) -> datetime:
    following = instant.astimezone(zone).date() + _DAY
    return datetime.combine(following, time(), zone).astimezone(UTC)
