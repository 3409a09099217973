"""The web app: every route guarded, every answer with a content security policy."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException

from customer_health.errors import CustomerHealthError, RetriableError
from customer_health_airflow.ui import (
    account_page,
    actions_page,
    data_docs_pages,
    error_pages,
    judgement_pages,
    number_pages,
    page_actions,
    pages,
    portfolio_page,
    renewal_pages,
    report_files,
    run_pages,
    shell,
    source_pages,
)
from customer_health_airflow.ui.access import can_read
from customer_health_airflow.ui.own_effect import own_effect
from customer_health_airflow.ui.viewing import leads_only, remember

log = logging.getLogger(__name__)

# One script of ours, nothing inline, nothing from elsewhere. `frame-ancestors` keeps others from framing it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


def create_app() -> FastAPI:
    """Build the app that Airflow mounts under /customer-health.

    The dependency stands on the whole app: a route that somebody adds later is closed as well. The
    generated documentation would be open to everybody, so there is none.
    """
    app = FastAPI(
        dependencies=[Depends(can_read), Depends(remember)], docs_url=None, redoc_url=None, openapi_url=None
    )

    @app.middleware("http")
    async def harden(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    @app.exception_handler(CustomerHealthError)
    async def explain(request: Request, error: CustomerHealthError) -> Response:
        """Say what is wrong and how to fix it; a bare 500 would send the reader to the logs."""
        return _unreadable(request, error) if error.store else shell.trouble(request, error)

    @app.exception_handler(StarletteHTTPException)
    async def refuse(request: Request, error: StarletteHTTPException) -> Response:
        """Not signed in, not allowed, not there: a page, with a way on."""
        return error_pages.refused(request, error)

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> Response:
        """A parameter that cannot be understood gets a sentence."""
        return error_pages.misread(request, error)

    @app.exception_handler(SQLAlchemyError)
    async def unreadable(request: Request, error: SQLAlchemyError) -> Response:
        """The ledger is locked, away, or older than this code."""
        return _unreadable(request, error)

    app.include_router(portfolio_page.router)
    app.include_router(account_page.router)
    app.include_router(pages.router)
    app.include_router(actions_page.router)
    app.include_router(number_pages.router, dependencies=[Depends(leads_only)])
    app.include_router(source_pages.router, dependencies=[Depends(leads_only)])
    app.include_router(renewal_pages.router)
    app.include_router(run_pages.router)
    app.include_router(renewal_pages.acts)
    app.include_router(judgement_pages.router)
    app.include_router(page_actions.router, dependencies=[Depends(own_effect)])
    app.include_router(page_actions.models, dependencies=[Depends(leads_only)])
    app.include_router(report_files.router, dependencies=[Depends(leads_only)])
    app.include_router(data_docs_pages.router, dependencies=[Depends(leads_only)])
    return app


def _unreadable(request: Request, error: Exception) -> Response:
    """Say so without the cause: paths, addresses and an engine's words are for the log only."""
    store = getattr(error, "store", "") or "ledger"
    log.error("The %s cannot be read", store, exc_info=error)
    told = RetriableError(
        f"The {store} cannot be read at the moment.", hint="Try again; the API server's log has the cause."
    )
    return shell.trouble(request, told)
