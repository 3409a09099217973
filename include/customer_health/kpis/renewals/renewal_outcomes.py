"""What became of renewals: the ARR that a customer has once the decision has passed, from the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from customer_health.kpis.retention import GRACE_DAYS
from customer_health.warehouse.merges import ended_by, leavings, survivors

if TYPE_CHECKING:
    import duckdb

# The first day on which a contract that nobody renewed does not count any more.
SETTLED_AFTER = timedelta(days=GRACE_DAYS + 1)

# As kpis/retention.py counts ARR, on a day of its own for each account.
_AFTER = """
    WITH survivors AS ({survivors}), leavings AS ({leavings}),
    due AS (
        SELECT given.account, coalesce(s.account, given.account) AS stands, given.day
        FROM (SELECT unnest($accounts) AS account, unnest($days)::TIMESTAMP AS day) AS given
        LEFT JOIN survivors s ON s.account_id = given.account
    ),
    state AS (
        SELECT due.account AS due_account, due.day, c.*
        FROM raw.contracts c
        LEFT JOIN survivors s ON s.account_id = c.account_id
        JOIN due ON due.stands = coalesce(s.account, c.account_id)
        WHERE c.occurred_at < due.day AND c.known_at < $known
        QUALIFY row_number() OVER (PARTITION BY due.account, c.contract_id
                                   ORDER BY c.occurred_at DESC, c.known_at DESC) = 1
    )
    SELECT due_account, sum(arr) FROM state
    WHERE coalesce(status, 'active') = 'active' AND arr > 0
      AND (coalesce(auto_renew, false) OR term_end IS NULL OR term_end + to_days($grace) >= day)
      AND NOT EXISTS (
          SELECT 1 FROM leavings o
          WHERE o.account_id = state.account_id AND o.known_at < $known
            AND {ended} AND o.occurred_at < state.day)
    GROUP BY 1
"""


def arr_after(
    con: duckdb.DuckDBPyConnection, renewals: Mapping[str, date], *, as_of: date
) -> dict[str, float]:
    """Return the ARR of each account once its renewal has settled, as known before `as_of`; 0: it left.

    Late bookings have their grace: the ARR of the day on which a contract that nobody renewed stops to count.

    Args:
        con: The warehouse.
        renewals: Account -> date of its renewal. Accounts whose renewal has not settled are left out.
        as_of: Facts known before this day count.
    """
    settled = {name: day + SETTLED_AFTER for name, day in renewals.items() if day + SETTLED_AFTER <= as_of}
    if not settled:
        return {}
    values = {
        "accounts": list(settled),
        "days": [day.isoformat() for day in settled.values()],
        "known": datetime.combine(as_of, time()),
        "grace": GRACE_DAYS,
    }
    rows = con.execute(
        _AFTER.format(survivors=survivors("$known"), leavings=leavings(), ended=ended_by("o", "state")),
        values,
    ).fetchall()
    return dict.fromkeys(settled, 0.0) | {account: float(arr) for account, arr in rows}
