"""Bulk API 2.0 of the local Salesforce org: jobs with their states, and three lists of the fates of rows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from tests.lib.servers.base import Answer, Request

WANTED = {"object", "operation", "contentType", "lineEnding", "columnDelimiter", "externalIdFieldName"}


@dataclass
class IngestJob:
    """One job as the org keeps it."""

    id: str
    wanted: dict[str, str]
    state: str = "Open"
    data: str = ""
    polls: int = 0
    error: str = ""
    lists: dict[str, list[dict[str, str]]] = field(
        default_factory=lambda: {"successfulResults": [], "failedResults": [], "unprocessedrecords": []}
    )


class BulkJobs:
    """What an org does with ingest jobs.

    Attributes:
        jobs: By id.
        polls_needed: How often a job is asked about before it has ended.
        processes: How many rows it gets to before it is aborted; None for all.
    """

    jobs: dict[str, IngestJob]
    polls_needed: int
    processes: int | None

    def no_jobs_yet(self) -> None:
        """Begin."""
        self.jobs, self.polls_needed, self.processes = {}, 2, None

    def job(self, request: Request, number: str | None, what: str | None) -> Answer:
        """Route."""
        if number is None:
            if request.method != "POST" or set(request.json) - WANTED or request.json["contentType"] != "CSV":
                return _refused("INVALIDJOB", "cannot create this job")
            job = IngestJob(f"750{len(self.jobs):015d}", request.json)
            self.jobs[job.id] = job
            return Answer(body=_told(job))
        if number not in self.jobs:
            return Answer(404, [{"errorCode": "NOT_FOUND", "message": "no such job"}])
        job = self.jobs[number]
        if what == "batches":
            if request.method != "PUT" or not request.headers["content-type"].startswith("text/csv"):
                return _refused("INVALIDJOBSTATE", "Unable to upload")
            if job.state != "Open" or job.data:
                return _refused("INVALIDJOBSTATE", "Found multiple contents for the job")
            job.data = request.raw.decode()
            return Answer(201)
        if what in job.lists:
            if job.state not in ("JobComplete", "Failed", "Aborted"):
                return _refused("INVALIDJOBSTATE", f"Results are not available in state {job.state}")
            return Answer(body=_csv(job, what), headers={"Content-Type": "text/csv"})
        if request.method == "PATCH":
            if job.state != "Open" or request.json != {"state": "UploadComplete"}:
                return _refused("INVALIDJOBSTATE", f"{job.state} does not allow {request.json}")
            job.state = "UploadComplete"
            return Answer(body=_told(job))
        if request.method == "GET" and what is None:
            if job.state in ("UploadComplete", "InProgress"):
                job.polls += 1
                job.state = "InProgress"
                if job.polls >= self.polls_needed:
                    self._process(job)
            return Answer(body=_told(job))
        return Answer(404, [{"errorCode": "NOT_FOUND", "message": str(what)}])

    def _process(self: Any, job: IngestJob) -> None:
        rows = list(csv.DictReader(io.StringIO(job.data, newline="")))
        kind, key = job.wanted["object"], job.wanted.get("externalIdFieldName")
        for name in rows[0] if rows else ():
            if name in self.unknown_fields:
                job.state, job.error = "Failed", f"InvalidBatch : Field name not found : {name}"
                job.lists["unprocessedrecords"] = rows
                return
        most = len(rows) if self.processes is None else self.processes
        for place, row in enumerate(rows[:most]):
            record: dict[str, Any] = {
                ("id" if name == "Id" else name): None if value == "#N/A" else value
                for name, value in row.items()
                if value != ""  # an empty cell leaves the field as it is
            }
            result = self._row(record, kind, key, place)
            if result["success"]:
                told = {"sf__Id": result["id"], "sf__Created": str(result["created"]).lower()}
                job.lists["successfulResults"].append(told | row)
            else:
                error = result["errors"][0]
                told = {"sf__Id": "", "sf__Error": f"{error['statusCode']}:{error['message']}:--"}
                job.lists["failedResults"].append(told | row)
        job.lists["unprocessedrecords"] = rows[most:]
        job.state = "JobComplete" if most >= len(rows) else "Aborted"


def _told(job: IngestJob) -> dict[str, Any]:
    failed = len(job.lists["failedResults"])
    done = failed + len(job.lists["successfulResults"])
    return {
        "id": job.id,
        "state": job.state,
        "errorMessage": job.error,
        "numberRecordsProcessed": done,
        "numberRecordsFailed": failed,
        **job.wanted,
    }


def _csv(job: IngestJob, name: str) -> str:
    columns = {
        "successfulResults": ["sf__Id", "sf__Created"],
        "failedResults": ["sf__Id", "sf__Error"],
        "unprocessedrecords": [],
    }[name] + next(csv.reader(io.StringIO(job.data, newline="")), [])
    page = io.StringIO(newline="")
    writer = csv.DictWriter(page, columns, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(job.lists[name])
    return page.getvalue()


def _refused(code: str, message: str) -> Answer:
    return Answer(400, [{"errorCode": code, "message": message}])
