"""Which Red episodes were saved: back above Red within 60 days, for good, and still a customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from customer_health.ledger import score_history
from customer_health.ledger.episodes import Episode

SAVED_WITHIN = timedelta(days=60)
SAVE_GOAL = 0.30
MIN_EPISODES = 10


@dataclass(frozen=True)
class SaveRate:
    """How many Red episodes ended in a recovery within 60 days.

    Attributes:
        episodes: Episodes opened at least 60 days ago.
        saved: Those whose first lasting reading above Red came within 60 days. Leaving is not saved.
        maturing: Episodes younger than 60 days, not counted yet.
    """

    episodes: int
    saved: int
    maturing: int

    @property
    def rate(self) -> float | None:
        """Share saved; None while fewer than ten episodes have matured."""
        return self.saved / self.episodes if self.episodes >= MIN_EPISODES else None


def rate_of(connection: Connection, chosen: Sequence[Episode], as_of: date) -> SaveRate:
    """Return the save rate of some episodes as known on `as_of`."""
    mature = [episode for episode in chosen if episode.opened_as_of + SAVED_WITHIN <= as_of]
    saved = sum(is_saved(connection, episode, as_of) for episode in mature)
    return SaveRate(len(mature), saved, len(chosen) - len(mature))


def is_saved(connection: Connection, episode: Episode, as_of: date) -> bool:
    """Return whether an episode counts as saved on `as_of`.

    Two readings in a row above Red (the first of them within 60 days), made by the model that saw it Red,
    and an account that at the end of the 60 days is a customer who has not given notice.
    """
    back = episode.recovered_as_of
    if back is None or episode.closed_as_of is None or episode.closed_as_of > as_of:
        return False
    if episode.recovery_cause == "model" or back - episode.opened_as_of > SAVED_WITHIN:
        return False
    return _still_customer(connection, episode, min(episode.opened_as_of + SAVED_WITHIN, as_of))


def _still_customer(connection: Connection, episode: Episode, day: date) -> bool:
    state = score_history.last_state(connection, episode.account_id, first=episode.opened_as_of, until=day)
    return state is not None and state != "notice_given"
