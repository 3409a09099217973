"""The page inside Airflow's real API server, with two users of its own."""

from __future__ import annotations

from tests.lib import airflow_env

# isort: split
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.lib import ledger_facts, page_company
from tests.lib.ledger_facts import EVIL

CARD = f"""# The card

| fold | AUC |
|---|---|
| 1 | 0.86 |

![folds](walk.png) {EVIL} [x](javascript:alert(1))
"""


@pytest.fixture(scope="session")
def api_server() -> Iterator[TestClient]:
    """Airflow's API server with its plugins; asked without credentials unless a test brings some."""
    airflow_env.migrate()
    airflow_env.write_passwords()
    from airflow.api_fastapi.app import create_app

    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def bag() -> DagBag:
    """Our DAGs, known to Airflow's database."""
    airflow_env.migrate()
    DagBundlesManager().sync_bundles_to_db()
    found = DagBag(str(airflow_env.DAGS), bundle_path=airflow_env.DAGS, bundle_name="dags-folder")
    sync_bag_to_db(found, "dags-folder", None)
    return found


@pytest.fixture(scope="session")
def page(api_server: TestClient) -> FastAPI:
    """Our own app, as Airflow mounted it."""
    from starlette.routing import Mount

    app = api_server.app
    assert isinstance(app, FastAPI)
    mounted = [route for route in app.routes if isinstance(route, Mount) and route.path == "/customer-health"]
    assert isinstance(mounted[0].app, FastAPI)
    return mounted[0].app


@pytest.fixture(scope="session")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose ledger has something to show, and one report of each kind."""
    home = tmp_path_factory.mktemp("home")
    ledger_facts.fill(home)
    for name, text in {
        "reports/gate_2026-11-20.html": "<h1>Gate</h1>",
        "models/lightgbm-2026-11-01/card.html": "<h1>Card</h1>",
        "models/lightgbm-2026-11-01/model_card.md": CARD,
        "models/lightgbm-2026-11-01/walk.png": "a picture",
        "models/lightgbm-2026-11-01/model.pkl": "not served",
        "secret.html": "outside of every served folder",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    (home / "reports" / "way_out.html").symlink_to(home / "secret.html")
    return home


@pytest.fixture
def visitor(
    api_server: TestClient, filled_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """Somebody with the role of a viewer, looking at the filled home."""
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(filled_home))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", ledger_facts.TODAY.isoformat())
    api_server.headers["Authorization"] = f"Bearer {airflow_env.token_of(api_server, 'viewer')}"
    yield api_server
    del api_server.headers["Authorization"]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty accounts over fourteen weeks; a module that acts on it has one of its own."""
    home = tmp_path_factory.mktemp("company")
    page_company.fill(home).dispose()
    return home
