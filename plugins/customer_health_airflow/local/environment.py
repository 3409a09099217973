"""Everything that the local Airflow reads from its environment, kept inside the checkout."""

from __future__ import annotations

import base64
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / ".airflow"
USER = "admin"
MARK = "CUSTOMER_HEALTH_STACK"  # in the environment of every process of the stack: how leftovers are found


@dataclass(frozen=True)
class Ports:
    """Where the parts listen, on 127.0.0.1 only."""

    api: int
    worker_logs: int
    trigger_logs: int

    @property
    def url(self) -> str:
        """Address of Airflow's page."""
        return f"http://127.0.0.1:{self.api}"


def free_ports(preferred: int = 8080) -> Ports:
    """Find three free ports; the first is `preferred` or the next free one after it."""
    found: list[int] = []
    for start in (preferred, 8793, 8794):
        port = next(port for port in range(start, start + 1000) if port not in found and _is_free(port))
        found.append(port)
    return Ports(*found)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def credentials(home: Path = HOME) -> dict[str, str]:
    """Return this checkout's own keys and password; the first call makes them up.

    There is no default password anywhere: anybody who may read the folder may log in, and nobody else.
    """
    path = home / "credentials.json"
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    made = {
        "password": secrets.token_urlsafe(12),
        "jwt_secret": secrets.token_urlsafe(64),
        "api_secret_key": secrets.token_urlsafe(32),
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    home.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "credentials.json": made,
        "simple_auth_manager_passwords.json": {USER: made["password"]},
    }.items():
        with open(
            os.open(home / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as out:
            json.dump(content, out)
    return made


def airflow_environment(
    ports: Ports, *, stack_id: str, home: Path = HOME, outer: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Build the environment of every Airflow process.

    Settings of another Airflow on this machine (`AIRFLOW*`) are dropped: they would reach into this one.

    Args:
        ports: Where to listen.
        stack_id: Marks the processes as ours.
        home: AIRFLOW_HOME.
        outer: Environment to start from; the caller's by default.
    """
    keys = credentials(home)
    kept = {
        name: value
        for name, value in (os.environ if outer is None else outer).items()
        if not name.startswith("AIRFLOW")
        and name not in {"PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    }
    options = {
        "CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "CORE__FERNET_KEY": keys["fernet_key"],
        "CORE__EXECUTION_API_SERVER_URL": f"{ports.url}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "simple_auth_manager_passwords.json"),
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(ports.api),
        "API__BASE_URL": ports.url,
        "API__WORKERS": "1",
        "API__SECRET_KEY": keys["api_secret_key"],
        "API__EXPOSE_CONFIG": "False",
        "API_AUTH__JWT_SECRET": keys["jwt_secret"],
        # The execution API builds its routes on its first request, and two cores are soon busy: the
        # default of 5 s burns a task's tries before its own code has begun.
        "WORKERS__EXECUTION_API_TIMEOUT": "30",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_logs),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_logs),
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        **kept,
        **{f"AIRFLOW__{name}": value for name, value in options.items()},
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT / "plugins")]),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": kept.get("OMP_NUM_THREADS", "1"),
        "GX_ANALYTICS_ENABLED": "false",
        "NO_COLOR": "1",
        MARK: stack_id,
        "SPT_NOENV": "1",  # process titles must not overwrite the environment, where our mark stands
    }
