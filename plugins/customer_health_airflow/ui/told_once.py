"""What a form did, told on the next page, once.

The words travel as a key in a cookie that only this page's own answers set. A query such as `?done=` could be
put into a link by anybody, and the page would say that something had been approved.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from customer_health_airflow.ui import shell

COOKIE = "customer_health_done"
SECONDS = 60


def redirect(request: Request, address: str, done: str) -> Response:
    """Lead on to a page of ours, which says what was done."""
    base = shell.base_of(request)
    response = RedirectResponse(f"{base}{address}", 303)
    response.set_cookie(COOKIE, done, max_age=SECONDS, path=base or "/", httponly=True, samesite="strict")
    return response


def said(request: Request, words: Mapping[str, str]) -> str:
    """Return what the form before this page did, in one sentence; empty if there was none."""
    return words.get(request.cookies.get(COOKIE, ""), "")


def forget(request: Request, response: Response) -> None:
    """Say it once: the next page is silent again."""
    if COOKIE in request.cookies:
        response.delete_cookie(COOKIE, path=shell.base_of(request) or "/")
