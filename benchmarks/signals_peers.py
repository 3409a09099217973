"""What most people write: the same signals by a query, group-bys or a loop per as-of date.

They are checked against ours before anything is compared, so that no method is fast by being wrong.
The signals: those of usage, and one of each other kind.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import duckdb

# The signals that the peers compute.
PEERS = (
    "usage_trend_slope", "active_users_28d", "feature_adoption_score", "usage_delta_28d", "power_user_ratio",
    "days_since_last_usage", "tickets_90d", "open_critical_tickets", "avg_resolution_time_days",
    "support_sentiment_90d", "recent_nps", "payment_delay_days",
)  # fmt: skip

PER_DATE = """
WITH seen AS (
    SELECT * FROM raw.usage WHERE occurred_at < $d AND known_at < $d AND occurred_at >= $d - 90
), daily AS (
    SELECT account_id, occurred_at AS day, count(DISTINCT user_id) AS users FROM seen GROUP BY ALL
), began AS (
    SELECT account_id, min(occurred_at) AS first, max(occurred_at) AS last FROM raw.usage
    WHERE occurred_at < $d AND known_at < $d GROUP BY ALL
), grid AS (
    SELECT b.account_id, ($d - n::INT) AS day FROM began b, range(1, 91) t(n) WHERE $d - n::INT >= b.first
), slope AS (
    SELECT g.account_id, regr_slope(coalesce(users, 0), g.day - DATE '2024-01-01') AS usage_trend_slope
    FROM grid g LEFT JOIN daily USING (account_id, day) GROUP BY ALL HAVING count(*) >= 14
), user_days AS (
    SELECT account_id, user_id, count(DISTINCT occurred_at) AS days FROM seen WHERE occurred_at >= $d - 30
    GROUP BY ALL
), power AS (
    SELECT account_id, count(*) FILTER (days >= 12) AS power FROM user_days GROUP BY ALL
), windows AS (
    SELECT account_id,
        count(DISTINCT user_id) FILTER (occurred_at >= $d - 28) AS active_users_28d,
        sum(events) FILTER (occurred_at >= $d - 28) AS now, sum(events) FILTER (occurred_at < $d - 28
            AND occurred_at >= $d - 56) AS before,
        count(DISTINCT feature) FILTER (occurred_at >= $d - 30) AS features
    FROM seen GROUP BY ALL
), names AS (
    SELECT count(DISTINCT feature) AS many FROM raw.usage WHERE occurred_at < $d AND known_at < $d
), tickets AS (
    SELECT account_id, count(*) FILTER (occurred_at >= $d - 90) AS tickets_90d,
        count(*) FILTER (priority = 'critical' AND (resolved_at IS NULL OR resolved_at >= $d))
            AS open_critical_tickets,
        avg(epoch(resolved_at - occurred_at) / 86400) FILTER (resolved_at < $d AND resolved_at >= $d - 90)
            AS avg_resolution_time_days
    FROM raw.tickets WHERE occurred_at < $d AND known_at < $d GROUP BY ALL
), messages AS (
    SELECT account_id, avg(sentiment) AS support_sentiment_90d FROM raw.ticket_messages
    WHERE occurred_at < $d AND known_at < $d AND occurred_at >= $d - 90 GROUP BY ALL
), nps AS (
    SELECT account_id, arg_max(score, occurred_at) AS recent_nps FROM raw.surveys
    WHERE occurred_at < $d AND known_at < $d AND occurred_at >= $d - 180 GROUP BY ALL
), invoices AS (
    SELECT account_id, avg(greatest(0, epoch(paid_at - due_at) / 86400)) FILTER (paid_at >= $d - 365)
        AS payment_delay_days
    FROM raw.invoices WHERE occurred_at < $d AND known_at < $d AND paid_at < $d GROUP BY ALL
)
SELECT a.account_id, usage_trend_slope,
    CASE WHEN b.account_id IS NULL THEN NULL ELSE coalesce(active_users_28d, 0) END AS active_users_28d,
    CASE WHEN b.account_id IS NULL THEN NULL ELSE coalesce(features, 0) / many END AS feature_adoption_score,
    CASE WHEN b.first <= $d - 56 AND before > 0 THEN (coalesce(now, 0) - before) / before
        END AS usage_delta_28d,
    CASE WHEN b.account_id IS NULL THEN NULL ELSE coalesce(power, 0) END AS power_users,
    $d - b.last AS days_since_last_usage,
    coalesce(tickets_90d, 0) AS tickets_90d, coalesce(open_critical_tickets, 0) AS open_critical_tickets,
    avg_resolution_time_days, support_sentiment_90d, recent_nps, payment_delay_days
FROM raw.accounts a LEFT JOIN began b USING (account_id) LEFT JOIN slope USING (account_id)
LEFT JOIN windows USING (account_id) LEFT JOIN power USING (account_id) LEFT JOIN tickets USING (account_id)
LEFT JOIN messages USING (account_id) LEFT JOIN nps USING (account_id) LEFT JOIN invoices USING (account_id)
, names
ORDER BY a.account_id
"""

USED = {
    "usage": ("account_id", "user_id", "feature", "events", "occurred_at", "known_at"),
    "tickets": ("account_id", "priority", "occurred_at", "known_at", "resolved_at"),
    "ticket_messages": ("account_id", "sentiment", "occurred_at", "known_at"),
    "surveys": ("account_id", "score", "occurred_at", "known_at"),
    "invoices": ("account_id", "due_at", "paid_at", "occurred_at", "known_at"),
    "accounts": ("account_id",),
}


def duckdb_per_date(con: duckdb.DuckDBPyConnection, dates: list[date]) -> pd.DataFrame:
    """One query per as-of date."""
    frames = [con.execute(PER_DATE, {"d": day}).df().assign(as_of=pd.Timestamp(day)) for day in dates]
    return pd.concat(frames, ignore_index=True)


def load(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The raw tables in memory, as Arrow; loading is not counted against the peers."""
    return {
        name: con.sql(f"SELECT {', '.join(columns)} FROM raw.{name}").to_arrow_table()
        for name, columns in USED.items()
    }


def polars_per_date(tables: dict[str, Any], dates: list[date]) -> pd.DataFrame:
    """A lazy Polars query per as-of date, all signals in one plan."""
    import polars as pl

    lazy = {name: pl.from_arrow(table).lazy() for name, table in tables.items()}  # type: ignore[union-attr]
    return pd.concat([_polars(lazy, day) for day in dates], ignore_index=True)


def _polars(lazy: dict[str, Any], day: date) -> pd.DataFrame:
    import polars as pl

    c = pl.col
    known = {
        name: table.filter((c("occurred_at") < day) & (c("known_at") < day))
        for name, table in lazy.items()
        if name != "accounts"
    }

    def ago(days: int) -> date:
        return day - timedelta(days=days)

    usage = known["usage"]
    began = usage.group_by("account_id").agg(first=c("occurred_at").min(), last=c("occurred_at").max())
    seen = usage.filter(c("occurred_at") >= ago(90))
    daily = seen.group_by("account_id", "occurred_at").agg(users=c("user_id").n_unique())
    x = (c("occurred_at") - pl.lit(ago(90))).dt.total_days().cast(pl.Float64)
    sums = daily.group_by("account_id").agg(y=c("users").sum(), xy=(x * c("users")).sum())
    users = seen.filter(c("occurred_at") >= ago(30)).group_by("account_id", "user_id")
    power = users.agg(days=c("occurred_at").n_unique()).filter(c("days") >= 12)
    power = power.group_by("account_id").agg(power_users=pl.len())
    events, when = c("events"), c("occurred_at")
    windows = seen.group_by("account_id").agg(
        active_users_28d=c("user_id").filter(when >= ago(28)).n_unique(),
        now=events.filter(when >= ago(28)).sum(),
        before=events.filter((when < ago(28)) & (when >= ago(56))).sum(),
        features=c("feature").filter(when >= ago(30)).n_unique(),
    )
    solved = (c("resolved_at") < day) & (c("resolved_at") >= ago(90))
    tickets = (
        known["tickets"]
        .group_by("account_id")
        .agg(
            tickets_90d=(when >= ago(90)).sum(),
            open_critical_tickets=(
                (c("priority") == "critical") & (c("resolved_at").is_null() | (c("resolved_at") >= day))
            ).sum(),
            avg_resolution_time_days=(
                (c("resolved_at") - when).filter(solved).dt.total_seconds() / 86400
            ).mean(),
        )
    )
    messages = known["ticket_messages"].filter(when >= ago(90))
    messages = messages.group_by("account_id").agg(support_sentiment_90d=c("sentiment").mean())
    nps = known["surveys"].filter(when >= ago(180)).sort("occurred_at")
    nps = nps.group_by("account_id").agg(recent_nps=c("score").last())
    paid = known["invoices"].filter((c("paid_at") < day) & (c("paid_at") >= ago(365)))
    late = ((c("paid_at") - c("due_at")).dt.total_seconds() / 86400).clip(lower_bound=0)
    paid = paid.group_by("account_id").agg(payment_delay_days=late.mean())
    many = usage.select(c("feature").n_unique()).collect().item()
    out = lazy["accounts"]
    for part in (began, sums, power, windows, tickets, messages, nps, paid):
        out = out.join(part, on="account_id", how="left")
    frame = out.collect().to_pandas()
    return _finished(frame, day, many)


def _finished(frame: pd.DataFrame, day: date, many: int) -> pd.DataFrame:
    """What both frames need at the end: the slope in closed form, shares and zeros."""
    has = frame["first"].notna()
    first = (pd.to_datetime(frame["first"]) - pd.Timestamp(day)).dt.days
    n = np.minimum(90, -first.fillna(0))
    middle = 90 - n + (n - 1) / 2
    spread = (n * (n * n - 1) / 12).where(has & (n >= 14))
    slope = (frame["xy"].fillna(0) - middle * frame["y"].fillna(0)) / spread
    change = (frame["now"] - frame["before"]) / frame["before"].where(frame["before"] > 0)
    return pd.DataFrame(
        {
            "account_id": frame["account_id"],
            "as_of": pd.Timestamp(day),
            "usage_trend_slope": slope,
            "active_users_28d": frame["active_users_28d"].fillna(0).where(has),
            "feature_adoption_score": (frame["features"].fillna(0) / many).where(has),
            "usage_delta_28d": change.where(first <= -56),
            "power_users": frame["power_users"].fillna(0).where(has),
            "days_since_last_usage": (pd.Timestamp(day) - pd.to_datetime(frame["last"])).dt.days,
            "tickets_90d": frame["tickets_90d"].fillna(0),
            "open_critical_tickets": frame["open_critical_tickets"].fillna(0),
            **{
                name: frame[name]
                for name in (
                    "avg_resolution_time_days", "support_sentiment_90d", "recent_nps", "payment_delay_days",
                )
            },
        }
    )  # fmt: skip


def pandas_per_date(tables: dict[str, Any], dates: list[date]) -> pd.DataFrame:
    """Vectorised pandas: masks and group-bys per as-of date."""
    frames = {name: _typed(table.to_pandas()) for name, table in tables.items()}
    return pd.concat([_pandas(frames, day) for day in dates], ignore_index=True)


def loop(tables: dict[str, Any], accounts: list[str], day: date) -> pd.DataFrame:
    """A function called once per account, as the documents write it: filter all rows, then compute."""
    frames = {name: _typed(table.to_pandas()) for name, table in tables.items()}
    many = frames["usage"].query(
        "occurred_at < @day and known_at < @day", local_dict={"day": pd.Timestamp(day)}
    )
    out = []
    for account in accounts:
        mine = {name: frame[frame["account_id"] == account] for name, frame in frames.items()}
        out.append(_pandas(mine, day, many["feature"].nunique()))
    return pd.concat(out, ignore_index=True)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    if "occurred_at" in frame:
        frame["occurred_at"] = pd.to_datetime(frame["occurred_at"])
    return frame


def _pandas(frames: dict[str, pd.DataFrame], day: date, many: int | None = None) -> pd.DataFrame:
    at = pd.Timestamp(day)

    def ago(days: int) -> pd.Timestamp:
        return at - pd.Timedelta(days=days)

    known = {
        name: frame[(frame["occurred_at"] < at) & (frame["known_at"] < at)]
        for name, frame in frames.items()
        if name != "accounts"
    }
    usage = known["usage"]
    seen = usage[usage["occurred_at"] >= ago(90)]
    month, recent = seen[seen["occurred_at"] >= ago(30)], seen[seen["occurred_at"] >= ago(28)]
    earlier = seen[(seen["occurred_at"] < ago(28)) & (seen["occurred_at"] >= ago(56))]
    daily = seen.groupby(["account_id", "occurred_at"])["user_id"].nunique().rename("users").reset_index()
    daily["xy"] = (daily["occurred_at"] - ago(90)).dt.days * daily["users"]
    days = month.groupby(["account_id", "user_id"])["occurred_at"].nunique()
    tickets = known["tickets"]
    solved = tickets[(tickets["resolved_at"] < at) & (tickets["resolved_at"] >= ago(90))]
    still = tickets[(tickets["priority"] == "critical") & ~(tickets["resolved_at"] < at)]
    messages, nps = known["ticket_messages"], known["surveys"]
    paid = known["invoices"]
    paid = paid[(paid["paid_at"] < at) & (paid["paid_at"] >= ago(365))]
    late = ((paid["paid_at"] - paid["due_at"]).dt.total_seconds() / 86400).clip(lower=0)
    spent = (solved["resolved_at"] - solved["occurred_at"]).dt.total_seconds() / 86400
    nps = nps[nps["occurred_at"] >= ago(180)].sort_values("occurred_at")
    frame = frames["accounts"].set_index("account_id")
    frame = frame.assign(
        first=usage.groupby("account_id")["occurred_at"].min(),
        last=usage.groupby("account_id")["occurred_at"].max(),
        y=daily.groupby("account_id")["users"].sum(),
        xy=daily.groupby("account_id")["xy"].sum(),
        power_users=(days >= 12).groupby("account_id").sum(),
        active_users_28d=recent.groupby("account_id")["user_id"].nunique(),
        now=recent.groupby("account_id")["events"].sum(),
        before=earlier.groupby("account_id")["events"].sum(),
        features=month.groupby("account_id")["feature"].nunique(),
        tickets_90d=tickets[tickets["occurred_at"] >= ago(90)].groupby("account_id").size(),
        open_critical_tickets=still.groupby("account_id").size(),
        avg_resolution_time_days=spent.groupby(solved["account_id"]).mean(),
        support_sentiment_90d=messages[messages["occurred_at"] >= ago(90)]
        .groupby("account_id")["sentiment"]
        .mean(),
        recent_nps=nps.groupby("account_id")["score"].last(),
        payment_delay_days=late.groupby(paid["account_id"]).mean(),
    )
    frame["now"] = frame["now"].where(frame["before"].isna(), frame["now"].fillna(0))
    return _finished(frame.reset_index(), day, many or usage["feature"].nunique())
