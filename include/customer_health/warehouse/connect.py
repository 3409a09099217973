"""Open the warehouse. One process at a time may hold a DuckDB file, so hold it briefly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.errors import ConfigurationError, WarehouseBusyError
from customer_health.store_faults import StoreDamagedError, StoreFullError, StoreLockedError, of_store
from customer_health.warehouse.disk_space import require_room

if TYPE_CHECKING:
    import duckdb

SCHEMAS = ("raw", "quarantine", "signals", "scores", "ops")


@contextmanager
def open_warehouse(
    url: str,
    *,
    read_only: bool = False,
    reads: Sequence[Path | str] = (),
    options: Mapping[str, str | int] | None = None,
    locked: bool = True,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the embedded warehouse, sealed, and make sure its schemas exist.

    Sealed: SQL reaches the warehouse's own file and the folders of `reads`, and nothing else of the machine
    or the network, and no statement can undo that. Extensions are never fetched: everything needed ships in
    the wheel. Ibis can wrap the yielded connection with `ibis.duckdb.from_connection`.

    Args:
        url: As in SQLAlchemy: `duckdb:////absolute/path`, `duckdb:///relative`, `duckdb://` in memory.
        read_only: Open for reading; the file must exist.
        reads: Folders whose files may be read and written; addresses of other machines are left out.
        options: Settings of the engine; they cannot be changed later.
        locked: False for dlt, which sets a checkpoint's threshold; what seals stays set all the same.

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
            if not read_only:
                require_room(Path(path))
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
                hint="Wait for the running task, or stop the other process; DuckDB serves one at a time.",
            ) from None
        raise found or error from None
    try:
        # Facts carry no zone: they are UTC by contract, so the session must not add the machine's.
        connection.execute("SET TimeZone = 'UTC'")
        for name, value in (options or {}).items():
            connection.execute(f"SET {name} = {_quoted(value)}")
        seal(connection, reads, locked=locked)
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


def seal(
    connection: duckdb.DuckDBPyConnection, reads: Sequence[Path | str] = (), *, locked: bool = True
) -> None:
    """Let SQL of this connection reach these folders only, for as long as it is open."""
    folders = dict.fromkeys(
        f"{form}/"
        for place in map(str, reads)
        if "://" not in place or place.startswith("file://")
        for path in (Path(place.removeprefix("file://")).expanduser(),)
        for form in (path, path.absolute(), path.resolve())
    )
    listed = ", ".join(_quoted(folder) for folder in folders)
    connection.execute(f"SET allowed_directories = [{listed}]")
    connection.execute("SET enable_external_access = false")
    if locked:
        connection.execute("SET lock_configuration = true")


def _quoted(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
