"""A Salesforce org: collections, SOQL as far as we use it, describe, tokens, and its own error shapes."""

from __future__ import annotations

import itertools
import re
from typing import Any

from tests.lib.servers.base import Answer, Request, Server
from tests.lib.servers.salesforce_bulk import BulkJobs

KEY = "CHS_Action_Key__c"
ACCOUNT_KEY = "CHS_Account_Id__c"
PREFIXES = {"Account": "001", "Task": "00T", "Opportunity": "006", "User": "005"}
_QUERY = re.compile(r"SELECT (.+?) FROM (\w+) WHERE (?:IsActive = true AND )?(\w+) IN \((.*)\)", re.S)


class SalesforceOrg(BulkJobs, Server):
    """One org.

    Attributes:
        tables: Object -> Id -> record.
        task_key: What the org has on Activity: "external" (unique external id), "plain", "none".
        unknown_fields: Fields that writing them refuses.
        spent: The org's daily calls are used up.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.tables: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in PREFIXES}
        self.task_key = "external"
        self.unknown_fields: set[str] = set()
        self.spent = False
        self.token, self.logins = "token-0", 0
        self._ids = itertools.count(1)
        self.no_jobs_yet()

    prefix = "/services/data"

    def add(self, kind: str, **values: Any) -> str:
        """Put a record into the org, as an admin would."""
        record = f"{PREFIXES[kind]}{next(self._ids):015d}"
        self.tables[kind][record] = {"Id": record, **values}
        return record

    def limited(self) -> Answer:
        """Salesforce says 503 when it sheds load; its daily limit is a 403."""
        return Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "too busy"}])

    def expired(self) -> Answer:
        """The session is gone; only a login helps."""
        self.token = f"token-{self.logins}-gone"
        return Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])

    def answer(self, request: Request) -> Answer:
        """Route."""
        if request.path.endswith("/services/oauth2/token"):
            self.logins += 1
            self.token = f"token-{self.logins}"
            return Answer(body={"access_token": self.token, "instance_url": "https://acme.my.salesforce.com"})
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])
        if self.spent:
            return Answer(
                403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
            )
        path = re.sub(r"^/services/data/v\d+\.0/", "", request.path)
        if path.startswith("query"):
            return self._query(request.query["q"][0])
        if found := re.fullmatch(r"sobjects/(\w+)/describe", path):
            return Answer(body={"name": found[1], "fields": self._fields(found[1])})
        if found := re.fullmatch(r"composite/sobjects(?:/(\w+)/(\w+))?", path):
            return self._collection(request, found[1], found[2])
        if found := re.fullmatch(r"jobs/ingest(?:/(\w+)(?:/(\w+))?)?", path):
            return self.job(request, found[1], found[2])
        return Answer(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}])

    def _fields(self, kind: str) -> list[dict[str, Any]]:
        names = {name for record in self.tables[kind].values() for name in record}
        fields = [
            {
                "name": name,
                "externalId": name == ACCOUNT_KEY,
                "unique": name == ACCOUNT_KEY,
                "updateable": True,
            }
            for name in sorted(names - {KEY})
        ]
        external = self.task_key == "external" or kind != "Task"
        if kind != "Task" or self.task_key != "none":
            fields.append({"name": KEY, "externalId": external, "unique": external, "updateable": True})
        return fields

    def _query(self, soql: str) -> Answer:
        parsed = _QUERY.match(soql)
        if parsed is None:
            return Answer(400, [{"errorCode": "MALFORMED_QUERY", "message": soql[:80]}])
        columns, kind, column, listed = parsed.groups()
        wanted = {
            re.sub(r"\\(.)", r"\1", one).lower() for one in re.findall(r"'((?:[^'\\]|\\.)*)'", listed, re.S)
        }
        names = [name.strip() for name in columns.split(",")]
        rows = [
            {"attributes": {"type": kind}, **{name: record.get(name) for name in names}}
            for record in self.tables[kind].values()
            if str(record.get(column, "")).lower() in wanted and record.get("IsActive", True)
        ]
        return Answer(body={"totalSize": len(rows), "done": True, "records": rows})

    def _collection(self, request: Request, kind: str | None, key: str | None) -> Answer:
        records = request.json["records"]
        if len(records) > 200:
            return Answer(400, [{"errorCode": "EXCEEDED_MAX_SIZE_REQUEST", "message": "more than 200"}])
        for record in records:
            for name in record:
                if name in self.unknown_fields:
                    message = f"No such column '{name}' on sobject of type {kind or 'Task'}"
                    return Answer(400, [{"errorCode": "INVALID_FIELD", "message": message}])
        results = [
            self._row(record, record["attributes"]["type"], key, place)
            for place, record in enumerate(records)
        ]
        return Answer(body=results, headers={"Sforce-Limit-Info": "api-usage=113/15000"})

    def _row(self, record: dict[str, Any], kind: str, key: str | None, place: int) -> dict[str, Any]:
        def refused(code: str, message: str) -> dict[str, Any]:
            return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}

        values = {name: value for name, value in record.items() if name not in ("attributes", "id")}
        if self.row_fault and place == 0:
            return refused("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        for name, value in values.items():
            if isinstance(value, str) and len(value) > (32_000 if name == "Description" else 255):
                return refused("STRING_TOO_LONG", f"{name}: data value too large")
        for name in ("WhatId", "AccountId", "OwnerId"):
            owner_table = "User" if name == "OwnerId" else "Account"
            if name in values and values[name] not in self.tables[owner_table]:
                return refused("INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {name}")
        same = [
            row
            for row in self.tables[kind].values()
            if key and str(row.get(key)).lower() == str(record[key]).lower()
        ]
        if len(same) > 1:
            return refused(
                "DUPLICATE_EXTERNAL_ID", f"{key}: more than one record found for external id field"
            )
        if "id" in record:
            same = [self.tables[kind][record["id"]]] if record["id"] in self.tables[kind] else []
            if not same:
                return refused("ENTITY_IS_DELETED", "entity is deleted")
        if same:
            same[0].update(values)
            self.land(values.get(KEY, ""), kind, created=False)
            return {"id": same[0]["Id"], "success": True, "created": False, "errors": []}
        if kind == "Account":
            return refused("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]")
        if kind != "Task" or self.task_key == "external":
            for row in self.tables[kind].values():
                if row.get(KEY) == values.get(KEY):
                    message = f"duplicate value found: {KEY} duplicates value on record with id: {row['Id']}"
                    return refused("DUPLICATE_VALUE", message)
        new = self.add(kind, **values)
        self.land(values.get(KEY, ""), kind)
        return {"id": new, "success": True, "created": True, "errors": []}
