"""The catalogue's sentence about a value, rounded as everything else that people read."""

from __future__ import annotations

import math
import re
from functools import cache
from string import Formatter

from customer_health.scoring.statements import singular
from customer_health.signals.signal import Signal


def phrased(signal: Signal, value: float, currency: str = "") -> str:
    """The catalogue's sentence about a value; amounts carry their currency."""
    said = signal.phrase.format(value=half_up(value, _spec(signal.phrase)), currency=currency)
    return singular(said if currency else said.replace("  ", " "))


def figure(signal: Signal, value: float) -> str | None:
    """The value alone, as the sentence prints it; None if the sentence holds no number."""
    spec = _spec(signal.phrase)
    return None if spec is None else format(half_up(value, spec), spec)


def half_up(value: float, spec: str | None) -> float:
    """Round as people do: 0.625 is 63 %, where Python's own formatting says 62 %."""
    found = re.search(r"\.(\d+)([f%])", spec or "")
    if found is None:
        return value
    scale = 10.0 ** (int(found[1]) + (2 if found[2] == "%" else 0))
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value) + 0.0  # no -0


@cache
def _spec(phrase: str) -> str | None:
    """How a phrase prints its value; None if it does not."""
    return next((spec for _, name, spec, _ in Formatter().parse(phrase) if name == "value"), None)
