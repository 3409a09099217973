"""What each account has under contract: licensed seats and annual revenue, week by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from customer_health.errors import ConfigurationError
from customer_health.simulator.behaviour import CONTRACTION, EXPANSION, UPGRADE
from customer_health.simulator.world import MERGED, World

DEFAULT_SEAT_SCALE = 0.55


@dataclass(frozen=True)
class Licences:
    """Contracted sizes; row t holds at the start of week t.

    Attributes:
        seats: Licensed seats, shape (weeks + 1, accounts).
        arr: Annual recurring revenue in currency, same shape.
    """

    seats: NDArray[np.int32]
    arr: NDArray[np.float64]


def licences(world: World, seat_scale: float = DEFAULT_SEAT_SCALE) -> Licences:
    """Return the contracts' sizes.

    Usage is written per person, so real company sizes would mean hundreds of millions of rows. With
    `seat_scale` s an account of n seats licenses n^s of them, at a price that leaves its revenue
    as it is; every later change keeps its percentage, and ratios such as active users per seat hold.

    Args:
        world: The simulated company.
        seat_scale: Exponent in (0, 1]; 1 is real size.

    Raises:
        ConfigurationError: `seat_scale` lies outside.
    """
    if not 0 < seat_scale <= 1:
        raise ConfigurationError(
            f"seat_scale is {seat_scale}, which is not an exponent in (0, 1].",
            hint=f"Try {DEFAULT_SEAT_SCALE}.",
        )
    latent, price = world.history["seats"], world.history["price"]
    first = np.maximum(2, np.rint(latent[0].astype(np.float64) ** seat_scale)).astype(np.int32)
    price_factor = latent[0] / first
    seats = np.empty(latent.shape, dtype=np.int32)
    arr = np.empty(latent.shape, dtype=np.float64)
    now = first
    for week in range(world.weeks + 1):
        seats[week] = now
        arr[week] = np.round(now * price_factor * price[week].astype(np.float64), 2)
        if week == world.weeks:
            break
        event = world.events[week]
        wanted = np.rint(now * (latent[week + 1] / latent[week])).astype(np.int32)
        fewer = np.maximum(1, np.minimum(wanted, now - now // 10 - 1))  # always a loss of more than 10 %
        after = np.where(event == CONTRACTION, fewer, now)
        more = np.maximum(wanted, now + 1)
        now = np.where((event == EXPANSION) | (event == UPGRADE), more, after).astype(np.int32)
        for source in np.nonzero(event == MERGED)[0]:
            now[world.merged_into[source]] += now[source]
    return Licences(seats, arr)
