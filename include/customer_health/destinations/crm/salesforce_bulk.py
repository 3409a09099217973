"""Salesforce Bulk API 2.0: thousands of rows as one job, and the fate of each row read back.

A job is created, filled with one CSV and closed; from then on the org works on it alone. What became of a
row stands in one of three lists: successful, failed with its error, not processed. Before the job is closed
nothing has happened, so that any trouble until then means: later. After that only the lists can tell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from customer_health.delivery import http_faults
from customer_health.delivery.batching import Outcome
from customer_health.destinations.crm.salesforce_client import FIXES, SalesforceClient, fault_of_row
from customer_health.effects.destination import BusyError, RejectedError, UnknownOutcomeError
from customer_health.errors import CustomerHealthError, RetriableError

MOST_ROWS = 10_000  # of one job; ours of that size stay far below the 100 MB of a job's CSV
ENDED = ("JobComplete", "Failed", "Aborted")
EMPTY = "#N/A"  # how Bulk 2.0 spells null; an empty cell leaves the field as it is
_CSV = {"Content-Type": "text/csv; charset=UTF-8", "Accept": "application/json"}
_LISTS = {"Content-Type": "application/json", "Accept": "text/csv"}


@dataclass
class Job:
    """One ingest job of an object.

    Args:
        client: An authenticated line.
        kind: The object, e.g. "Account".
        operation: "upsert" by `key`, or "update" by Id.
        key: The external id field; None for Id.
        named: The column that names a row in the lists.
        patience: Seconds that the org has for the job.
        sleep: How to wait.
    """

    client: SalesforceClient
    kind: str
    operation: str
    key: str | None
    named: str
    patience: float
    sleep: Callable[[float], None]
    id: str = field(default="", init=False)

    def run(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Outcome]:
        """Load rows and return what became of each, by the value of its `named` column.

        A row that is in none of the lists is missing in the answer.

        Raises:
            BusyError, RejectedError: Nothing was loaded.
            UnknownOutcomeError: The job may be running still.
        """
        with http_faults.reading():
            self._open()
            self.client.text("PUT", f"jobs/ingest/{self.id}/batches", data=_csv(rows), headers=_CSV)
        with suppress(UnknownOutcomeError):  # the job's state tells
            self.client.call("PATCH", f"jobs/ingest/{self.id}", json={"state": "UploadComplete"})
        return self._fates(self._ended())

    def _open(self) -> None:
        wanted = {
            "object": self.kind,
            "operation": self.operation,
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        body = wanted | ({"externalIdFieldName": self.key} if self.key else {})
        self.id = str(self.client.call("POST", "jobs/ingest", json=body)["id"])

    def _ended(self) -> Mapping[str, Any]:
        waited, pause, state = 0.0, 1.0, "unknown"
        while waited < self.patience:
            self.sleep(pause)
            waited += pause
            pause = min(pause * 2, 10.0)
            try:
                found: Mapping[str, Any] = self.client.call("GET", f"jobs/ingest/{self.id}")
            except RetriableError:
                continue
            state = str(found.get("state"))
            if state == "Open":
                raise BusyError(f"Salesforce did not close the bulk job {self.id}.", retry_after=60.0)
            if state in ENDED:
                return found
        raise UnknownOutcomeError(f"The bulk job {self.id} is {state} after {waited:.0f} s.")

    def _fates(self, job: Mapping[str, Any]) -> dict[str, Outcome]:
        said = str(job.get("errorMessage") or job["state"])
        fates: dict[str, Outcome] = {}
        try:
            for row in self._list("unprocessedrecords"):
                fates[row[self.named]] = _unprocessed(str(job["state"]), said)
            for row in self._list("failedResults"):
                code, _, words = row["sf__Error"].partition(":")
                fates[row[self.named]] = fault_of_row([{"statusCode": code, "message": words}])
            for row in self._list("successfulResults"):
                fates[row[self.named]] = row["sf__Id"]
        except (KeyError, csv.Error) as error:
            raise UnknownOutcomeError(
                f"The lists of the bulk job {self.id} cannot be read: {error}"
            ) from None
        except BusyError as error:
            raise UnknownOutcomeError(f"The lists of the bulk job {self.id}: {error.message}") from None
        return fates

    def _list(self, name: str) -> list[dict[str, str]]:
        text = self.client.text("GET", f"jobs/ingest/{self.id}/{name}", headers=_LISTS)
        return list(csv.DictReader(io.StringIO(text, newline="")))


def _unprocessed(state: str, said: str) -> CustomerHealthError:
    """Nothing happened to the row; whether trying again helps depends on why its job ended."""
    if state == "Failed":
        return RejectedError(
            f"Salesforce: {said}"[: http_faults.MOST_WORDS], hint=http_faults.fix_for(said, FIXES)
        )
    return BusyError(
        f"Salesforce did not get to this row: {said}"[: http_faults.MOST_WORDS], retry_after=300.0
    )


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    page = io.StringIO(newline="")
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([EMPTY if row.get(name) is None else row[name] for name in columns] for row in rows)
    return page.getvalue().encode()
