"""What every step returns, and what counts as now."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from customer_health.settings import Settings


@dataclass(frozen=True)
class Result:
    """What a step did: numbers for XCom, sentences for the log, a file to open.

    Attributes:
        title: Name of the step, for the log's banner.
        numbers: Counts and ids only; they travel through Airflow's metadata database.
        sentences: What a person wants to read, one per line.
        report: A page or card to open, if the step wrote one.
    """

    title: str
    numbers: dict[str, int | float | str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    report: Path | None = None

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        return dict(self.numbers)

    def lines(self) -> list[str]:
        """Sentences for people."""
        return list(self.sentences)


def now_of(settings: Settings, clock: datetime) -> datetime:
    """Return the moment that counts as now: the pretended day's morning, or the clock's.

    Args:
        settings: `today` may pretend a date (only while every destination is a preview).
        clock: The caller's clock, with zone.
    """
    if settings.today:
        return datetime.combine(settings.today, time(6), tzinfo=UTC)
    return clock.astimezone(UTC)
