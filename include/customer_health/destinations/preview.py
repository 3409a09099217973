"""The destination without keys: everything is rendered to files, exactly as it would be sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from customer_health.address_faults import asking
from customer_health.delivery.http_faults import DestinationUnavailableError
from customer_health.destinations.crm.task_text import opportunity_markdown, task_markdown
from customer_health.destinations.mailbox import digest_mail, meeting_text
from customer_health.destinations.safe_text import slug
from customer_health.destinations.slack import blocks, file_upload, slack_limits
from customer_health.effects.destination import RejectedError
from customer_health.effects.effect import Effect
from customer_health.ledger.crash_points import crash_point
from customer_health.settings import Settings
from customer_health.storage import files_below, read, write
from customer_health.store_faults import StoreFullError

FOLDERS: Mapping[str, str] = {
    "notify": "slack",
    "update_message": "slack",
    "reply": "slack",
    "attach_file": "slack",
    "propose_meeting": "meetings",
    "draft_email": "emails",
    "send_digest": "emails",
    "create_task": "tasks",
    "create_opportunity": "opportunities",
    "enroll": "enrolments",
    "set_fields": "fields",
}


_LANDED = re.compile(r"\d{4}-\d\d-\d\d/[a-z]+/.+\.json", re.DOTALL)


def is_preview(remote_id: str | None) -> bool:
    """Whether a delivery landed in a preview's file, so nowhere outside; no vendor's id is such a path."""
    return remote_id is not None and _LANDED.fullmatch(remote_id) is not None


class PreviewDestination:
    """Renders effects into `<root>/<as_of>/<kind>/`, two files each: .json as sent, .md as read.

    The file's name ends in the effect's key, and the JSON file appears after everything else is in
    place: it exists, whole, or the effect has not landed.

    Args:
        name: The role it plays (crm, slack, ...); selects its outbox rows.
        root: Folder of all previews, here or at an address.
    """

    idempotent = True  # writing the same file again is no second effect
    local = True  # and nobody there asks to be left alone
    batch = 200

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root

    def find(self, effect: Effect) -> str | None:
        """Return the path of the file that carries the effect's key, if it exists."""
        path = self.path_of(effect)
        return self._name(path) if self._there(path) else None

    def deliver(self, effect: Effect) -> str:
        """Render the effect.

        Raises:
            RejectedError: The message breaks a rule of the real destination.
            DestinationUnavailableError: The disk is full; the rows wait.
        """
        try:
            return self._write(effect)
        except StoreFullError as error:  # its own file, the last one, is not there: nothing has happened
            raise DestinationUnavailableError(error.message, retry_after=900.0, hint=error.hint) from None

    def _write(self, effect: Effect) -> str:
        sent, read = render(effect)
        path = self.path_of(effect)
        if read:
            write(path.with_suffix(".md"), read)
        for suffix, content in files(effect).items():
            write(path.with_suffix(suffix), content)
        crash_point("preview_before_rename")
        write(path, json.dumps(sent, ensure_ascii=False, indent=1, sort_keys=True))
        crash_point("preview_after_rename")
        return self._name(path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _there(self, path: Path) -> bool:
        with asking(path):
            return path.exists()

    def path_of(self, effect: Effect) -> Path:
        """Return where the effect's JSON file belongs."""
        kind = FOLDERS.get(effect.verb, "other")
        return self.root / effect.as_of.isoformat() / kind / f"{_stem(effect)}.json"


@dataclass(frozen=True)
class Rendered:
    """One rendered effect, for summaries and pages."""

    verb: str
    key: str
    account_id: str
    playbook: str
    headline: str
    page: Path


def rendered(root: Path, as_of: date, verb: str) -> list[Rendered]:
    """Return what was rendered for a day, e.g. every alert (`notify`) or task (`create_task`)."""
    folder = root / as_of.isoformat() / FOLDERS.get(verb, "other")
    found = []
    there = {file.name: file.path for file in files_below(folder)}
    for name, path in there.items():
        if not name.endswith(".json"):
            continue
        sent = json.loads(read(path))
        page = there.get(f"{name.removesuffix('.json')}.md", path)
        found.append(
            Rendered(
                verb,
                sent["key"],
                sent["account_id"],
                sent["playbook"],
                sent["headline"],
                page,
            )
        )
    return found


def render(effect: Effect) -> tuple[dict[str, Any], str]:
    """Return what would be sent, and how a person would read it (empty for bulk fields).

    Raises:
        RejectedError: The Slack message breaks one of Slack's limits.
    """
    payload = effect.payload
    match effect.verb:
        case "notify" | "update_message" | "reply":
            body = blocks.message(payload)
            if faults := slack_limits.problems(body):
                raise RejectedError(
                    f"Slack would refuse this message: {'; '.join(faults)}.",
                    hint="Shorten the playbook's words; names and reasons are shortened by themselves.",
                )
            read, headline = slack_limits.as_markdown(body), body["text"]
        case "create_task":
            body, read, headline = dict(payload), task_markdown(payload), payload["subject"]
        case "create_opportunity":
            body, read = dict(payload), opportunity_markdown(payload)
            headline = f"{payload['type']} opportunity"
        case "attach_file":
            body, headline = dict(payload), payload["title"]
            read = f"`{payload['channel']}` (thread)\n\n![{headline}]({effect_file(effect)})\n"
        case "propose_meeting":
            body, read, headline = dict(payload), meeting_text.markdown(payload), payload["subject"]
        case "draft_email":
            body, headline = dict(payload), payload["subject"]
            noted = f"\n\n*{payload['for_whom']}*" if payload.get("for_whom") else ""
            read = f"# {payload['subject']}\n\nFrom: {payload['sender']['email']}{noted}"
            read += f"\n\n{payload['body']}\n"
            for file in payload.get("attachments", ()):
                read += f"\nAttached: {file['name']}\n"
        case "send_digest":
            body, headline = dict(payload), digest_mail.subject(payload)
            read = f"# {headline}\n\nTo: {payload['to']}\n\n{digest_mail.plain_text(payload)}\n"
        case "enroll":
            body, read, headline = dict(payload), "", f"enrol in {payload['play']}"
        case _:
            body, read, headline = dict(payload), "", effect.verb
    sent = {
        "key": effect.key,
        "destination": effect.destination,
        "verb": effect.verb,
        "account_id": effect.account_id,
        "as_of": effect.as_of.isoformat(),
        "playbook": effect.playbook,
        "step": effect.step,
        "episode_id": effect.episode_id,
        "headline": headline,
        "body": body,
    }
    return sent, read


def files(effect: Effect) -> dict[str, bytes]:
    """Return what travels beside the text, by the ending of its name: a picture, an invitation."""
    if effect.verb == "attach_file":
        return {".png": file_upload.content_of(effect.payload)}
    if effect.verb == "send_digest":
        return {".html": digest_mail.html(effect.payload).encode()}
    attached = effect.payload.get("attachments", ()) if effect.verb == "draft_email" else ()
    return {Path(file["name"]).suffix: str(file["text"]).encode() for file in attached}


def effect_file(effect: Effect) -> str:
    """Return the name of the picture beside the effect's page."""
    return f"{_stem(effect)}.png"


def _stem(effect: Effect) -> str:
    return f"{slug(effect.account_id, 40)}-{slug(effect.step, 30)}-{effect.key}"


def open_preview(role: str, settings: Settings) -> PreviewDestination:
    """Return the preview of a role, in the settings' folder."""
    return PreviewDestination(role, settings.preview)
