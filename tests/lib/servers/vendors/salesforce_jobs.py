"""Query jobs of the local Salesforce org: Bulk API 2.0 for reading, with its states, sets and refusals."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row

WANTED = {"operation", "query", "contentType", "columnDelimiter", "lineEnding"}
REFUSED = re.compile(
    r"\b(GROUP BY|OFFSET|TYPEOF)\b|\b(COUNT|SUM|AVG|MIN|MAX)\(|\(\s*SELECT|BillingAddress", re.I
)
SLOW = re.compile(r"\b(ORDER BY|LIMIT)\b")


@dataclass
class QueryJob:
    """One job; its results are those of the moment at which it was made."""

    id: str
    version: str
    fields: list[str]
    rows: list[Row]
    created: str
    state: str = "UploadComplete"
    polls: int = 0
    error: str = ""


class QueryJobs:
    """What an org does with query jobs.

    Attributes:
        jobs: By id.
        polls_needed: How often a job is looked at before it has ended.
        left_today: Jobs that may still be made today; the vendor allows 10,000.
        unsupported: Objects that the Bulk API does not know.
        fails: What a job that fails says; empty: none fails.
        most: Records of one set at most, whatever is asked for.
        sets: Locators that were asked for, "" for the first set.
        die_at: Number of the set at which the victim is killed.
    """

    jobs: dict[str, QueryJob]

    def no_jobs_yet(self) -> None:
        """Begin."""
        self.jobs, self.polls_needed, self.left_today, self.unsupported = {}, 2, 10_000, set[str]()
        self.fails, self.most, self.sets, self.die_at = "", 100, list[str](), 0

    def job(self: Any, request: Request, version: str, number: str, what: str) -> Answer:
        """Route."""
        if int(version) < 47:
            raise RefusedError(404, [{"errorCode": "NOT_FOUND", "message": "no such resource"}])
        if not number:
            return Answer(200, self._made(request, version))
        job = self.jobs.get(number)
        if job is None:
            raise RefusedError(
                404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
            )
        if what:
            return self._set(request, job, version)
        job.polls += 1
        job.state = "InProgress"
        if job.polls >= self.polls_needed:
            job.state, job.error = ("Failed", self.fails) if self.fails else ("JobComplete", "")
        return Answer(200, _told(job))

    def _made(self: Any, request: Request, version: str) -> Row:
        asked = request.json
        if request.method != "POST" or set(asked) - WANTED or asked["operation"] not in ("query", "queryAll"):
            raise RefusedError(400, [{"errorCode": "INVALIDJOB", "message": "cannot make this job"}])
        soql = asked["query"]
        if found := REFUSED.search(soql):
            message = f"{found[0]} is not supported by the Bulk API"
            raise RefusedError(400, [{"errorCode": "API_ERROR", "message": message}])
        assert not SLOW.search(soql), "an order keeps the vendor from dividing the work"
        kind = soql.partition(" FROM ")[2].split()[0]
        if kind in self.unsupported:
            message = f"Entity '{kind}' is not supported by the Bulk API."
            raise RefusedError(400, [{"errorCode": "INVALIDENTITY", "message": message}])
        if self.left_today < 1:
            message = "ExceededQuota : ApiBatchItems Limit exceeded."
            raise RefusedError(400, [{"errorCode": "EXCEEDEDQUOTA", "message": message}])
        self.left_today -= 1
        cursor = "CreatedDate" if kind == "ContactHistory" else "SystemModstamp"
        rows = self._query(f"{soql} ORDER BY {cursor}, Id")
        fields = [one.strip() for one in soql.partition("SELECT ")[2].partition(" FROM ")[0].split(",")]
        rows.sort(key=lambda row: row["Id"][::-1])  # in no order of time
        job = QueryJob(f"750{len(self.jobs):015d}", version, fields, rows, self.stamp())
        self.jobs[job.id] = job
        return _told(job)

    def _set(self: Any, request: Request, job: QueryJob, version: str) -> Answer:
        if version != job.version:
            raise RefusedError(409, [{"errorCode": "API_ERROR", "message": "made by another version"}])
        if job.state != "JobComplete":
            raise RefusedError(
                400, [{"errorCode": "INVALIDJOBSTATE", "message": f"results in state {job.state}"}]
            )
        if set(request.query) - {"locator", "maxRecords"}:
            raise RefusedError(400, [{"errorCode": "API_ERROR", "message": "unknown parameter"}])
        locator = request.query.get("locator", [""])[0]
        if locator and not (locator.isdigit() and int(locator) < len(job.rows)):
            raise RefusedError(
                400, [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
            )
        self.sets.append(locator)
        if self.victim and len(self.sets) == self.die_at:
            self.kill_victim()
        begin = int(locator or 0)
        end = begin + min(int(request.query["maxRecords"][0]), self.most)
        page = job.rows[begin:end]
        headers = {
            "Content-Type": "text/csv",
            "Sforce-NumberOfRecords": str(len(page)),
            "Sforce-Locator": str(end) if end < len(job.rows) else "null",
        }
        return Answer(200, _csv(job.fields, page), headers)


def _told(job: QueryJob) -> Row:
    told = {"id": job.id, "state": job.state, "createdDate": job.created, "contentType": "CSV"}
    return {**told, **({"errorMessage": job.error} if job.error else {})}


def _csv(fields: list[str], rows: list[Row]) -> bytes:
    page = io.StringIO(newline="")
    writer = csv.writer(page, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(fields)
    for row in rows:
        writer.writerow([_cell(row, name.split(".")) for name in fields])
    return page.getvalue().encode()


def _cell(value: Any, path: list[str]) -> str:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
