"""A private Airflow for tests. Importing this module sets the environment that Airflow reads once.

Import it before the first `import airflow`. All test folders that need Airflow share one home in the
system's temporary folder, so that a test run pays for one migration.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "dags"
PLUGINS = ROOT / "plugins"

if "airflow" in sys.modules:  # pragma: no cover - a mistake of anybody who writes a test
    raise RuntimeError("airflow was imported before tests.lib.airflow_env; its settings are fixed by now")

HOME = Path(tempfile.mkdtemp(prefix="customer-health-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]

ROLES = {"admin": "admin", "viewer": "viewer", "user": "user", "op": "op"}
PASSWORDS = {name: f"{name}-only-for-tests" for name in ROLES}
PASSWORDS_FILE = HOME / "passwords.json"

os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{n}:{role}" for n, role in ROLES.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(PASSWORDS_FILE),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-tests-" * 6,
        "AIRFLOW__API__BASE_URL": "http://testserver",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }
)


def migrate() -> None:
    """Create Airflow's tables once per test run, and the pool that the warehouse tasks need."""
    if (HOME / "airflow.db").exists():
        return
    from airflow.models.pool import Pool
    from airflow.utils.db import initdb

    initdb()
    from customer_health_airflow.dag_names import POOLS

    for name in POOLS:
        Pool.create_or_update_pool(name, slots=1, description="", include_deferred=False)


def write_passwords() -> None:
    """Give every test user a password, before the API server makes some up."""
    PASSWORDS_FILE.write_text(json.dumps(PASSWORDS), encoding="utf-8")


@lru_cache(maxsize=8)
def token_of(client: Any, user: str) -> str:
    """Log a user in and return the token."""
    answer = client.post("/auth/token", json={"username": user, "password": PASSWORDS[user]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["access_token"])
