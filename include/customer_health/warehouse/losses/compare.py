"""Hold a company's own outcomes against those that its contracts and invoices tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health import storage
from customer_health.warehouse.losses.followed import SAME_DAYS, Followed
from customer_health.wording import money

if TYPE_CHECKING:
    import duckdb

SHOWN = 30  # rows of each list

_PAIRS = """
    WITH own AS (
        SELECT row_number() OVER () AS number, s.account AS account_id, o.kind, o.occurred_at, o.arr_lost
        FROM raw.outcomes o JOIN survivors s USING (account_id)
        WHERE coalesce(o._source, '') <> 'derived' AND o.known_at < $as_of
    ), derived AS (
        SELECT row_number() OVER () AS number, account_id, kind, occurred_at, arr_lost, reason
        FROM ops.derived_outcomes WHERE known_at < $as_of
    ), pairs AS (
        SELECT own.number AS mine, derived.number AS theirs,
               abs(date_diff('day', own.occurred_at, derived.occurred_at)) AS apart
        FROM own JOIN derived USING (account_id, kind)
        QUALIFY apart <= $days
            AND row_number() OVER (PARTITION BY own.number ORDER BY apart, derived.number) = 1
    ), one_to_one AS (
        SELECT * FROM pairs QUALIFY row_number() OVER (PARTITION BY theirs ORDER BY apart, mine) = 1
    )
    SELECT coalesce(own.kind, derived.kind) AS kind, coalesce(own.account_id, derived.account_id),
           own.occurred_at::DATE, derived.occurred_at::DATE, own.arr_lost, derived.arr_lost, derived.reason
    FROM own LEFT JOIN one_to_one p ON p.mine = own.number
    FULL JOIN derived ON derived.number = p.theirs
    ORDER BY 1, coalesce(derived.arr_lost, own.arr_lost, 0) DESC, 2, 3, 4
"""
_HEAD = """# Losses as of {as_of}: your own outcomes, and what contracts and invoices tell

Two dates of one loss that lie at most {days} days apart count as the same. Of a kind that your own outcomes
hold, yours count; what is derived is shown for comparison. Other kinds are derived, and the
model learns them.
"""


def compare(con: duckdb.DuckDBPyConnection, *, as_of: date) -> list[tuple[Any, ...]]:
    """Return (kind, account, own day, derived day, own ARR, derived ARR, what was seen), one row per loss.

    A day is None where one side does not know the loss. Needs what `derive` leaves behind.
    """
    return con.execute(_PAIRS, {"as_of": as_of, "days": SAME_DAYS}).fetchall()


def write_comparison(
    con: duckdb.DuckDBPyConnection, folder: Path, *, as_of: date, followed: Sequence[Followed] = ()
) -> Path:
    """Write `outcomes.md` into the folder and return its path.

    Args:
        con: The warehouse.
        folder: Made if missing.
        as_of: The day.
        followed: Losses that were set aside, because the account goes on with another contract.
    """
    rows = compare(con, as_of=as_of)
    own = {_family(row[0]) for row in rows if row[2] is not None}
    parts = [_HEAD.format(as_of=as_of, days=SAME_DAYS)]
    for kind in sorted({row[0] for row in rows}):
        parts += _section(kind, [row for row in rows if row[0] == kind], brought=_family(kind) in own)
    parts += _none(followed)
    if not rows:
        parts.append("No loss is on record, and none follows from contracts and invoices.")
    return storage.write(folder / "outcomes.md", "\n".join(parts) + "\n")


def _section(kind: str, rows: Sequence[tuple[Any, ...]], *, brought: bool) -> Iterator[str]:
    yield f"## {kind}\n"
    if not brought:
        yield f"{len(rows):,} derived; your own outcomes hold none of this kind, so these count.\n"
        yield from _table(rows)
        return
    both = [row for row in rows if row[2] is not None and row[3] is not None]
    mine = [row for row in rows if row[3] is None]
    theirs = [row for row in rows if row[2] is None]
    yield (
        f"{len(both):,} in both, {len(mine):,} in your outcomes only, {len(theirs):,} derived only. "
        "Yours count.\n"
    )
    if mine:
        yield "### In your outcomes only: by the contracts these went on, or nothing says how they ended\n"
        yield from _table(mine)
    if theirs:
        yield "### Derived only: the contracts tell of a loss that your outcomes do not hold\n"
        yield from _table(theirs)


def _none(followed: Sequence[Followed]) -> Iterator[str]:
    if not followed:
        return
    yield "## No loss: a term ended, and the account goes on with another contract\n"
    yield f"{len(followed):,} of your outcomes were read off ended terms (`unless_followed`): none counts.\n"
    yield "| account | end of the term | goes on with |"
    yield "|---|---|---|"
    for one in followed[:SHOWN]:
        yield f"| {_plain(one.account_id)} | {one.day} | {_plain(one.contract_id)} |"
    if len(followed) > SHOWN:
        yield f"\n... and {len(followed) - SHOWN:,} more."
    yield ""


def _table(rows: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    yield "| account | your day | derived day | ARR lost | seen |"
    yield "|---|---|---|---|---|"
    for _, account, mine, theirs, own_arr, arr, reason in rows[:SHOWN]:
        lost = own_arr if own_arr is not None else arr
        cells = (_plain(account), mine or "", theirs or "", money(lost), _plain(reason or ""))
        yield "| " + " | ".join(str(cell) for cell in cells) + " |"
    if len(rows) > SHOWN:
        yield f"\n... and {len(rows) - SHOWN:,} more."
    yield ""


def _family(kind: str) -> str:
    """Leaving, downgrades or contractions, as `store.FAMILY` has it."""
    return kind.partition("_")[0]


def _plain(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
