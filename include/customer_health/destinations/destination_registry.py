"""From the name in the company file to a destination. A new one: its module, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from customer_health.connections import Options, Secret
from customer_health.delivery.http_client import HttpClient, PublicOnly, TimedSession
from customer_health.delivery.rate_limiter import RateLimiter
from customer_health.destinations.oauth_tokens import RenewingHttpClient, Tokens, token_url
from customer_health.destinations.preview import PreviewDestination
from customer_health.effects.destination import Destination
from customer_health.errors import ConfigurationError, suggest
from customer_health.settings import Settings

Factory = Callable[[str, Settings], Destination]


def destination_for(role: str, settings: Settings) -> Destination:
    """Return the destination that stands behind a role.

    Args:
        role: Name that playbooks use: crm, slack, gainsight, email.
        settings: `config.destinations.<role>` says what stands behind it, `config.connections` how it is
            reached, `secrets` with which credentials.

    Raises:
        ConfigurationError: There is no such role, no such destination, or its credentials are missing.
    """
    roles = settings.config.destinations.model_dump()
    if role not in roles:
        raise ConfigurationError(f"There is no destination '{role}'.", hint=suggest(role, roles))
    kind = roles[role]
    if kind not in FACTORIES:
        raise ConfigurationError(
            f"destinations.{role} is '{kind}', which is not a known destination.",
            hint=suggest(kind, FACTORIES),
        )
    return FACTORIES[kind](role, settings)


def secret_of(kind: str, settings: Settings, *keys: str) -> Mapping[str, str]:
    """Return the credentials of a kind of destination, which hold at least `keys`.

    Raises:
        ConfigurationError: They are missing. Their content is never repeated.
    """
    found = settings.secrets.get(kind, Secret())
    if missing := [key for key in keys if not found.get(key)]:
        raise ConfigurationError(
            f"The credentials of {kind} lack {', '.join(missing)}.",
            hint=f"Put them into the Airflow connection customer_health_{kind}, or into the environment as "
            f"CUSTOMER_HEALTH_SECRET_{kind.upper()}, a JSON object.",
        )
    return found


def _session(options: Options) -> TimedSession:
    return TimedSession(options.timeout_seconds)


def _pace(options: Options) -> RateLimiter:
    return RateLimiter(options.per_second, options.burst)


def _wire(remote: str, base: str, options: Options, headers: Mapping[str, str]) -> HttpClient:
    # A kept connection that the remote has closed meanwhile fails in a way that looks like a lost answer;
    # where such an answer must be looked up, or judged by a person, a new connection each time is cheaper.
    closing = {**headers, "Connection": "close"}
    return HttpClient(remote, base, session=_session(options), pace=_pace(options), headers=closing)


def _tenant(kind: str, host: str, suffixes: tuple[str, ...]) -> str:
    """Return https://host for a vendor's own domain; a token must not travel anywhere else."""
    if not host.endswith(suffixes) or any(char in host for char in "/@:?#"):
        raise ConfigurationError(
            f"'{host}' is not a host of {kind}.",
            hint=f"It must end in {' or '.join(suffixes)}, without a path.",
        )
    return f"https://{host}"


def _preview(role: str, settings: Settings) -> Destination:
    return PreviewDestination(role, settings.preview)


def _salesforce(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.crm.salesforce import SalesforceDestination
    from customer_health.destinations.crm.salesforce_client import SalesforceClient

    options = settings.config.connections.salesforce
    client = SalesforceClient(options, secret_of("salesforce", settings), _session(options), _pace(options))
    return SalesforceDestination(
        role, client, options, fallback_owner=settings.config.playbooks.fallback_owner
    )


def _hubspot(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.crm.hubspot import HubspotClient, HubspotDestination

    options = settings.config.connections.hubspot
    client = HubspotClient(secret_of("hubspot", settings, "access_token"), _session(options), _pace(options))
    return HubspotDestination(role, client, options, fallback_owner=settings.config.playbooks.fallback_owner)


def _slack(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.slack.slack_destination import SlackDestination

    options = settings.config.connections.slack
    return SlackDestination(role, secret_of("slack", settings, "token"), options, _pace(options))


def _gainsight(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.success_platforms import gainsight

    options = settings.config.connections.gainsight
    secret = secret_of("gainsight", settings, "host", "access_key")
    base = _tenant("Gainsight", secret["host"], (".gainsightcloud.com", ".gainsight.com"))
    wire = _wire(gainsight.NAME, base, options, {"accesskey": secret["access_key"]})
    return gainsight.GainsightDestination(role, wire, options)


def _totango(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.success_platforms import totango

    options = settings.config.connections.totango
    secret = secret_of("totango", settings, "app_token", "service_id")
    api, pixel = totango.HOSTS[options.region]
    return totango.TotangoDestination(
        role,
        _wire(totango.NAME, api, options, {"app-token": secret["app_token"]}),
        _wire(totango.NAME, pixel, options, {}),
        secret["service_id"],
        options,
    )


def _churnzero(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.success_platforms import churnzero

    options = settings.config.connections.churnzero
    secret = secret_of("churnzero", settings, "host", "app_key")
    base = _tenant("ChurnZero", secret["host"], (".churnzero.net",))
    wire = _wire(churnzero.NAME, base, options, {})
    return churnzero.ChurnzeroDestination(role, wire, secret["app_key"], options)


def _webhook(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.http import webhook

    options = settings.config.connections.webhook
    webhook.check(options)
    session = _session(options)
    session.trust_env = False  # a proxy would connect in our place, past the check of the address
    session.mount("https://", PublicOnly())
    base = "https://" + options.url.removeprefix("https://").split("/")[0].split("?")[0]
    wire = HttpClient(webhook.NAME, base, session=session, pace=_pace(options))
    return webhook.WebhookDestination(role, wire, options, secret_of("webhook", settings, "signing_key"))


def _smtp(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.mailbox.mail_drafts import SmtpDestination

    options = settings.config.connections.smtp
    return SmtpDestination(role, options, secret_of("smtp", settings), _pace(options))


def _renewing(kind: str, remote: str, base: str, settings: Settings, *scopes: str) -> RenewingHttpClient:
    options: Options = getattr(settings.config.connections, kind)
    secret = secret_of(kind, settings)
    if not secret:
        secret_of(kind, settings, "access_token")  # names the variable to set
    tokens = Tokens(remote, secret, _session(options), token_url(kind, secret), scopes)
    return RenewingHttpClient(
        remote,
        base,
        tokens,
        session=_session(options),
        pace=_pace(options),
        headers={"Connection": "close"},
    )


_GOOGLE, _GRAPH_HOST = "https://www.googleapis.com", "https://graph.microsoft.com"
_GRAPH_SCOPE = f"{_GRAPH_HOST}/.default"


def _gmail(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.mailbox.mail_drafts import GmailDestination

    scope = f"{_GOOGLE}/auth/gmail.compose"
    wire = _renewing("gmail", "Gmail", "https://gmail.googleapis.com", settings, scope)
    return GmailDestination(role, wire, settings.config.connections.gmail)


def _graph(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.mailbox.mail_drafts import GraphDestination

    wire = _renewing("graph", "Graph", _GRAPH_HOST, settings, _GRAPH_SCOPE)
    return GraphDestination(role, wire, settings.config.connections.graph)


def _google_calendar(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.mailbox.calendars import GoogleCalendarDestination

    scopes = (f"{_GOOGLE}/auth/calendar.events", f"{_GOOGLE}/auth/calendar.freebusy")
    wire = _renewing("google_calendar", "Google Calendar", _GOOGLE, settings, *scopes)
    return GoogleCalendarDestination(role, wire)


def _graph_calendar(role: str, settings: Settings) -> Destination:
    from customer_health.destinations.mailbox.calendars import GraphCalendarDestination

    wire = _renewing("graph_calendar", "Graph", _GRAPH_HOST, settings, _GRAPH_SCOPE)
    return GraphCalendarDestination(role, wire)


FACTORIES: Mapping[str, Factory] = {
    "preview": _preview,
    "salesforce": _salesforce,
    "hubspot": _hubspot,
    "slack": _slack,
    "gainsight": _gainsight,
    "totango": _totango,
    "churnzero": _churnzero,
    "webhook": _webhook,
    "smtp": _smtp,
    "gmail": _gmail,
    "graph": _graph,
    "google_calendar": _google_calendar,
    "graph_calendar": _graph_calendar,
}
