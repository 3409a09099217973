"""Who is looking: the company file's roles for the person whom Airflow has signed in."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends

from customer_health.roles import Viewer, viewer_of
from customer_health.settings import load_settings


def viewer(user: GetUserDep) -> Viewer:
    """Return what the signed-in person may see."""
    return viewer_of(str(user.get_name()), load_settings().config.roles)


ViewerDep = Annotated[Viewer, Depends(viewer)]
