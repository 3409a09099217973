"""Microsoft Graph's delta queries: links to the next page and to the next run, removed records marked."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, VendorServer

PAGE = 40


class GraphServer(VendorServer):
    """Only Cara's mailbox holds anything."""

    secret = {"client_secret": "graph-secret-1"}
    options = {"tenant": "ours.com", "client_id": "app", "mailboxes": "cara@ours.com"}
    renews, renamed = True, ("id", "identifier")

    def token(self, request: Request) -> Answer:
        """Judge client credentials."""
        form = dict(parse_qsl(request.raw.decode()))
        right = form.get("client_secret") == "graph-secret-1" and str(form.get("scope")).endswith("/.default")
        if request.path != "/ours.com/oauth2/v2.0/token" or not right:
            return Answer(401, {"error": "invalid_client"})
        self.tokens.add(f"graph-token-{len(self.tokens)}")
        return Answer(body={"access_token": f"graph-token-{len(self.tokens) - 1}", "expires_in": 3599})

    def expired(self) -> Answer:
        self.tokens.clear()
        return Answer(401, {"error": {"code": "InvalidAuthenticationToken"}})

    def signed_in(self, request: Request) -> None:
        """Refuse strangers."""
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise RefusedError(401, {"error": {"code": "InvalidAuthenticationToken"}})

    def delta(self, request: Request, rows: dict[str, Row], *first: str) -> Answer:
        """Return a page of what changed after the token of the link.

        Args:
            request: The request.
            rows: Records with `at`, when they changed, and `gone`.
            first: Parameters that the first request may have.
        """
        asked = {name: values[0] for name, values in request.query.items()}
        if set(asked) - {"$deltatoken", "$skiptoken"} - set(first):
            raise RefusedError(400, {"error": {"code": "BadRequest"}})
        since, begin = 0, 0
        if "$deltatoken" in asked:
            since = int(asked["$deltatoken"])
        if "$skiptoken" in asked:
            since, begin = (int(one) for one in asked["$skiptoken"].split("-"))
        found = [
            row for row in sorted(rows.values(), key=lambda row: (row["at"], row["id"])) if row["at"] > since
        ]
        if not since:
            found = [row for row in found if not row.get("gone")]
        shown = [
            {"id": row["id"], "@removed": {"reason": "deleted"}}
            if row.get("gone")
            else {name: value for name, value in row.items() if name not in ("at", "gone")}
            for row in found[begin : begin + PAGE]
        ]
        here = f"https://graph.microsoft.com{request.path}"
        body: Row = {"value": self.shown(shown)}
        if begin + PAGE < len(found):
            body["@odata.nextLink"] = f"{here}?$skiptoken={since}-{begin + PAGE}"
        else:
            body["@odata.deltaLink"] = (
                f"{here}?$deltatoken={max((row['at'] for row in found), default=since)}"
            )
        return Answer(body=body)

    def put(self, kind: str, id_: str, **fields: Any) -> None:
        """Create or change a record."""
        before = self.rows.setdefault(kind, {}).get(id_, {"id": id_})
        self.rows[kind][id_] = {**before, **fields, "at": self.serial()}
