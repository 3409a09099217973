"""A HubSpot portal: dated batch endpoints, 207 for partial failures, owners, associations, policies."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from tests.lib.servers.base import Answer, Request, Server

KEY, COMPANY_KEY = "chs_action_key", "chs_account_id"
NOW = "2026-11-02T05:00:00Z"


class HubspotPortal(Server):
    """One portal.

    Attributes:
        tables: Object -> id -> properties.
        links: Associations, as (kind, from, to).
        unknown_properties: Writing them is refused, the whole batch with them.
        policy: Of the next 429.
        echoes_trace: Whether answers repeat objectWriteTraceId, which the description leaves open.
    """

    spec = "hubspot_derived.json"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.tables: dict[str, dict[str, dict[str, str]]] = {"companies": {}, "tasks": {}, "deals": {}}
        self.owners: dict[str, str] = {}
        self.links: set[tuple[str, str, str]] = set()
        self.unknown_properties: set[str] = set()
        self.policy = "TEN_SECONDLY_ROLLING"
        self.echoes_trace = True
        self._ids = itertools.count(1001)

    def add(self, kind: str, **properties: str) -> str:
        """Put a record into the portal."""
        number = str(next(self._ids))
        self.tables[kind][number] = dict(properties)
        return number

    def limited(self) -> Answer:
        """HubSpot names the policy that was broken."""
        body = {"status": "error", "category": "RATE_LIMITS", "message": "limit", "correlationId": "c"}
        return Answer(
            429, {**body, "errorType": "RATE_LIMIT", "policyName": self.policy}, {"Retry-After": "1"}
        )

    def expired(self) -> Answer:
        """The token is gone."""
        body = {"status": "error", "category": "INVALID_AUTHENTICATION", "message": "expired"}
        return Answer(401, {**body, "correlationId": "c"})

    def answer(self, request: Request) -> Answer:
        """Route."""
        if not request.headers.get("authorization", "").startswith("Bearer pat-"):
            return self.expired()
        if found := re.fullmatch(r"/crm/objects/[\d-]+/(\w+)/batch/(\w+)", request.path):
            kind, what = found.groups()
            return self._read(kind, request.json) if what == "read" else self._write(kind, what, request.json)
        if re.fullmatch(r"/crm/owners/[\d-]+", request.path):
            email = request.query["email"][0]
            known = self.owners.get(email)
            return Answer(body={"results": [{"id": known, "email": email}] if known else []})
        if found := re.fullmatch(r"/crm/associations/[\d-]+/(\w+)/companies/batch/create", request.path):
            for one in request.json["inputs"]:
                self.links.add((found[1], one["from"]["id"], one["to"]["id"]))
            return Answer(201, {"status": "COMPLETE", "results": []})
        if found := re.fullmatch(r"/crm/properties/[\d-]+/(\w+)", request.path):
            names = {name for row in self.tables[found[1]].values() for name in row} | {KEY}
            unique = (KEY, COMPANY_KEY)
            rows = [{"name": name, "hasUniqueValue": name in unique} for name in sorted(names)]
            return Answer(body={"results": rows})
        return Answer(
            404, {"status": "error", "message": request.path, "category": "X", "correlationId": "c"}
        )

    def _matching(self, kind: str, by: str, value: str) -> list[str]:
        rows = self.tables[kind].items()
        return [number for number, row in rows if (number if by == "hs_object_id" else row.get(by)) == value]

    def _read(self, kind: str, body: dict[str, Any]) -> Answer:
        found = []
        for one in body["inputs"]:
            for number in self._matching(kind, body.get("idProperty", "hs_object_id"), one["id"]):
                row = self.tables[kind][number]
                shown = {name: row[name] for name in body["properties"] if name in row}
                found.append({"id": number, "properties": shown, "createdAt": NOW, "updatedAt": NOW})
        return Answer(body=self._envelope(found))

    def _envelope(self, results: list[Any], **more: Any) -> dict[str, Any]:
        return {"status": "COMPLETE", "results": results, "startedAt": NOW, "completedAt": NOW, **more}

    def _write(self, kind: str, what: str, body: dict[str, Any]) -> Answer:
        inputs = body["inputs"]
        for one in inputs:
            for name, value in one["properties"].items():
                if name in self.unknown_properties:
                    said = json.dumps(
                        [{"message": f'Property "{name}" does not exist', "error": "PROPERTY_DOESNT_EXIST"}]
                    )
                    message = f"Property values were not valid: {said}"
                    return self._refusal(message)
                if len(value) > 65_536:
                    return self._refusal(f"{name} is too long")
        results, errors = [], []
        for place, one in enumerate(inputs):
            trace = one["objectWriteTraceId"]
            by = one.get("idProperty", "hs_object_id")
            same = self._matching(kind, by, one["id"])
            if self.row_fault and place == 0:
                errors.append(self._error("LOCKED", "the object is being written", trace))
            elif len(same) > 1:
                errors.append(self._error("CONFLICT", "several objects have this value", trace))
            elif not same and what == "update":
                errors.append(self._error("OBJECT_NOT_FOUND", f"{one['id']} not found", trace))
            else:
                number = same[0] if same else self.add(kind, **{by: one["id"]})
                self.tables[kind][number].update(one["properties"])
                self.land(one["properties"].get(KEY, ""), kind, created=not same)
                # Documented: id, times, `new`, some properties (not which), perhaps the trace id.
                row = {"id": number, "properties": {"hs_object_id": number}}
                row |= {"objectWriteTraceId": trace} if self.echoes_trace else {}
                results.append({**row, "new": not same, "createdAt": NOW, "updatedAt": NOW})
        results.reverse()  # HubSpot promises no order
        if errors:
            return Answer(207, self._envelope(results, numErrors=len(errors), errors=errors))
        return Answer(200, self._envelope(results))

    def _refusal(self, message: str) -> Answer:
        body = {"status": "error", "category": "VALIDATION_ERROR", "message": message, "correlationId": "c"}
        return Answer(400, body)

    def _error(self, category: str, message: str, trace: str) -> dict[str, Any]:
        context = {"objectWriteTraceId": [trace]}
        return {"status": "error", "category": category, "message": message, "context": context}
