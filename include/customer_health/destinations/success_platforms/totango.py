"""Totango: SuccessPlays and tasks, which cannot be looked up again, and account attributes.

Totango keeps no key of ours. A play or a task whose answer was lost may have begun: it is never sent a
second time by us; a person looks and decides. Attributes go through a pixel that says 200 to everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import requests

from customer_health.connections.totango_connection import TotangoOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_client import HttpClient
from customer_health.delivery.http_faults import CannotTellError
from customer_health.destinations import opening, payload_values
from customer_health.effects.destination import RejectedError, UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings

NAME = "Totango"
HOSTS = {
    "us": ("https://api.totango.com", "https://sdr.totango.com"),
    "eu": ("https://api-eu1.totango.com", "https://sdr-eu1.totango.com"),
}
PRIORITY = {"critical": 1, "high": 1, "medium": 2, "low": 3}
FIXES: Mapping[str, str] = {
    "Account not found": "Totango has no account with this id; send it there first, then resend.",
    "successplay": "The SuccessPlay must be manual and active; check its id in connections.totango.plays.",
}


class TotangoDestination:
    """Writes to one service.

    Args:
        name: The role it plays; selects its outbox rows.
        api: Carries the header `app-token`.
        pixel: The other host, without credentials.
        service_id: SP-...; the pixel wants it.
        options: Plays, attribute names.
    """

    def __init__(
        self, name: str, api: HttpClient, pixel: HttpClient, service_id: str, options: TotangoOptions
    ) -> None:
        if not service_id:
            raise ConfigurationError(
                "The Totango credentials hold no service_id.",
                hint="It reads SP-... and stands in the settings.",
            )
        self.name, self.api, self.pixel = name, api, pixel
        self.service_id, self.options = service_id, options

    def repeatable(self, effect: Effect) -> bool:
        """An attribute set twice has the same value; a play started twice is two plays."""
        return effect.verb == "set_fields"

    def problems(self, channels: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is missing for us there, and what to do; nothing is written."""
        if not self.options.plays:
            yield "No play is mapped.", "Name each play's SuccessPlay id in connections.totango.plays."

    def find(self, effect: Effect) -> str | None:
        """Nobody can tell.

        Raises:
            CannotTellError: For plays and tasks.
        """
        if effect.verb == "set_fields":
            return None
        raise CannotTellError(
            "The answer was lost, and Totango keeps no key by which to ask.",
            hint=f"Look at account {effect.account_id} in Totango; resend it with a reason if it is absent.",
        )

    def deliver(self, effect: Effect) -> str:
        """Start a play, open a task, or set attributes.

        Raises:
            RejectedError: Totango refuses, or the play is not in the settings.
        """
        match effect.verb:
            case "enroll":
                play = str(effect.payload["play"])
                if play not in self.options.plays:
                    raise RejectedError(
                        f"connections.totango.plays does not say which SuccessPlay '{play}' is.",
                        hint=suggest(play, self.options.plays),
                    )
                body = {"successplayId": self.options.plays[play], "accountId": effect.account_id}
                self._accepted(self.api.send("POST", "/api/v2/automations/run-manual-successplay", json=body))
            case "create_task":
                task = {
                    "title": payload_values.subject(effect),
                    "description": payload_values.body(effect),
                    "due_date": payload_values.due_day(effect),
                    "priority": PRIORITY.get(str(effect.payload["priority"]), 2),
                    "status": "open",
                    "account_id": effect.account_id,
                    "assignee": payload_values.owner(effect),
                    "activity_type_id": self.options.activity_type_id,
                }
                self._accepted(self.api.send("POST", "/api/v3/tasks", json=task))
            case "set_fields":
                values = payload_values.account_values(effect, self.options.fields)
                attributes = {
                    f"sdr_o.{name}": str(value) for name, value in values.items() if value is not None
                }
                query = {"sdr_s": self.service_id, "sdr_o": effect.account_id, **attributes}
                self._accepted(self.pixel.send("GET", "/pixel.gif", params=query))
            case _:
                raise payload_values.unsupported(NAME, effect)
        return f"totango:{effect.account_id}:{effect.step}"

    def _accepted(self, answer: requests.Response) -> None:
        if not 200 <= answer.status_code < 300:
            raise http_faults.of_status(NAME, answer.status_code, answer.text, answer.headers, FIXES)
        if "html" in answer.headers.get("Content-Type", ""):
            raise UnknownOutcomeError("Totango answered with a page instead of an acknowledgement.")


def open_totango(role: str, settings: Settings) -> TotangoDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(TotangoOptions)
    secret = opening.secret_of("totango", settings)
    api, pixel = HOSTS[options.region]
    return TotangoDestination(
        role,
        opening.wire_to(NAME, api, options, {"app-token": secret["app_token"]}),
        opening.wire_to(NAME, pixel, options, {}),
        secret["service_id"],
        options,
    )
