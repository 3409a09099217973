"""Whether the ledger answers, and is of the version that this code needs."""

from __future__ import annotations

from pathlib import Path

from customer_health.errors import CustomerHealthError
from customer_health.ledger.engine import connect_ledger, ledger_revision, open_ledger
from customer_health.pipeline.step_result import Result


def examine_ledger(url: str) -> Result:
    """Ask the ledger for its revision; one that is not there yet is not made.

    Args:
        url: SQLAlchemy's.
    """
    try:
        file = url.removeprefix("sqlite:///")
        if file != url and not Path(file).is_file():
            revision = None  # a look would make the file
        else:
            with connect_ledger(url).connect() as connection:
                revision = ledger_revision(connection)
        if revision is not None:
            open_ledger(url)
    except CustomerHealthError as error:
        return Result("Ledger", {"problems": 1}, tuple(str(error).splitlines()))
    if revision is None:
        return Result("Ledger", {"problems": 0}, ("The ledger is empty; the first night makes its tables.",))
    return Result("Ledger", {"problems": 0}, (f"The ledger answers, at revision {revision}.",))
