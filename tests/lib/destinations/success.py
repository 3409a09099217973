"""The tools of customer success teams: Gainsight, Totango, ChurnZero."""

from __future__ import annotations

from customer_health.connections.churnzero_connection import ChurnzeroOptions
from customer_health.connections.gainsight_connection import GainsightOptions
from customer_health.connections.totango_connection import TotangoOptions
from customer_health.delivery.http_client import HttpClient
from customer_health.destinations.success_platforms.churnzero import ChurnzeroDestination
from customer_health.destinations.success_platforms.gainsight import GainsightDestination
from customer_health.destinations.success_platforms.totango import TotangoDestination
from tests.lib.destinations.rig import Rig, no_pace
from tests.lib.servers.success import ChurnzeroTenant, GainsightTenant, TotangoService


def gainsight(timeout: float = 2.0) -> Rig:
    """Gainsight."""
    tenant = GainsightTenant()
    wire = HttpClient(
        "Gainsight",
        "https://acme.gainsightcloud.com",
        session=tenant.session(timeout),
        pace=no_pace(),
        headers={"accesskey": "key-1"},
    )
    destination = GainsightDestination("gainsight", wire, GainsightOptions())
    return Rig(
        destination,
        tenant,
        ("create_task", "enroll", "set_fields"),
        ("create_task", "enroll"),
        tenant.add,
        reads=1,
    )


def totango(timeout: float = 2.0) -> Rig:
    """Totango."""
    service = TotangoService()

    def wire(host: str, headers: dict[str, str]) -> HttpClient:
        session = service.session(timeout)
        return HttpClient(
            "Totango", f"https://{host}.totango.com", session=session, pace=no_pace(), headers=headers
        )

    options = TotangoOptions(plays={"activation": "sp-1"})
    api, pixel = wire("api", {"app-token": "key-1"}), wire("sdr", {})
    destination = TotangoDestination("gainsight", api, pixel, "SP-1", options)
    return Rig(destination, service, ("enroll", "create_task", "set_fields"), (), service.accounts.add)


def churnzero(timeout: float = 2.0) -> Rig:
    """ChurnZero."""
    tenant = ChurnzeroTenant()
    wire = HttpClient(
        "ChurnZero", "https://acme.churnzero.net", session=tenant.session(timeout), pace=no_pace()
    )
    destination = ChurnzeroDestination("gainsight", wire, "key-1", ChurnzeroOptions())
    return Rig(destination, tenant, ("set_fields",), ())
