"""What a table's contract consists of: columns with type, unit and allowed values, a key, two clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Beyond this a sum no longer holds cents, and nothing that a company counts is so large. One such row would
# take its account's true numbers with it, without a word and on every other day, too.
LARGEST = 1e15


class Type(StrEnum):
    """Column types; the values are DuckDB's names."""

    TEXT = "VARCHAR"
    INTEGER = "BIGINT"
    NUMBER = "DOUBLE"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIMESTAMP = "TIMESTAMP"  # UTC, without zone


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Attributes:
        type: Its type; a value that cannot be read as such is quarantined.
        doc: What it means, in words a CSM lead would use.
        required: A row without it is quarantined.
        unit: Unit of measure, for numbers.
        allowed: Closed set of values, for text.
        minimum: Smallest acceptable value.
        maximum: Largest acceptable value.
        default: Text taken when a source has no such column (as a mapping would write it).
        lifecycle: A later stage of the same fact (resolved, paid): it counts only when this
            timestamp itself lies before the as-of date.
        clock: A date that is the UTC day of an instant; any other date is a day in a calendar, whatever
            the zone in which it was written.
        ranges: Value of the column `kind` -> smallest and largest acceptable value, where that decides.
        extra: What is read about a row rather than from it; files in canonical columns may lack it.
        optional: Read from the row where it is there; a file in canonical columns may lack it.
        empty: What an empty cell means, if more than "unknown".
    """

    type: Type
    doc: str
    required: bool = False
    unit: str = ""
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    default: str | None = None
    lifecycle: bool = False
    clock: bool = False
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    extra: bool = False
    optional: bool = False
    empty: str = ""


@dataclass(frozen=True)
class Order:
    """Two moments of one row of which one cannot lie before the other.

    Attributes:
        later: The column, or `ends_on`, that must not lie before the other one.
        earlier: The other column.
        unless: Columns with what makes the order say nothing (SQL behind the column).
    """

    later: str
    earlier: str = "occurred_at"
    unless: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """The contract of one canonical table.

    Attributes:
        name: Its name in the warehouse's `raw` schema.
        doc: One sentence about a row.
        key: Natural key; of several rows with the same key only one can be right.
        columns: By name, in order.
        required: A company without this table cannot be scored.
        orphans: What to do with rows of an account that `accounts` lacks: "quarantine" or "keep".
        max_duplicate_share: More rows than this share under repeated keys stop the run.
        aliases: Other names that companies give this table; used to draft a mapping.
        scheduled: A row may be known before it takes effect (a contract signed for next quarter).
        max_lost_share: More unreadable rows than this share stop the run.
        orders: Moments that cannot lie before another one.
        closed_by: State (column `status`) -> the stage that it closes; empty: the row never counted.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    required: bool = False
    orphans: str = "quarantine"
    max_duplicate_share: float = 0.01
    aliases: tuple[str, ...] = field(default=())
    scheduled: bool = False
    max_lost_share: float = 0.05
    closed_by: Mapping[str, str] = field(default_factory=dict)
    orders: tuple[Order, ...] = ()

    @property
    def delivered(self) -> list[str]:
        """Names of the columns that a file in canonical columns has: all but what is read about its rows."""
        return [name for name, column in self.columns.items() if not column.extra]

    @property
    def clocks(self) -> tuple[str, str]:
        """Names of the two clock columns."""
        return ("occurred_at", "known_at")


def occurred(doc: str, type_: Type = Type.TIMESTAMP) -> Column:
    """The first clock: when a fact happened."""
    return Column(type_, doc, required=True, clock=True)


KNOWN = Column(
    Type.TIMESTAMP, "When we could first have known this row; defaults to occurred_at.", required=True
)
ACCOUNT = Column(Type.TEXT, "The account it belongs to.", required=True)

CURRENCY = Column(Type.TEXT, "ISO 4217 code.", empty="the one of the amount, or the company's")
STATUS_AT = Column(
    Type.TIMESTAMP,
    "When the source told the status; the day of the load, if nothing is mapped.",
    extra=True,
)
UNKNOWN_STAGES = Column(
    Type.TEXT,
    "Lifecycle columns that the row's source does not tell, separated by commas; filled while reading.",
    extra=True,
    empty="every stage is told",
)
