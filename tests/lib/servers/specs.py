"""Hold requests against the vendors' published specifications, where a copy of them is at hand."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from tests.lib.servers.base import Request

_GIVEN = os.environ.get("CUSTOMER_HEALTH_TEST_SPECS")  # read before the tests clear the environment
FOLDER = Path(_GIVEN) if _GIVEN else Path(__file__).resolve().parents[4] / "shared" / "specs"
DEMANDED = bool(_GIVEN)

# Operations that a copy lacks, as a pattern of method and path, and where each is described instead.
NOT_IN_THE_COPY: Mapping[str, Mapping[str, str]] = {
    "slack_oas3.json": {
        rf"(GET|POST) /{re.escape(method)}": f"docs.slack.dev/reference/methods/{method}"
        for method in (
            "apps.connections.open",
            "conversations.history",
            "conversations.replies",
            "files.completeUploadExternal",
            "files.getUploadURLExternal",
            "reactions.get",
            "users.info",
            "views.open",
        )
    }
    | {r"POST /upload/[^/]+": "no method: the address that files.getUploadURLExternal gave"},
    "hubspot_derived.json": {
        r"GET /crm/owners/\d{4}-\d\d": "owners have a client of their own; CRM API guide, Owners",
        r"GET /crm/objects/\d{4}-\d\d/feedback_submissions": "read only; CRM API guide, Feedback submissions",
    },
}


def available() -> bool:
    """Return whether the folder of specifications is there."""
    return FOLDER.is_dir()


@cache
def _load(name: str) -> Any:
    path = FOLDER / name
    if not path.exists():
        return None
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)


@cache
def _operation(name: str, method: str, path: str) -> Any:
    """Return the validator of the request body, None when there is no body; raise KeyError if unknown."""
    spec = _load(name)
    for pattern, operations in spec["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path) and method in operations:
            operation = operations[method]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            required = [
                one["name"]
                for one in operation.get("parameters", [])
                if one.get("required") and one["in"] == "query"
            ]
            schema = {**content["schema"], "components": spec.get("components", {})} if content else None
            return (Draft202012Validator(schema) if schema else None), required
    raise KeyError(path)


def _unlisted(name: str, request: Request) -> list[str]:
    """An operation that the copy does not hold is a mistake of ours, unless it is known why it is missing."""
    operation = f"{request.method} {request.path}"
    if any(re.fullmatch(pattern, operation) for pattern in NOT_IN_THE_COPY.get(name, {})):
        return []
    return [f"{operation}: the specification {name} holds no such operation"]


def violations(name: str, request: Request) -> list[str]:
    """Return what is wrong with a request according to the specification `name`; empty if it is not there."""
    if _load(name) is None:
        return []
    try:
        validator, required = _operation(name, request.method.lower(), request.path)
    except KeyError:
        return _unlisted(name, request)
    found = [f"{request.path}: parameter {one} is missing" for one in required if one not in request.query]
    if validator is not None and request.raw[:1] == b"{":
        found += [
            f"{request.path}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
            for error in validator.iter_errors(request.json)
        ]
    return found
