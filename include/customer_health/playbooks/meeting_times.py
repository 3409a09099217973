"""Concrete times for a conversation: business hours of both sides, nobody's busy hour, nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from customer_health.ledger import outbox_queries
from customer_health.playbook_config import MeetingHours
from customer_health.playbooks.routing import zone_of

Span = tuple[datetime, datetime]
# Mid-morning first: early enough to leave room for what it brings up, late enough to read for it.
PREFERRED_HOURS = (10, 14, 11, 15, 9, 16)
VERB = "propose_meeting"
_SPENT = ("declined", "expired", "rejected", "superseded")


@dataclass(frozen=True)
class Wish:
    """What is asked of a proposal.

    Attributes:
        owner: E-mail of the person of ours.
        zone: The owner's zone.
        guest_zone: The customer's zone; None where it is unknown.
        minutes: Length.
        earliest: Not before this instant.
        latest: Begins before this instant.
        options: How many times at most.
    """

    owner: str
    zone: str
    guest_zone: str | None
    minutes: int
    earliest: datetime
    latest: datetime
    options: int


@dataclass
class Availability:
    """Who of ours is busy when, as far as anybody told us, and what this run has proposed.

    Attributes:
        hours: When meetings may take place.
        busy: Spans by owner's e-mail, lower-case.
        known: Owners whose calendar we can see.
    """

    hours: MeetingHours
    busy: dict[str, list[Span]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    _held: dict[str, dict[str, Any]] = field(default_factory=dict)

    def propose(self, run_context: str, wish: Wish) -> dict[str, Any]:
        """Return times and reserve them; asked again for the same occasion, the same times.

        Args:
            run_context: What the times are for: steps of one play speak of the same times.
            wish: What is asked for.

        Returns:
            `owner`, `zone`, `guest_zone`, `calendar_known`, `overlap` and `slots`, each with `start` and
            `end` (UTC) and `text` and `guest_text` for people. There may be fewer slots than asked for.
        """
        if run_context in self._held:
            return self._held[run_context]
        owner = wish.owner.lower()
        ours, theirs = zone_of(wish.zone), zone_of(wish.guest_zone) if wish.guest_zone else None
        taken = self.busy.setdefault(owner, [])
        chosen = list(_choose(wish, taken, self.hours, ours, theirs))
        shared = bool(chosen) or theirs is None
        if not chosen:  # the working days of the two do not meet: the customer is asked at our hours
            chosen = list(_choose(wish, taken, self.hours, ours, None))
        taken.extend(chosen)
        self._held[run_context] = {
            "owner": wish.owner,
            "zone": ours.key,
            "guest_zone": None if theirs is None else theirs.key,
            "calendar_known": owner in self.known,
            "overlap": shared,
            "slots": [
                {
                    "start": start.isoformat(),
                    "end": end.isoformat(),
                    "text": spoken((start, end), ours),
                    "guest_text": spoken((start, end), theirs or ours),
                }
                for start, end in chosen
            ],
        }
        return self._held[run_context]


def promised(connection: Connection, since: datetime) -> dict[str, list[Span]]:
    """Return the times that earlier runs proposed and that may still be held, by owner."""
    found: dict[str, list[Span]] = {}
    for _, _, payload in outbox_queries.payloads_since(connection, VERB, since, without=_SPENT):
        spans = [
            (datetime.fromisoformat(slot["start"]), datetime.fromisoformat(slot["end"]))
            for slot in payload["times"]["slots"]
        ]
        found.setdefault(str(payload["times"]["owner"]).lower(), []).extend(spans)
    return found


def ahead(connection: Connection, as_of: date, now: datetime) -> dict[str, date]:
    """Return the last day that earlier days proposed for a meeting with each account, where it lies ahead."""
    since = now - timedelta(days=60)
    found: dict[str, date] = {}
    for account, day, payload in outbox_queries.payloads_since(connection, VERB, since, without=_SPENT):
        if day >= as_of:
            continue
        ends = [datetime.fromisoformat(slot["end"]) for slot in payload["times"]["slots"]]
        if ends and max(ends) > now:
            found[account] = max(found.get(account, date.min), max(ends).date())
    return found


def spoken(span: Span, zone: ZoneInfo) -> str:
    """Return a span as people say it: Tue 1 Dec, 10:00-11:00 (Europe/Berlin)."""
    start, end = (moment.astimezone(zone) for moment in span)
    return f"{start:%a} {start.day} {start:%b}, {start:%H:%M}-{end:%H:%M} ({zone.key})"


def _choose(
    wish: Wish, taken: Sequence[Span], hours: MeetingHours, ours: ZoneInfo, theirs: ZoneInfo | None
) -> Iterator[Span]:
    """Yield the best time of every second working day, then of the days between."""
    days = list(_days(wish, hours, ours))
    found = 0
    for day in (*days[::2], *days[1::2]):
        if found == wish.options:
            return
        for hour in PREFERRED_HOURS:
            start = datetime.combine(day, time(hour), ours).astimezone(UTC)
            span = (start, start + timedelta(minutes=wish.minutes))
            if not wish.earliest <= start < wish.latest or _clashes(span, taken):
                continue
            if all(_within(span, zone, hours) for zone in (ours, theirs) if zone is not None):
                found += 1
                yield span
                break


def _days(wish: Wish, hours: MeetingHours, ours: ZoneInfo) -> Iterator[Any]:
    day, last = wish.earliest.astimezone(ours).date(), wish.latest.astimezone(ours).date()
    while day <= last:
        if day.weekday() in hours.weekdays:
            yield day
        day += timedelta(days=1)


def _within(span: Span, zone: ZoneInfo, hours: MeetingHours) -> bool:
    start, end = (moment.astimezone(zone) for moment in span)
    opens, closes = (
        start.replace(hour=0, minute=0, second=0) + timedelta(hours=hour)
        for hour in (hours.from_hour, hours.until_hour)
    )
    return start.weekday() in hours.weekdays and opens <= start and end <= closes


def _clashes(span: Span, taken: Iterable[Span]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in taken)
