"""A real browser before Airflow's real web server, over ledgers that the real domain wrote."""

from __future__ import annotations

from tests.lib import airflow_env

# isort: split
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from tests.browser.look import Look
from tests.lib import page_company

sync_api = pytest.importorskip("playwright.sync_api", reason="the Python package playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STARTS_WITHIN = 60.0


@pytest.fixture(scope="package")
def browser() -> Iterator[sync_api.Browser]:
    """Chromium from the system, not a download."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()


@pytest.fixture(scope="package")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a company with weeks of scores and actions in every state."""
    home = tmp_path_factory.mktemp("filled")
    _closed(page_company.fill(home))
    return home


@pytest.fixture(scope="package")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a company whose customers are all called something hostile."""
    home = tmp_path_factory.mktemp("hostile")
    _closed(page_company.fill_hostile(home))
    return home


def _closed(engine: Engine) -> None:
    engine.dispose()


@pytest.fixture(scope="package")
def address(filled: Path) -> Iterator[str]:
    """Airflow's API server on a port of its own, in a thread: it reads this process's environment."""
    import uvicorn

    airflow_env.migrate()
    airflow_env.write_passwords()
    from airflow.api_fastapi.app import create_app

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + STARTS_WITHIN
    while not server.started:
        assert time.monotonic() < until, "the web server did not start"
        assert thread.is_alive(), "the web server ended"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="package")
def tokens(address: str) -> dict[str, str]:
    """A session of each role."""
    found = {}
    for user, word in airflow_env.PASSWORDS.items():
        answer = httpx.post(f"{address}/auth/token", json={"username": user, "password": word}, timeout=30)
        assert answer.status_code == 201, answer.text
        found[user] = str(answer.json()["access_token"])
    return found


@pytest.fixture(autouse=True)
def _at_home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(filled))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", page_company.TODAY.isoformat())


@pytest.fixture
def look(browser: sync_api.Browser, address: str, tokens: dict[str, str]) -> Iterator[Look]:
    """A reader with the rights of an admin, whose browser notes everything that goes wrong."""
    reader = Look(browser, address, tokens)
    yield reader
    reader.close()


@pytest.fixture
def at_hostile(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Serve the hostile company instead."""
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(hostile))
    assert os.environ["CUSTOMER_HEALTH_HOME"] == str(hostile)
    return hostile
