"""A Slack workspace: posts, threads, edits, history with metadata, reactions, `ok: false` under HTTP 200."""

from __future__ import annotations

import json
from typing import Any

from tests.lib.servers.base import Answer, Request, Server

NEEDS = {
    "users_lookupByEmail": "users:read.email",
    "conversations_open": "im:write",
    "files_getUploadURLExternal": "files:write",
}


class SlackWorkspace(Server):
    """One workspace.

    Attributes:
        channels: Name without # -> id.
        closed: Channel ids that the app is not a member of.
        archived: Names of channels that nobody may post to any more.
        page_size: Most channels that one page of the list holds.
        messages: (channel, ts) -> message.
        charts: Whether data_visualization blocks are known here yet.
        scopes: Of the app; a method whose scope is missing says so.
        people: E-mail -> user id.
        line: Address of the Socket Mode line, see slack_line.py.
        windows: Forms that were shown, with the trigger of each.
        files: File id -> name, length, content, and the thread it was shared in.
    """

    spec = "slack_oas3.json"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.channels = {"csm-alerts": "C0000001", "quiet": "C0000002"}
        self.closed: set[str] = set()
        self.archived: set[str] = set()
        self.page_size = 1  # Slack may give fewer than it is asked for: paging is used
        self.messages: dict[tuple[str, str], dict[str, Any]] = {}
        self.charts = True
        self.scopes = (
            "chat:write,channels:read,groups:read,channels:history,groups:history,reactions:read,"
            "users:read.email,im:write,im:history,files:write,files:read"
        )
        self.people = {"dana@example.com": "U1", "lee@example.com": "U2"}
        self.files: dict[str, dict[str, Any]] = {}
        self.line = ""
        self.windows: list[dict[str, Any]] = []
        self._clock = 1_793_600_000  # November 2026

    @property
    def base_url(self) -> str:
        """For WebClient."""
        return self.url + "/"

    def limited(self) -> Answer:
        """Slack's only honest status code."""
        return Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"})

    def expired(self) -> Answer:
        """A revoked token is a 200."""
        return Answer(body={"ok": False, "error": "token_revoked"})

    def answer(self, request: Request) -> Answer:
        """Route."""
        if request.path.startswith("/upload/"):
            self.files[request.path.removeprefix("/upload/")]["content"] = request.raw
            return Answer(body=b"OK", headers={"Content-Type": "text/plain"})
        if request.path.endswith("apps.connections.open"):
            known = request.headers.get("authorization") == "Bearer xapp-1"
            return Answer(
                body={"ok": True, "url": self.line} if known else {"ok": False, "error": "not_authed"}
            )
        if request.headers.get("authorization") != "Bearer xoxb-1":
            return Answer(body={"ok": False, "error": "invalid_auth"})
        given: dict[str, Any] = {name: values[0] for name, values in request.query.items()}
        if request.raw[:1] == b"{":
            given |= request.json
        elif request.raw:
            from urllib.parse import parse_qsl

            given |= dict(parse_qsl(request.raw.decode()))
        method = request.path.strip("/").replace(".", "_")
        if (scope := NEEDS.get(method)) and scope not in self.scopes.split(","):
            return Answer(body={"ok": False, "error": "missing_scope", "needed": scope})
        answer = getattr(self, f"_{method}")(given)
        return Answer(body={"ok": "error" not in answer, **answer}, headers={"X-OAuth-Scopes": self.scopes})

    def _auth_test(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"team": "Acme", "user": "health"}

    def _conversations_list(self, given: dict[str, Any]) -> dict[str, Any]:
        hide = given.get("exclude_archived") in ("1", "true", True)
        rows = [
            {"id": number, "name": name, "is_archived": name in self.archived}
            for name, number in self.channels.items()
            if not (hide and name in self.archived)
        ]
        start, size = int(given.get("cursor") or 0), min(int(given["limit"]), self.page_size)
        more = str(start + size) if start + size < len(rows) else ""
        return {"channels": rows[start : start + size], "response_metadata": {"next_cursor": more}}

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:
        if refused := self._refused(given):
            return refused
        self._clock += 1
        stamp = f"{self._clock}.000100"
        self.messages[given["channel"], stamp] = {**given, "ts": stamp, "reactions": []}
        kind = "reply" if given.get("thread_ts") else "message"
        self.land(given["metadata"]["event_payload"]["key"], kind)
        return {"channel": given["channel"], "ts": stamp}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        if refused := self._refused(given):
            return refused
        message = self.messages.get((given["channel"], str(given["ts"])))
        if message is None:
            return {"error": "message_not_found"}
        message.update(given)
        self.land(given["metadata"]["event_payload"]["edit"], "edit", created=False)
        return {"channel": given["channel"], "ts": given["ts"]}

    def _refused(self, given: dict[str, Any]) -> dict[str, Any] | None:
        direct = given["channel"] in {f"D{user}" for user in self.people.values()}
        if given["channel"] not in self.channels.values() and not direct:
            return {"error": "channel_not_found"}
        if given["channel"] in {self.channels[name] for name in self.archived}:
            return {"error": "is_archived"}
        if given["channel"] in self.closed:
            return {"error": "not_in_channel"}
        if given.get("thread_ts") and (given["channel"], given["thread_ts"]) not in self.messages:
            return {"error": "thread_not_found"}
        if not self.charts and any(block["type"] == "data_visualization" for block in given["blocks"]):
            return {"error": "invalid_blocks", "errors": ["unsupported type: data_visualization"]}
        if len(given["blocks"]) > 50 or len(json.dumps(given["blocks"])) > 60_000:
            return {"error": "invalid_blocks"}
        return None

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        oldest, latest = float(given.get("oldest") or 0), float(given.get("latest") or 9e9)
        rows = [
            message
            for (channel, stamp), message in self.messages.items()
            if channel == given["channel"]
            and not message.get("thread_ts")
            and oldest <= float(stamp) <= latest
        ]
        return self._page(rows[::-1], given)

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        rows = [
            message
            for (channel, stamp), message in self.messages.items()
            if channel == given["channel"] and given["ts"] in (stamp, message.get("thread_ts"))
        ]
        return self._page(rows, given)

    def _page(self, rows: list[dict[str, Any]], given: dict[str, Any]) -> dict[str, Any]:
        start, size = int(given.get("cursor") or 0), int(given["limit"])
        more = str(start + size) if start + size < len(rows) else ""
        keep = (
            ("ts", "text", "metadata")
            if given.get("include_all_metadata") in ("1", "true", True)
            else ("ts", "text")
        )
        shown = [
            {name: row[name] for name in (*keep, "files") if name in row}
            for row in rows[start : start + size]
        ]
        return {"messages": shown, "response_metadata": {"next_cursor": more}}

    def _users_lookupByEmail(self, given: dict[str, Any]) -> dict[str, Any]:
        user = self.people.get(given["email"])
        return {"user": {"id": user}} if user else {"error": "users_not_found"}

    def _conversations_open(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"channel": {"id": f"D{given['users']}"}}

    def _files_getUploadURLExternal(self, given: dict[str, Any]) -> dict[str, Any]:
        number = f"F{len(self.files) + 1}"
        self.files[number] = {"name": given["filename"], "length": int(given["length"]), "shared": None}
        return {"upload_url": f"{self.url}/upload/{number}", "file_id": number}

    def _files_completeUploadExternal(self, given: dict[str, Any]) -> dict[str, Any]:
        (wanted,) = json.loads(given["files"])
        file = self.files[wanted["id"]]
        if len(file.get("content", b"")) != file["length"]:
            return {"error": "file_upload_size_mismatch"}
        if (given["channel_id"], given["thread_ts"]) not in self.messages:
            return {"error": "thread_not_found"}
        self._clock += 1
        stamp = f"{self._clock}.000200"
        file["shared"] = (given["channel_id"], given["thread_ts"])
        self.messages[given["channel_id"], stamp] = {
            "ts": stamp,
            "thread_ts": given["thread_ts"],
            "text": "",
            "metadata": {},
            "files": [{"id": wanted["id"], "name": file["name"], "title": wanted["title"]}],
        }
        self.land(file["name"].removesuffix(".png").removeprefix("usage-audit-"), "file")
        return {"files": [{"id": wanted["id"]}]}

    def _views_open(self, given: dict[str, Any]) -> dict[str, Any]:
        view = given["view"] if isinstance(given["view"], dict) else json.loads(given["view"])
        self.windows.append({"trigger_id": given["trigger_id"], **view})
        return {"view": {"id": f"V{len(self.windows)}"}}

    def _users_info(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"user": {"real_name": "Dana Doe"}} if given["user"] == "U1" else {"error": "user_not_found"}

    def _reactions_get(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self.messages.get((given["channel"], given["timestamp"]))
        return {"message": {"reactions": message["reactions"]}} if message else {"error": "message_not_found"}
