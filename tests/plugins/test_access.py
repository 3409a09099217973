"""Nobody sees a customer's score without logging in: Airflow leaves plugin apps open, ours is closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

PREFIX = "/customer-health"


def addresses(page: FastAPI, *, acting: bool | None = None) -> list[str]:
    """Every route of the app, its parameters filled in; a new route is in here by itself.

    `acting` keeps only those that change something, or only those that do not.
    """
    routes = _flat(page.routes)
    paths = [route.path for route in routes if acting in (None, "POST" in route.methods)]
    known = {
        "{address:path}": "reports/gate_2026-11-20.html",
        "{account_id:path}": "acme",
        "{name:path}": "index.html",
        "{key}": "some-key",
        "{day}": "2026-11-20",
        "/runs/{dag_id}/{run_id:path}": "/day/2026-11-20",
        "{model_id}": "some-model",
        "{verb}": "resend",
    }
    for placeholder, value in known.items():
        paths = [path.replace(placeholder, value) for path in paths]
    assert not any("{" in path for path in paths), "fill in the new parameter above"
    return [PREFIX + path for path in paths]


def _flat(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        if hasattr(route, "path") and not hasattr(route, "original_router"):
            yield route
        elif hasattr(route, "original_router"):
            yield from _flat(route.original_router.routes)


def test_every_page_is_covered_by_these_tests(page: FastAPI) -> None:
    assert {f"{PREFIX}/", f"{PREFIX}/actions", f"{PREFIX}/account/acme"} <= set(addresses(page))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_stranger_from_the_street_is_sent_away_from_every_route(
    api_server: TestClient, page: FastAPI, method: str
) -> None:
    for address in addresses(page):
        answer = api_server.request(method, address)
        assert answer.status_code in {401, 405}, address
        assert "Acme" not in answer.text


@pytest.mark.parametrize("acting", [False, True])
def test_a_made_up_token_opens_nothing(api_server: TestClient, page: FastAPI, acting: bool) -> None:
    for address in addresses(page, acting=acting):
        method = "POST" if acting else "GET"
        answer = api_server.request(method, address, headers={"Authorization": "Bearer nonsense"})
        assert answer.status_code == 403


def test_a_user_without_the_right_to_read_the_scoring_dag_sees_no_score(
    visitor: TestClient, page: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simple auth manager lets every role read; production's may not. Ours asks who is there."""
    from airflow.api_fastapi.app import get_auth_manager

    asked = []

    def refuse(self: object, *, method: str, details: object, **_: object) -> bool:
        asked.append((method, details.id))
        return False

    monkeypatch.setattr(type(get_auth_manager()), "is_authorized_dag", refuse)
    for address in addresses(page, acting=False):
        assert visitor.get(address).status_code == 403
    for address in addresses(page, acting=True):
        assert visitor.post(address).status_code == 403
    assert set(asked) == {("GET", "score_accounts")}


def test_a_viewer_reads_every_page(visitor: TestClient, page: FastAPI) -> None:
    for address in addresses(page, acting=False):
        answer = visitor.get(address)
        # No effect has this key, and no gate wrote Data Docs here (test_source_page.py reads some).
        expected = 404 if address.endswith("/some-key") or "/data-docs/" in address else 200
        assert answer.status_code == expected, (address, answer.text[:500])
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_the_generated_documentation_is_switched_off(visitor: TestClient, path: str) -> None:
    assert visitor.get(PREFIX + path).status_code == 404
