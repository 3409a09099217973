"""What a signal may do with usage: days, people and features, told apart; see aggregations.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from customer_health.errors import ConfigurationError
from customer_health.signals.aggregation_base import Aggregation


@dataclass(frozen=True)
class ShareOfUsage(Aggregation):
    """Events that match the signal's `where`, as a share of all events of the window."""

    only: ClassVar[tuple[str, ...]] = ("usage",)


@dataclass(frozen=True)
class FeatureShare(Aggregation):
    """Distinct features used in the window, as a share of the features in `where`."""

    only: ClassVar[tuple[str, ...]] = ("usage",)


@dataclass(frozen=True)
class ActiveUsers(Aggregation):
    """Distinct users active on enough days of the window.

    Args:
        min_days: Number of active days, or the name of a setting that holds it.
        per_seat: Divide by the seats under contract; unknown without seats.
    """

    only: ClassVar[tuple[str, ...]] = ("usage",)
    min_days: int | str = 1
    per_seat: bool = False


@dataclass(frozen=True)
class ActiveUsersChange(Aggregation):
    """Relative change of distinct users against the window before: -0.3 is a drop of 30 %.

    Unknown unless the account's telemetry covers both windows and somebody was active before.
    """

    only: ClassVar[tuple[str, ...]] = ("usage",)


@dataclass(frozen=True)
class DailyUsers(Aggregation):
    """Mean distinct users per day; a day without rows counts 0, days before the first usage do not.

    Args:
        per: None, or "seat" or "user": as a share of the seats, or of the window's distinct users
            (stickiness: how many of those who come at all come on a given day).
    """

    only: ClassVar[tuple[str, ...]] = ("usage",)
    people: ClassVar[bool] = True
    per: str | None = None

    def __post_init__(self) -> None:
        if self.per not in (None, "seat", "user"):
            raise ConfigurationError(f"DailyUsers: per '{self.per}' is unknown.", hint="seat or user")


@dataclass(frozen=True)
class ActiveDays(Aggregation):
    """Days of the window on which anybody used the product."""

    only: ClassVar[tuple[str, ...]] = ("usage",)


@dataclass(frozen=True)
class EventsPerUser(Aggregation):
    """Events that match the signal's `where`, per distinct active user of the window."""

    only: ClassVar[tuple[str, ...]] = ("usage",)


@dataclass(frozen=True)
class ActiveUsersSlope(Aggregation):
    """Least-squares slope of daily active users over the window, in users per day.

    A day without rows counts 0 users; days before the account's first usage do not count.

    Args:
        relative: Divide by the window's mean and scale to 30 days, so that small and large
            accounts compare.
        min_days: Fewer days of telemetry give no slope: a line through three days is noise.
    """

    only: ClassVar[tuple[str, ...]] = ("usage",)
    people: ClassVar[bool] = True
    relative: bool = False
    min_days: int = 14


@dataclass(frozen=True)
class Silence(Aggregation):
    """1 if the window holds no usage and no fact of the other tables either, else 0."""

    only: ClassVar[tuple[str, ...]] = ("usage",)
    also: tuple[str, ...] = ("tickets",)
