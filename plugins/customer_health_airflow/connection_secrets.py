"""From Airflow connections to the plain objects that destinations take; nothing else reads them.

A destination of kind `slack` is reached with the connection `customer_health_slack`, and so on. Its extra is
a flat JSON object with the names that the destination asks for; login, password and host stand for the ones
that its kind declares. Every value that is not an address is masked in the logs of the task that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from customer_health.connections.kinds import KINDS
from customer_health.errors import ConfigurationError

if TYPE_CHECKING:
    from customer_health.settings import Settings

PREFIX = "customer_health_"
# Where the fields of Airflow's form go, by kind; what stands in the extra takes precedence over them.
TEXT_PROVIDERS = {kind: {"password": "api_key"} for kind in ("claude", "openai", "compatible", "http")}
PLACES: Mapping[str, Mapping[str, str]] = {
    **{kind.name: kind.places for kind in KINDS.values() if kind.places},
    **TEXT_PROVIDERS,
}
OPEN = frozenset(
    {"host", "domain", "instance_url", "username", "service_id", "client_email", "tenant", "version"}
)


def with_credentials(settings: Settings) -> Settings:
    """Return the settings with the credentials of every destination that is not a preview.

    A connection that does not exist leaves what the environment gave (`CUSTOMER_HEALTH_SECRET_<KIND>`); the
    destination says which key is missing.

    Raises:
        ConfigurationError: The extra of a connection is not a flat object of texts. It is not repeated.
    """
    kinds = {kind for kind in settings.config.destinations.model_dump().values() if kind in PLACES}
    found = {kind: values for kind in sorted(kinds) if (values := read_connection(kind))}
    return settings.with_secrets(found)


def with_source_credentials(settings: Settings) -> Settings:
    """Return the settings with the credentials of every vendor that the company file names.

    The source `zendesk` is reached with the connection `customer_health_zendesk`; its extra holds what the
    vendor file lists under `connection:`.

    Raises:
        ConfigurationError: The extra of a connection is not a flat object of texts. It is not repeated.
    """
    found = {name: values for name in sorted(settings.config.sources) if (values := read_connection(name))}
    return settings.with_secrets(found)


def with_text_keys(settings: Settings) -> Settings:
    """Return the settings with the keys of the text providers that the company file names."""
    texts = settings.config.texts
    kinds = sorted({texts.reader, texts.writer} & set(TEXT_PROVIDERS))
    return settings.with_secrets({kind: values for kind in kinds if (values := read_connection(kind))})


def with_source_warehouse(settings: Settings) -> Settings:
    """Return the settings with the address behind `airflow:<connection id>`, if that is what they name.

    Raises:
        ConfigurationError: There is no such connection.
    """
    scheme, _, name = (settings.source_warehouse or "").partition(":")
    if scheme != "airflow":
        return settings
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from airflow.sdk.log import mask_secret

    try:
        connection = Connection.get(name)
    except AirflowNotFoundException:
        raise ConfigurationError(
            f"CUSTOMER_HEALTH_SOURCE_WAREHOUSE names the connection '{name}', which does not exist.",
            hint=f"airflow connections add {name} --conn-uri postgresql://user:password@host/database",
        ) from None
    # Ibis spells addresses of other engines in its own way: they stand in the extra, as `url`.
    url = str(connection.extra_dejson.get("url") or connection.get_uri())
    for secret in (connection.password, url):
        if secret:
            mask_secret(secret)
    return settings.model_copy(update={"source_warehouse": url})


def read_connection(kind: str) -> dict[str, str]:
    """Return the values of the connection `customer_health_<kind>`, masked in logs; empty if there is none.

    Raises:
        ConfigurationError: Its extra is not a flat object of texts. It is not repeated.
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from airflow.sdk.log import mask_secret

    name = PREFIX + kind
    try:
        connection = Connection.get(name)
    except AirflowNotFoundException:
        return {}
    given = {ours: getattr(connection, theirs) for theirs, ours in PLACES.get(kind, {}).items()}
    try:
        extra = connection.extra_dejson
    except ValueError:
        extra = None
    # A form leaves null where nobody wrote anything.
    if not isinstance(extra, dict) or not all(isinstance(value, str | None) for value in extra.values()):
        raise ConfigurationError(
            f"The extra of the connection {name} is not a flat JSON object of texts.",
            hint='Write it as {"key": "value", ...}; every value in quotation marks.',
        )
    told = {key: value for key, value in extra.items() if value}
    values = {key: str(value) for key, value in {**given, **told}.items() if value}
    for key, value in values.items():
        if key not in OPEN:
            mask_secret(value)
    return values
