"""Gainsight, Totango and ChurnZero, as far as their pages document them."""

from __future__ import annotations

import itertools
from typing import Any

from tests.lib.servers.base import Answer, Request, Server

COMPANY_KEY = "CHS_Account_Id__gc"


class GainsightTenant(Server):
    """One tenant: companies by our account id, CTAs by Gsid. It stores a CTA twice if asked twice."""

    spec = "handwritten/gainsight_cs.yaml"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.companies: dict[str, dict[str, Any]] = {}
        self.ctas: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def add(self, account: str) -> None:
        """Put a company into the tenant."""
        self.companies[account] = {"Gsid": f"1P{next(self._ids):04d}", COMPANY_KEY: account}

    def limited(self) -> Answer:
        """Fixed windows of a minute."""
        return Answer(429, self._envelope(None, "GU_2400", "Too many requests"), {"Retry-After": "1"})

    def _envelope(self, data: Any, code: str | None = None, words: str | None = None) -> dict[str, Any]:
        return {"result": code is None, "errorCode": code, "errorDesc": words, "requestId": "r", "data": data}

    def answer(self, request: Request) -> Answer:
        """Route."""
        if request.headers.get("accesskey") != "key-1":
            return Answer(401, self._envelope(None, "GU_1100", "Invalid access key"))
        body = request.json
        if request.path == "/v1/data/objects/query/Company":
            (condition,) = body.get("where", {"conditions": [{"value": []}]})["conditions"]
            found = [self.companies[one] for one in condition["value"] if one in self.companies]
            return Answer(body=self._envelope(found))
        if request.path == "/v1/data/objects/Company":
            for record in body["records"]:
                if record[COMPANY_KEY] in self.companies:
                    self.companies[record[COMPANY_KEY]].update(record)
                    self.land(record[COMPANY_KEY], "company", created=False)
            return Answer(body=self._envelope({"count": len(body["records"]), "errors": None}))
        if request.path == "/v2/cockpit/cta/list":
            (condition,) = body["where"]["conditions"]
            found = [cta for cta in self.ctas.values() if cta["referenceId"] in condition["value"]]
            return Answer(body=self._envelope(found))
        if request.path == "/v2/cockpit/cta":
            record = body["requests"][0]["record"]
            if self.row_fault:
                failure = [{"referenceId": record["referenceId"], "error": "owner is inactive"}]
                return Answer(body=self._envelope({"success": [], "failure": failure}))
            number = f"1S{next(self._ids):04d}"
            self.ctas[number] = {**record, "Gsid": number}
            self.land(record["referenceId"], "cta")
            return Answer(body=self._envelope({"success": [{"1": number}], "failure": []}))
        return Answer(404, self._envelope(None, "GU_404", request.path))


class TotangoService(Server):
    """Plays, tasks and the pixel. None of them knows a key: the history counts what really began."""

    spec = "handwritten/totango.yaml"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.accounts: set[str] = set()
        self.attributes: dict[str, dict[str, str]] = {}

    def answer(self, request: Request) -> Answer:
        """Route."""
        plain = {"Content-Type": "text/plain"}
        if request.path == "/pixel.gif":
            values = {name: value[0] for name, value in request.query.items()}
            self.attributes.setdefault(values["sdr_o"], {}).update(values)
            self.land(values["sdr_o"], "attributes", created=False)
            return Answer(200, b"GIF89a", {"Content-Type": "image/gif"})
        if request.headers.get("app-token") != "key-1":
            return Answer(401, "no token", plain)
        body = request.json
        account = body.get("accountId") or body.get("account_id")
        if account not in self.accounts:
            return Answer(400, f"Account not found: {account}", plain)
        self.land(account, "play" if "accountId" in body else "task")
        return Answer(200, "Success", plain)


class ChurnzeroTenant(Server):
    """The HTTP API: 200 and a picture, whatever was sent."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.attributes: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        """Take attributes."""
        body = request.json
        if body["appKey"] == "key-1":
            self.attributes.setdefault(body["accountExternalId"], {}).update(body)
            self.land(body["accountExternalId"], "attributes", created=False)
        return Answer(200, b"GIF89a", {"Content-Type": "image/gif"})
