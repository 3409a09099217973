"""Doctor: ask each destination whether we can work there, before anybody depends on it.

Nothing is written. Every problem says what is wrong and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from customer_health.destinations.crm.hubspot import OBJECTS, HubspotDestination
from customer_health.destinations.crm.salesforce import SalesforceDestination
from customer_health.destinations.destination_registry import destination_for
from customer_health.destinations.mailbox.calendars import GoogleCalendarDestination, GraphCalendarDestination
from customer_health.destinations.mailbox.mail_drafts import (
    GmailDestination,
    GraphDestination,
    SmtpDestination,
)
from customer_health.destinations.preview import PreviewDestination
from customer_health.destinations.slack import file_upload
from customer_health.destinations.slack.slack_destination import SlackDestination
from customer_health.destinations.success_platforms.churnzero import ChurnzeroDestination
from customer_health.destinations.success_platforms.gainsight import GainsightDestination
from customer_health.destinations.success_platforms.totango import TotangoDestination
from customer_health.effects.destination import Destination
from customer_health.errors import CustomerHealthError
from customer_health.settings import Settings

SLACK_SCOPES = ("chat:write", "channels:read", "channels:history", "reactions:read")
# Only where something is sent to a person instead of a channel.
DIRECT_SCOPES = ("users:read.email", "im:write", "im:history")


@dataclass(frozen=True)
class Problem:
    """Something that will go wrong.

    Attributes:
        destination: The role.
        what: What is wrong.
        fix: What to do.
    """

    destination: str
    what: str
    fix: str

    def __str__(self) -> str:
        return f"{self.destination}: {self.what}\n  -> {self.fix}"


def examine(settings: Settings, *, channels: tuple[str, ...] = ()) -> list[Problem]:
    """Look at every destination of the company file.

    Args:
        settings: Roles, connections, secrets.
        channels: Slack channels that playbooks use, beside the one of the settings.
    """
    found: list[Problem] = []
    for role in settings.config.destinations.model_dump():
        try:
            destination = destination_for(role, settings)
        except CustomerHealthError as error:
            found.append(Problem(role, error.message, error.hint))
            continue
        wanted = (settings.config.playbooks.alerts_channel, settings.config.playbooks.data_channel, *channels)
        found += look(role, destination, channels=wanted)
    return found


def look(role: str, destination: Destination, *, channels: tuple[str, ...] = ()) -> list[Problem]:
    """Look at one destination; an error that the remote raises is a problem like any other."""
    found: list[Problem] = []
    try:
        for what, fix in _problems(destination, channels):
            found.append(Problem(role, what, fix))
    except CustomerHealthError as error:
        found.append(Problem(role, error.message, error.hint or "Look whether it is up, then ask again."))
    return found


def _problems(destination: Destination, channels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match destination:
        case SalesforceDestination():
            yield from _salesforce(destination)
        case HubspotDestination():
            yield from _hubspot(destination)
        case SlackDestination():
            yield from _slack(destination, channels)
        case GainsightDestination():
            yield from _gainsight(destination)
        case TotangoDestination():
            if not destination.options.plays:
                yield "No play is mapped.", "Name each play's SuccessPlay id in connections.totango.plays."
        case SmtpDestination():
            destination.check()
        case (
            GmailDestination() | GraphDestination() | GoogleCalendarDestination() | GraphCalendarDestination()
        ):
            destination.check()
        case ChurnzeroDestination() | PreviewDestination():
            return  # the one accepts everything and tells nothing; the other is a folder
        case _:
            return


def _salesforce(destination: SalesforceDestination) -> Iterator[tuple[str, str]]:
    options, call = destination.options, destination.client.call
    wanted: Mapping[str, tuple[str, ...]] = {
        "Account": (options.account_key, options.action_key, *options.fields.values()),
        "Opportunity": (options.action_key,),
        "Task": (options.action_key,),
    }
    for kind, names in wanted.items():
        fields: dict[str, dict[str, Any]] = {
            field["name"]: field for field in call("GET", f"sobjects/{kind}/describe")["fields"]
        }
        place = "Activity" if kind == "Task" else kind
        for name in names:
            if name not in fields and name != "Id":
                yield (
                    f"{kind} has no field {name} that our user can see.",
                    f"Create it on {place}; give our user's permission set read and edit on it.",
                )
            elif name != "Id" and not fields[name].get("updateable", True):
                yield f"{kind}.{name} is read-only for us.", "Give the permission set edit on the field."
        key = options.account_key if kind == "Account" else options.action_key
        field = fields.get(key, {})
        if field and not (field.get("externalId") and field.get("unique")):
            if kind == "Task":
                continue  # then tasks are looked up before they are created: slower, and as safe
            yield f"{kind}.{key} is not a unique external id.", "Tick Unique and External ID on the field."


def _hubspot(destination: HubspotDestination) -> Iterator[tuple[str, str]]:
    options = destination.options
    for kind in OBJECTS.values():
        path = f"/crm/properties/{options.api_version}/{kind}"
        found = {row["name"]: row for row in destination.client.call("GET", path)["results"]}
        unique = (options.account_key,) if kind == "companies" else (options.action_key,)
        wanted = (*unique, options.action_key, *(options.fields.values() if kind == "companies" else ()))
        for name in dict.fromkeys(wanted):
            if name not in found:
                yield f"{kind} have no property {name}.", f"Create it on {kind}."
            elif name in unique and not found[name].get("hasUniqueValue"):
                yield (
                    f"The property {name} of {kind} is not unique.",
                    "Create it anew with unique values; that cannot be switched on later.",
                )


def _slack(destination: SlackDestination, channels: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    scopes = destination.identity()["scopes"].replace(" ", "").split(",")
    direct = any(name.startswith("@") for name in channels)
    for scope in (*SLACK_SCOPES, *file_upload.SCOPES, *(DIRECT_SCOPES if direct else ())):
        if scope not in scopes:
            yield (
                f"The app lacks the scope {scope}.",
                "Add it under OAuth & Permissions, then reinstall the app.",
            )
    for name in dict.fromkeys(name for name in channels if name.startswith("#")):
        try:
            destination.channel_id(name)
        except CustomerHealthError as error:
            yield error.message, error.hint


def _gainsight(destination: GainsightDestination) -> Iterator[tuple[str, str]]:
    missing = destination.missing_fields()
    if missing:
        yield f"Company cannot be read: {missing}", "Create the fields that connections.gainsight names."
