"""The services of docker-compose.yaml in a container engine: brought up, asked, broken, taken away again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.image.machine import PATIENCE
from tests.lib.airflow_env import ROOT


def engine() -> str:
    """Return the name and version of the engine that answers `docker`, or nothing.

    Podman answers, too, where `DOCKER_HOST` names the socket of `podman system service`.
    """
    try:
        asked = [
            subprocess.run(["docker", *words], capture_output=True, text=True, timeout=60, check=False)
            for words in (["version", "--format", "{{json .Server.Components}}"], ["compose", "version"])
        ]
    except (OSError, subprocess.TimeoutExpired):
        return ""
    if any(answer.returncode for answer in asked):
        return ""
    first = (json.loads(asked[0].stdout) or [{"Name": "unknown", "Version": ""}])[0]
    return f"{first['Name']} {first['Version']}"


class Containers:
    """One project of compose, as its user starts and breaks it.

    Args:
        name: Of the project; its volumes and its network are called after it.
        folder: Where .env and the override file go.
        variables: The content of .env.
        override: What a user would write into docker-compose.override.yaml.
    """

    def __init__(
        self, name: str, folder: Path, variables: Mapping[str, str], override: Mapping[str, Any]
    ) -> None:
        self.name = name
        self._environment = folder / f"{name}.env"
        self._override = folder / f"{name}.yaml"
        self._override.write_text(yaml.safe_dump(dict(override)))
        self.set_variables(variables)

    def set_variables(self, variables: Mapping[str, str]) -> None:
        """Write .env anew."""
        self._environment.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))

    def compose(self, *words: str, timeout: float, expected: int | None = 0) -> str:
        """Run `docker compose` and return what it printed; another exit code than expected fails.

        Args:
            words: The command.
            timeout: Seconds, before patience.
            expected: The exit code; None: any.
        """
        command = ["docker", "compose", "--project-name", self.name, "--env-file", str(self._environment)]
        command += ["--file", str(ROOT / "docker-compose.yaml"), "--file", str(self._override), *words]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=timeout * PATIENCE, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert expected is None or done.returncode == expected, f"{words}: {done.returncode}\n{said[-4000:]}"
        return done.stdout if expected == 0 else said

    def up(self, *services: str) -> None:
        """Start everything, or some services, and wait until they are healthy."""
        self.compose("up", "--detach", "--wait", "--wait-timeout", "900", *services, timeout=960)

    def inside(self, service: str, *words: str, timeout: float = 120, expected: int | None = 0) -> str:
        """Run a command in a container that runs."""
        return self.compose("exec", "--no-TTY", service, *words, timeout=timeout, expected=expected)

    def command(self, *words: str, expected: int | None = 0) -> str:
        """Run one of our commands in the worker."""
        words = ("python", "-m", "customer_health", *words)
        return self.inside("airflow-worker", *words, timeout=300, expected=expected)

    def rows(self, query: str, *, database: str = "airflow") -> list[list[str]]:
        """Ask PostgreSQL; every value is text."""
        user = "airflow"
        said = self.inside("postgres", "psql", "-U", user, "-d", database, "-AtF", "\t", "-c", query)
        return [line.split("\t") for line in said.splitlines()]

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what the engine says of each container, by the name of its service."""
        ids = self.compose("ps", "--all", "--quiet", timeout=60).split()
        found = subprocess.run(
            ["docker", "inspect", *ids], capture_output=True, text=True, check=True, timeout=60
        )
        label = "com.docker.compose.service"
        return {one["Config"]["Labels"][label]: one for one in json.loads(found.stdout)}

    def until(self, what: str, ready: Callable[[], bool], *, within: float) -> None:
        """Wait; what has not come within so many seconds (before patience) is an error."""
        deadline = time.monotonic() + within * PATIENCE
        while not ready():
            assert time.monotonic() < deadline, f"{what}: not within {within * PATIENCE:.0f} s"
            time.sleep(1)

    def down(self) -> None:
        """Take everything away, the volumes, too."""
        self.compose("down", "--volumes", "--timeout", "20", timeout=240, expected=None)
