"""The band that an episode hangs on: down at once, up only when the score has meant it for a while.

People see the tier of the score that they see. But a score that wavers around the border of Red is one
spell of trouble: an episode opens at once, and ends once every score of two weeks lay clearly above Red.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from customer_health.scoring.tiers import Scheme

Rising = dict[str, str]  # {"shown": tier, "to": better tier on trial, "since": ISO date}


def settle(
    shown: npt.NDArray[np.int64],
    scheme: Scheme,
    before: Sequence[Mapping[str, Any]],
    *,
    as_of: date,
    margin: int,
    confirmation_days: int,
) -> tuple[npt.NDArray[np.object_], list[Rising]]:
    """Decide the tier to show.

    Args:
        shown: Whole scores of today.
        scheme: The tiers.
        before: Per account what this returned with the previous score; empty if there was none, in
            which case the tier of today's score is shown.
        as_of: Today.
        margin: Points above a tier's lower bound from which the score counts as clearly inside it.
        confirmation_days: How long it must have been there.

    Returns:
        Tier names, and per account what to hand in next time.
    """
    names = scheme.names
    rank = {name: position for position, name in enumerate(names)}
    starts = np.array([tier.lowest for tier in scheme.tiers])
    today = as_of.toordinal()

    held = np.array([rank.get(str(row.get("shown")), -1) for row in before], dtype=np.int64)
    trial = np.array([rank.get(str(row.get("to")), -1) for row in before], dtype=np.int64)
    since = np.array(
        [date.fromisoformat(row["since"]).toordinal() if row.get("since") else today for row in before],
        dtype=np.int64,
    )
    own = np.searchsorted(starts, shown, side="right") - 1
    clear = np.maximum(np.searchsorted(starts, shown - margin, side="right") - 1, 0)

    rising = (held >= 0) & (clear > held)
    begun = rising & (trial > held)
    # The trial is for the best tier that every score since its beginning has reached.
    trial = np.where(begun, np.minimum(trial, clear), clear)
    since = np.where(begun, since, today)
    proven = rising & (today - since >= confirmation_days)
    tier = np.where(held < 0, own, np.where(proven, trial, np.minimum(held, own)))

    still = rising & (clear > tier)
    since = np.where(proven, today, since)
    trial = np.where(proven, clear, trial)
    state: list[Rising] = []
    for position, target, open_, began in zip(
        tier.tolist(), trial.tolist(), still.tolist(), since.tolist(), strict=True
    ):
        entry = {"shown": names[position]}
        if open_:
            entry |= {"to": names[target], "since": date.fromordinal(began).isoformat()}
        state.append(entry)
    return np.array(names, dtype=object)[tier], state
