"""What a reader asked the portfolio for: read from the address, judged, and written back into every link."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from customer_health.errors import suggest
from customer_health.ledger.portfolio_filters import NOBODY, RENEWAL_WINDOWS, SORTS, Filters

WINDOW_NAMES: Mapping[str, str] = {
    "past": "past its date",
    "30": "within 30 days",
    "90": "within 90 days",
    "180": "within 180 days",
    "365": "within a year",
    "later": "later than a year",
    "none": "no date known",
}
# Buckets beside the tiers: states in which an account has no score that could be compared.
STATE_NAMES: Mapping[str, str] = {
    "notice_given": "Notice given",
    "too_little_known": "Too little known",
    "onboarding": "Onboarding",
    "not_scored_yet": "Not scored yet",
}
WEEKS = (13, 52)
# What a reader starts with: texts and days from the first, falls and low scores; amounts from the largest.
_UPWARD = ("account", "score", "change", "tier", "renewal", "owner")
_LONGEST = 80
# The address's word for each filter.
FILTERS = ("tier", "owner", "manager", "segment", "renewal", "fact", "parent", "review")
KNOWN = ("as_of", *FILTERS, "q", "sort", "order", "page", "weeks")


@dataclass(frozen=True)
class Asked:
    """One view of the portfolio.

    Attributes:
        wanted: Which accounts.
        sort: One of `SORTS`.
        down: From the largest to the smallest.
        page: From 1.
        weeks: How much history the charts show.
        as_of: The day, where the address named one.
        notices: Sentences about what the address said and we could not follow.
    """

    wanted: Filters = field(default_factory=Filters)
    sort: str = "attention"
    down: bool = True
    page: int = 1
    weeks: int = WEEKS[0]
    as_of: date | None = None
    notices: tuple[str, ...] = ()

    def query(self, **changes: Any) -> str:
        """Return the query of an address that shows this view with some parameters changed, or "".

        A changed filter, order or amount of history starts at the first page.
        """
        values: dict[str, Any] = {
            "as_of": self.as_of.isoformat() if self.as_of else "",
            **{name: getattr(self.wanted, name) for name in FILTERS},
            "q": self.wanted.search,
            "sort": "" if self.sort == "attention" else self.sort,
            "order": "" if self.down == _starts_down(self.sort) else ("down" if self.down else "up"),
            "weeks": "" if self.weeks == WEEKS[0] else self.weeks,
            "page": self.page if set(changes) <= {"page"} and self.page > 1 else "",
        }
        values |= changes
        if values["page"] == 1:
            values["page"] = ""
        given = {name: value for name, value in values.items() if value not in ("", None)}
        return f"?{urlencode(given)}" if given else ""

    def sorted_by(self, column: str) -> str:
        """Return the query of the link in a column's head: its order, or the other way round."""
        down = not self.down if self.sort == column else _starts_down(column)
        order = "" if down == _starts_down(column) else ("down" if down else "up")
        return self.query(sort="" if column == "attention" else column, order=order)

    def direction(self, column: str) -> str:
        """Return what `aria-sort` of a column is."""
        if self.sort != column:
            return "none"
        return "descending" if self.down else "ascending"

    @property
    def filtered(self) -> bool:
        """Whether not all accounts are shown."""
        return self.wanted != Filters()


def _starts_down(column: str) -> bool:
    return column not in _UPWARD


def read(parameters: Mapping[str, str], tiers: Sequence[str], options: Mapping[str, Any]) -> Asked:
    """Return what the address asks for. What it says and we cannot follow becomes a sentence, never an error.

    Args:
        parameters: The query's names and values.
        tiers: Names of the tiers.
        options: What there is to filter by on the day (`portfolio_days.options`).
    """
    notices = [
        f"The address asks for “{name[:_LONGEST]}”, which this page does not know; it changed nothing. "
        f"{suggest(name[:_LONGEST], KNOWN)}"
        for name in parameters
        if name not in KNOWN
    ]
    found: dict[str, str] = {}
    lists: Mapping[str, Sequence[str]] = {
        "tier": (*tiers, *STATE_NAMES),
        "owner": (*options.get("owners", ()), NOBODY),
        "manager": (*options.get("managers", ()), NOBODY),
        "segment": (*options.get("segments", ()), NOBODY),
        "renewal": tuple(RENEWAL_WINDOWS),
        "fact": [code for code, _ in options.get("facts", ())],
        "parent": [parent for parent, _ in options.get("parents", ())],
        "review": ("1",),
    }
    for name in FILTERS:
        value = parameters.get(name, "")
        if value and value not in lists[name]:
            notices.append(f"No account of this day has the {name} “{value[:_LONGEST]}”.")
        found[name] = value[:300]
    wanted = Filters(**found, search=parameters.get("q", "").strip()[:_LONGEST])
    if wanted.renewal not in RENEWAL_WINDOWS:
        wanted = replace(wanted, renewal="")
        if found["renewal"]:
            notices[-1] = f"“{found['renewal'][:_LONGEST]}” is not a renewal window; all are shown."
    sort = _one_of(parameters, "sort", SORTS, "attention", notices)
    start = "down" if _starts_down(sort) else "up"
    down = _one_of(parameters, "order", ("up", "down"), start, notices) == "down"
    weeks = _one_of(parameters, "weeks", tuple(map(str, WEEKS)), str(WEEKS[0]), notices)
    page = parameters.get("page", "1")
    if not (page.isdecimal() and page.isascii() and 0 < len(page) < 7 and int(page) > 0):
        notices.append(f"“{page[:_LONGEST]}” is not a page number; this is the first page.")
        page = "1"
    return Asked(
        wanted, sort, down, int(page), int(weeks), as_of=day_in(parameters, notices), notices=tuple(notices)
    )


def day_in(parameters: Mapping[str, str], notices: list[str] | None = None) -> date | None:
    """Return the day that an address names, or None; a sentence where it is not a date."""
    text = parameters.get("as_of", "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        if notices is not None:
            notices.append(f"“{text[:_LONGEST]}” is not a date such as 2026-11-20; this is the newest day.")
        return None


def _one_of(
    parameters: Mapping[str, str], name: str, known: Sequence[str], default: str, notices: list[str]
) -> str:
    value = parameters.get(name, "") or default
    if value in known:
        return value
    notices.append(f"“{value[:_LONGEST]}” is not a known {name}; {default} was used.")
    return default
