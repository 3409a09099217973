"""The one way from a run to its as-of date. Nothing else may read `ds`, which no run here has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from customer_health.errors import ConfigurationError
from customer_health.settings import Settings

KEY_FORMAT = "%Y-%m-%d"


def run_day(context: Mapping[str, Any], settings: Settings) -> date:
    """Return the as-of date of a run: the facts known before its midnight (UTC) count.

    In this order: the partition key (scheduled, back-filled and asset-triggered runs), the form's
    `as_of` (manual runs, which have no key unless they come through the REST API), the pretended
    day, the day on which the run was created. The last is the run's day, not the clock's, so that
    a retry after midnight stays on its day.

    Raises:
        ConfigurationError: No date, two different dates, or a day that has not begun.
    """
    key = context.get("partition_key")
    asked = (context.get("params") or {}).get("as_of")
    created: datetime = context["dag_run"].run_after
    today = settings.today or datetime.now(UTC).date()
    if key and asked and key != asked:
        raise ConfigurationError(
            f"The run's partition key is {key}, but its form asks for {asked}.",
            hint="Trigger it again with only one of them.",
        )
    text = key or asked
    if text is None:
        return settings.today or created.astimezone(UTC).date()
    try:
        day = datetime.strptime(text, KEY_FORMAT).replace(tzinfo=UTC).date()
    except ValueError:
        raise ConfigurationError(
            f"'{text}' is not an as-of date.", hint="Write it as 2026-11-19: year, month, day."
        ) from None
    if day > today:
        raise ConfigurationError(
            f"The as-of date {day} lies in the future (today is {today}, UTC).",
            hint="Choose today or an earlier day; its facts are complete at its midnight.",
        )
    return day
