"""How much ARR stays: the sum of many renewals, each kept or lost by its own chance.

Every account is a draw of its own (a Bernoulli loss), weighted with its ARR. The few hundred accounts that
make up nearly all of the spread are drawn; the many small ones behind them add a normal share, which is
what a sum of many small independent parts comes to.

What the interval leaves out, and so is too narrow for: whatever hits many customers at once (a recession, an
outage, a price increase), errors of the probabilities themselves, and amounts that grow or shrink on renewal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWN = 400
DRAWS = 20_000
SEED = 20260101
LEAVES_OUT = (
    "The interval takes every renewal as a chance of its own. It leaves out what hits many customers at "
    "once, errors of the probabilities themselves, and contracts that grow or shrink on renewal."
)


def retained_interval(
    arr: Sequence[float], p_loss: Sequence[float], *, share: float
) -> tuple[float, float, float]:
    """Return the expected retained ARR with the interval that holds it in `share` of all cases.

    Args:
        arr: ARR of each renewal, not negative.
        p_loss: Probability that it is lost, 0 to 1.
        share: Share of cases inside the interval, for example 0.9; the rest is split evenly.

    Returns:
        (expected, low, high), in the unit of `arr`. The same figures for the same input, always.
    """
    amounts, chances = np.asarray(arr, dtype=float), np.asarray(p_loss, dtype=float)
    total = float(amounts.sum())
    expected = float((amounts * (1 - chances)).sum())
    spread = amounts**2 * chances * (1 - chances)
    order = np.lexsort((chances, amounts, -spread))
    drawn, rest = order[:DRAWN], order[DRAWN:]
    random = np.random.default_rng(SEED)
    lost = np.zeros(DRAWS)
    for place in drawn:
        if spread[place] > 0:
            lost += amounts[place] * (random.random(DRAWS) < chances[place])
        else:
            lost += amounts[place] * chances[place]
    if len(rest):
        mean, deviation = float((amounts[rest] * chances[rest]).sum()), float(np.sqrt(spread[rest].sum()))
        lost += mean + deviation * random.standard_normal(DRAWS)
    tail = (1 - share) / 2
    retained = np.clip(total - lost, 0.0, total)
    low, high = np.quantile(retained, [tail, 1 - tail], method="inverted_cdf")
    return expected, float(low), float(high)
