"""Losses that are none: a term of one tool ended, and the account goes on with a contract of another.

`unless_followed` looks for what follows in the files of its own feeds. Billing moves from one system to the
next, and a term that ends in the first goes on in the second: so every loss that was read off an ended term
is held against all contracts of the warehouse. A loss that the company has logged itself is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from customer_health.warehouse.losses.levels import EPOCH, State, spans
from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import duckdb

SAME_DAYS = 45  # two dates of one end: notice and end of term, a late booking, the end of a month
_READ_OFF = """
    SELECT o.rowid, s.account, CAST(o.occurred_at AS DATE) - DATE '1970-01-01',
           CAST(o.known_at AS DATE) - DATE '1970-01-01'
    FROM raw.outcomes o JOIN survivors s USING (account_id)
    WHERE o.read_off_terms AND o.kind = 'logo_churn' AND o.known_at < ? ORDER BY 2, 3
"""
_ASIDE = "ops.followed_outcomes"
# Of a file that has been loaded anew, or is gone, the rows were read again, or are gone too.
_CURRENT = (
    "EXISTS (SELECT 1 FROM ops.files f WHERE f.table_name = 'outcomes' AND f.source = _source "
    "AND f.file = _file AND f.load_id = _load_id)"
)


@dataclass(frozen=True)
class Followed:
    """A loss that is none.

    Attributes:
        account_id: The account, or its survivor.
        day: Day on which the term ended.
        contract_id: The contract with which it goes on.
    """

    account_id: str
    day: date
    contract_id: str


def successor(states: Sequence[State], day: int, last: int) -> State | None:
    """Return the state with which an account goes on after one of its terms has ended; None if it has left.

    Where no contract is known to have ended around that day, one that had begun before may be the very
    contract that ended, of which nobody has told the end: then only what begins afterwards counts.

    Args:
        states: Of one account; of one contract in order of time.
        day: The first day without the term, as days since 1970-01-01.
        last: By this day another contract must have begun.
    """
    held = [(state, end) for state, end in spans(states) if state.active]
    over = {
        state.contract
        for state, end in held
        if end is not None
        and abs(end - day) <= SAME_DAYS
        and not any(o.contract == state.contract and o.begins >= end for o, _ in held)
    }
    for state, end in held:
        in_force = state.begins <= last and (end is None or end > day)
        begun_anew = state.begins >= day
        if in_force and (begun_anew or (over and state.contract not in over)):
            return state
    return None


def set_aside_followed(
    con: duckdb.DuckDBPyConnection, history: Mapping[str, Sequence[State]], *, grace_days: int, as_of: date
) -> list[Followed]:
    """Take the losses that are none out of `raw.outcomes`, and put back those that are some again.

    They are kept in `ops.followed_outcomes`. The caller holds the transaction and has made `survivors`.

    Args:
        con: The warehouse.
        history: Account -> its contracts' states.
        grace_days: Within so many days after the end another contract still follows.
        as_of: What is known before this day counts.
    """
    if _exists(con):  # the contract that followed may have been taken back
        con.execute(f"INSERT INTO raw.outcomes BY NAME SELECT * FROM {_ASIDE} WHERE {_CURRENT}")
    found: list[Followed] = []
    rows: list[int] = []
    for row, account, day, known in con.execute(_READ_OFF, [as_of]).fetchall():
        other = successor(history.get(account, ()), day, max(day + grace_days, known))
        if other is not None:
            found.append(Followed(account, EPOCH + timedelta(days=day), other.contract))
            rows.append(row)
    none = "rowid IN (SELECT unnest(?::BIGINT[]))"
    con.execute(f"CREATE OR REPLACE TABLE {_ASIDE} AS SELECT * FROM raw.outcomes WHERE {none}", [rows])
    con.execute(f"DELETE FROM raw.outcomes WHERE {none}", [rows])
    return found


def _exists(con: duckdb.DuckDBPyConnection) -> bool:
    schema, _, name = _ASIDE.partition(".")
    return has_table(con, name, schema)
