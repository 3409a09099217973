"""One random stream per purpose and week, so that a longer run repeats the shorter one exactly."""

from __future__ import annotations

import zlib

import numpy as np

_WEEK_OFFSET = 1_000  # seed sequences take no negative numbers; the burn-in has negative weeks


def stream(seed: int, purpose: str, week: int = 0, part: int = 0) -> np.random.Generator:
    """Return the generator for one purpose in one week.

    Streams are independent of each other and of how many weeks are simulated, so a purpose can be
    added or a run prolonged without moving any number that is already drawn.

    Args:
        seed: The world's seed.
        purpose: What the numbers are for, such as "step" or "tickets".
        week: Week of the simulation, from -1000.
        part: Number of the block when one purpose is drawn in several.
    """
    entropy = [seed, zlib.crc32(purpose.encode()), week + _WEEK_OFFSET, part]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(entropy)))
