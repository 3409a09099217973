"""A signal: one declaration from which its query, column, docs, reason and tests all follow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import get_args

from customer_health.company import SignalsConfig
from customer_health.errors import ConfigurationError, suggest
from customer_health.signals.aggregations import Aggregation
from customer_health.signals.derived import FORBIDDEN, READABLE
from customer_health.warehouse.table import Table, Type

PROFILES: tuple[str, ...] = get_args(SignalsConfig.model_fields["profile"].annotation)
# Columns of the panel that say what an account is; a signal called so would overwrite one of them.
RESERVED = frozenset(
    ("account_id", "as_of", "is_customer", "tenure_days", "notice_given", "arr", "seats", "plan", "segment")
) | {"renewal_date", "coverage"}
LONGEST_WINDOW = 3650  # days


class Direction(StrEnum):
    """Which way is good; the model may not learn the opposite."""

    LOWER_IS_HEALTHIER = "lower_is_healthier"
    HIGHER_IS_HEALTHIER = "higher_is_healthier"
    NEUTRAL = "neutral"


class Concept(StrEnum):
    """What a signal is about; reasons are told per concept."""

    USAGE = "usage"
    SUPPORT = "support"
    SENTIMENT = "sentiment"
    RELATIONSHIP = "relationship"
    BILLING = "billing"
    COMMERCIAL = "commercial"
    CALENDAR = "calendar"


class Absent(StrEnum):
    """What the absence of facts means where it is not a plain number.

    Attributes:
        UNKNOWN: We cannot say; the value stays empty.
        SINCE_START: It never happened while we were watching: the value is a lower bound, the days
            for which both the customer and the source have existed.
    """

    UNKNOWN = "unknown"
    SINCE_START = "since_start"


@dataclass(frozen=True)
class FromConfig:
    """A list that the company file holds, such as `people.meaningful_interactions`.

    Args:
        path: Section and key. The usage lists are per plan, with `default` for other plans.
        otherwise: What an empty list means: "all" (no filter) or "unknown" (no signal).
    """

    path: str
    otherwise: str = "all"


Condition = str | bool | tuple[str, ...] | FromConfig


@dataclass(frozen=True)
class Grave:
    """A value so bad that it is a risk of the first rank, told under a code of its own.

    Args:
        beyond: From this value on, in the unhealthy direction.
        reason_code: The code; the ordinary one is told with it.
    """

    beyond: float
    reason_code: str


def days(number: int) -> int:
    """Return a window of so many days; a word for the reader."""
    return number


@dataclass(frozen=True)
class Signal:
    """One number per account and as-of date. Pure data: no callables, no SQL.

    A fact counts for as-of date D only if it happened and was known before D 00:00 UTC; a window of
    n days is [D - n, D - 1].

    Attributes:
        name: Column name in the panel.
        table: Canonical or derived table it reads.
        aggregation: What to do with the rows.
        unit: Unit of the value.
        direction: Which way is good.
        concept: Group under which it is told.
        phrase: How a person would say it; may use {value}, and {currency} for amounts.
        where: Column -> accepted value, values, or a list of the company file.
        window: Days; None for aggregations without one.
        when_absent: Value when the account has no such fact although its source delivers: a number
            if "none" is a fact, else `Absent`. A source that delivers nothing at all is always unknown.
        reason_code: Code that playbooks and reasons use; empty if the signal never explains a score.
        grave: From which value on the reason has a code of its own; None for never.
        actionable: Whether a CSM can change it.
        outcome_adjacent: It all but states the outcome ("asks to cancel"): told to people, never to a model.
        profiles: Profiles that include it.

    Raises:
        ConfigurationError: At construction, for anything that could not be computed.
    """

    name: str
    table: str
    aggregation: Aggregation
    unit: str
    direction: Direction
    concept: Concept
    phrase: str
    where: Mapping[str, Condition] = field(default_factory=dict)
    window: int | None = None
    when_absent: float | Absent = Absent.UNKNOWN
    reason_code: str = ""
    grave: Grave | None = None
    actionable: bool = True
    outcome_adjacent: bool = False
    profiles: tuple[str, ...] = ("full",)

    @property
    def window_days(self) -> int:
        """Days of the window; 0 for aggregations without one."""
        return self.window or 0

    def __post_init__(self) -> None:
        self._check_name()
        contract = self._contract()
        self._check_window()
        self._check_columns(contract)
        for column, condition in self.where.items():
            self._check_condition(contract, column, condition)
        try:
            self.phrase.format(value=1.0, currency="USD")
        except (KeyError, IndexError, ValueError) as error:
            raise self._refuse(f"the phrase cannot be filled in ({error!r})", "Use {value} only.") from None
        if self.grave is not None and (not self.reason_code or self.direction is Direction.NEUTRAL):
            raise self._refuse("nothing is grave without a direction and a reason code", "Leave grave out.")

    def _refuse(self, what: str, hint: str) -> ConfigurationError:
        return ConfigurationError(f"Signal {self.name}: {what}.", hint=hint)

    def _check_name(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", self.name):
            raise self._refuse(
                "this is not a name of a column", "Use small letters, digits and _, as in open_tickets."
            )
        if self.name in RESERVED:
            raise self._refuse("the panel has a column of this name already", "Say more: seats_added_90d.")
        for profile in self.profiles:
            if profile not in PROFILES:
                raise self._refuse(f"there is no profile '{profile}'", suggest(profile, PROFILES))

    def _contract(self) -> Table:
        if self.table in FORBIDDEN:
            raise self._refuse(
                f"the table '{self.table}' may not feed a signal",
                "It holds outcomes or has no past; read the facts that came before instead.",
            )
        if self.table not in READABLE:
            raise self._refuse(f"there is no table '{self.table}'", suggest(self.table, READABLE))
        only = self.aggregation.only
        if only and self.table not in only:
            kind = type(self.aggregation).__name__
            raise self._refuse(f"{kind} cannot read '{self.table}'", f"It reads {', '.join(only)}.")
        return READABLE[self.table]

    def _check_window(self) -> None:
        kind = type(self.aggregation).__name__
        if self.aggregation.windowed and (self.window is None or self.window < 1):
            raise self._refuse(f"{kind} needs a window of at least one day, not {self.window}", "days(90)")
        if not self.aggregation.windowed and self.window is not None:
            raise self._refuse(f"{kind} has no window, but {self.window} days are given", "Leave it out.")
        if self.window is not None and self.window > LONGEST_WINDOW:
            raise self._refuse(
                f"a window of {self.window} days reaches back beyond any history",
                f"days({LONGEST_WINDOW}) is the longest.",
            )

    def _check_columns(self, contract: Table) -> None:
        for column, accepted in self.aggregation.needs():
            if column not in contract.columns:
                raise self._refuse(
                    f"the table '{self.table}' has no column '{column}'", suggest(column, contract.columns)
                )
            found = contract.columns[column].type
            if found not in accepted:
                kind = type(self.aggregation).__name__
                fitting = [name for name, c in contract.columns.items() if c.type in accepted]
                raise self._refuse(
                    f"{kind} cannot work on '{column}', which is {found.name.lower()}",
                    f"Columns that fit: {', '.join(fitting) or 'none'}.",
                )

    def _check_condition(self, contract: Table, column: str, condition: Condition) -> None:
        if column not in contract.columns:
            raise self._refuse(
                f"where: '{self.table}' has no column '{column}'", suggest(column, contract.columns)
            )
        if self.table == "usage" and column != "feature":
            raise self._refuse(f"where: usage cannot be narrowed by '{column}'", "Only by 'feature'.")
        spec = contract.columns[column]
        if isinstance(condition, FromConfig):
            return
        if spec.type not in (Type.TEXT, Type.BOOLEAN):
            raise self._refuse(
                f"where: '{column}' is {spec.type.name.lower()}", "Conditions name text values."
            )
        values = condition if isinstance(condition, tuple) else (condition,)
        for value in values:
            if spec.allowed and value not in spec.allowed:
                raise self._refuse(f"where: '{column}' is never '{value}'", suggest(str(value), spec.allowed))
