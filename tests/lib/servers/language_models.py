"""Stand-ins for Anthropic's and OpenAI's APIs, as far as their references document them, batches included.

`reply` decides what the model "says": a dictionary is an answer in the shape that was asked for, text is said
as it is, an `Answer` is returned as it stands.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from tests.lib.servers.base import Answer, Request, Server

Reply = dict[str, Any] | str | Answer
Mind = Callable[[str], Reply]


class LanguageModel(Server):
    """What both have in common: a mind, a key, and batches that are done when `finish_batches` says so."""

    def __init__(self, mind: Mind, **given: Any) -> None:
        self.mind = mind
        self.counts_tokens = True  # some that speak OpenAI's language say 0 of everything
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self._ids = itertools.count(1)
        super().__init__(**given)

    def limited(self) -> Answer:
        """Too fast."""
        return Answer(
            429, {"error": {"type": "rate_limit_error", "message": "slow down"}}, {"retry-after": "0"}
        )

    def think(self, body: dict[str, Any]) -> Reply:
        """Ask the mind about what the user wrote last."""
        prompt = _said(body["messages"])
        self.asked.append(prompt)
        return self.mind(prompt)

    def finish_batches(self) -> None:
        """The vendor has worked through every batch."""
        for batch in self.batches.values():
            batch["done"] = True


def _said(messages: list[dict[str, Any]]) -> str:
    content = next(one for one in messages if one["role"] == "user")["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _refused(status: int, kind: str, words: str) -> Answer:
    return Answer(status, {"type": "error", "error": {"type": kind, "message": words}})


class AnthropicServer(LanguageModel):
    """POST /v1/messages, plain and streamed; /v1/messages/batches, as Anthropic's reference has them."""

    def answer(self, request: Request) -> Answer:
        """Route."""
        if (
            request.headers.get("x-api-key") != "key-1"
            and request.headers.get("authorization") != "Bearer key-1"
        ):
            return _refused(401, "authentication_error", "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            return _refused(400, "invalid_request_error", "anthropic-version: header is required")
        path, method = request.path, request.method
        if (method, path) == ("POST", "/v1/messages"):
            return self._message(request.json)
        if (method, path) == ("POST", "/v1/messages/batches"):
            return self._submit(request.json["requests"])
        if method == "GET" and path.endswith("/results"):
            return self._results(path.split("/")[-2])
        if method == "GET" and path.startswith("/v1/messages/batches/"):
            return Answer(body=self._state(path.rsplit("/", 1)[1]))
        return _refused(404, "not_found_error", f"{method} {path}")

    def _message(self, body: dict[str, Any]) -> Answer:
        for name in ("model", "messages", "max_tokens"):
            if name not in body:
                return _refused(400, "invalid_request_error", f"{name}: Field required")
        reply = self.think(body)
        if isinstance(reply, Answer):
            return reply
        message = self._made(body, reply)
        return self._streamed(message) if body.get("stream") else Answer(body=message)

    def _made(self, body: dict[str, Any], reply: dict[str, Any] | str) -> dict[str, Any]:
        tools = body.get("tools")
        if isinstance(reply, dict) and tools:
            content = {
                "type": "tool_use",
                "id": f"toolu_{next(self._ids)}",
                "name": tools[0]["name"],
                "input": reply,
            }
            stop = "tool_use"
        else:
            words = reply if isinstance(reply, str) else json.dumps(reply)
            content, stop = {"type": "text", "text": words}, "end_turn"
        return {
            "id": f"msg_{next(self._ids)}", "type": "message", "role": "assistant", "model": body["model"],
            "content": [content], "stop_reason": stop, "stop_sequence": None,
            "usage": {"input_tokens": 350, "output_tokens": 40},
        }  # fmt: skip

    def _streamed(self, message: dict[str, Any]) -> Answer:
        """The same as server-sent events, in the order that the reference gives."""
        (content,) = message["content"]
        start = {
            **message,
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 350, "output_tokens": 1},
        }
        if content["type"] == "tool_use":
            block = {**content, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(content["input"])}
        else:
            block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": content["text"]}
        events = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None},
                "usage": {"output_tokens": 40},
            },
            {"type": "message_stop"},
        ]
        lines = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
        return Answer(body=lines, headers={"Content-Type": "text/event-stream"})

    def _submit(self, requests: list[dict[str, Any]]) -> Answer:
        ids = [one["custom_id"] for one in requests]
        if len(set(ids)) < len(ids) or any(not 1 <= len(one) <= 64 for one in ids):
            return _refused(400, "invalid_request_error", "custom_id must be unique, of 1 to 64 characters")
        number = f"msgbatch_{next(self._ids):04d}"
        self.batches[number] = {"requests": requests, "done": False}
        self.land(number, "batch")
        return Answer(body=self._state(number))

    def _state(self, number: str) -> dict[str, Any]:
        batch = self.batches[number]
        many, done = len(batch["requests"]), batch["done"]
        return {
            "id": number, "type": "message_batch", "processing_status": "ended" if done else "in_progress",
            "request_counts": {
                "processing": 0 if done else many, "succeeded": many if done else 0, "errored": 0,
                "canceled": 0, "expired": 0,
            },
            "ended_at": "2026-03-01T08:00:00Z" if done else None, "created_at": "2026-03-01T06:00:00Z",
            "expires_at": "2026-03-02T06:00:00Z", "archived_at": None, "cancel_initiated_at": None,
            "results_url": f"{self.url}/v1/messages/batches/{number}/results" if done else None,
        }  # fmt: skip

    def _results(self, number: str) -> Answer:
        lines = []
        for one in self.batches[number]["requests"]:
            reply = self.think(one["params"])
            if isinstance(reply, Answer):
                error = {"type": "error", "error": {"type": "api_error", "message": "internal"}}
                result: dict[str, Any] = {"type": "errored", "error": error}
            else:
                result = {"type": "succeeded", "message": self._made(one["params"], reply)}
            lines.append(json.dumps({"custom_id": one["custom_id"], "result": result}))
        return Answer(body="\n".join(lines) + "\n", headers={"Content-Type": "application/x-jsonl"})


class OpenAIServer(LanguageModel):
    """POST /chat/completions, plain and streamed, held against OpenAI's document; /files and /batches."""

    spec = "openai.yaml"

    def __init__(self, mind: Mind, **given: Any) -> None:
        self.files: dict[str, bytes] = {}
        super().__init__(mind, **given)

    def answer(self, request: Request) -> Answer:
        """Route."""
        if request.headers.get("authorization") != "Bearer key-1":
            return Answer(401, {"error": {"message": "Incorrect API key", "type": "invalid_request_error"}})
        path, method = request.path, request.method
        if (method, path) == ("POST", "/chat/completions"):
            return self._complete(request.json)
        if (method, path) == ("POST", "/files"):
            return self._upload(request.raw)
        if (method, path) == ("POST", "/batches"):
            return self._submit(request.json)
        if method == "GET" and path.startswith("/batches/"):
            return Answer(body=self._state(path.rsplit("/", 1)[1]))
        if method == "GET" and path.endswith("/content"):
            return Answer(
                body=self.files[path.split("/")[2]], headers={"Content-Type": "application/octet-stream"}
            )
        return Answer(404, {"error": {"message": f"{method} {path}", "type": "invalid_request_error"}})

    def _complete(self, body: dict[str, Any]) -> Answer:
        reply = self.think(body)
        if isinstance(reply, Answer):
            return reply
        made = self._made(body, reply)
        return self._streamed(body, made) if body.get("stream") else Answer(body=made)

    def _streamed(self, body: dict[str, Any], made: dict[str, Any]) -> Answer:
        """The same as chunks; what it used comes last, and only to those who asked for it."""
        words = made["choices"][0]["message"]["content"]
        half = len(words) // 2
        deltas: list[tuple[dict[str, Any], str | None]] = [
            ({"role": "assistant", "content": ""}, None),
            ({"content": words[:half]}, None),
            ({"content": words[half:]}, None),
            ({}, "stop"),
        ]
        head = {name: made[name] for name in ("id", "created", "model")}
        head["object"] = "chat.completion.chunk"
        chunks: list[dict[str, Any]] = [
            {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]}
            for delta, reason in deltas
        ]
        if (body.get("stream_options") or {}).get("include_usage"):
            chunks.append({**head, "choices": [], "usage": made["usage"]})
        lines = "".join(f"data: {json.dumps(one)}\n\n" for one in chunks) + "data: [DONE]\n\n"
        return Answer(body=lines, headers={"Content-Type": "text/event-stream"})

    def _made(self, body: dict[str, Any], reply: dict[str, Any] | str) -> dict[str, Any]:
        words = reply if isinstance(reply, str) else json.dumps(reply)
        used, out = (350, 40) if self.counts_tokens else (0, 0)
        return {
            "id": f"chatcmpl-{next(self._ids)}", "object": "chat.completion", "created": 1772300000,
            "model": body["model"],
            "choices": [
                {
                    "index": 0, "finish_reason": "stop", "logprobs": None,
                    "message": {"role": "assistant", "content": words, "refusal": None},
                }
            ],
            "usage": {"prompt_tokens": used, "completion_tokens": out, "total_tokens": used + out},
        }  # fmt: skip

    def _upload(self, raw: bytes) -> Answer:
        number = f"file-{next(self._ids):04d}"
        start = raw.index(b'{"custom_id"')
        self.files[number] = raw[start : raw.rindex(b"\n--")].rstrip(b"\r\n")
        return Answer(
            body={
                "id": number, "object": "file", "bytes": len(raw), "created_at": 1772300000,
                "filename": "batch.jsonl", "purpose": "batch", "status": "processed",
            }
        )  # fmt: skip

    def _submit(self, body: dict[str, Any]) -> Answer:
        number = f"batch_{next(self._ids):04d}"
        self.batches[number] = {**body, "done": False}
        self.land(number, "batch")
        return Answer(body=self._state(number))

    def _state(self, number: str) -> dict[str, Any]:
        batch = self.batches[number]
        if batch["done"] and "output" not in batch:
            lines = []
            for line in self.files[batch["input_file_id"]].decode().splitlines():
                one = json.loads(line)
                reply = self.think(one["body"])
                failed = isinstance(reply, Answer)
                response = {
                    "status_code": reply.status if isinstance(reply, Answer) else 200,
                    "request_id": "r",
                    "body": {} if isinstance(reply, Answer) else self._made(one["body"], reply),
                }  # fmt: skip
                lines.append(
                    json.dumps(
                        {"id": "b", "custom_id": one["custom_id"], "response": response, "error": None}
                    )
                )
                assert failed is isinstance(reply, Answer)
            batch["output"] = f"file-{next(self._ids):04d}"
            self.files[batch["output"]] = "\n".join(lines).encode()
        return {
            "id": number, "object": "batch", "endpoint": batch["endpoint"], "completion_window": "24h",
            "status": "completed" if batch["done"] else "in_progress", "errors": None, "error_file_id": None,
            "input_file_id": batch["input_file_id"], "output_file_id": batch.get("output"),
            "request_counts": {"total": 1, "completed": 1, "failed": 0}, "metadata": batch.get("metadata"),
            "created_at": 1772300000,
        }  # fmt: skip
