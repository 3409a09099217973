"""Which function answers which aggregation: one table for each engine, filled where the functions stand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from customer_health.signals.aggregations import Aggregation
from customer_health.signals.signal import Signal

Array = NDArray[Any]
E = TypeVar("E")
A = TypeVar("A", bound=Aggregation)
Answer = Callable[[E, A, Signal], Array]


class Answers(Generic[E]):
    """Functions of one engine by the type of aggregation; each is given the aggregation as its own type."""

    def __init__(self) -> None:
        self._by_type: dict[type[Aggregation], Callable[[E, Any, Signal], Array]] = {}

    def to(self, kind: type[A]) -> Callable[[Answer[E, A]], Answer[E, A]]:
        """Return a decorator for the function that answers an aggregation."""

        def register(function: Answer[E, A]) -> Answer[E, A]:
            self._by_type[kind] = function
            return function

        return register

    def value(self, engine: E, signal: Signal) -> Array:
        """Return the signal for every account and date, NaN for unknown."""
        answer = self._by_type[type(signal.aggregation)]
        return np.asarray(answer(engine, signal.aggregation, signal), dtype=np.float64)

    def __iter__(self) -> Iterator[type[Aggregation]]:
        return iter(self._by_type)
