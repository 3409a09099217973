"""What a signal may do with contracts: terms, renewals and what is under contract; see aggregations.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from customer_health.signals.aggregation_base import NUMERIC, Aggregation
from customer_health.warehouse.table import Type


@dataclass(frozen=True)
class DaysUntilRenewal(Aggregation):
    """Days to the nearest term end of the contracts in force; negative while a renewal is overdue.

    Args:
        notice: Count down to the last day for giving notice instead; contracts without a notice
            period have none.
    """

    windowed: ClassVar[bool] = False
    only: ClassVar[tuple[str, ...]] = ("contracts",)
    dated: ClassVar[bool] = True
    notice: bool = False


@dataclass(frozen=True)
class TermLength(Aggregation):
    """Days of the term that ends next; unknown for evergreen contracts."""

    windowed: ClassVar[bool] = False
    only: ClassVar[tuple[str, ...]] = ("contracts",)
    dated: ClassVar[bool] = True


@dataclass(frozen=True)
class AutoRenewShare(Aggregation):
    """Share of the contracts in force that renew by themselves."""

    windowed: ClassVar[bool] = False
    only: ClassVar[tuple[str, ...]] = ("contracts",)


@dataclass(frozen=True)
class ContractChange(Aggregation):
    """A number under contract now, minus a window ago (or at the start, for younger customers).

    Args:
        column: `arr` or `seats`.
        relative: As a share of the earlier number.
    """

    only: ClassVar[tuple[str, ...]] = ("contracts",)
    column: str = "arr"
    relative: bool = False

    def needs(self) -> Iterator[tuple[str, tuple[Type, ...]]]:
        yield self.column, NUMERIC
