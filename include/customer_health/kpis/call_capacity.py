"""Where to cut when so many calls a week are possible: what that reaches, and what it leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from customer_health.errors import ConfigurationError
from customer_health.wording import money, total

NEXT = 10  # points above the cut that are shown as what is left out first


@dataclass(frozen=True)
class Capacity:
    """A cut and its consequences.

    Attributes:
        highest: Highest whole score that is still called; None: not even the lowest score fits.
        calls: Calls that are possible until everybody below the cut has been called once.
        reached: Accounts up to the cut.
        left_out: Accounts in the ten points above it.
    """

    highest: int | None
    calls: int
    reached: pd.DataFrame
    left_out: pd.DataFrame

    def lines(self) -> tuple[str, ...]:
        """Sentences for a lead."""
        if self.highest is None:
            return (f"{self.calls} calls do not reach even those with the lowest score.",)
        end = min(self.highest + NEXT, 100)
        return (
            f"Call those with a score up to {self.highest}: {self._told(self.reached)}, "
            f"for {self.calls} calls.",
            f"Left out first, {self.highest + 1} to {end}: {self._told(self.left_out)}.",
        )

    @staticmethod
    def _told(rows: pd.DataFrame) -> str:
        known = rows["currency"].dropna().unique()
        currency = str(known[0]) if len(known) == 1 else None
        losses = [None if pd.isna(value) else float(value) for value in rows["expected_loss"]]
        arr = [None if pd.isna(value) else float(value) for value in rows["arr"]]
        said = f"{len(rows)} accounts with {total(arr, currency) if arr else money(0, currency)} ARR"
        if any(value is not None for value in losses):
            said += f", of which {total(losses, currency)} is expected to go"
        return said


def cut_for(rows: pd.DataFrame, *, calls_a_week: int, weeks: int) -> Capacity:
    """Choose the highest cut that the calls of some weeks can serve; equal scores are cut together.

    Args:
        rows: Published rows of one day, with `score_shown`, `arr`, `currency` and `expected_loss`.
        calls_a_week: Of the whole team.
        weeks: In which everybody below the cut shall be called once.

    Raises:
        ConfigurationError: No calls, or no weeks.
    """
    if calls_a_week < 1 or weeks < 1:
        raise ConfigurationError("Without calls there is nothing to cut.", hint="Give at least one of each.")
    scored = rows[rows["score_shown"].notna()]
    score = scored["score_shown"].to_numpy(dtype=int)
    calls = calls_a_week * weeks
    reach = np.array([int((score <= cut).sum()) for cut in range(101)])
    fits = np.flatnonzero((reach <= calls) & (reach > 0))
    highest = int(fits[-1]) if len(fits) else None
    cut = -1 if highest is None else highest
    above = (score > cut) & (score <= cut + NEXT)
    return Capacity(highest, calls, scored[score <= cut], scored[above])
