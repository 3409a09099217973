"""Settings: the only module of the domain that reads the environment.

Paths and connections come from the environment (`CUSTOMER_HEALTH_*`); business numbers come from a
YAML file that is validated when it is loaded. A misspelt key is refused with its file and a
suggestion, before anything runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from customer_health.errors import ConfigurationError, suggest

PREFIX = "CUSTOMER_HEALTH_"


class Section(BaseModel):
    """Base of every section of the company file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class UsageConfig(Section):
    """What counts as value in the product. Lists are per plan; `default` serves every other plan."""

    key_features: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    core_actions: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    advanced_features: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    power_user_days: int = Field(
        default=12, ge=1, le=30, description="active days of 30 that make a power user"
    )


class PeopleConfig(Section):
    """Who counts as an executive, and which interactions are real conversations."""

    executive_title_patterns: tuple[str, ...] = (
        r"\b(chief|ceo|cto|cfo|coo|cio|cmo|cpo|cro|ciso)\b",
        r"\b(s?vp|evp|vice[ -]president)\b",
        r"\bpresident\b",
        r"\bfounder\b",
    )
    meaningful_interactions: tuple[str, ...] = ("call", "meeting", "ebr")


class SignalsConfig(Section):
    """Which signals are used."""

    profile: Literal["full", "starter_5"] = "full"


class ModelConfig(Section):
    """Training: horizons, history, eligibility and capacity."""

    horizons: tuple[int, ...] = (90, 180)
    primary_horizon: int = 180
    history_months: int = Field(default=24, ge=6)
    min_tenure_days: int = 56
    min_unique_churners: int = Field(default=60, description="below this the rule score stays champion")
    min_folds: int = 3
    capacity_share: float = Field(
        default=0.10, gt=0, lt=1, description="share of accounts that CSMs can work on"
    )
    seed: int = 20260101
    threads: int = 1


class ScoreConfig(Section):
    """From probability to score."""

    mapping: Literal["anchored", "linear"] = "anchored"
    red_share: float = 0.08
    green_share: float = 0.70
    scheme: str = "four_tier"
    rules: Literal["rules_v1_seed"] = "rules_v1_seed"


class PlaybookConfig(Section):
    """Episodes, first run and ownership."""

    fallback_owner: str = "cs-leads@example.com"
    first_run_tasks: int = Field(
        default=25, ge=0, description="tasks opened for accounts that were Red already"
    )
    alerts_per_owner_per_day: int = 5
    max_as_of_age_hours: int = Field(default=36, description="scores of older days send nothing")
    paused: tuple[str, ...] = ()
    recovery_margin: int = Field(
        5, ge=0, description="points above Red that two readings need to end an episode"
    )
    mass_move_share: float = Field(
        0.10, gt=0, le=1, description="more accounts newly Red than this: one summary instead of alerts"
    )
    mass_move_floor: int = Field(5, ge=1, description="fewer newly Red accounts than this are no mass move")
    alerts_channel: str = Field("#csm-alerts", description="where summaries of alerts go")


class DestinationsConfig(Section):
    """Which system stands behind each name that playbooks use."""

    crm: str = "preview"
    slack: str = "preview"
    gainsight: str = "preview"
    email: str = "preview"


class CompanyConfig(Section):
    """The company file: every business number, with a default that works."""

    name: str = "the company"
    usage: UsageConfig = UsageConfig()
    people: PeopleConfig = PeopleConfig()
    signals: SignalsConfig = SignalsConfig()
    model: ModelConfig = ModelConfig()
    score: ScoreConfig = ScoreConfig()
    playbooks: PlaybookConfig = PlaybookConfig()
    destinations: DestinationsConfig = DestinationsConfig()
    simulator: Mapping[str, Any] = Field(default_factory=dict)


class Settings(Section):
    """Where things are, and the company's numbers.

    Attributes:
        home: Folder of everything this project writes (warehouse, ledger, state, models, previews).
        warehouse_url: `duckdb:///path`; other engines by their Ibis URL.
        ledger_url: SQLAlchemy URL.
        data: Folder (or fsspec URL) of a company's own files; None means the simulated company.
        mapping: The YAML file that describes them.
        today: Pretend that this is today. For files that end in the past; refused unless every
            destination is `preview`.
        config: The company file.
    """

    home: Path
    warehouse_url: str
    ledger_url: str
    data: str | None = None
    mapping: Path | None = None
    today: date | None = None
    config: CompanyConfig = CompanyConfig()

    @property
    def state(self) -> Path:
        """Folder of the signals' kept state."""
        return self.home / "state"

    @property
    def models(self) -> Path:
        """Folder of model artefacts."""
        return self.home / "models"

    @property
    def reports(self) -> Path:
        """Folder of gate reports, model cards and KPI reports."""
        return self.home / "reports"

    @property
    def preview(self) -> Path:
        """Folder in which the preview destination renders."""
        return self.home / "preview"


def _path_of(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)


def load_company(path: Path) -> CompanyConfig:
    """Read and check the company file.

    Raises:
        ConfigurationError: The file is missing, is no YAML, or a key or value is not accepted.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise ConfigurationError(
            f"The company file {path} does not exist.",
            hint=f"Point {PREFIX}CONFIG at an existing file or unset it to use the defaults.",
        ) from None
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{path} is not valid YAML: {error}", hint="Mend the line it names."
        ) from None
    try:
        return CompanyConfig.model_validate(raw)
    except ValidationError as error:
        lines, hints = [], []
        for problem in error.errors():
            location = problem["loc"]
            lines.append(f"{path}: {_path_of(location)}: {problem['msg']}")
            if problem["type"] == "extra_forbidden":
                hints.append(suggest(str(location[-1]), _known_keys(CompanyConfig, location)))
        raise ConfigurationError("\n".join(lines), hint=" ".join(hints) or "Correct the value.") from None


def load_settings(environment: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """Build the settings from the environment.

    Args:
        environment: Defaults to the process's environment.
        home: Overrides CUSTOMER_HEALTH_HOME.

    Raises:
        ConfigurationError: A value is wrong, or `today` is set while something could leave the house.
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
            f"{PREFIX}TODAY is '{today_text}', which is no date.", hint="Write it as 2025-01-31."
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
        today=today,
        config=config,
    )
