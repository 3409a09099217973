"""What one signal, account and date may see: the rows, the clock, the contracts in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from math import fsum
from statistics import median_low
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.signals import usage_aggregations as usage_agg
from customer_health.signals.plan_lists import conditions, feature_sets
from customer_health.signals.signal import Absent, Signal
from customer_health.signals.usage.outage_days import MIN_ACCOUNTS
from tests.lib.slow_engine.slow_tables import Row, derived_rows, stamp

GRACE = timedelta(days=30)
_NEVER = ("void", "draft", "deleted")


class Facts:
    """Raw and derived rows, merged accounts followed.

    Args:
        tables: Raw rows by table, timestamps as naive datetimes.
        config: The company file.
        as_of: The date on which the accounts are looked at; None: with all mergers there are.
    """

    def __init__(
        self, tables: Mapping[str, Sequence[Row]], config: CompanyConfig, as_of: date | None = None
    ) -> None:
        self.config = config
        merged = {row["account_id"]: row.get("merged_into") for row in tables["accounts"]}
        for row in tables["accounts"]:
            if as_of and row.get("merged_at") is not None and stamp(row["merged_at"]).date() >= as_of:
                merged[row["account_id"]] = None
        self.merged = {name: into for name, into in merged.items() if into in merged}
        self.accounts = sorted(name for name, into in merged.items() if into not in merged)
        self.tables: dict[str, list[Row]] = {}
        for name, rows in tables.items():
            self.tables[name] = [
                row | {"account_id": _follow(row["account_id"], merged), "own_id": row["account_id"]}
                for row in rows
                if row["account_id"] in merged and not (name == "usage" and row["events"] == 0)
            ]
        self.tables |= derived_rows(self.tables, config)
        self._seen: dict[tuple[str, str | None, datetime], list[Row]] = {}
        self._dark: dict[tuple[date, str], set[date]] = {}

    def seen(self, table: str, account: str | None, now: datetime) -> list[Row]:
        """Rows of an account (None: of all) that happened and were known before `now`, in order of time."""
        key = (table, account, now)
        if key not in self._seen:
            rows = [
                row
                for row in self.tables[table]
                if account in (None, row["account_id"])
                and stamp(row["occurred_at"]) < now
                and stamp(row["known_at"]) < now
            ]
            self._seen[key] = sorted(
                rows, key=lambda row: (stamp(row["occurred_at"]), stamp(row["known_at"]))
            )
        return self._seen[key]

    def left_by(self, loss: Row) -> set[str] | None:
        """The accounts that left by a loss, if others of those that are one today did not; else None."""
        day = stamp(loss["occurred_at"]).date()
        moments = {row["own_id"]: row.get("merged_at") for row in self.tables["accounts"]}

        def then(name: str) -> str:
            before = dict.fromkeys(moments) | {
                one: into
                for one, into in self.merged.items()
                if moments[one] is None or stamp(moments[one]).date() <= day
            }
            return _follow(name, before)

        together = {
            row["own_id"] for row in self.tables["accounts"] if row["account_id"] == loss["account_id"]
        }
        left = {name for name in together if then(name) == then(loss["own_id"])}
        return None if left == together else left

    def outage(self, as_of: date, table: str = "usage") -> set[date]:
        """Days of which `as_of` knows no usage of anybody, unlike most of their weekdays at that age."""
        if (as_of, table) not in self._dark:
            first: dict[date, dict[str, date]] = {}  # day -> account -> when it was first heard of
            for row in self.tables[table]:
                if table == "daily_users" and not row["users"] > 0:
                    continue
                happened, known = stamp(row["occurred_at"]), stamp(row["known_at"])
                accounts = first.setdefault(happened.date(), {})
                seen, name = max(happened, known).date(), row["account_id"]
                accounts[name] = min(seen, accounts.get(name, seen))

            def heard(day: date, by: date) -> int:
                return sum(seen < by for seen in first.get(day, {}).values())

            span = (as_of - min(first, default=as_of)).days
            self._dark[as_of, table] = {
                day
                for day in (as_of - timedelta(days=ago) for ago in range(1, span))
                if not heard(day, as_of)
                and median_low(
                    heard(day - timedelta(weeks=week), as_of - timedelta(weeks=week)) for week in range(1, 9)
                )
                >= MIN_ACCOUNTS
            }
        return self._dark[as_of, table]


class View:
    """One signal, account and date: what may be seen, and what follows from it."""

    def __init__(self, world: Facts, signal: Signal, account: str, as_of: date) -> None:
        self.world, self.signal, self.account, self.as_of = world, signal, account, as_of
        self.now = datetime.combine(as_of, time())
        self.window = signal.window or 0

    # -- what may be seen

    def seen(self, table: str, *, everybody: bool = False) -> list[Row]:
        """Rows that happened and were known before the as-of date, in order of time."""
        return self.world.seen(table, None if everybody else self.account, self.now)

    def facts(self) -> list[Row]:
        """Seen rows of the signal's table that meet its conditions."""
        wanted = conditions(self.signal, self.world.config)
        return [
            row
            for row in self.seen(self.signal.table)
            if all(str(row.get(c)) in values for c, values in wanted)
            and not self.nobodys(row, self.signal.table)
        ]

    @staticmethod
    def nobodys(row: Row, table: str) -> bool:
        """Whether a row counts for nobody, not even as a sign that its source speaks: void, deleted."""
        return table in ("tickets", "invoices") and row.get("status") in _NEVER

    def inside(self, moment: Any, *, skip: int = 0, days: int | None = None) -> bool:
        """Whether a timestamp lies in the window that ends `skip` days before the as-of date."""
        if moment is None:
            return False
        end = self.now - timedelta(days=skip)
        return end - timedelta(days=self.window if days is None else days) <= stamp(moment) < end

    def reached(self, row: Row, column: str) -> bool:
        """Whether a later stage of a fact was reached before the as-of date."""
        return row.get(column) is not None and stamp(row[column]) < self.now

    def days_ago(self, moment: Any) -> int:
        """Whole days from a timestamp's day to the as-of date."""
        return (self.as_of - stamp(moment).date()).days

    # -- what follows

    def absent(self) -> float | None:
        source = {"exec_activity": "contact_book", "departures": "contact_changes"}
        rows = self.seen(source.get(self.signal.table, self.signal.table), everybody=True)
        evidence = [row for row in rows if not self.nobodys(row, self.signal.table)]
        if self.signal.when_absent == Absent.UNKNOWN or not evidence:
            return None
        if self.signal.table == "exec_activity" and not self.titles_known():
            return None
        if self.signal.when_absent == Absent.SINCE_START:
            start = self.start()
            first = min(max(stamp(r["occurred_at"]), stamp(r["known_at"])) for r in evidence).date()
            since = None if start is None else max(start, first)
            return None if since is None else float((self.as_of - since).days)
        return float(self.signal.when_absent)

    def titles_known(self) -> bool:
        book = self.seen("contact_book")
        executive = any(self.reached(row, "executive_at") for row in book)
        return executive or (bool(book) and all(self.reached(row, "titled_at") for row in book))

    def segment(self) -> str | None:
        """Segment of the account, once the account itself is known."""
        own = [row for row in self.seen("accounts") if row["own_id"] == self.account]
        return own[-1].get("segment") if own else None

    # -- contracts

    def start(self) -> date | None:
        """Day of the first contract, or else of the account: the one that stands for all merged ones."""
        own = [row for row in self.seen("accounts") if row["own_id"] not in self.world.merged]
        rows = self.seen("contracts") or own
        return min((stamp(row["occurred_at"]).date() for row in rows), default=None)

    def in_force(self, days_ago: int = 0) -> list[Row]:
        """Contract states in force so many days ago, as known at the as-of date."""
        then = self.now - timedelta(days=days_ago)
        latest: dict[str, Row] = {}
        for row in self.seen("contracts"):
            if stamp(row["occurred_at"]) < then:
                latest[row["contract_id"]] = row
        return [
            row
            for row in latest.values()
            if (row.get("status") or "active") == "active"
            and (
                row.get("term_end") is None or row.get("auto_renew") or stamp(row["term_end"]) + GRACE >= then
            )
            and not self.ended_by_a_loss(row, then)
        ]

    def ended_by_a_loss(self, state: Row, then: datetime) -> bool:
        """Whether the account of a contract's state has left before its merger, and not come back since."""
        return any(
            stamp(state["occurred_at"]).date() < stamp(loss["occurred_at"]).date() < then.date()
            and state["own_id"] in (self.world.left_by(loss) or ())
            for loss in self.seen("outcomes")
            if loss["kind"] == "logo_churn"
        )

    def is_customer(self) -> bool:
        churns = [
            row
            for row in self.seen("outcomes")
            if row["kind"] == "logo_churn" and self.world.left_by(row) is None
        ]
        lost = max((stamp(r["occurred_at"]).date() for r in churns), default=None)
        live = [r for r in self.seen("contracts") if (r.get("status") or "active") == "active"]
        back = max((stamp(r["occurred_at"]).date() for r in live), default=date.min)
        return bool(self.in_force()) and (lost is None or back >= lost)

    def plan(self) -> str | None:
        def size(row: Row) -> tuple[float, str]:
            return (-(row["arr"] if row.get("arr") is not None else -1.0), row["contract_id"])

        best = min(self.in_force(), key=size, default=None)
        return None if best is None else best.get("plan")

    # -- usage

    def usage(self) -> list[Row]:
        return self.seen("usage")

    def outage(self, *, skip: int = 0, days: int | None = None) -> int:
        """Outage days of the window that ends `skip` days before the as-of date."""
        return sum(self.inside(day, skip=skip, days=days) for day in self.dark())

    def dark(self) -> set[date]:
        """Days that were lost of what answers the signal.

        How many people came is told by those whom usage names, or else by counts; all else by usage, or by
        counts where there is none.
        """
        heads = isinstance(self.signal.aggregation, usage_agg.DailyUsers | usage_agg.ActiveUsersSlope)
        told = [row for row in self.usage() if row["user_id"] or not heads]
        counted = any(row["users"] > 0 for row in self.seen("daily_users")) and not told
        return self.world.outage(self.as_of, "daily_users" if counted else "usage")

    def features(self) -> tuple[str, ...] | str | None:
        return feature_sets(self.signal, self.world.config).of(self.plan())

    def events(self, rows: Iterable[Row], features: tuple[str, ...] | None, skip: int = 0) -> float:
        return fsum(
            row["events"]
            for row in rows
            if self.inside(row["occurred_at"], skip=skip) and (features is None or row["feature"] in features)
        )


def _follow(name: str, merged: Mapping[str, Any]) -> str:
    while merged.get(name) in merged:
        name = merged[name]
    return name
