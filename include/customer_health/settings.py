"""Settings: the only module of the domain that reads the environment.

Paths and connections come from the environment (`CUSTOMER_HEALTH_*`), business numbers from the company
file that it names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, SkipValidation

from customer_health.company import CompanyConfig, load_company
from customer_health.connections.connection_options import Secret
from customer_health.errors import ConfigurationError
from customer_health.sections import Section
from customer_health.storage import KINDS, place_of

PREFIX = "CUSTOMER_HEALTH_"


class Settings(Section):
    """Where things are, and the company's numbers.

    Attributes:
        home: Folder of everything this project writes (warehouse, ledger, state, models, previews).
        warehouse_url: `duckdb:///path`: the embedded warehouse. A company's own is `source_warehouse`.
        ledger_url: SQLAlchemy URL.
        data: Folder (or fsspec URL) of a company's own files; None means the simulated company.
        mapping: The YAML file that describes them, and the tables of the source warehouse.
        source_warehouse: URL of the warehouse where a company's raw tables already lie; None if there is
            none. Holds a password, so it is neither printed nor dumped.
        source_schema: The schema there whose tables are canonical, if no mapping describes them.
        vendors: Folder of the company's own vendor files.
        expectations: Folder of the company's own suites for the gate; see warehouse/own_suites.py.
        landing: Folder or fsspec URL in which vendors' files land; None: `home`/landing.
        storage: Folder or fsspec URL below which models, reports and previews lie; None: `home`.
        back_up: Folder or fsspec URL below which `look_after_stores` writes back-ups; None: it writes none.
        heartbeat: Address of an outside monitor that expects a call every hour; None: nobody watches. Its
            path is a secret, so it is neither printed nor dumped.
        today: Pretend that this is today. For files that end in the past; refused unless every
            destination is `preview`.
        config: The company file.
        secrets: Credentials by kind of destination; neither printed nor dumped.
    """

    home: Path
    warehouse_url: str
    ledger_url: str
    data: str | None = None
    mapping: Path | None = None
    source_warehouse: str | None = Field(default=None, repr=False, exclude=True)
    source_schema: str = "raw"
    vendors: Path | None = None
    expectations: Path | None = None
    landing: str | None = None
    storage: str | None = None
    back_up: str | None = None
    heartbeat: str | None = Field(default=None, repr=False, exclude=True)
    today: date | None = None
    config: CompanyConfig = CompanyConfig()
    secrets: Annotated[Mapping[str, Mapping[str, str]], SkipValidation] = Field(
        default_factory=dict, repr=False, exclude=True
    )

    def with_secrets(self, secrets: Mapping[str, Mapping[str, str]]) -> Settings:
        """Return the same settings with more credentials; they take precedence over those that are there."""
        more = {kind: Secret(values) for kind, values in secrets.items()}
        return self.model_copy(update={"secrets": {**self.secrets, **more}})

    @property
    def state(self) -> Path:
        """Folder of the signals' kept state."""
        return self.home / "state"

    @property
    def models(self) -> Path:
        """Folder of model artefacts."""
        return self._stored("models")

    @property
    def reports(self) -> Path:
        """Folder of gate reports, model cards and KPI reports."""
        return self._stored("reports")

    @property
    def preview(self) -> Path:
        """Folder in which the preview destination renders."""
        return self._stored("preview")

    @property
    def served(self) -> dict[str, Path]:
        """Folders that the page shows, by the first part of a file's address there."""
        return {kind: self._stored(kind) for kind in KINDS}

    @property
    def folds(self) -> Path:
        """Folder of working copies of trainings, which are computed again where they are missing."""
        return self.home / "models"

    def _stored(self, kind: str) -> Path:
        return (place_of(self.storage) if self.storage else self.home) / kind


def secrets_of(environment: Mapping[str, str]) -> dict[str, Secret]:
    """Return the credentials of every `CUSTOMER_HEALTH_SECRET_<KIND>`, a flat JSON object each.

    Raises:
        ConfigurationError: One is not such an object. Its content is not repeated.
    """
    start, found = PREFIX + "SECRET_", dict[str, Secret]()
    for name in sorted(name for name in environment if name.startswith(start)):
        try:
            values = json.loads(environment[name])
        except ValueError:
            values = None
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            raise ConfigurationError(
                f"{name} is not a JSON object of texts.", hint='Write it as {"key": "value", ...}.'
            )
        found[name.removeprefix(start).lower()] = Secret(values)
    return found


def load_settings(
    environment: Mapping[str, str] | None = None,
    *,
    home: Path | None = None,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
) -> Settings:
    """Build the settings from the environment.

    Args:
        environment: Defaults to the process's environment.
        home: Overrides CUSTOMER_HEALTH_HOME.
        secrets: Credentials by kind, as Airflow's hook takes them from Connections; they take precedence over
            those of the environment.

    Raises:
        ConfigurationError: A value is wrong, or `today` is set while something could leave the system.
    """
    env = os.environ if environment is None else environment

    def get(name: str) -> str | None:
        return env.get(PREFIX + name) or None

    base = (home or Path(get("HOME") or ".customer_health")).expanduser().resolve()
    config_path = get("CONFIG")
    config = load_company(Path(config_path)) if config_path else CompanyConfig()
    today_text = get("TODAY")
    try:
        today = date.fromisoformat(today_text) if today_text else None
    except ValueError:
        raise ConfigurationError(
            f"{PREFIX}TODAY is '{today_text}', which is not a date.", hint="Write it as 2025-01-31."
        ) from None
    live = {name: kind for name, kind in config.destinations.model_dump().items() if kind != "preview"}
    if today and live:
        raise ConfigurationError(
            f"{PREFIX}TODAY pretends a date while {', '.join(live)} would really be written to.",
            hint="Unset it, or set these destinations to preview.",
        )
    mapping = get("MAPPING")
    return Settings(
        home=base,
        warehouse_url=get("WAREHOUSE_URL") or f"duckdb:///{base}/warehouse.duckdb",
        ledger_url=get("LEDGER_URL") or f"sqlite:///{base}/ledger.db",
        data=get("DATA"),
        mapping=Path(mapping) if mapping else None,
        source_warehouse=get("SOURCE_WAREHOUSE"),
        source_schema=get("SOURCE_SCHEMA") or "raw",
        vendors=Path(vendors) if (vendors := get("VENDORS")) else None,
        expectations=Path(own) if (own := get("EXPECTATIONS")) else None,
        landing=get("LANDING"),
        storage=get("STORAGE"),
        back_up=get("BACK_UP"),
        heartbeat=get("HEARTBEAT"),
        today=today,
        config=config,
        secrets=secrets_of(env) | {kind: Secret(values) for kind, values in (secrets or {}).items()},
    )
