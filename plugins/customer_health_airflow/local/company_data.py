"""Whose data the local Airflow works on: the simulated company, or a folder of somebody's files."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from customer_health_airflow.local.environment import HOME, ROOT


@dataclass(frozen=True)
class Company:
    """What the command line said, with absolute paths.

    Attributes:
        data: Folder or address of the company's files; empty means the simulated company.
        mapping: The YAML file that describes them.
        config: The company file with its business numbers.
        today: The day to pretend, for files that end in the past.
        vendors: The company's own folder of vendor files.
        folder: Where everything that is derived goes; empty: a folder of this checkout.
    """

    data: str = ""
    mapping: str = ""
    config: str = ""
    today: str = ""
    vendors: str = ""
    folder: str = ""

    @classmethod
    def of(
        cls, data: str, mapping: str, config: str, today: str, *, vendors: str = "", folder: str = ""
    ) -> Company:
        """Resolve paths against the folder in which the command was typed."""
        local = bool(data) and "://" not in data
        return cls(
            data=str(Path(data).expanduser().resolve()) if local else data,
            mapping=str(Path(mapping).expanduser().resolve()) if mapping else "",
            config=str(Path(config).expanduser().resolve()) if config else "",
            today=today,
            vendors=str(Path(vendors).expanduser().resolve()) if vendors else "",
            folder=str(Path(folder).expanduser().resolve()) if folder else "",
        )

    @classmethod
    def last(cls) -> Company:
        """Return the company of the last demo, so that `make up` shows what it made."""
        try:
            return cls(**json.loads((HOME / "company.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    def remember(self) -> None:
        """Keep it for `last`."""
        HOME.mkdir(parents=True, exist_ok=True)
        (HOME / "company.json").write_text(json.dumps(asdict(self)), encoding="utf-8")

    @property
    def home(self) -> Path:
        """Folder of everything that is derived from this data; two companies never share one."""
        if chosen := os.environ.get("CUSTOMER_HEALTH_HOME"):
            return Path(chosen).resolve()
        if self.folder:
            return Path(self.folder)
        base = ROOT / ".customer_health"
        if not self.data:
            return base
        name = re.sub(r"[^a-z0-9]+", "-", Path(self.data).name.lower()).strip("-") or "files"
        return base / "companies" / f"{name}-{hashlib.sha256(self.data.encode()).hexdigest()[:8]}"

    def environment(self, *, pretend: bool) -> dict[str, str]:
        """Return the CUSTOMER_HEALTH_* variables that name this company.

        Args:
            pretend: Whether the simulated company's runs shall pin today. A pinned day stops the
                calendar from starting runs automatically. Files that end in the past always pin it.
        """
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name.startswith("CUSTOMER_HEALTH_")
            and name not in {"CUSTOMER_HEALTH_STACK", "CUSTOMER_HEALTH_TODAY"}
        }
        named = {"DATA": self.data, "MAPPING": self.mapping, "CONFIG": self.config, "HOME": str(self.home)}
        if self.vendors:
            named["VENDORS"] = self.vendors
        if pretend or self.data:
            named["TODAY"] = self.today
        return inherited | {f"CUSTOMER_HEALTH_{name}": value for name, value in named.items() if value}
