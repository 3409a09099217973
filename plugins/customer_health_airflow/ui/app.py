"""The web app: every route guarded, every answer with a content security policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, Request, Response

from customer_health_airflow.ui import files, pages
from customer_health_airflow.ui.access import can_read

# No script at all, nothing from elsewhere. `frame-ancestors` keeps other sites from framing the page.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


def create_app() -> FastAPI:
    """Build the app that Airflow mounts under /customer-health.

    The dependency stands on the whole app: a route that somebody adds later is closed as well. The
    generated documentation would be open to everybody, so there is none.
    """
    app = FastAPI(dependencies=[Depends(can_read)], docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    app.include_router(pages.router)
    app.include_router(files.router)
    return app
