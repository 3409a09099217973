"""The contradictory customers of the documents, found in a world: what a plain weighted score gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from customer_health.simulator.account_state import Flags
from customer_health.simulator.behaviour import CONTRACTION, LOGO, is_renewal
from customer_health.simulator.help_desk import tickets_and_messages
from customer_health.simulator.world import World

if TYPE_CHECKING:
    import pandas as pd

CASES = {
    "toxic_support": "Usage is high, and the mood in support is toxic.",
    "absent_sponsor": "People log in as ever, but the sponsor has been gone for four months.",
    "silent_churn": "Everything looks fine, a competitor is being looked at, and the account leaves.",
    "frustrated_but_healthy": "Ten and more tickets in a bad mood, from people who use the product and stay.",
    "zombie": "A tiny account that has been idle for a year, and renews all the same.",
    "budget_cut": "Usage is good, and yet finance cuts the seats.",
}
_STEP, _HALF_YEAR, _YEAR = 4, 26, 52


def find_cases(world: World) -> pd.DataFrame:
    """Return where each contradictory case occurs, looking every four weeks.

    Returns:
        Columns `case` (a name in `CASES`), `account_id` and `as_of` (a Monday), one row per case and
        account: the first time that it holds.
    """
    import pandas as pd

    frustrated = _frustration(world)
    rows: dict[tuple[str, int], int] = {}
    for week in range(_STEP * 8, world.weeks - 1, _STEP):
        customer = world.customers(world.day(week)) & (world.accounts.start <= week - 13)
        for case, holds in _holding(world, week, frustrated[week]).items():
            for account in np.nonzero(holds & customer)[0].tolist():
                rows.setdefault((case, account), week)
    return pd.DataFrame(
        [
            {"case": case, "account_id": world.account_ids[account], "as_of": world.day(week)}
            for (case, account), week in rows.items()
        ],
        columns=["case", "account_id", "as_of"],
    )


def _holding(world: World, week: int, frustrated: Flags) -> dict[str, Flags]:
    past = {name: values[: week + 1] for name, values in world.history.items()}
    now = world.state(week)
    coming = world.events[week : week + _HALF_YEAR]
    stays = world.last_week > week + _HALF_YEAR
    steady = np.abs(past["health"][-17:].mean(axis=0) - past["health"][-34:-17].mean(axis=0)) < 0.3
    idle = (past["commitment"][-_YEAR:] < -0.9).all(axis=0) & (week >= _YEAR)
    renewed = np.any([is_renewal(world.accounts, w) for w in range(max(0, week - _YEAR), week)], axis=0)
    return {
        "toxic_support": (now.health > 0.5) & (now.goodwill < -1.3),
        "absent_sponsor": (now.sponsor_gap >= 17) & steady & (now.health > 0),
        "silent_churn": (now.competitor > 0) & (now.commitment > -0.2) & (now.goodwill > -0.5)
        & (coming == LOGO).any(axis=0),
        "frustrated_but_healthy": frustrated & (now.health > 0.3) & (now.goodwill > -1.0) & stays,
        "zombie": (now.seats <= 5) & idle & renewed & stays,
        "budget_cut": (now.budget > 0) & (now.health > 0.5) & (coming[:13] == CONTRACTION).any(axis=0),
    }  # fmt: skip


def _frustration(world: World) -> Flags:
    """Return by week and account whether the 13 weeks before brought ten tickets and a bad mood."""
    tickets, messages = tickets_and_messages(world)
    mood = messages.rows.drop_duplicates("ticket_id").set_index("ticket_id")["sentiment"]
    opened = tickets.rows
    week = ((opened["occurred_at"] - np.datetime64(world.start)).dt.days // 7).to_numpy()
    account = opened["account_id"].str.slice(4).astype(int).to_numpy()
    count, total = np.zeros((2, world.weeks + 1, len(world)))
    np.add.at(count, (week + 1, account), 1)
    np.add.at(total, (week + 1, account), opened["ticket_id"].map(mood).to_numpy(dtype=np.float64))
    count, total = np.cumsum(count, axis=0), np.cumsum(total, axis=0)
    before = np.maximum(np.arange(world.weeks + 1) - 13, 0)
    count, total = count - count[before], total - total[before]
    return (count >= 10) & (total < 0.42 * count)
