"""Where usage is: in the embedded warehouse, or in the company's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

    from customer_health.settings import Settings
    from customer_health.signals.warehouse_tables import Warehouse
    from customer_health.warehouse.measures import Measures
    from customer_health.warehouse.source import SourceWarehouse


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
    from customer_health.signals.warehouse_remote import RemoteWarehouse, SplitWarehouse
    from customer_health.signals.warehouse_tables import Warehouse

    with _usage(settings) as (source, rows, rules):
        if source is None:
            yield Warehouse(con)
            return
        from customer_health.sources.pushdown import sound
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
        from customer_health.sources.pushdown_measures import measure
        from customer_health.warehouse.tables import USAGE

        def usage(horizon: date) -> Measures:
            found = con.execute("SELECT DISTINCT account_id FROM raw.accounts").fetchall()
            accounts = [str(row[0]) for row in found]
            return measure(source, rows, USAGE, as_of=as_of, horizon=horizon, accounts=accounts)

        yield {"usage": usage}


@contextmanager
def _usage(settings: Settings) -> Iterator[tuple[SourceWarehouse | None, Any, str]]:
    """The source warehouse, usage there, and a digest of how it was made canonical."""
    if settings.source_warehouse is None:
        yield None, None, ""
        return
    from customer_health.sources.pushdown import canonical
    from customer_health.sources.warehouse_tables import warehouse_mapping
    from customer_health.warehouse.source import open_source

    with open_source(settings.source_warehouse) as source:
        mapping = warehouse_mapping(settings, source)
        if "usage" not in mapping.tables:
            yield None, None, ""
            return
        feeds = [feed.model_dump_json() for feed in mapping.tables["usage"]]
        rules = hashlib.sha256("\n".join(feeds).encode()).hexdigest()[:16]
        yield source, canonical(source, mapping, "usage"), rules
