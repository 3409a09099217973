"""The forecast of a day, kept for the next reader until scores or calls change.

It is a sum over every customer, which takes seconds for 50,000 of them and changes once a night, or when
somebody makes a call.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime
from threading import Lock
from typing import Any

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.kpis.renewals.renewal_forecast import Forecast, Outlook, forecast
from customer_health.ledger import renewals
from customer_health.roles import Viewer

MOST = 4
_KEPT: OrderedDict[Any, tuple[Forecast, list[Outlook], list[Outlook]]] = OrderedDict()
_LOCK = Lock()


def remembered_forecast(
    connection: Connection,
    day: date,
    viewer: Viewer,
    *,
    config: CompanyConfig,
    segment: str,
    owner: str,
    known_before: datetime,
) -> tuple[Forecast, list[Outlook], list[Outlook]]:
    """Return the forecast of the customers that a viewer asks for, by segment, and by owner.

    Args:
        connection: The ledger, as the viewer sees it.
        day: A published day.
        viewer: Who looks; others' customers are left out.
        config: The fiscal year, the interval and the currency.
        segment: Only this one; empty for all.
        owner: Only this one's; empty for all.
        known_before: Calls made before this moment count.
    """
    rules = config.forecast.model_dump_json(), config.money.currency
    mark = renewals.state_of(connection, day, known_before)
    key = (str(connection.engine.url), day, viewer, rules, segment, owner, mark)
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key]

    def chosen(row: Any) -> bool:
        fits = (not segment or (row["segment"] or "unknown") == segment) and (
            not owner or row["owner_email"] == owner
        )
        return fits and viewer.sees(row["owner_email"], row["manager_email"])

    found = forecast(
        connection,
        day,
        known_before=known_before,
        year_starts=config.forecast.fiscal_year_starts,
        share=config.forecast.interval,
        currency=config.money.currency,
        chosen=chosen,
    )
    names = [line.name for line in found.quarters]
    made = (
        found,
        found.grouped(lambda one: one.segment, names),
        found.grouped(lambda one: one.owner or "nobody", names),
    )
    with _LOCK:
        _KEPT[key] = made
        while len(_KEPT) > MOST:
            _KEPT.popitem(last=False)
    return made
