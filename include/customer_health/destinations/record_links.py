"""Where a person opens what was delivered: the record's own page at its vendor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from customer_health.company import CompanyConfig
from customer_health.destinations.preview import is_preview
from customer_health.ledger import outbox_queries
from customer_health.ledger.engine import open_ledger
from customer_health.settings import Settings

_SAFE = re.compile(r"https://[^\s\"'<>]+")


def newest_record(settings: Settings, destination: str, *, since: datetime) -> str:
    """Return the address of the record that was written last to a destination since a moment, or nothing."""
    row = outbox_queries.newest_delivered(open_ledger(settings.ledger_url), destination, since)
    return record_link(settings.config, row) if row else ""


def record_link(config: CompanyConfig, row: Mapping[Any, Any]) -> str:
    """Return the address of an effect's record, or nothing.

    Vendors that answer with an address need no setting; of the others `record_url` of their connection says
    where a record's page is.

    Args:
        config: Which vendor stands behind the destination, and its connection.
        row: A row of the outbox.
    """
    remote = str(row["remote_id"] or "")
    if row["state"] != "delivered" or not remote or is_preview(remote):
        return ""
    if _SAFE.fullmatch(remote):
        return remote
    vendor = getattr(config.destinations, str(row["destination"]), "")
    page = str(getattr(getattr(config.connections, str(vendor), None), "record_url", ""))
    return page.replace("{id}", quote(remote, safe="")) if page else ""
