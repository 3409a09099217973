"""What the save plays add: treated against held-out accounts, with an interval and the power to see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import sqrt

from sqlalchemy import Engine

from customer_health.ledger import episodes
from customer_health.ledger.episodes import Episode
from customer_health.playbooks.save_rate import SAVE_GOAL, SaveRate, rate_of

Z95, Z80 = 1.959964, 0.841621  # two-sided 95 %, power 80 %
NO_HOLDOUT = "No account was held out, so how many would have come back by themselves is unknown"


@dataclass(frozen=True)
class Readout:
    """Saves of both arms: the first episode of every account that was drawn.

    Attributes:
        treated: Accounts that got their save play.
        held_out: Accounts that got ordinary service.
    """

    treated: SaveRate
    held_out: SaveRate

    @property
    def difference(self) -> float | None:
        """Share saved by the plays themselves: treated minus held out; None without both arms."""
        if not self.treated.episodes or not self.held_out.episodes:
            return None
        return self.treated.saved / self.treated.episodes - self.held_out.saved / self.held_out.episodes

    @property
    def interval(self) -> tuple[float, float] | None:
        """95% interval of the difference (Newcombe 1998, method 10: sound for small counts)."""
        if (difference := self.difference) is None:
            return None
        p1, low1, high1 = _wilson(self.treated)
        p2, low2, high2 = _wilson(self.held_out)
        return (
            difference - sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2),
            difference + sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2),
        )

    @property
    def detectable(self) -> float | None:
        """Smallest true difference that these counts would show in four of five cases (5 % two-sided)."""
        n1, n2 = self.treated.episodes, self.held_out.episodes
        if not n1 or not n2:
            return None
        pooled = (self.treated.saved + self.held_out.saved) / (n1 + n2)
        spread = pooled if 0 < pooled < 1 else SAVE_GOAL
        return (Z95 + Z80) * sqrt(spread * (1 - spread) * (1 / n1 + 1 / n2))

    def caveat(self) -> str:
        """Return the sentence without which no save rate is shown."""
        difference, interval, power = self.difference, self.interval, self.detectable
        waiting = self.treated.maturing + self.held_out.maturing
        if difference is None or interval is None or power is None:
            if not self.held_out.episodes and not self.held_out.maturing:
                return f"{NO_HOLDOUT}."
            return f"Held-out accounts are still maturing ({waiting} episodes), so what saves add is unknown."
        counts = (
            f"{self.treated.saved} of {self.treated.episodes} treated, "
            f"{self.held_out.saved} of {self.held_out.episodes} held out"
        )
        said = (
            f"Against held-out accounts the plays add {100 * difference:+.0f} points, 95% interval "
            f"{100 * interval[0]:+.0f} to {100 * interval[1]:+.0f} ({counts})"
        )
        sure = "" if interval[0] > 0 or interval[1] < 0 else "; that is not evidence yet"
        return f"{said}{sure}. Counts like these show a difference of {100 * power:.0f} points or more."


def readout(engine: Engine, as_of: date) -> Readout:
    """Compare the arms as known on `as_of`; accounts keep the arm they were drawn into, whatever happened."""
    arms: dict[str, list[Episode]] = {"treated": [], "held_out": []}
    with engine.connect() as connection:
        for episode, arm in episodes.drawn(connection, as_of):
            if arm in arms:
                arms[arm].append(episode)
        return Readout(*(rate_of(connection, arms[arm], as_of) for arm in ("treated", "held_out")))


def _wilson(rate: SaveRate) -> tuple[float, float, float]:
    """Return the share with its Wilson interval."""
    n = rate.episodes
    share = rate.saved / n
    middle = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * sqrt(share * (1 - share) / n + Z95**2 / (4 * n * n)) / (1 + Z95**2 / n)
    return share, middle - half, middle + half
