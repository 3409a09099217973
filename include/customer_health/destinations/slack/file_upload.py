"""Put a picture into a message's thread: ask for an address, upload, share. Only the last step can be seen.

The file's name carries the effect's key, so that a lost answer can be looked up in the thread. Bytes that
were uploaded and never shared are thrown away by Slack: asking anew for the first two steps harms nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from customer_health.delivery import http_faults
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations import usage_audit_table
from customer_health.effects.destination import RejectedError
from customer_health.effects.effect import Effect

SCOPES = ("files:write", "files:read")
Call = Callable[..., Any]


def name_of(effect: Effect) -> str:
    """Return the file's name, by which it is found again."""
    return f"{effect.payload['picture'].replace('_', '-')}-{effect.key}.png"


def content_of(payload: Mapping[str, Any]) -> bytes:
    """Return the picture that a payload describes.

    Raises:
        RejectedError: Nobody can draw it.
    """
    if payload.get("picture") != "usage_audit":
        raise RejectedError(f"'{payload.get('picture')}' is not a picture.", hint="Known: usage_audit.")
    return usage_audit_table.picture(payload["usage_audit"])


def share(
    call: Call, web: Any, session: requests.Session, effect: Effect, *, channel: str, parent: str, host: str
) -> str:
    """Upload the effect's picture into a thread and return `channel:file id`.

    Args:
        call: Makes one call of Slack's API and sorts its errors.
        web: The client whose methods are called.
        session: Carries the bytes.
        effect: What to share.
        channel: Where.
        parent: Timestamp of the message.
        host: Of the API; uploads may go there or to a host of slack.com, nowhere else.

    Raises:
        RejectedError: The app may not write files, or the picture is refused. Messages go on.
    """
    payload, name = effect.payload, name_of(effect)
    content = content_of(payload)
    try:
        with http_faults.reading():
            place = call(
                web.files_getUploadURLExternal,
                filename=name,
                length=len(content),
                alt_txt=usage_audit_table.headline(payload["usage_audit"])[:1000],
            )
        url = str(place["upload_url"])
        split = urlsplit(url)
        if split.netloc != host and not (
            split.scheme == "https" and str(split.hostname).endswith(".slack.com")
        ):
            raise RejectedError("Slack names an address outside of slack.com for the upload.")
        with http_faults.reading():
            _upload(session, url, content)
        file = str(place["file_id"])
        call(
            web.files_completeUploadExternal,
            files=[{"id": file, "title": str(payload["title"])[:150]}],
            channel_id=channel,
            thread_ts=parent,
        )
    except DestinationUnavailableError as error:
        if "missing_scope" not in error.message:
            raise
        # The alerts need no files: one permission too few must not stop them.
        raise RejectedError(
            error.message,
            hint=f"Add the scopes {' and '.join(SCOPES)} to the app, reinstall it, then resend.",
        ) from None
    return f"{channel}:{file}"


def shared(messages: Iterable[Mapping[str, Any]], effect: Effect) -> str | None:
    """Return the id of the effect's file among a thread's messages."""
    wanted = name_of(effect)
    for message in messages:
        for file in message.get("files") or ():
            if file.get("name") == wanted:
                return str(file["id"])
    return None


def _upload(session: requests.Session, url: str, content: bytes) -> None:
    try:
        answer = session.request("POST", url, data=content, headers={"Content-Type": "image/png"})
    except requests.RequestException as error:
        raise http_faults.of_exception("Slack", error) from None
    if not 200 <= answer.status_code < 300:
        raise http_faults.of_status("Slack", answer.status_code, answer.text, answer.headers)
