"""The usage audit: who has a seat, who uses it, which teams and features went quiet, as of one day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

WINDOWS = (30, 60, 90)
WEEKS = 13
LOOKBACK = timedelta(days=365)
DROPPED_AFTER_DAYS = 30
LEAST_DAYS_USED = 3  # a feature tried once was never adopted, so it was not dropped
MOST_FEATURES, MOST_TEAMS = 8, 8


@dataclass(frozen=True)
class Audit:
    """What usage shows about one account. `None` is unknown, which is not zero.

    Attributes:
        as_of: Nothing that happened or became known on this day or later counts.
        seats: Licensed seats, as the score saw them.
        active: Distinct users by length of the window in days; None where users cannot be counted.
        weeks: (first day, distinct users) of the last 13 weeks, oldest first; empty when unknown.
        teams: Per team: active in 30 and in 90 days, of the users whose team is known.
        team_known: Share of the users of 90 days whose team is known.
        dropped: Features in use within a year and not in the last 30 days: name, last day, users.
        data_through: Newest usage fact of any account; later use cannot be seen.
        unknown: Why there are no numbers; empty when there are.
    """

    as_of: str
    seats: float | None
    active: Mapping[str, int | None]
    weeks: list[tuple[str, int]] = field(default_factory=list)
    teams: list[dict[str, Any]] = field(default_factory=list)
    team_known: float | None = None
    dropped: list[dict[str, Any]] = field(default_factory=list)
    data_through: str | None = None
    unknown: str = ""

    @property
    def payload(self) -> dict[str, Any]:
        """The audit as JSON, with what follows from it."""
        users = self.active.get("30")
        share = None if users is None or not self.seats else users / self.seats
        return {**asdict(self), "utilisation": share, "change": _change([n for _, n in self.weeks])}


class UsageElsewhere(Protocol):
    """Usage that stays in another warehouse: the rows of a few accounts are fetched from there."""

    def rows(self, accounts: Sequence[str], first: date, as_of: date) -> pa.Table:
        """Return account_id, user_id, feature and day of what happened in [first, as_of) and was known."""
        ...

    def newest(self, as_of: date) -> date | None:
        """Return the newest day of anybody's usage before `as_of`."""
        ...


def read_audits(
    con: duckdb.DuckDBPyConnection,
    seats: Mapping[str, float | None],
    as_of: date,
    elsewhere: UsageElsewhere | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the audit of each account, from facts that happened and were known before `as_of`.

    Args:
        con: The warehouse.
        seats: Account -> licensed seats, None where no contract says.
        as_of: The day of the score.
        elsewhere: Where usage is, if it is not in `con`.
    """
    if not seats:
        return {}
    if elsewhere is None and not _has(con, "usage"):
        why = "no product usage is connected"
        return {account: blank(as_of, number, why).payload for account, number in seats.items()}
    through = _gather(con, sorted(seats), as_of, elsewhere)
    try:
        users, weeks, dropped = _users(con, as_of), _weeks(con, as_of), _dropped(con, as_of)
        teams = _teams(con, as_of)
    finally:
        con.execute("DROP TABLE IF EXISTS audit_facts")
    return {
        account: _audit(account, number, as_of, through, users, weeks, dropped, teams).payload
        for account, number in seats.items()
    }


def _gather(
    con: duckdb.DuckDBPyConnection, accounts: list[str], as_of: date, elsewhere: UsageElsewhere | None
) -> date | None:
    """Put the accounts' rows into `audit_facts`; return the newest day of anybody's usage."""
    first = as_of - LOOKBACK
    if elsewhere is not None:
        con.register("audit_rows", elsewhere.rows(accounts, first, as_of))
        con.execute("CREATE OR REPLACE TEMP TABLE audit_facts AS SELECT * FROM audit_rows")
        con.unregister("audit_rows")
        return elsewhere.newest(as_of)
    known = {"day": as_of, "cut": datetime.combine(as_of, time())}
    con.execute(_FACTS, {**known, "accounts": accounts, "since": first})
    newest = con.execute(
        "SELECT max(occurred_at) FROM raw.usage WHERE occurred_at < $day AND known_at < $cut", known
    ).fetchone()
    return newest[0] if newest else None


# The rows of a few accounts; everything else is asked of these.
_FACTS = """
    CREATE OR REPLACE TEMP TABLE audit_facts AS
    SELECT account_id, user_id, feature, occurred_at::DATE AS day FROM raw.usage
    WHERE account_id IN (SELECT unnest($accounts))
      AND occurred_at >= $since AND occurred_at < $day AND known_at < $cut
"""


def _users(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, tuple[Any, ...]]:
    counts = ", ".join(
        f"count(DISTINCT user_id) FILTER (day >= $day - {days} AND user_id <> '')" for days in WINDOWS
    )
    query = f"SELECT account_id, bool_or(user_id <> ''), {counts} FROM audit_facts GROUP BY 1"
    return {row[0]: row[1:] for row in con.execute(query, {"day": as_of}).fetchall()}


def _weeks(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, dict[int, int]]:
    query = (
        "SELECT account_id, (date_diff('day', day, $day) - 1) // 7 AS ago, count(DISTINCT user_id) "
        f"FROM audit_facts WHERE day >= $day - {7 * WEEKS} AND user_id <> '' GROUP BY 1, 2"
    )
    found: dict[str, dict[int, int]] = {}
    for account, ago, count in con.execute(query, {"day": as_of}).fetchall():
        found.setdefault(account, {})[ago] = count
    return found


def _dropped(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, list[dict[str, Any]]]:
    query = (
        "SELECT account_id, feature, max(day) AS last, count(DISTINCT nullif(user_id, '')) AS users "
        "FROM audit_facts GROUP BY 1, 2 "
        f"HAVING last < $day - {DROPPED_AFTER_DAYS} AND count(DISTINCT day) >= {LEAST_DAYS_USED} "
        "ORDER BY users DESC, last DESC, feature"
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for account, feature, last, users in con.execute(query, {"day": as_of}).fetchall():
        row = {"feature": feature, "last_used": last.isoformat(), "users": users or None}
        found.setdefault(account, []).append(row)
    return found


def _teams(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, list[tuple[str | None, int, int]]]:
    """Return (team, active in 30 days, active in 90 days) by account; None for users of no known team."""
    if not _has(con, "contacts", "team"):
        return {}
    query = """
        WITH people AS (
            SELECT account_id, user_id, max(team) AS team FROM raw.contacts
            WHERE user_id <> '' AND team <> '' AND occurred_at < $cut AND known_at < $cut GROUP BY 1, 2)
        SELECT f.account_id, p.team,
               count(DISTINCT f.user_id) FILTER (f.day >= $day - 30), count(DISTINCT f.user_id)
        FROM audit_facts f LEFT JOIN people p USING (account_id, user_id)
        WHERE f.user_id <> '' AND f.day >= $day - 90
        GROUP BY 1, 2 ORDER BY 4 DESC, 2"""
    found: dict[str, list[tuple[str | None, int, int]]] = {}
    given = {"day": as_of, "cut": datetime.combine(as_of, time())}
    for account, team, recent, quarter in con.execute(query, given).fetchall():
        found.setdefault(account, []).append((team, recent, quarter))
    return found


def _audit(
    account: str,
    seats: float | None,
    as_of: date,
    through: date | None,
    users: Mapping[str, tuple[Any, ...]],
    weeks: Mapping[str, Mapping[int, int]],
    dropped: Mapping[str, list[dict[str, Any]]],
    teams: Mapping[str, list[tuple[str | None, int, int]]],
) -> Audit:
    if account not in users:
        why = (
            "no use of this account was recorded within a year" if through else "no product usage is at hand"
        )
        return blank(as_of, seats, why, through)
    counted, *numbers = users[account]
    common: dict[str, Any] = {
        "as_of": as_of.isoformat(),
        "seats": seats,
        "dropped": dropped.get(account, [])[:MOST_FEATURES],
        "data_through": None if through is None else through.isoformat(),
    }
    blind = (as_of - through).days if through else 0  # days at the end that no source tells of
    if not counted:
        nobody: dict[str, int | None] = dict.fromkeys(map(str, WINDOWS))
        return Audit(**common, active=nobody, unknown="the source knows accounts, not users")
    seen: dict[str, int | None] = {
        str(days): None if blind > days else number for days, number in zip(WINDOWS, numbers, strict=True)
    }
    series = weeks.get(account, {})
    shown = [
        ((as_of - timedelta(days=7 * (ago + 1))).isoformat(), series.get(ago, 0))
        for ago in range(WEEKS - 1, -1, -1)
        if 7 * (ago + 1) > blind
    ]
    rows = teams.get(account, [])
    everybody, known = sum(row[2] for row in rows), sum(row[2] for row in rows if row[0])
    named = [{"team": team, "active_30": few, "active_90": many} for team, few, many in rows if team]
    return Audit(
        **common,
        active=seen,
        weeks=shown,
        teams=named[:MOST_TEAMS],
        team_known=known / everybody if everybody else None,
    )


def blank(as_of: date, seats: float | None, why: str, through: date | None = None) -> Audit:
    """Return an audit in which everything but the seats is unknown, with the reason."""
    active: dict[str, int | None] = dict.fromkeys(map(str, WINDOWS))
    return Audit(
        as_of.isoformat(),
        seats,
        active,
        unknown=why,
        data_through=None if through is None else through.isoformat(),
    )


def _change(series: Collection[int]) -> float | None:
    """Return by which share the last four weeks differ from the four before; None when that says nothing."""
    numbers = list(series)
    if len(numbers) < 8 or not (before := sum(numbers[-8:-4])):
        return None
    return sum(numbers[-4:]) / before - 1


def _has(con: duckdb.DuckDBPyConnection, table: str, column: str = "account_id") -> bool:
    query = (
        "SELECT count(*) FROM duckdb_columns() "
        "WHERE schema_name = 'raw' AND table_name = $table AND column_name = $column"
    )
    found = con.execute(query, {"table": table, "column": column}).fetchone()
    return bool(found and found[0])
