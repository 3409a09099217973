"""Where a message goes, when it may disturb, and when a task is due: never at night, never in the past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from customer_health.company import CompanyConfig
from customer_health.playbook_config import MeetingHours
from customer_health.playbooks import working_time
from customer_health.playbooks.account_view import AccountView
from customer_health.shipped_names import tier_word

LEAST_TIME = timedelta(hours=8)
LONG_TASK = timedelta(days=5)
SATURDAY = 5


def channel_of(facts: AccountView, owner: str, otherwise: str, config: CompanyConfig) -> str:
    """Return the channel of the first route that fits tier, segment and owner."""
    for route in config.playbooks.routes:
        tiers = {tier_word(facts.get("tier")), tier_word(facts.get("band"))}
        if route.tiers and not tiers & {tier_word(tier) for tier in route.tiers}:
            continue
        if route.segments and facts.get("segment") not in route.segments:
            continue
        if route.owners and owner not in route.owners:
            continue
        return route.channel
    return otherwise


def not_before(now: datetime, owner: str, zone: str | None, config: CompanyConfig) -> datetime:
    """Return when a message may leave: now, or the end of the quiet hours in the owner's zone.

    While Slack is a preview nobody is disturbed, so nothing waits.
    """
    quiet = config.playbooks.quiet
    if config.destinations.slack == "preview" or quiet.from_hour == quiet.until_hour:
        return now
    local = now.astimezone(zone_of(quiet.zones.get(owner) or zone))
    while _is_quiet(local, config):
        later = local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        # Through UTC: an hour of the clock change exists twice or not at all.
        local = later.astimezone(UTC).astimezone(local.tzinfo)
    return local.astimezone(UTC)


def zone_of(name: str | None) -> ZoneInfo:
    """Return a time zone; UTC for one that is unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def due_at(
    published: datetime,
    now: datetime,
    within: timedelta,
    zone: str | None = None,
    hours: MeetingHours = MeetingHours(),  # noqa: B008 -- frozen
) -> datetime:
    """Return when a task is due: `within` after publication, with time left to do it.

    Short tasks count working days only, and where the owner's `zone` is known they are due in working
    hours: a Saturday's alert with 48 hours is due on Wednesday morning. Long tasks count calendar days and
    fall on no weekend. Scores that were published long before anybody decided would make a task that is
    late when it opens; then it gets half its time from now, at least eight hours.
    """
    clock = zone_of(zone)
    if within >= LONG_TASK:
        due = published + within
        if due < now + LEAST_TIME:
            due = now + max(within / 2, LEAST_TIME)
        local = due.astimezone(clock)
        if local.weekday() >= SATURDAY:
            return (local + timedelta(days=7 - local.weekday())).astimezone(UTC)
        return due
    due = working_time.after(published, within, clock, hours)
    if due < now + LEAST_TIME:
        due = working_time.after(now, max(within / 2, LEAST_TIME), clock, hours)
    return working_time.in_working_hours(due, clock, hours) if zone else due


def _is_quiet(local: datetime, config: CompanyConfig) -> bool:
    quiet = config.playbooks.quiet
    if quiet.weekends and local.weekday() >= SATURDAY:
        return True
    if quiet.from_hour > quiet.until_hour:
        return local.hour >= quiet.from_hour or local.hour < quiet.until_hour
    return quiet.from_hour <= local.hour < quiet.until_hour
