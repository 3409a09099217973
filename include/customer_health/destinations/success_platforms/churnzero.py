"""ChurnZero: score attributes of an account. The endpoint says 200 to everything and keeps no key."""

from __future__ import annotations

from customer_health.connections.churnzero_connection import ChurnzeroOptions
from customer_health.delivery import http_faults
from customer_health.delivery.http_client import HttpClient
from customer_health.destinations import opening, payload_values
from customer_health.effects.destination import UnknownOutcomeError
from customer_health.effects.effect import Effect
from customer_health.settings import Settings

NAME = "ChurnZero"


class ChurnzeroDestination:
    """Writes to one tenant. Setting an attribute twice leaves the same value, so a repeat is harmless.

    Args:
        name: The role it plays; selects its outbox rows.
        wire: To `https://<tenant>.churnzero.net`.
        app_key: Travels in the body.
        options: Attribute names.
    """

    idempotent = True

    def __init__(self, name: str, wire: HttpClient, app_key: str, options: ChurnzeroOptions) -> None:
        self.name, self.wire, self.options = name, wire, options
        self._app_key = app_key

    def find(self, effect: Effect) -> str | None:
        """Nobody can tell, and nobody needs to."""
        return None

    def deliver(self, effect: Effect) -> str:
        """Set the attributes of one account in one request.

        Raises:
            RejectedError: Another verb, or ChurnZero refuses.
        """
        if effect.verb != "set_fields":
            raise payload_values.unsupported(NAME, effect)
        values = payload_values.account_values(effect, self.options.fields)
        body = {
            "appKey": self._app_key,
            "accountExternalId": effect.account_id,
            "action": "setAttribute",
            "entity": "account",
            **{f"attr_{name}": value for name, value in values.items() if value is not None},
        }
        answer = self.wire.send("POST", "/i", json=body)
        if not 200 <= answer.status_code < 300:
            raise http_faults.of_status(NAME, answer.status_code, answer.text, answer.headers)
        if "html" in answer.headers.get("Content-Type", ""):
            raise UnknownOutcomeError("ChurnZero answered with a page instead of an acknowledgement.")
        return f"churnzero:{effect.account_id}"


def open_churnzero(role: str, settings: Settings) -> ChurnzeroDestination:
    """Return the destination that the company file and the credentials describe."""
    options = settings.config.connections.of(ChurnzeroOptions)
    secret = opening.secret_of("churnzero", settings)
    base = opening.tenant_address(NAME, secret["host"], (".churnzero.net",))
    return ChurnzeroDestination(role, opening.wire_to(NAME, base, options, {}), secret["app_key"], options)
