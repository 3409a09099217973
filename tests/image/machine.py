"""The services of docker-compose.yaml as processes of this machine, in the environment that the image has.

Commands and variables are the file's own. What a container would give them is replaced, nothing else: host
names by loopback ports, the image's folders by a copy, `dumb-init` by nothing, and what would clash under one
host name (the names and log ports of two workers).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from tests.image import stores
from tests.image.compose import Service, copied_into, read_services
from tests.lib.airflow_env import ROOT

VENV = ROOT / ".venv-image"
# On a machine that does other things, too: how many times longer everything may take.
PATIENCE = float(os.environ.get("IMAGE_TEST_PATIENCE", "1"))


class Machine:
    """Starts services, asks their health checks, and leaves no process behind.

    Args:
        folder: Empty, and readable by everybody: PostgreSQL runs as another user.
        variables: The content of .env.
        faster: Variables that only shorten a wait; each is named by the test that sets it.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], faster: Mapping[str, str]) -> None:
        self.folder = folder
        self.image = folder / "airflow"
        self.faster = dict(faster)
        self.ports = dict(
            zip(("postgres", "redis", "api", "health", "triggerer", "s3"), _free_ports(6), strict=True)
        )
        self._copy_image()
        (folder / "data").mkdir()
        cloud = {**stores.S3_CREDENTIALS, "AWS_ENDPOINT_URL": self.store}
        (folder / "cloud.env").write_text("".join(f"{name}={value}\n" for name, value in cloud.items()))
        self.variables = dict(variables)
        self.services = self._read({})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, Callable[[], None]] = {}
        self.revived: list[str] = []

    @property
    def url(self) -> str:
        """Address of the API server."""
        return f"http://127.0.0.1:{self.ports['api']}"

    @property
    def store(self) -> str:
        """Address of the server that speaks S3."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def _read(self, more: Mapping[str, str]) -> dict[str, Service]:
        return read_services(
            ROOT / "docker-compose.yaml", ROOT / "Dockerfile", {**self.variables, **more}, self.folder
        )

    def _copy_image(self) -> None:
        for source, target in copied_into(ROOT / "Dockerfile"):
            to = self.image / target / (Path(source).name if target.endswith("/") else "")
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / source, to)
        (self.image / "airflow.cfg").touch()
        (self.image / "logs").mkdir()

    def here(self, text: str) -> str:
        """Return a text of the compose file with hosts and paths of this machine."""
        ports = self.ports
        for theirs, ours in {
            "@postgres/": f"@127.0.0.1:{ports['postgres']}/",
            "@redis:6379/": f"@127.0.0.1:{ports['redis']}/",
            "//airflow-apiserver:8080/": f"//127.0.0.1:{ports['api']}/",
            "//localhost:8080/": f"//127.0.0.1:{ports['api']}/",
            "//localhost:8974/": f"//127.0.0.1:{ports['health']}/",
            "redis-cli ": f"redis-cli -p {ports['redis']} ",
            "/opt/airflow": str(self.image),
            "/opt/venv": str(VENV),
            "/company/": f"{self.folder}/company/",
            "=/data": f"={self.folder}/data",
        }.items():
            text = text.replace(theirs, ours)
        return f"{self.folder}{text}" if text == "/data" or text.startswith("/data/") else text

    def environment(self, service: Service, host: str) -> dict[str, str]:
        """Return what a process of the service sees; nothing of this machine's own environment reaches it."""
        seen = {name: self.here(str(value)) for name, value in service.environment.items()}
        seen["PATH"] = f"{VENV}/bin:/usr/local/bin:/usr/bin:/bin"
        where = {"HOSTNAME": host, "HOME": str(self.image), "LANG": "C.UTF-8"}
        ports = {
            "AIRFLOW__API__PORT": str(self.ports["api"]),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["health"]),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.ports["triggerer"]),
        }
        return {**seen, **where, **ports, **self.faster}

    def argv(self, service: Service) -> list[str]:
        """Return the command of a service, without the init process that only a container needs."""
        words = service.argv[2:] if service.argv[:2] == ["dumb-init", "--"] else service.argv
        return [self.here(word) for word in words]

    def run(self, name: str, *, timeout: float, **more: str) -> str:
        """Run a service that ends by itself and return its output."""
        service = self.services[name]
        log = self.folder / f"{name}.log"
        with log.open("ab") as out:
            done = subprocess.run(
                self.argv(service), env={**self.environment(service, name), **more}, cwd=self.image,
                stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                timeout=timeout * PATIENCE, check=False,
            )  # fmt: skip
        assert done.returncode == 0, tail(log)
        return log.read_text(errors="replace")

    def command(self, *words: str, expected: int | None = 0, timeout: float = 180) -> str:
        """Run one of our commands as `docker compose exec airflow-worker` does, and return what it said."""
        environment = self.environment(self.services["airflow-worker"], "command")
        done = subprocess.run(
            [str(VENV / "bin" / "python"), "-m", "customer_health", *words], env=environment, cwd=self.image,
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout * PATIENCE, check=False,
        )  # fmt: skip
        assert expected is None or done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str, *, copy: str = "", data: str = "data", **variables: str) -> None:
        """Start a service that stays.

        Args:
            name: Its name in the compose file.
            copy: Tells several of one kind apart.
            data: The folder that stands for its volume /data; another host has another one.
            variables: What differs in that host's .env.
        """
        service, host = self._read(variables)[name], copy or name
        self._started[host] = lambda: self.start(name, copy=copy, data=data, **variables)
        argv, environment = self.argv(service), self.environment(service, host)
        for key in ("CUSTOMER_HEALTH_HOME", "NUMBA_CACHE_DIR"):
            environment[key] = environment[key].replace(str(self.folder / "data"), str(self.folder / data))
        if copy:
            argv = [*argv, "--celery-hostname", f"celery@{copy}"]
            environment["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = str(_free_ports(1)[0])
        with (self.folder / f"{host}.log").open("ab") as out:
            self.processes[host] = subprocess.Popen(
                argv, env=environment, cwd=self.image, stdin=subprocess.DEVNULL, start_new_session=True,
                stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def start_stores(self) -> None:
        """Start PostgreSQL, Redis and an object store, and give the ledger its database."""
        postgres, redis = self.services["postgres"], self.services["redis"]
        self.processes["postgres"] = stores.start_postgres(
            postgres, self.folder / "postgres", self.ports["postgres"]
        )
        self.processes["redis"] = stores.start_redis(redis, self.folder / "redis", self.ports["redis"])
        self.processes["s3"] = stores.start_s3(self.folder, self.ports["s3"])
        for port in (self.ports["postgres"], self.ports["redis"], self.ports["s3"]):
            self.until(f"port {port} answers", lambda port=port: _answers(port), within=60)
        self.until("PostgreSQL takes connections", lambda: self.is_well("postgres"), within=30)
        stores.initialise_postgres(postgres, self.ports["postgres"], ROOT / "docker" / "ledger.sh")

    def is_well(self, name: str, *, copy: str = "", timeout: float = 60) -> bool:
        """Run the service's own health check."""
        service = self.services[name]
        server = stores.redis_server()
        environment = self.environment(service, copy or name)
        environment |= {"PGHOST": "127.0.0.1", "PGPORT": str(self.ports["postgres"])}
        environment["PATH"] += f":{stores.POSTGRES_BIN}:{server.parent if server else ''}"
        done = subprocess.run(
            [self.here(word) for word in service.probe], env=environment, cwd=self.image,
            capture_output=True, timeout=timeout * PATIENCE, check=False,
        )  # fmt: skip
        return done.returncode == 0

    def stop_postgres(self) -> None:
        """What `docker compose stop postgres` does: a fast shutdown."""
        process = self.processes.pop("postgres")
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)

    def start_postgres_again(self) -> None:
        """What `docker compose start postgres` does."""
        port = self.ports["postgres"]
        self.processes["postgres"] = stores.serve_postgres(self.folder / "postgres", port)
        self.until("PostgreSQL answers again", lambda: _answers(port), within=60, revive=True)

    def until(self, what: str, ready: Callable[[], bool], *, within: float, revive: bool = False) -> None:
        """Wait, and say which service died or what never came.

        Args:
            what: For the message.
            ready: Whether it has come.
            within: Seconds.
            revive: Start again what ended by itself, as `restart: unless-stopped` does.
        """
        within *= PATIENCE
        deadline = time.monotonic() + within
        while not ready():
            for name, process in list(self.processes.items()):
                log = self.folder / f"{name}.log"
                if revive and process.poll() is not None and name in self._started:
                    self.revived.append(name)
                    self.kill(name)
                    self._started[name]()
                    continue
                assert process.poll() is None, f"{name} ended with {process.returncode}:\n{tail(log)}"
            assert time.monotonic() < deadline, f"waited {within:.0f} s in vain until {what}"
            time.sleep(0.5)

    def kill(self, name: str) -> None:
        """End every process of a service at once, as the death of its container does."""
        process = self.processes.pop(name)
        for one in _session(process.pid):
            one.kill()
        process.wait(timeout=10)

    def stop(self) -> None:
        """Ask all to end, and make them; stores last."""
        for name in sorted(self.processes, key=lambda name: name in ("postgres", "redis", "s3")):
            process = self.processes[name]
            for one in _session(process.pid):
                one.send_signal(signal.SIGTERM)
        time.sleep(1)
        for name in list(self.processes):
            self.kill(name)


def _session(leader: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def tail(log: Path, lines: int = 40) -> str:
    """Return the end of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no output)"
