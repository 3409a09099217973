"""Net and gross revenue retention over twelve months, from the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from customer_health.errors import FatalError
from customer_health.warehouse.merges import ended_by, leavings, survivors

if TYPE_CHECKING:
    import duckdb

# As for the signals: renewals are often booked late, so a contract counts for so long past its term.
GRACE_DAYS = 30
MIN_ACCOUNTS = 10
GOALS: Mapping[str, float] = {"mid_market": 1.05, "enterprise": 1.15}

# ARR per account on one day ($day), as known on another ($known).
_ARR = f"""
    SELECT coalesce(survivors.account, state.account_id) AS account_id, sum(state.arr) AS arr
    FROM (
        SELECT * FROM raw.contracts
        WHERE occurred_at < $day AND known_at < $known
        QUALIFY row_number() OVER (PARTITION BY contract_id ORDER BY occurred_at DESC, known_at DESC) = 1
    ) AS state
    LEFT JOIN (
        SELECT account_id, max(occurred_at) AS occurred_at FROM leavings
        WHERE occurred_at < $day AND known_at < $known
        GROUP BY account_id
    ) AS churn ON churn.account_id = state.account_id AND {ended_by("churn", "state")}
    LEFT JOIN survivors ON survivors.account_id = state.account_id
    WHERE coalesce(state.status, 'active') = 'active' AND churn.account_id IS NULL AND state.arr > 0
      AND (coalesce(state.auto_renew, false) OR state.term_end IS NULL
           OR state.term_end + to_days($grace) >= $day)
    GROUP BY 1
"""


@dataclass(frozen=True)
class Retention:
    """The bridge from the ARR of twelve months ago to what the same customers pay now.

    Attributes:
        segment: "all", or the size class that the account had at the start: who grew out of a segment
            meanwhile counts in the one that it was in.
        accounts: Customers at the start.
        start: Their ARR then.
        expansion: ARR added by those who grew.
        contraction: ARR lost from those who shrank and stayed.
        churn: ARR of those who left.
    """

    segment: str
    accounts: int
    start: float
    expansion: float
    contraction: float
    churn: float

    @property
    def nrr(self) -> float | None:
        """(start + expansion - contraction - churn) / start; None for too few customers to mean anything."""
        if self.accounts < MIN_ACCOUNTS or self.start <= 0:
            return None
        return (self.start + self.expansion - self.contraction - self.churn) / self.start

    @property
    def grr(self) -> float | None:
        """As nrr without expansion; never above 1."""
        if self.accounts < MIN_ACCOUNTS or self.start <= 0:
            return None
        return (self.start - self.contraction - self.churn) / self.start

    @property
    def goal(self) -> float | None:
        """The NRR this segment should reach, if there is one."""
        return GOALS.get(self.segment)


def start_of(as_of: date) -> date:
    """Return the first day of the twelve months to `as_of`."""
    try:
        return as_of.replace(year=as_of.year - 1)
    except ValueError:  # 29 February
        return as_of.replace(year=as_of.year - 1, day=28)


def retention(
    con: duckdb.DuckDBPyConnection, as_of: date, segments_then: Mapping[str, str | None] | None = None
) -> list[Retention]:
    """Return the retention of all customers, then of each segment, over the twelve months to `as_of`.

    The cohort is fixed at the start: customers won since do not count. Customers who pay nothing
    at the start are in no cohort. Both days are seen with what is known before `as_of`, mergers included:
    who was merged since is not a loss, and the survivor has not grown by it.

    Args:
        con: The warehouse with `raw.contracts`, `raw.outcomes` and `raw.accounts`.
        as_of: End of the window, exclusive.
        segments_then: Account -> its segment at the start, as far as it is known; the CRM keeps no history,
            so that of any other account is the one of today.

    Raises:
        FatalError: The raw tables do not exist yet.
    """
    import duckdb
    import pandas as pd

    start_day = start_of(as_of)
    then = pd.DataFrame(list((segments_then or {}).items()), columns=["account_id", "segment"], dtype="str")
    query = f"""
        WITH survivors AS ({survivors("$known")}), leavings AS ({leavings()}),
             start AS ({_ARR.replace("$day", "$start")}), final AS ({_ARR})
        SELECT coalesce(segments_then.segment, accounts.segment, 'unknown') AS segment, count(*) AS accounts,
               sum(start.arr) AS start,
               sum(greatest(coalesce(final.arr, 0) - start.arr, 0)) AS expansion,
               sum(CASE WHEN final.arr IS NOT NULL THEN greatest(start.arr - final.arr, 0) ELSE 0 END),
               sum(CASE WHEN final.arr IS NULL THEN start.arr ELSE 0 END)
        FROM start
        LEFT JOIN final ON final.account_id = start.account_id
        LEFT JOIN (SELECT account_id, any_value(segment) AS segment FROM raw.accounts GROUP BY 1) AS accounts
          ON accounts.account_id = start.account_id
        LEFT JOIN segments_then ON segments_then.account_id = start.account_id
        GROUP BY 1 ORDER BY 1
    """
    cut = datetime.combine(as_of, time())
    values = {"start": datetime.combine(start_day, time()), "day": cut, "known": cut, "grace": GRACE_DAYS}
    con = con.cursor()
    con.register("segments_then", then)
    try:
        rows = con.execute(query, values).fetchall()
    except duckdb.CatalogException as error:
        raise FatalError(f"The warehouse lacks a raw table: {error}", hint="Run ingest first.") from None
    segments = [Retention(*row) for row in rows]
    sums = [
        sum(getattr(each, name) for each in segments)
        for name in ("start", "expansion", "contraction", "churn")
    ]
    return [Retention("all", sum(each.accounts for each in segments), *sums), *segments]
