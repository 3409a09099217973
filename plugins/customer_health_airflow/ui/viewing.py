"""Who is looking: the company file's roles for the person whom Airflow has signed in."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException

from customer_health.roles import EVERYBODY, Viewer, viewer_of
from customer_health.settings import load_settings

_LOOKING: ContextVar[Viewer] = ContextVar("customer_health_viewer", default=EVERYBODY)


async def remember(user: GetUserDep) -> None:
    """Note for this request who looks. It must be a coroutine: what a thread notes, nobody else sees."""
    _LOOKING.set(viewer_of(str(user.get_name()), load_settings().config.roles))


def looking() -> Viewer:
    """Return who looks in this request; outside of one, nobody is limited."""
    return _LOOKING.get()


def leads_only() -> None:
    """Refuse, where people are limited, a page about the whole company to those who do not see all of it."""
    if not looking().everything:
        raise HTTPException(403, "This page is about the whole company: it is for leads.")


ViewerDep = Annotated[Viewer, Depends(looking)]
