"""A sign of life to somebody else: a dead or paused scheduler cannot complain, and the sign stays out.

The address belongs to a monitor that expects a call about every hour and raises an alarm when none comes. The
call says nothing but that it came. It does not go through the outbox: a sign of life that waits is none.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from customer_health.delivery.http_client import HttpClient, PrivateOnly, PublicOnly, TimedSession
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.effects.destination import RejectedError, UnknownOutcomeError
from customer_health.errors import ConfigurationError, RetriableError
from customer_health.ledger.engine import open_ledger
from customer_health.pipeline.step_result import Result
from customer_health.playbooks.operator_notices import missing_scores

if TYPE_CHECKING:
    from customer_health.settings import Settings

VARIABLE = "CUSTOMER_HEALTH_HEARTBEAT"
UNWATCHED = (
    f"{VARIABLE} names no address: if the scheduler dies or is paused, nobody is told. "
    "docs/runbook.md, heartbeat, says how to have it watched."
)
SECONDS = 10.0


def beat(settings: Settings, *, now: datetime) -> Result:
    """Call the monitor's address once, unless the day's scores are overdue: then it shall raise its alarm.

    Args:
        settings: `heartbeat` is the address; its path is a secret and stands in no message.
        now: The present, zone-aware.

    Raises:
        ConfigurationError: The address is not one, or the monitor does not know it.
        RetriableError: The monitor does not answer.
    """
    if not settings.heartbeat:
        return Result("Heartbeat", {"sent": 0}, (UNWATCHED,))
    overdue = missing_scores(open_ledger(settings.ledger_url), settings.config, now=now)
    if overdue:
        said = f"{overdue[0].title}: the heartbeat stays out, so that the monitor raises its alarm."
        return Result("Heartbeat", {"sent": 0}, (said,))
    host, path, wire = _wire(settings.heartbeat)
    try:
        answer = wire.send("GET", path)
    except UnknownOutcomeError as error:  # one more call than expected harms nobody
        raise RetriableError(error.message, hint=f"Is {host} up, and may this machine reach it?") from None
    except RejectedError as error:
        raise ConfigurationError(error.message, hint=error.hint) from None
    if answer.status_code == 429 or answer.status_code >= 500:
        raise RetriableError(
            f"The monitor {host} answered {answer.status_code}.", hint="The next hour calls again."
        )
    if not 200 <= answer.status_code < 300:
        raise ConfigurationError(
            f"The monitor {host} answered {answer.status_code}.",
            hint=f"Copy its ping address into {VARIABLE} once more; it must answer without a redirect.",
        )
    return Result("Heartbeat", {"sent": 1}, (f"{host} knows that we are alive.",))


def _wire(address: str) -> tuple[str, str, HttpClient]:
    try:
        split = urlsplit(address)
        host, port = split.hostname or "", split.port
    except ValueError:
        split, host, port = urlsplit(""), "", None
    if split.scheme not in ("https", "http") or not host or split.username or split.fragment:
        raise ConfigurationError(
            f"{VARIABLE} is not an address that can be called.",
            hint="Write it as https://monitor.example.com/ping/your-key; http:// inside your network only.",
        )
    session = TimedSession(SECONDS)
    session.mount("https://", PublicOnly(VARIABLE))
    session.mount("http://", PrivateOnly(VARIABLE))
    base = f"{split.scheme}://{split.netloc}" if port else f"{split.scheme}://{host}"
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    return host, path, HttpClient(f"The monitor {host}", base, session=session, pace=RateLimiter(10.0))
