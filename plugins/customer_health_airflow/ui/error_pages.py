"""What is refused is a page too: what happened, and the way on, back to the address that was asked for."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from markupsafe import Markup
from starlette.exceptions import HTTPException

from customer_health_airflow.ui import shell

TITLES = {
    401: "Please log in",
    403: "Not for you",
    404: "There is no such page",
    405: "This cannot be done here",
    422: "This address cannot be understood",
}
TYPES = {
    "date": "a date such as 2026-01-31",
    "int": "a whole number",
    "float": "a number",
    "bool": "yes or no",
    "missing": "given",
    "string_too_long": "shorter",
}
MOUNT = "/customer-health"


def refused(request: Request, error: HTTPException) -> Response:
    """Return the page for an HTTP error, with its status."""
    if error.status_code == 401:
        return _with_headers(_log_in(request), error)
    page = shell.render(
        request,
        "refused.html",
        error.status_code,
        company="",
        title=TITLES.get(error.status_code, "This page cannot be shown"),
        words=str(error.detail),
    )
    return _with_headers(page, error)


def _log_in(request: Request) -> Response:
    """The page of somebody who is not logged in: it needs no file, and allows itself one style only."""
    style = (shell.TEMPLATES / "login.css").read_text(encoding="utf-8")
    page = shell.render(
        request,
        "login.html",
        401,
        title=TITLES[401],
        words="You are not logged in, or no longer. After the log-in you come back to this address.",
        login=_login(request),
        style=Markup(style),  # ours, from the file beside the template
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'self'"
    )
    return page


def _with_headers(page: Response, error: HTTPException) -> Response:
    for name, value in (error.headers or {}).items():
        page.headers[name] = value
    return page


def misread(request: Request, error: RequestValidationError) -> Response:
    """Return the page for parameters that cannot be understood: which, and what they should be."""
    said = []
    for fault in error.errors():
        name = str(fault["loc"][-1])[:40]
        kind = next((words for start, words in TYPES.items() if fault["type"].startswith(start)), "")
        given = f"'{str(fault.get('input'))[:40]}' " if fault["type"] != "missing" else ""
        said.append(f"{name}: {given}is not {kind or 'understood'}.")
    return refused(request, HTTPException(422, " ".join(said)))


def _login(request: Request) -> str:
    root = shell.base_of(request).removesuffix(MOUNT)
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = address if request.method in ("GET", "HEAD") else f"{shell.base_of(request)}/"
    return f"{root}/api/v2/auth/login?next={quote(wanted, safe='')}"
