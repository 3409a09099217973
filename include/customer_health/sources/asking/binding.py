"""Fill in what a vendor file leaves open: `${secret}` from the connection, `{...}` from the run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from customer_health.errors import ConfigurationError, suggest
from customer_health.sources.asking.vendor import Vendor
from customer_health.sources.mapping import Feed

_SECRET = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_PLACE = re.compile(r"(?<!\$)\{((?:incremental|window)\.[a-z_]+|each|as_of|row)\}")


def connected(vendor: Vendor, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the connection, defaults filled in.

    Raises:
        ConfigurationError: Something is missing; what was given is not repeated.
    """
    values = {name: given.get(name) or need.default for name, need in vendor.connection.items()}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        lines = [f"{vendor.vendor} needs {name}: {vendor.connection[name].about}" for name in missing]
        raise ConfigurationError(
            "\n".join(lines),
            hint=f"Put it into the connection customer_health_{vendor.vendor}, into the company file "
            f"(sources.{vendor.vendor}.options) if it is not a secret, or into "
            f"CUSTOMER_HEALTH_SECRET_{vendor.vendor.upper()} as JSON.",
        )
    return {name: value for name, value in values.items() if value is not None}


def defaults(vendor: Vendor) -> dict[str, str]:
    """Return the values that hold where the connection gives none."""
    return {name: need.default for name, need in vendor.connection.items() if need.default is not None}


def secrets_in(value: Any) -> set[str]:
    """Return the names of all `${...}` in a part of a vendor file."""
    if isinstance(value, str):
        return set(_SECRET.findall(value))
    if isinstance(value, Mapping):
        return set().union(*(secrets_in(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(secrets_in(item) for item in value))
    return set()


def fill(value: Any, connection: Mapping[str, str], run: Mapping[str, Any]) -> Any:
    """Return a part of a vendor file with every placeholder replaced.

    A text that is nothing but one placeholder of the run keeps the type of its value.

    Raises:
        ConfigurationError: A placeholder names nothing.
    """
    if isinstance(value, Mapping):
        return {key: fill(item, connection, run) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [fill(item, connection, run) for item in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole:
        return _known(whole[1], run)
    text = _PLACE.sub(lambda found: str(_known(found[1], run)), value)
    return _SECRET.sub(lambda found: str(_known(found[1], connection)), text)


def _known(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise ConfigurationError(
            f"The vendor file names '{name}', which is not given.", hint=suggest(name, values)
        )
    return values[name]


def bound(vendor: Vendor, connection: Mapping[str, str]) -> Vendor:
    """Return the vendor file with the placeholders filled in that name fields of records.

    Args:
        vendor: The vendor file.
        connection: What is known of the connection; secrets need not be among it.
    """
    resources = tuple(
        one.model_copy(
            update={
                "keep": tuple(fill(one.keep, connection, {})),
                "requires": tuple(fill(one.requires, connection, {})),
                "key": fill(one.key, connection, {}),
                "lift": fill(one.lift, connection, {}),
            }
        )
        for one in vendor.resources
    )
    means = {
        name: tuple(
            Feed.model_validate(_named(feed.model_dump(by_alias=True, exclude_unset=True), connection))
            for feed in feeds
        )
        for name, feeds in vendor.means.items()
    }
    return vendor.model_copy(update={"resources": resources, "means": means})


def _named(value: Any, connection: Mapping[str, str]) -> Any:
    """Fill in the names of fields, too: they are keys of conditions."""
    if isinstance(value, Mapping):
        return {fill(key, connection, {}): _named(item, connection) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_named(item, connection) for item in value]
    return fill(value, connection, {})


def ordinal(value: Any) -> float:
    """Return a cursor value as seconds, or as the plain number that it is.

    Raises:
        ValueError: It is neither a number nor a time.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(f"{value!r} is neither a number nor a time")
    if isinstance(value, int | float):
        return float(value)
    text = str(value).strip()
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(re.sub(r"([+-]\d{2})(\d{2})$", r"\1:\2", text))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def written(value: float, convert: str | None) -> Any:
    """Return seconds as the vendor wants to read them in a request."""
    if convert in ("unix_ms", "unix_ms_text"):
        return int(value * 1000) if convert == "unix_ms" else str(int(value * 1000))
    if convert in (None, "unix"):
        return int(value)
    moment = datetime.fromtimestamp(value, UTC)
    if convert == "day":
        return moment.date().isoformat()
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
