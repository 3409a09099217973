"""Which columns of a usage file are counts that add up over days, and which are not."""

from __future__ import annotations

import re

from customer_health.sources.date_formats import whole_month
from customer_health.sources.draft_look import Look, dated
from customer_health.sources.draft_match import match
from customer_health.sources.draft_words import plain, vocabulary
from customer_health.warehouse.table import Table
from customer_health.warehouse.tables import TABLES

_NO_SUM = (
    r"(.*_)?(avg|average|mean|median|rate|ratio|percent|percentage|pct|p\d\d|durchschnitt|quote|moyenne|media|promedio)(_.*)?"
    r"|(.*_)?[dwm]au(_.*)?|.*(active|unique)_(users|customers|members|accounts).*"
)
"""Means, rates, and people who would be counted again every day."""
_COUNTER = (
    r".*(to_date|mtd|ytd|month_total|cumulative|lifetime|running_total|all_time|since_start|kumuliert"
    r"|gesamt_bisher|累計).*"
)


def features(table: Table, look: Look) -> list[str]:
    """Return the columns that count something, of a file of usage that names no feature in a column."""
    return [name for name in _numbers(table, look) if not _is_no_sum(name)]


def is_counter(name: str) -> bool:
    """Whether a name says that a number is the total since the beginning."""
    return re.fullmatch(_COUNTER, plain(name)) is not None


def left_out(table: Table, look: Look) -> list[str]:
    """Return the columns of numbers that must not be added up, but for people counted by day."""
    return [n for n in _numbers(table, look) if _is_no_sum(n) and n != people(look)]


def adds_up(look: Look) -> bool:
    """Whether a file holds anything else than means, rates and people of a week or month."""
    usage = TABLES["usage"]
    alone = left_out(usage, look)
    if not alone or people(look) or features(usage, look) or match(usage, "user_id", look):
        return True
    return match(usage, "account_id", look) is None or len(look.samples) > 2 + len(alone)


def people(look: Look) -> str | None:
    """Return the column with how many people were active on each day, of a file that tells of days."""
    day = match(TABLES["usage"], "occurred_at", look)
    written = look.dates.get(day) if day else None
    if (
        day is None
        or written == "iso_week"
        or whole_month(written)
        or plain(day) in ("week", "month", "period")
    ):
        return None
    return match(TABLES["daily_users"], "users", look)


def _numbers(table: Table, look: Look) -> list[str]:
    if look.unpivot:
        return [] if match(table, "feature", look) else [look.unpivot.cell]
    if match(table, "feature", look):
        return []
    known = {match(table, name, look) for name in ("account_id", "user_id", "occurred_at", "known_at")}
    counts = [name for name in look.samples if name not in known and not dated(name, look)]
    number = table.columns["events"]
    named = [name for name in counts if look.samples[name] and look.fits(number, name)]
    return [name for name in named if not re.fullmatch(r"(.*_)?(id|no|nr|year|week)", plain(name))]


def _is_no_sum(name: str) -> bool:
    return re.fullmatch(_NO_SUM, plain(name)) is not None or plain(name) in vocabulary().columns["users"]
