"""What a year of nights must not show, such as false stops, silence and doubles; and how the stores grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from customer_health.delivery.delivery_policy import Policy
from customer_health.ledger import schema
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.outbox import transitions
from tests.lib.nights.nights import ZONE, Nights, clocks_change

# What an incident may bring down, and nothing else.
EXPECTED = {
    "damaged_file": ("ask", "ingest"),
    "slack_down": ("deliver slack",),
    "slack_faults": ("deliver slack",),
    "late_source": (),
    "killed": (),
    "long_night": (),
    "paused": (),
    "dead": (),
    "back_fill": (),
}
AFTERWARDS = timedelta(days=1)  # a breaker that opened in the evening is still open after midnight


def findings(year: Nights) -> list[str]:
    """Return what went wrong that must not, in words; nothing is right."""
    return [*_stops(year), *_silence(year), *_late(year), *_doubles(year), *_left(year), *_loud(year)]


def _stops(year: Nights) -> Iterator[str]:
    excused = year.diary.excused
    for failure in year.diary.failures:
        kinds = excused[failure.night] | excused.get(failure.night - AFTERWARDS, set())
        if not any(failure.step in EXPECTED[kind] for kind in kinds):
            yield f"false stop {failure.night}: {failure.step} ({failure.error}: {failure.words[:160]})"


def _silence(year: Nights) -> Iterator[str]:
    """Every failure was told to the data team, and an incident that hurts the day did stop it."""
    told = {row["step"] + "/" + row["episode_id"] for row in _notices(year)}
    for failure in year.diary.failures:
        topic = f"task_failed:night.{failure.step.replace(' ', '_')}"
        if not any(topic in one and str(failure.night) in one for one in told):
            yield f"silent failure {failure.night}: {failure.step}"
    stopped = {failure.night for failure in year.diary.failures}
    for day, kinds in year.diary.excused.items():
        # On a quiet Sunday few calls are turned away: they are tried again, and no breaker opens.
        many = year.diary.turned_away.get(day, 0) >= Policy().breaker_threshold
        hurt = "damaged_file" in kinds or ("slack_down" in kinds and many)
        if hurt and day not in stopped:
            yield f"nobody noticed {', '.join(kinds)} on {day}"


def _late(year: Nights) -> Iterator[str]:
    """Scores that are not there by the hour at which they are due are announced on that day."""
    due = timedelta(hours=year.settings.config.playbooks.scores_due_after_hours)
    told = {row["episode_id"] for row in _notices(year) if "scores_missing" in row["step"]}
    for day in year.diary.lived:
        there = year.diary.published.get(day)
        late = there is None or there > datetime(day.year, day.month, day.day, tzinfo=UTC) + due
        if late and not any(str(day) in one for one in told):
            yield f"scores of {day} were late without a word"
        if not late and any(str(day) in one for one in told):
            yield f"scores of {day} were there and were announced as missing"


def _doubles(year: Nights) -> Iterator[str]:
    made = Counter(one.key for one in year.slack.server.history if one.created)
    known = {one.key for one in year.slack.server.history}
    for row in _rows(year):
        if row["destination"] != "slack" or row["verb"] not in ("notify", "reply"):
            continue
        times = made[row["key"]]
        if times > 1:
            yield f"{row['key']} of {row['as_of']} is in Slack {times} times"
        landed = row["key"] in known or row["payload"].get("edit") is not None
        if row["state"] == "delivered" and row["remote_id"] and not landed:
            yield f"{row['key']} of {row['as_of']} counts as delivered and is not in Slack"
    if year.diary.backfilled:
        yield f"days that were filled in promised {year.diary.backfilled} effects"
    yield from year.slack.server.violations[:3]


def _left(year: Nights) -> Iterator[str]:
    """Nothing that was due long ago waits, and nothing ended refused."""
    long_ago = datetime.combine(year.days[-1], datetime.min.time(), UTC) - timedelta(days=2)
    for row in _rows(year):
        if row["state"] in transitions.OPEN_STATES and row["not_before"] and row["not_before"] < long_ago:
            yield f"{row['key']} ({row['playbook']}, {row['as_of']}) still waits: {row['error']}"
        if row["state"] == "rejected":
            yield f"{row['key']} ({row['playbook']}, {row['as_of']}) was refused: {row['error']}"


def _loud(year: Nights) -> Iterator[str]:
    """On days on which clocks change, messages to owners keep out of the evening of their zone."""
    quiet = year.settings.config.playbooks.quiet
    for row in _rows(year):
        at = row["delivered_at"]
        if row["destination"] != "slack" or not at or row["playbook"] == "data_notice":
            continue
        local = at.astimezone(ZoneInfo(ZONE))
        if (
            clocks_change(local.date())
            and row["verb"] == "notify"
            and not quiet.until_hour <= local.hour < 24
        ):
            yield f"{row['key']} disturbed somebody at {local}"


def growth(year: Nights, *, since: int = 100) -> dict[str, tuple[float, float]]:
    """Return store -> bytes a night in the first and the second half of what follows `since` nights.

    After `retention.daily_scores` days the ledger removes as many daily scores as come.
    """
    days = [day for day in year.days if day in year.diary.sizes][since:]
    if len(days) < 4:
        return {}
    middle = days[len(days) // 2]

    def rate(store: str, first: date, last: date) -> float:
        sizes = year.diary.sizes
        return (sizes[last].get(store, 0) - sizes[first].get(store, 0)) / max((last - first).days, 1)

    stores = sorted(year.diary.sizes[days[-1]])
    return {store: (rate(store, days[0], middle), rate(store, middle, days[-1])) for store in stores}


def _notices(year: Nights) -> list[dict[str, Any]]:
    return [row for row in _rows(year) if row["playbook"] == "data_notice"]


def _rows(year: Nights) -> list[dict[str, Any]]:
    with open_ledger(year.settings.ledger_url).connect() as connection:
        return [dict(row) for row in connection.execute(select(schema.outbox)).mappings()]
