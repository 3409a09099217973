"""Forms for the connections of vendors, in Airflow's *Admin, Connections*: a type per vendor file.

Airflow asks every distribution for `apache_airflow_provider`; ours is the folder
`customer_health_airflow.dist-info` beside this package, so that nothing need be installed. A form writes into
the connection's extra what `connection_secrets.py` reads. Airflow asks once, when it needs its forms, never
when it parses DAGs.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

if TYPE_CHECKING:
    from customer_health.sources.asking.vendor import Vendor
    from customer_health.sources.asking.vendor_access import Need

DISTRIBUTION = "customer-health-airflow"
PREFIX = "customer_health_"
UNUSED = ("host", "schema", "login", "password", "port")


class VendorHook(BaseHook):
    """What a connection of a vendor holds; Airflow wants a hook for every type of connection.

    Args:
        connection_id: Such as `customer_health_zendesk`.
    """

    conn_name_attr = "connection_id"
    conn_type = hook_name = default_conn_name = ""

    def __init__(self, connection_id: str) -> None:
        super().__init__()
        self._id = connection_id

    def get_conn(self) -> dict[str, str]:
        """Return the values by the names that the vendor file gives them."""
        from customer_health_airflow.connection_secrets import read_connection

        return read_connection(self._id.removeprefix(PREFIX))


def __getattr__(name: str) -> type[VendorHook]:
    """Return the hook of one vendor, `VendorHook_zendesk`: Airflow wants a class per type of connection."""
    base, _, vendor = name.partition("_")
    if base != VendorHook.__name__ or not vendor:
        raise AttributeError(name)
    kind = PREFIX + vendor
    words = {"conn_type": kind, "default_conn_name": kind, "hook_name": _title(vendor)}
    return type(name, (VendorHook,), words)


def _title(vendor: str) -> str:
    return f"Customer Health: {vendor.replace('_', ' ').title()}"


def provider_info() -> dict[str, Any]:
    """Return what Airflow asks a provider for: one type of connection per vendor file, with its fields."""
    return {
        "package-name": DISTRIBUTION,
        "name": "Customer Health",
        "description": "Connections of the vendors that Customer Health asks for data.",
        "connection-types": [_form(vendor) for vendor in _vendors()],
    }


def _vendors() -> Iterator[Vendor]:
    from customer_health.errors import CustomerHealthError
    from customer_health.sources.asking.vendor_file import load_vendor, vendor_files

    folder = os.environ.get("CUSTOMER_HEALTH_VENDORS", "")
    own = Path(folder) if folder and Path(folder).is_dir() else None
    for name, path in vendor_files(own).items():
        try:
            yield load_vendor(path, own)
        except CustomerHealthError as error:
            # Its task and doctor say what is wrong; the forms of the others must not go with it.
            logging.getLogger(__name__).warning("No form for the vendor %s: %s", name, error.message)


def _form(vendor: Vendor) -> dict[str, Any]:
    return {
        "connection-type": PREFIX + vendor.vendor,
        "hook-class-name": f"{__name__}.{VendorHook.__name__}_{vendor.vendor}",
        "hook-name": _title(vendor.vendor),
        "conn-fields": {name: _field(name, need) for name, need in vendor.connection.items()},
        "ui-field-behaviour": {"hidden-fields": list(UNUSED), "relabeling": {}, "placeholders": {}},
    }


def _field(name: str, need: Need) -> dict[str, Any]:
    optional = need.default is not None
    without = f" (empty: {need.default})" if need.default else " (may be empty)" if optional else ""
    schema: dict[str, Any] = {"type": ["string", "null"] if optional else "string"}
    if need.secret:
        schema["format"] = "password"
    return {
        "label": name.replace("_", " ").capitalize(),
        "description": need.about + without,
        "schema": schema,
    }
