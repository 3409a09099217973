"""docker-compose.yaml and the Dockerfile as a container engine reads them, as far as these files go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?::([?-])([^}]*))?\}")


@dataclass(frozen=True)
class Service:
    """One service: what is run, with which environment, and how it is asked whether it is well."""

    name: str
    argv: list[str]
    environment: dict[str, str]
    probe: list[str] = field(default_factory=list)
    restart: str = ""


def read_services(
    path: Path, dockerfile: Path, variables: Mapping[str, str], beside: Path | None = None
) -> dict[str, Service]:
    """Return every service of a compose file.

    Args:
        path: The compose file.
        dockerfile: Gives entry point and environment of the services that are built from it.
        variables: The content of .env.
        beside: Folder of the files that `env_file` names; None: where the compose file lies.
    """
    image = dict(_environment(dockerfile))
    entry = yaml.safe_load(_lines(dockerfile, "ENTRYPOINT")[-1])
    services = {}
    for name, raw in yaml.safe_load(path.read_text(encoding="utf-8"))["services"].items():
        service = _filled(raw, variables)
        built = "build" in service
        argv = [*service.get("entrypoint", entry if built else []), *service.get("command", [])]
        environment = {
            **(image if built else {}),
            **dict(_files(service, beside or path.parent)),
            **service.get("environment", {}),
        }
        services[name] = Service(
            name, argv, environment, _probe(service.get("healthcheck", {})), service.get("restart", "")
        )
    return services


def _files(service: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, str]]:
    """The variables of env files; one that is not there is an error unless it may be missing."""
    for file in service.get("env_file", []):
        path = folder / file["path"]
        if path.exists() or file.get("required", True):
            lines = path.read_text(encoding="utf-8").splitlines()
            yield from (line.split("=", 1) for line in lines if line and not line.startswith("#"))  # type: ignore[misc]


def copied_into(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """Yield (path in the checkout, folder or file in the image) of what the image takes over."""
    for line in _lines(dockerfile, "COPY"):
        *sources, target = [word for word in line.split() if not word.startswith("--")]
        if "--from=" not in line and target != "/tmp/requirements.lock":
            yield from ((source, target) for source in sources)


def _lines(dockerfile: Path, word: str) -> list[str]:
    text = re.sub(r"\\\n\s*", " ", dockerfile.read_text(encoding="utf-8"))
    return [line.removeprefix(word).strip() for line in text.splitlines() if line.startswith(word + " ")]


def _environment(dockerfile: Path) -> Iterator[tuple[str, str]]:
    for line in _lines(dockerfile, "ENV"):
        yield from (pair.split("=", 1) for pair in line.split())  # type: ignore[misc]


def _probe(check: Mapping[str, Any]) -> list[str]:
    kind, *rest = check.get("test", ["NONE"])
    return {"CMD": rest, "CMD-SHELL": ["/bin/sh", "-c", *rest], "NONE": []}[kind]


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables) for item in value]
    return _VARIABLE.sub(lambda match: _one(match, variables), value) if isinstance(value, str) else value


def _one(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name, sign, more = match.groups()
    if name is None:  # $$ is how compose spells a dollar that the shell shall see
        return "$"
    if variables.get(name):
        return variables[name]
    if sign == "?":
        raise LookupError(f"{name}: {more}")
    return more or ""
