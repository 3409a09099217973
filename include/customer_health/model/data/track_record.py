"""What one headline fact has cost in this company's own history; `fact_history.py` counts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

ENOUGH = 10  # cases from which a share is worth a sentence
HALF = 0.5
SETTLED = 50  # cases from which "no more than comparable ones" is believed
HARMLESS = 1.5  # times the comparable share: not even half as many again
COSTLY = 2.0  # times the comparable share, as Red has at least twice the odds of Green


@dataclass(frozen=True)
class TrackRecord:
    """One fact's history.

    Attributes:
        times: Cases; no two of an account share a decision.
        lost: How many of them were lost at that decision.
        low: Lower end of the interval of the share lost (Wilson, 90 %), 0 to 1; 0 without a case.
        high: Upper end.
        comparable: Share lost among comparable accounts without the fact, 0 to 1; None where there are none.
    """

    times: int
    lost: int
    low: float = 0.0
    high: float = 1.0
    comparable: float | None = None

    @property
    def share(self) -> float:
        """Share lost, 0 to 1; 0 without a case."""
        return self.lost / self.times if self.times else 0.0

    @property
    def known(self) -> bool:
        """Whether enough accounts had the fact to say what it cost."""
        return self.times >= ENOUGH

    @property
    def costly(self) -> bool:
        """Whether twice as many were lost with the fact as without it, and more beyond chance."""
        if not self.known or self.comparable is None:
            return False
        return self.low > self.comparable and self.share >= COSTLY * self.comparable

    @property
    def harmless(self) -> bool:
        """Whether the fact has cost nobody: no more than comparable ones, or beyond chance hardly more."""
        if not self.known or self.comparable is None:
            return False
        no_more = self.times >= SETTLED and self.share <= self.comparable
        return no_more or self.high <= HARMLESS * self.comparable

    @property
    def mostly_lost(self) -> bool:
        """Whether more than half were lost with the fact, beyond chance."""
        return self.costly and self.low > HALF

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data; a share keeps four digits."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; keys of a later version are left out."""
        return cls(**{name: kept[name] for name in cls.__dataclass_fields__ if name in kept})


def read_records(kept: Mapping[str, Any] | None) -> dict[str, TrackRecord]:
    """Read the records of a model's files, or of a training's summary, by code; of an older one none."""
    return {str(code): TrackRecord.from_json(record) for code, record in (kept or {}).items()}
