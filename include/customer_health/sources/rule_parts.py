"""Parts of a mapping that say one thing each: a lookup, a span of time, a test, another scale."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

Scalar = str | int | float | bool
Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months"]


class Part(BaseModel):
    """Base of every part of a mapping: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Unpivot(Part):
    """Columns that are named after days, weeks or months: each of their cells is a row, but for empty ones.

    Attributes:
        format: How those names are written, as `format:` of a rule, or a list of such. New months are found.
        header: Name of the column with the name, for the rules of the feed.
        cell: Name of the column with what stands in the cell.
    """

    format: str | tuple[str, ...] = "iso"
    header: str = "period"
    cell: str = "value"


class Offset(Part):
    """A span of time added to a date: an amount from a column, or a fixed one.

    Attributes:
        lookup: Translate the column through another file; where that has no amount, there is no date.
    """

    column: str | None = None
    amount: float | None = None
    lookup: Lookup | None = None
    unit: Unit

    @model_validator(mode="after")
    def _one_of_both(self) -> Offset:
        if (self.column is None) == (self.amount is None):
            raise ValueError("give either `column:` or `amount:`")
        return self


class Condition(Part):
    """A test on one source column. All that are given must hold.

    Attributes:
        contains: A word that stands somewhere in the text or list.
    """

    one_of: tuple[Scalar, ...] | None = Field(None, alias="in")
    none_of: tuple[Scalar, ...] | None = Field(None, alias="not")
    present: bool | None = None
    contains: Scalar | None = None
    at_least: Scalar | None = None
    at_most: Scalar | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _condition(value: Any) -> Any:
    """`{is_trial: false}` and `{kind: [a, b]}` are short for `{in: [...]}`."""
    if isinstance(value, dict):
        return {key: as_list_of(item) if key == "not" else item for key, item in value.items()}
    return {"in": as_list_of(value)}


def as_list_of(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


def fraction(value: Any) -> Any:
    """`1/60` is exact where a decimal would not be."""
    found = re.fullmatch(r"\s*(\d+)\s*/\s*([1-9]\d*)\s*", value) if isinstance(value, str) else None
    return int(found[1]) / int(found[2]) if found else value


Where = Mapping[str, Annotated[Condition, BeforeValidator(_condition)]]


class Lookup(Part):
    """Translate a value through another file: find `key` = the value, take `value`.

    Where several files match, the newest by name knows best: a record that moved is where it is now.

    Attributes:
        table: Instead of a file: a canonical table, as far as it has been loaded, whatever its source.
        missing: What a value is that the file does not have, or has without an answer: a mistake to report,
            empty, or a row that is none of ours (mail with somebody who is not a customer).
        where: Rows of the file that count; a table of ties may hold those of the past, too.
        then: A further file through which the found value is translated.
    """

    file: str = ""
    table: str = ""
    key: str
    value: str
    where: Where = Field(default_factory=dict)
    missing: Literal["report", "empty", "skip"] = "report"
    then: Lookup | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Lookup:
        if bool(self.file) == bool(self.table):
            raise ValueError("give either `file:` or `table:`")
        if self.table and self.where:
            raise ValueError("`where:` is for files; a canonical table has the rows that count")
        return self

    @property
    def place(self) -> str:
        """The file or the table, and which of its rows: by this and its columns a lookup is told apart."""
        if not self.where:
            return self.file or self.table
        told = {name: one.model_dump(by_alias=True, exclude_none=True) for name, one in self.where.items()}
        return f"{self.file or self.table} {json.dumps(told, sort_keys=True)}"

    def chain(self) -> list[Lookup]:
        """Return this lookup and those that follow on it."""
        return [self, *(self.then.chain() if self.then else [])]


class Rescale(Part):
    """From one scale to another: a survey of 1 to 10 as one of 1 to 5."""

    of: tuple[float, float] = Field(alias="from")
    to: tuple[float, float]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @field_validator("of", "to")
    @classmethod
    def _ascending(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not value[0] < value[1]:
            raise ValueError("give the lower end first, as in [1, 10]")
        return value
