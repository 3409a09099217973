"""The mapping file: how a company's own files become the canonical tables, without code.

The model of the YAML is closed: a misspelt key, table or column is refused when the file is loaded,
with its place and a suggestion. Nothing in a mapping is executed; every rule is compiled to SQL
with quoted names and literals (compile.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from customer_health.errors import suggest
from customer_health.sources.moments import EPOCHS
from customer_health.sources.periods import Period, named_column
from customer_health.sources.rule_parts import (
    Lookup,
    Offset,
    Part,
    Rescale,
    Scalar,
    Unpivot,
    Where,
    as_list_of,
    fraction,
)

_SIGN = r"%-?[aAwdbBmyYHIMSpfgnzZjUWcxX%]"  # what the engine's strptime knows


NOTHING = (
    "", "null", "none", "nan", "nat", "n/a", "#n/a", "-", "--", "\\n", "(null)", "<null>", "undefined",
    "[null]", "(none)", "<none>", "(blank)", "(not set)", "not set", "(empty)", "#null!", "nil", "<na>",
    "0000-00-00", "0000-00-00 00:00:00", "0000-00-00t00:00:00z",
)  # fmt: skip
"""Words that exports write for no value."""


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class Rule(Part):
    """How one canonical column is made. Steps apply in the order of the fields below.

    Attributes:
        column: Source column.
        constant: The same value in every row, instead of a column.
        same_as: Another canonical column of this table, instead of a source column.
        optional: A file may lack the source column; then this one stays empty.
        row_number: Use the row's number in its file; for sources without any id.
        lookup: Translate through another file.
        values: Translate values; upper and lower case and blanks around them do not matter.
        otherwise: Value for whatever `values` does not list.
        integer_text: The id is digits that a spreadsheet took for a number: 9876543210.0 is 9876543210, and
            １２３ is 123. One that lost digits (1.23457E+16) goes to quarantine.
        pad: Fill an id of digits up to so many with leading zeros: with 5, 123 is 00123.
        lower: Make the text lower-case, where Bob@acme.com and bob@acme.com are one person.
        hashed: Keep a digest of the text (in lower case, without blanks around it) in its place: one e-mail
            address in two tools is one contact, and the address itself is not kept.
        prefix: Text put before the value, to make ids of several sources distinct.
        format: strptime format of dates, or iso, iso_week (2026-W07: its Monday), unix, unix_ms, unix_us,
            unix_ns, excel (days since 1899-12-30); or a list of them, where the source mixes them. A value
            that two of a list read as different days is nobody's to guess: quarantine. Without it only ISO
            dates are read.
        split: What stands between the parts of a list in a cell: `values` takes the first of its own order
            that is among them, `lookup` the first part that it knows.
        email_domain: Look up the domain of an e-mail address.
        scale: Factor for numbers (mrr to arr: 12; seconds to minutes: 1/60).
        times: Source column, or several, by whose number this one is multiplied (price by quantity).
        per: `{column: interval}`: the amount is that of a billing period, which differs by row (arr only).
        rescale: `{from: [1, 10], to: [1, 5]}`: a score of another scale; what lies outside is quarantined.
        minor_units: The amount is in the smallest unit of the row's currency (true), or of the one that a
            source column names: cents, but whole yen.
        plus: Span of time added to a date.
        when: Conditions on source columns; otherwise the column stays empty.
        default: Value taken where the source is empty.
        early: Of a day that lies before one that it cannot lie before (solved before it was opened): the row
            waits in quarantine (report), the day is unknown (empty), or it is right (keep).
    """

    column: str | None = None
    constant: Scalar | None = None
    same_as: str | None = None
    optional: bool = False
    row_number: bool = False
    lookup: Lookup | None = None
    values: Mapping[Scalar, Scalar | None] | None = None
    otherwise: Scalar | None = None
    integer_text: bool = False
    pad: int = Field(0, ge=0, le=40)
    lower: bool = False
    hashed: bool = False
    prefix: str = ""
    format: str | tuple[str, ...] | None = None
    split: str | None = None
    email_domain: bool = False
    scale: Annotated[float | None, BeforeValidator(fraction)] = None
    times: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    per: Annotated[Period | None, BeforeValidator(named_column)] = None
    rescale: Rescale | None = None
    minor_units: bool | str = False
    plus: Offset | None = None
    when: Where = Field(default_factory=dict)
    default: Scalar | None = None
    early: Literal["report", "empty", "keep"] = "report"

    @field_validator("format")
    @classmethod
    def _readable_format(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        formats = (value,) if isinstance(value, str) else value
        if formats == ():
            raise ValueError("an empty list reads no date; leave `format:` out for ISO dates")
        for one in formats or ():
            if one in ("iso", "iso_week", "excel", *EPOCHS):
                continue
            signs = re.findall(r"%-?.?", one)
            if not signs or any(re.fullmatch(_SIGN, sign) is None for sign in signs):
                raise ValueError(f"'{one}' is not a date format; write day, month and year as in %d.%m.%Y")
        return value

    @model_validator(mode="after")
    def _one_origin(self) -> Rule:
        given = [
            self.column is not None,
            self.constant is not None,
            self.same_as is not None,
            self.row_number,
        ]
        if sum(given) != 1:
            raise ValueError("give exactly one of `column:`, `constant:`, `same_as:`, `row_number: true`")
        return self


def _rule(value: Any) -> Any:
    """`account_id: id` is short for `account_id: {column: id}`."""
    return {"column": value} if isinstance(value, str) else value


class Following(Part):
    """What makes the end of a term no loss: another term of the same account that goes on.

    Attributes:
        begins: Source column with the day a term began.
        within_days: A term that begins so many days after the end still follows on it. The loss is known
            when they are over.
        where: Rows that can follow; empty: all rows of the files of every feed that is told by what follows,
            whatever the `where` of the feeds.
    """

    begins: Annotated[Rule, BeforeValidator(_rule)]
    within_days: int = Field(30, ge=0)
    where: Where = Field(default_factory=dict)


def _one_character(value: Any) -> Any:
    value = "\t" if value == "\\t" else value
    if value is not None and (not isinstance(value, str) or len(value) != 1):
        raise ValueError('give one character, such as ";" or "\\t" for a tab')
    return value


class Reading(Part):
    """How files are read; what is not given is found out from the file itself.

    Attributes:
        encoding: Of text files.
        delimiter: Of CSV files.
        decimal: Which sign begins the cents. Where nothing in the file tells (1.200), such values wait in
            quarantine until this is said.
        timezone: Where times without a zone were written down; empty: UTC. A day without a time stays that
            day, and an offset in the value goes first. Of the hour that autumn repeats, the second is meant.
        zones: What words for zones mean that several zones are called: BST: Europe/London.
        empty: What counts as no value, in every column; upper and lower case do not matter.
        records: JSON files: the list of records in a page, where it has several: `results`.
    """

    encoding: str | None = None
    delimiter: Annotated[str | None, BeforeValidator(_one_character)] = None
    decimal: Literal[".", ","] | None = None
    timezone: str | None = None
    zones: Mapping[str, str] = Field(default_factory=dict)
    empty: tuple[str, ...] = NOTHING
    records: str | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            near = suggest(value, available_timezones())
            raise ValueError(f"'{value}' is not a time zone such as Europe/Berlin. {near}")
        return value

    @field_validator("zones")
    @classmethod
    def _known_zones(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for zone in value.values():
            cls._known_zone(zone)
        return value


class Feed(Reading):
    """One kind of file, or one table of the company's warehouse, that fills one canonical table.

    Attributes:
        files: Path or pattern inside the data folder: `usage/*.parquet`.
        table: Instead of files: a table of the source warehouse, `schema.table`.
        rows: Column with a list (JSON): each of its elements is a row, with its parent's columns beside
            its own (`items.data.quantity`).
        unpivot: `{format: "%Y-%m", header: month, cell: count}`: a column per month, each cell a row.
        where: Keep only rows that meet these conditions.
        columns: Canonical column -> rule.
        ends_on: Contracts only: the column (or rule) with the day a contract ended. It adds a row with
            status ended, unless another term of the same contract begins by then.
        unless_followed: Outcomes only, for losses that show only as ended contracts: rows are terms,
            `occurred_at` is their end, and only ends after which the account has no other term count,
            in these files and in those of every other feed that has `unless_followed`.
        gone: Conditions (one set, or a list of sets) that say: this record is no longer there. The newest
            state of a record decides, and its earlier states go with it; `where:` would pass it by.
        sparse: A column that a file does not have is empty there, for JSON whose records leave out what they
            do not know.
        status: The column (or rule) with the state as the source tells it today, where that says more than
            dates do: paid, void, trial. A stage that it closes without a date closed on an unknown day.
        combine: sum adds up the numbers of rows that agree in everything else (event logs); earliest keeps
            the first row of each key (accounts that show only in a list of subscriptions).
        cumulative: Usage only: the numbers are counters that only grow (true), and each row counts what was
            added since the row before, in this file or the one before it; or they are not (false), though
            they look so. Not given: numbers that only grow stop the load.
        event_id: Usage only: the column, or columns, that name an event; one that comes again counts once.
        repeated_keys: What a key that comes back means. `report` keeps the first row and quarantines
            contradictions; `latest_file`: each file is a full export, and only the newest counts;
            `newest_wins`: files bring changes, and the newest file that has the key wins; `replace_day`:
            the newest file that has a day brings all of that day; `add` lets files add up.
        order: How files are ordered by their names: by the numbers in them, or by a date (a strptime format).
        optional: No file is not an error.
        removed_files: What becomes of the rows of a file that is gone from the folder: they stay ("keep"),
            or go with it ("retire"). Not given: they stay, and every load says so.
    """

    files: str = ""
    table: str = ""
    rows: str = ""
    unpivot: Unpivot | None = None
    where: Where = Field(default_factory=dict)
    columns: Mapping[str, Annotated[Rule, BeforeValidator(_rule)]]
    ends_on: Annotated[Rule, BeforeValidator(_rule)] | None = None
    unless_followed: Following | None = None
    gone: Annotated[tuple[Where, ...], BeforeValidator(as_list_of)] = ()
    sparse: bool = False
    status: Annotated[Rule, BeforeValidator(_rule)] | None = None
    combine: Literal["none", "sum", "earliest"] = "none"
    cumulative: bool | None = None
    event_id: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = ()
    repeated_keys: Literal["report", "latest_file", "newest_wins", "replace_day", "add"] | None = None
    order: str = "numbers"
    optional: bool = False
    removed_files: Literal["keep", "retire"] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Feed:
        if bool(self.files) == bool(self.table):
            raise ValueError("give either `files:` or `table:`")
        if self.table and self.timezone:
            raise ValueError(
                "`timezone:` is applied to files only; tell UTC in the warehouse, and write `timezone: null`"
            )
        return self

    def rules(self) -> Iterator[Rule]:
        """Yield every rule of the feed."""
        yield from self.columns.values()
        if self.ends_on is not None:
            yield self.ends_on
        if self.unless_followed is not None:
            yield self.unless_followed.begins
        if self.status is not None:
            yield self.status

    def lookups(self) -> list[Lookup]:
        """Return the lookups of all rules."""
        found = []
        for rule in self.rules():
            for lookup in (rule.lookup, rule.plus.lookup if rule.plus else None):
                found += lookup.chain() if lookup is not None else []
        return found

    def source_columns(self) -> list[str]:
        """Return the names of all source columns that the feed reads, each once."""
        names = [*self.where, *(name for conditions in self.gone for name in conditions), *self.event_id]
        for rule in self.rules():
            names += rule.when
            names += [name for name in (rule.column, rule.minor_units) if isinstance(name, str)]
            names += rule.times
            names += [name for name in (rule.per.column, rule.per.every) if name] if rule.per else []
            names += [rule.plus.column] if rule.plus is not None and rule.plus.column is not None else []
        return list(dict.fromkeys(names))

    @property
    def repeats(self) -> str:
        """What a key that comes back means; rows that are summed per file add up over files.

        `sum` is `add` that nobody has asked for: files that tell of the same days stop the run.
        """
        if self.repeated_keys or self.combine != "sum":
            return self.repeated_keys or "report"
        return "add" if self.event_id else "sum"


class MappingFile(Part):
    """The whole file.

    Attributes:
        notes: Sentences that every load repeats, such as that a table has no past.
    """

    version: Literal[1] = 1
    company: str = Field(min_length=1)
    reading: Reading = Reading()
    tables: Mapping[str, tuple[Feed, ...]]
    notes: tuple[str, ...] = ()

    def part(self, *, in_warehouse: bool) -> MappingFile:
        """Return the feeds that lie in the source warehouse, or those that are files."""
        kept = {
            name: tuple(feed for feed in feeds if bool(feed.table) is in_warehouse)
            for name, feeds in self.tables.items()
        }
        return self.model_copy(update={"tables": {name: feeds for name, feeds in kept.items() if feeds}})

    @model_validator(mode="before")
    @classmethod
    def _defaults_for_every_feed(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("tables"), dict):
            return value
        reading = value.get("reading") or {}
        tables = {
            name: [
                {**reading, **feed} if isinstance(feed, dict) and isinstance(reading, dict) else feed
                for feed in as_list_of(feeds)
            ]
            for name, feeds in value["tables"].items()
        }
        return {**value, "tables": tables}
