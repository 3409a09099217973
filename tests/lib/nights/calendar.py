"""What goes wrong, and when: a night number with what happens then."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = {
    "damaged_file": "a file is cut off while it is delivered; in the morning it is delivered again",
    "late_source": "usage does not arrive for three nights, then all of it at once",
    "slack_down": "Slack does not answer for thirty hours",
    "slack_faults": "one in ten calls to Slack meets a fault, for five days",
    "killed": "the process is killed while it publishes, and again while it decides",
    "long_night": "the night takes 26 hours: its scores come after the next midnight",
    "paused": "the daily DAGs are switched off for two days; the hourly one goes on",
    "dead": "nothing runs for a week: the machine is off",
    "back_fill": "the seven days before are filled in, beside the live day",
}
LASTS = {"late_source": 3, "slack_faults": 5, "paused": 2, "dead": 7}
"""Nights; one where nothing is said."""


@dataclass(frozen=True)
class Incident:
    """Something that goes wrong.

    Attributes:
        kind: One of KINDS.
        night: Number of its first night.
    """

    kind: str
    night: int

    @property
    def nights(self) -> range:
        """All of its nights."""
        return range(self.night, self.night + LASTS.get(self.kind, 1))


def a_year_of_incidents(nights: int, *, apart: int = 7) -> list[Incident]:
    """Return every kind again and again, with `apart` ordinary nights in between.

    A `back_fill` comes right after its `dead` week. A shorter span gets the first ones.
    """
    order = (
        "damaged_file",
        "killed",
        "late_source",
        "slack_down",
        "long_night",
        "slack_faults",
        "paused",
        "dead",
    )
    found, night = list[Incident](), apart + 1
    while night < nights:
        for kind in order:
            found.append(Incident(kind, night))
            night = found[-1].nights[-1] + 1
            if kind == "dead":
                found.append(Incident("back_fill", night))
                night += 1
            night += apart
    return [one for one in found if one.nights[-1] < nights - 1]
