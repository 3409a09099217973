"""Open the warehouse. One process at a time may hold a DuckDB file, so hold it briefly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError, WarehouseBusyError
from customer_health.store_faults import StoreDamagedError, StoreFullError, StoreLockedError, of_store

if TYPE_CHECKING:
    import duckdb

SCHEMAS = ("raw", "quarantine", "signals", "scores", "ops")


@contextmanager
def open_warehouse(url: str, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the embedded warehouse and make sure its schemas exist.

    Extensions are never fetched: everything needed ships in the wheel. Ibis can wrap the yielded
    connection with `ibis.duckdb.from_connection`.

    Args:
        url: As in SQLAlchemy: `duckdb:////absolute/path`, `duckdb:///relative`, `duckdb://` in memory.
        read_only: Open for reading; the file must exist.

    Raises:
        WarehouseBusyError: Another process holds the file.
        ConfigurationError: The URL is of an engine that this function does not open.
        CustomerHealthError: The file is damaged, forbidden, of a newer version, or the disk is full.
    """
    import duckdb

    scheme, _, rest = url.partition("://")
    if scheme != "duckdb":
        raise ConfigurationError(
            f"The warehouse URL {scheme}://... is not of the embedded engine.",
            hint="Use duckdb:///path/to/warehouse.duckdb.",
        )
    path = rest.removeprefix("/") or ":memory:"
    try:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            path,
            read_only=read_only,
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
        )
    except (duckdb.Error, OSError) as error:
        found = of_store("warehouse", path, error)
        if isinstance(found, StoreLockedError):
            raise WarehouseBusyError(
                f"The warehouse {path} is held by another process.",
                hint="Wait for the running task, or stop the other process; DuckDB lets in one at a time.",
            ) from None
        raise found or error from None
    try:
        # Facts carry no zone: they are UTC by contract, so the session must not add the machine's.
        connection.execute("SET TimeZone = 'UTC'")
        if not read_only:
            for schema in SCHEMAS:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        yield connection
    except duckdb.Error as error:
        # In the middle of a step. Its transaction is gone; what the step reads beside the warehouse may fail
        # in like words, so only these two are the warehouse's own.
        found = of_store("warehouse", path, error)
        if isinstance(found, StoreFullError):
            raise found from None
        if isinstance(found, StoreDamagedError) and "database" in str(error).lower():
            raise found from None
        raise
    finally:
        with suppress(duckdb.Error):  # a full disk has no room for the last checkpoint either
            connection.close()
