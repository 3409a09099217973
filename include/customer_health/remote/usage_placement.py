"""Where usage is: in the embedded warehouse, or in the company's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from customer_health.remote.company_warehouse import SourceWarehouse
    from customer_health.settings import Settings
    from customer_health.signals.state.table_reader import Warehouse
    from customer_health.warehouse.measures import Measures


@contextmanager
def signals_warehouse(
    settings: Settings, con: duckdb.DuckDBPyConnection, *, until: date
) -> Iterator[Warehouse]:
    """Yield what the signals are reduced from.

    Args:
        settings: Name the source warehouse, if there is one.
        con: The embedded warehouse, with everything but perhaps usage.
        until: The newest as-of date; rows that become known on it or later are left in their warehouse.
    """
    from customer_health.remote.remote_usage import RemoteWarehouse, SplitWarehouse
    from customer_health.signals.state.table_reader import Warehouse

    with _usage(settings) as (source, rows, rules):
        if source is None:
            yield Warehouse(con)
            return
        from customer_health.remote.pushdown import sound
        from customer_health.warehouse.tables import USAGE

        usage = RemoteWarehouse(source, {"usage": sound(rows, USAGE)}, rules=rules, until=until)
        yield SplitWarehouse(con, usage)


@contextmanager
def gated_elsewhere(
    settings: Settings, con: duckdb.DuckDBPyConnection, *, as_of: date
) -> Iterator[dict[str, Callable[[date], Measures]]]:
    """Yield what the gate asks about tables that are not in the embedded warehouse."""
    with _usage(settings) as (source, rows, _):
        if source is None:
            yield {}
            return
        from customer_health.remote.pushdown_measures import measure
        from customer_health.warehouse.tables import USAGE

        def usage(horizon: date) -> Measures:
            found = con.execute("SELECT DISTINCT account_id FROM raw.accounts").fetchall()
            accounts = [str(row[0]) for row in found]
            return measure(source, rows, USAGE, as_of=as_of, horizon=horizon, accounts=accounts)

        yield {"usage": usage}


class RemoteUsage:
    """Usage in the company's warehouse, for those who look at a few accounts; see `UsageElsewhere`."""

    def __init__(self, source: SourceWarehouse, rows: Any) -> None:
        self._source, self._rows = source, rows

    def rows(self, accounts: Sequence[str], first: date, as_of: date) -> pa.Table:
        """Return account_id, user_id, feature and day of what happened in [first, as_of) and was known."""
        found = self._before(as_of)
        found = found.filter(found.account_id.isin(list(accounts)), found.occurred_at.cast("date") >= first)
        day = found.occurred_at.cast("date").name("day")
        table = self._source.arrow(found.select(found.account_id, found.user_id, found.feature, day))
        return table.set_column(3, "day", table["day"].cast("date32"))

    def days(self, accounts: Sequence[str], as_of: date) -> list[tuple[str, int, int]]:
        """Return account, day with usage and day on which it was known, as days since 1970-01-01."""
        found = self._before(as_of)
        found = found.filter(found.account_id.isin(list(accounts)), found.events > 0)
        day, known = found.occurred_at.cast("date"), found.known_at.cast("date")
        grouped = found.group_by(found.account_id, day=day).agg(known=known.min())
        table = self._source.arrow(grouped)
        days = [table[name].cast("date32").cast("int32").to_pylist() for name in ("day", "known")]
        return list(zip(table["account_id"].to_pylist(), *days, strict=True))

    def newest(self, as_of: date) -> date | None:
        """Return the newest day of anybody's usage before `as_of`."""
        found = self._before(as_of)
        last = self._source.arrow(found.aggregate(last=found.occurred_at.cast("date").max()))["last"]
        value = last[0].as_py()
        return value.date() if isinstance(value, datetime) else value

    def _before(self, as_of: date) -> Any:
        midnight = datetime.combine(as_of, time())
        rows = self._rows
        return rows.filter(rows.occurred_at.cast("date") < as_of, rows.known_at < midnight)


@contextmanager
def remote_usage(settings: Settings) -> Iterator[RemoteUsage | None]:
    """Yield usage where it stays in the company's warehouse; None where it was loaded."""
    from customer_health.warehouse.tables import USAGE

    with _usage(settings) as (source, rows, _):
        if source is None:
            yield None
            return
        from customer_health.remote.pushdown import sound

        yield RemoteUsage(source, sound(rows, USAGE))


@contextmanager
def _usage(settings: Settings) -> Iterator[tuple[SourceWarehouse | None, Any, str]]:
    """The source warehouse, usage there, and a digest of how it was made canonical."""
    if settings.source_warehouse is None:
        yield None, None, ""
        return
    from customer_health.remote.company_warehouse import open_source
    from customer_health.remote.pushdown import canonical
    from customer_health.remote.remote_tables import warehouse_mapping

    with open_source(settings.source_warehouse) as source:
        mapping = warehouse_mapping(settings, source)
        if "usage" not in mapping.tables:
            yield None, None, ""
            return
        feeds = [feed.model_dump_json() for feed in mapping.tables["usage"]]
        rules = hashlib.sha256("\n".join(feeds).encode()).hexdigest()[:16]
        yield source, canonical(source, mapping, "usage"), rules
