"""The vendor file: how to ask one vendor, and what its answers mean, without code.

The model is closed: a misspelt key is refused with its place and a suggestion, which dlt would not do. The
words under `client`, `paginator` and `endpoint` are those of dlt's `rest_api`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from customer_health.sources.asking.vendor_access import Auth, Ends, Limits, Needed
from customer_health.sources.mapping import Feed
from customer_health.sources.rule_parts import Part, Scalar

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Convert = Literal["iso", "day", "unix", "unix_ms", "unix_ms_text"]


class Client(Part):
    """Where we ask: dlt's `client`.

    Attributes:
        hosts: Further hosts that next-page links may lead to; credentials go nowhere else.
    """

    base_url: str
    headers: Mapping[str, str] = Field(default_factory=dict)
    auth: Auth
    hosts: tuple[str, ...] = ()


class Incremental(Part):
    """From where the next run goes on.

    Attributes:
        cursor_path: Field of a row by which the vendor's filter compares, never another time of the row.
        initial_value: Where the first run begins.
        convert: How the value is written in the request; not given: as the vendor sent it, a number.
        lag: Seconds before the last value that are read again, where rows change without the cursor field.
        ordered: Rows come in ascending order of the cursor, so that every landed file is a checkpoint.
        token_path: Instead of a field: where the last page keeps the token, or the link, of the next run.
        token_param: Query parameter in which the token goes; without it the token is a link.
        drops: Query parameters that must not stand beside the token.
    """

    cursor_path: str = ""
    initial_value: Scalar = ""
    convert: Convert | None = None
    lag: float = Field(0, ge=0)
    ordered: bool = False
    token_path: str = ""
    token_param: str = ""
    drops: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Incremental:
        if bool(self.cursor_path) == bool(self.token_path):
            raise ValueError("give either `cursor_path:` or `token_path:`")
        return self


class Windows(Part):
    """Whole days are asked for, each landing as one file that replaces the same days' earlier file.

    Attributes:
        start: First day of the first run.
        again: So many of the last days are asked for again on the next day: data comes in late.
        stride: So many days at most go into one call of the first run.
        format, end_format: How `{window.start}` and `{window.end}` are written: strftime, unix or unix_ms.
        end: Whether `{window.end}` is the last day itself or the day after it.
    """

    start: date
    again: int = Field(1, ge=0)
    stride: int = Field(1, ge=1)
    format: str = "%Y-%m-%d"
    end_format: str = ""
    end: Literal["last_day", "day_after"] = "last_day"

    @field_validator("start", mode="before")
    @classmethod
    def _text_date(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class Endpoint(Part):
    """One address: dlt's `endpoint`.

    Attributes:
        empty_on: Statuses with which this vendor says "nothing found".
        expired_on: Statuses with which it says that the token of the last run is too old: all is read anew.
    """

    path: str
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, Any] = Field(default_factory=dict)
    body: Mapping[str, Any] | None = Field(None, alias="json")
    headers: Mapping[str, str] = Field(default_factory=dict)
    data_selector: str = "$"
    paginator: Mapping[str, Any] | str = "single_page"
    incremental: Incremental | None = None
    windows: Windows | None = None
    empty_on: tuple[int, ...] = ()
    expired_on: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _one_cursor(self) -> Endpoint:
        if self.incremental and self.windows:
            raise ValueError("give either `incremental:` or `windows:`")
        return self


class Also(Part):
    """Further records in the same answers.

    Attributes:
        select: JSON path of them.
        key: Field that tells them apart.
    """

    select: str
    key: str


class Detail(Part):
    """How one record of a list is asked for; `{row}` is its key."""

    path: str
    params: Mapping[str, Any] = Field(default_factory=dict)


class BatchRead(Part):
    """How records are asked for by their keys, so many in one call; a POST.

    Attributes:
        body: What is sent beside the keys.
        inputs: Name of the list of keys in the body.
        input_key: Name of the key in each of its items.
        most: Keys that one call may name.
        data_selector: Where the answers are.
        errors: Where an answer of some success lists what failed (HTTP 207).
        absent: Words in such an error that mean "there is none"; every other error stops the source.
    """

    path: str
    body: Mapping[str, Any] = Field(default_factory=dict)
    inputs: str = "inputs"
    input_key: str = "id"
    most: int = Field(100, ge=1)
    data_selector: str = "results"
    errors: str = "errors"
    absent: tuple[str, ...] = ()


class Beside(BatchRead):
    """What belongs to records and is asked for apart from them: for those that are new or have changed.

    Attributes:
        name: Field of the record in which it lands, as a list.
        of: Field of an answer with the record's key.
        take: Field of an answer with the list.
        more: Field of an answer with the token of its next page; it goes into the input as `after`.
    """

    name: Name
    of: str
    take: str
    more: str = ""


class Archived(Part):
    """A list of records that were put away. Whoever is no longer on it came back, or is gone for good.

    Attributes:
        endpoint: The list.
        again: How those that have left the list are asked for: coming back may not move their cursor.
    """

    endpoint: Endpoint
    again: BatchRead


class Whole(Part):
    """A list of everything, read at times for what the cursor does not show.

    Attributes:
        every_days: Days from one reading of it to the next.
        endpoint: The list; its records have the same fields.
    """

    every_days: int = Field(ge=1)
    endpoint: Endpoint


class Bulk(Part):
    """Salesforce's Bulk API 2.0, for a reading of many records; without ORDER BY, which it would slow down.

    Attributes:
        over: More records than this are read by a job, fewer by pages.
        total: Where an answer by pages says how many records the query finds.
        path: Address of query jobs.
        operation: query, or queryAll, which shows deleted records, too.
        query_param: The query parameter with the query that pages are asked by.
        most: Records of one set of results.
    """

    over: int = Field(ge=1)
    total: str = "totalSize"
    path: str
    operation: Literal["query", "queryAll"] = "queryAll"
    query_param: str = "q"
    most: int = Field(50_000, ge=1)


class Resource(Part):
    """One kind of record that the vendor has.

    Attributes:
        key: Field that tells records apart; exports of windows need none.
        also: Name -> further records in the same answers.
        requires: Fields that every row has; without them the vendor has renamed something.
        keep: Only these fields land (dotted names); everything else stays at the vendor.
        drop: Fields that never land, such as words that people wrote.
        each: Ask once for each of a comma-separated list, filled in as `{each}`.
        detail: Ask for every record of a list by itself and take that answer: the list names ids only.
        answers: pages of JSON, or one export: JSON lines, or a zip of gzipped JSON lines.
        lift: Name -> JSON path in the record, for what lies deeper than a mapping can name. The values of a
            path with [*] are put into one text, with ; between them; those of paths joined by + make one id.
            Of paths with | between them the first counts that finds something.
        bulk: How a large reading is made, such as the first one.
        beside: What is asked for apart, by the keys of records that are new or have changed.
        archived: Where records are listed that were put away.
        whole: Where all are listed, for changes that the cursor does not show; only with `incremental:`.
        if_refused: `skip` goes on without this resource if the vendor does not have it or does not show it.
    """

    name: Name
    key: str = ""
    endpoint: Endpoint
    also: Mapping[Name, Also] = Field(default_factory=dict)
    requires: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    each: str = ""
    detail: Detail | None = None
    answers: Literal["json", "jsonl", "zip"] = "json"
    lift: Mapping[str, str] = Field(default_factory=dict)
    bulk: Bulk | None = None
    beside: Beside | None = None
    archived: Archived | None = None
    whole: Whole | None = None
    if_refused: Literal["stop", "skip"] = "stop"

    @model_validator(mode="after")
    def _further_lists_need_a_cursor(self) -> Resource:
        incremental = self.endpoint.incremental
        if (self.beside or self.archived or self.whole) and not (incremental and incremental.cursor_path):
            raise ValueError("`beside:`, `archived:` and `whole:` need `incremental:` with `cursor_path:`")
        if self.bulk and (not incremental or self.bulk.query_param not in self.endpoint.params):
            raise ValueError("`bulk:` needs `incremental:`, and the query under `params:`")
        return self

    @model_validator(mode="after")
    def _exports_have_windows(self) -> Resource:
        if self.answers != "json" and (self.endpoint.windows is None or not self.keep):
            raise ValueError("an export needs `endpoint.windows:`, and `keep:` with the fields that land")
        if not self.key and self.endpoint.windows is None:
            raise ValueError("give `key:`, the field that tells records apart")
        return self


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


class Vendor(Part):
    """The whole file.

    Attributes:
        vendor: Its name: of the source, of the connection and of the folder in which its files land.
        about: What it brings, in one sentence.
        documented_at: Where the vendor describes what is asked here.
        extends: Another vendor file whose parts are taken over where this one says nothing.
        connection: What the connection must give.
        scopes: Rights that the credentials need, for doctor and for messages.
        explains: Word in a refusal -> what a person has to do about it.
        late: Hours by which this vendor's data is behind by its own account.
        history: False if answers are snapshots: a back-test over the time before the first run would leak.
    """

    vendor: Name
    about: str
    documented_at: str = ""
    extends: Name | None = None
    connection: Mapping[Name, Needed] = Field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    limits: Limits = Limits()
    explains: Mapping[str, str] = Field(default_factory=dict)
    ends: Annotated[tuple[Ends, ...], BeforeValidator(_listed)] = ()
    late: float = Field(0, ge=0)
    history: bool = True
    client: Client
    resources: tuple[Resource, ...] = Field(min_length=1)
    means: Mapping[str, Annotated[tuple[Feed, ...], BeforeValidator(_listed)]]

    @model_validator(mode="after")
    def _names_once(self) -> Vendor:
        names = [name for one in self.resources for name in (one.name, *one.also)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two resources are called '{name}'; their files would land in one place")
        return self

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the values that must not print."""
        return frozenset(name for name, need in self.connection.items() if need.secret)
