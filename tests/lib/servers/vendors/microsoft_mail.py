"""The messages of two folders in Microsoft Graph, by delta; only the fields that are asked for."""

from __future__ import annotations

from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, iso
from tests.lib.servers.vendors.microsoft import GraphServer

FOLDERS = {"inbox": "received", "sentitems": "sent"}


class Remote(GraphServer):
    """Never shows a subject or a body to ReadBasic."""

    vendor, main, deletes = "microsoft_mail", "received", False
    calls_of_an_idle_run = 2
    id_columns = {"interactions": "interaction_id"}

    def create(self, name: str, **fields: Any) -> None:
        sender = {"emailAddress": {"address": "Ann@Acme.com", "name": "Ann"}}
        self.put("received", name, **{"from": sender, "receivedDateTime": iso(self.now), **fields})

    def change(self, name: str) -> None:
        """Messages do not change; one more comes."""
        self.add(f"{name}-next")

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("received", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/v1.0/users/cara@ours.com/mailFolders/inbox/messages/delta"
        return [
            ("GET", ask, {"params": {"$select": "subject,body"}}),
            ("GET", ask, {"params": {"$top": 10, "since": 1}}),
            ("GET", "/v1.0/users/cara@ours.com/mailFolders/secret/messages/delta", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1")
        to = [{"emailAddress": {"address": "bob@acme.com"}}]
        self.put("sent", "2", toRecipients=to, sentDateTime=iso(self.now))
        return {
            "interactions": {
                "graph-1": {"kind": "email_reply", "occurred_at": "2026-01-01 00:01:00"},
                "graph-2": {"kind": "email_sent", "account_id": "a1"},
            }
        }

    def respond(self, request: Request) -> Answer:
        if request.path.endswith("/token"):
            return self.token(request)
        self.signed_in(request)
        parts = request.path.split("/")
        if parts[3] != "cara@ours.com" or parts[4] != "mailFolders" or parts[5] not in FOLDERS:
            raise RefusedError(404, {"error": {"code": "ErrorItemNotFound"}})
        chosen = request.query.get("$select", [""])[0].split(",")
        if {"subject", "body", "bodyPreview"} & set(chosen):
            raise RefusedError(403, {"error": {"code": "ErrorAccessDenied"}})
        kind = FOLDERS[parts[5]]
        if kind == self.main:
            self.saw_main()
        return self.delta(request, self.rows.get(kind, {}), "$select")
