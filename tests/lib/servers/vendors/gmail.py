"""Gmail's list of message ids, and their headers one by one."""

from __future__ import annotations

import re
from typing import Any

from tests.lib.servers.base import Answer, Request
from tests.lib.servers.vendors.base import RefusedError, Row, at_most, only
from tests.lib.servers.vendors.google import GoogleServer

PAGE = 40


class Remote(GoogleServer):
    """All messages are Cara's."""

    vendor = "gmail"
    scope = "https://www.googleapis.com/auth/gmail.metadata"
    main, renamed, deletes = "messages", ("internalDate", "date"), False
    calls_of_an_idle_run = 6  # the list of ids has pages here; a token for each mailbox
    id_columns = {"interactions": "interaction_id"}

    def create(self, name: str, **fields: Any) -> None:
        headers = {
            "From": "Cara <cara@ours.com>",
            "To": "Ann <ann@acme.com>, bob@acme.com",
            **fields.pop("headers", {}),
        }
        self.rows.setdefault("messages", {})[name] = {
            "id": name,
            "threadId": f"t{name}",
            "labelIds": ["SENT"],
            "internalDate": str(self.now * 1000),
            "snippet": "a word between us",
            "payload": {"headers": [{"name": one, "value": value} for one, value in headers.items()]},
            **fields,
        }

    def change(self, name: str) -> None:
        """Messages do not change; one more is written."""
        self.add(f"{name}-next")

    def served(self) -> dict[str, Row]:
        return dict(self.rows.get("messages", {}))

    def wrong(self) -> list[tuple[str, str, dict[str, Any]]]:
        ask = "/gmail/v1/users/cara@ours.com/messages"
        return [
            ("GET", ask, {"params": {"maxResults": 501}}),
            ("GET", ask, {"params": {"q": "after:2026"}}),  # the metadata scope may not search
            ("GET", f"{ask}/00001", {"params": {"format": "full"}}),
            ("GET", "/gmail/v1/users/stranger@ours.com/messages", {}),
        ]

    def story(self) -> dict[str, dict[str, Row]]:
        self.add("1")
        self.add("2", labelIds=["INBOX"], headers={"From": "Ann <Ann@Acme.com>", "To": "cara@ours.com"})
        self.add("3", labelIds=["DRAFT"])
        return {
            "interactions": {
                "gmail-1": {"kind": "email_sent", "account_id": "a1", "occurred_at": "2026-01-01 00:01:00"},
                "gmail-2": {"kind": "email_reply", "account_id": "a1"},
            }
        }

    def respond(self, request: Request) -> Answer:
        if request.path == "/token":
            return self.token(request)
        found = re.fullmatch(r"/gmail/v1/users/([^/]+)/messages(?:/(.+))?", request.path)
        if not found:
            raise RefusedError(404, {"error": {"code": 404}})
        self.owner(request, found[1])
        every = self.rows.get("messages", {}) if found[1] == "cara@ours.com" else {}
        if found[2]:
            asked = only(request, "format", "metadataHeaders")
            if asked.get("format") != "metadata":
                raise RefusedError(403, {"error": {"message": "Metadata scope doesn't allow format FULL"}})
            plain = {name: value for name, value in every[found[2]].items() if name != "snippet"}
            return Answer(body=self.shown([plain])[0])
        asked = only(request, "maxResults", "pageToken", "labelIds")
        size = min(at_most(asked.get("maxResults", 100), 500), PAGE)
        if found[1] == "cara@ours.com":
            self.saw_main()
        ids = sorted(every, reverse=True)
        begin = int(asked.get("pageToken", "0"))
        body: Row = {"resultSizeEstimate": len(ids)}
        if shown := ids[begin : begin + size]:
            body["messages"] = [{"id": one, "threadId": f"t{one}"} for one in shown]
        if begin + size < len(ids):
            body["nextPageToken"] = str(begin + size)
        return Answer(body=body)
