"""The company file: every business number, by section, with defaults that work.

It is YAML, checked when it is loaded: a misspelt key is refused with its file and a suggestion, before
anything runs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import Field, ValidationError, model_validator

from customer_health.connections import ConnectionsConfig, SourceName, SourceOptions
from customer_health.errors import ConfigurationError, suggest
from customer_health.sections import Section, known_keys
from customer_health.text_config import TextsConfig


class UsageConfig(Section):
    """What counts as value in the product. Lists are per plan; `default` serves every other plan."""

    key_features: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    core_actions: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    advanced_features: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    export_features: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="taking data out in bulk: what customers do who look around"
    )
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
    ebr_every_days: int = Field(default=90, ge=1, description="how often a business review is due")


class BusinessHours(Section):
    """When support works: first responses are measured on this clock."""

    timezone: str = "UTC"
    weekdays: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1, description="0 is Monday")
    opens: float = Field(default=9, ge=0, lt=24)
    closes: float = Field(default=17, gt=0, le=24)

    @model_validator(mode="after")
    def _check(self) -> BusinessHours:
        if self.closes <= self.opens or not set(self.weekdays) <= set(range(7)):
            raise ValueError("business hours need opens < closes, and weekdays from 0 (Monday) to 6")
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"'{self.timezone}' is no time zone such as Europe/Berlin") from None
        return self


class SignalsConfig(Section):
    """Which signals are used, and what they need to know about the company."""

    profile: Literal["full", "starter_5"] = "full"
    business_hours: BusinessHours = BusinessHours()
    stale_after_days: Mapping[str, int] = Field(
        default_factory=dict, description="table -> days without news after which its signals are unknown"
    )
    accepted: tuple[str, ...] = Field(
        default=(),
        description="findings of the gate over the sources, as check:subject, that a person has checked",
    )


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
    heads: tuple[Literal["logo_churn", "downgrade", "contraction"], ...] = Field(
        default=("logo_churn", "downgrade", "contraction"),
        description="losses to foretell, each by its own head",
    )
    effort: Literal["quick", "thorough"] = Field(
        default="thorough", description="quick: the first day's training; thorough: every candidate, tuned"
    )
    score_of: Literal["logo_churn", "expected_arr_loss"] = Field(
        default="logo_churn", description="what the score means: leaving, or the share of ARR expected to go"
    )
    loss_shares: Mapping[str, float] = Field(
        default_factory=lambda: {"logo_churn": 1.0, "downgrade": 0.3, "contraction": 0.3},
        description="share of ARR that goes with a loss, where the outcomes do not tell",
    )
    brought_scores: Path | None = Field(
        default=None,
        description="CSV or Parquet with account_id, as_of, score (higher: more risk) to compete",
    )
    trusted_signals: tuple[str, ...] = Field(
        default=(), description="signals that the leak detector suspects and a person has checked"
    )
    distrusted_signals: tuple[str, ...] = Field(
        default=(), description="signals, or facts of the contract, that no model may learn from"
    )
    approval: Literal["none", "required"] = Field(
        default="none", description="required: a person approves each new champion before it scores"
    )
    max_tier_churn: float = Field(
        default=0.10, gt=0, le=1, description="accounts that may change tier because of a new model alone"
    )
    contact_cost: float = Field(default=500.0, ge=0, description="cost of one save play, in currency")
    save_rate: float = Field(
        default=0.30, ge=0, le=1, description="share of contacted losses that are averted"
    )
    margin: float = Field(default=0.80, ge=0, description="value of a saved customer, in years of ARR")


class ScoreConfig(Section):
    """From probability to score."""

    mapping: Literal["anchored", "linear"] = "anchored"
    red_share: float = 0.08
    green_share: float = 0.70
    scheme: str = "four_tier"
    rules: Literal["rules_v1_seed", "rules_v2"] = Field(
        "rules_v1_seed", description="which rules score where no model is in office"
    )
    smoothing: bool = Field(True, description="average the health part of the score over the weeks")
    tier_margin: int = Field(4, ge=0, le=20, description="points into a better tier before it counts")
    tier_confirmation_days: int = Field(14, ge=0, description="days there before a better tier is shown")


class Route(Section):
    """Where alerts of some accounts go: all that is given must fit; an empty list fits everybody."""

    tiers: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    channel: str = Field(
        pattern=r"^(#[a-z0-9][a-z0-9_-]{0,78}|@owner|@manager)$",
        description="#channel, or a direct message: @owner, @manager",
    )


class MeetingHours(Section):
    """When meetings with customers may be proposed, in the zone of each side."""

    from_hour: int = Field(9, ge=0, le=23)
    until_hour: int = Field(17, ge=1, le=24)
    weekdays: tuple[int, ...] = Field((0, 1, 2, 3, 4), min_length=1, description="0 is Monday")

    @model_validator(mode="after")
    def _check(self) -> MeetingHours:
        if self.until_hour <= self.from_hour or not set(self.weekdays) <= set(range(7)):
            raise ValueError("meeting hours need from_hour < until_hour, and weekdays from 0 (Monday) to 6")
        return self


Link = Annotated[str, Field(pattern=r"^https://[^\s<>|]{3,500}$")]


class QuietHours(Section):
    """When nobody is disturbed, in the owner's zone. Messages wait; the 48-hour clock does not."""

    from_hour: int = Field(19, ge=0, le=24)
    until_hour: int = Field(7, ge=0, le=23)
    weekends: bool = True
    zones: Mapping[str, str] = Field(
        default_factory=dict, description="owner e-mail -> IANA zone; others: the account's zone"
    )


class HoldoutConfig(Section):
    """Which share of newly Red accounts gets ordinary service only, so that saves can be counted."""

    share: float = Field(0.0, ge=0, le=0.5, description="0: no experiment; the save rate says so")
    max_arr: float = Field(50_000, ge=0, description="nobody above this is ever held out")
    never: tuple[str, ...] = Field((), description="account ids that are never held out")
    salt: str = "holdout-1"


class GraduationConfig(Section):
    """What must be proven before growth is automated: recall of churn, saves, and enough of both."""

    recall: float = Field(0.80, gt=0, le=1)
    save_rate: float = Field(0.30, gt=0, lt=1)
    min_churners: int = Field(30, ge=1)
    min_episodes: int = Field(30, ge=1)


# Airflow's approval form knows users by id: the simple auth manager by name, the FAB auth manager by number.
Approver = Annotated[str, Field(pattern=r"^([0-9]+=)?[^=\s][^=]{0,119}$")]


class PlaybookConfig(Section):
    """Episodes, first run and ownership."""

    fallback_owner: str = "cs-leads@example.com"
    first_run_tasks: int = Field(
        default=25, ge=0, description="tasks opened for accounts that were Red already"
    )
    alerts_per_owner_per_day: int = 5
    alerts_per_channel_per_day: int = Field(25, ge=1, description="the rest comes in the day's digest")
    max_as_of_age_hours: int = Field(default=36, description="scores of older days send nothing")
    paused: tuple[str, ...] = Field((), description="playbooks that do nothing, and say so in the log")
    own_library: Path | None = Field(
        None, description="the company's own playbooks; one of the same name replaces the one that ships"
    )
    recovery_margin: int = Field(
        5, ge=0, description="points above Red that two readings need to end an episode"
    )
    mass_move_share: float = Field(
        0.10, gt=0, le=1, description="more accounts newly Red than this: one summary instead of alerts"
    )
    mass_move_floor: int = Field(5, ge=1, description="fewer newly Red accounts than this are no mass move")
    stale_after_days: Mapping[str, float] = Field(
        default_factory=lambda: {"usage": 8.0},
        description="a raw table whose newest fact is older than this holds single alerts for approval",
    )
    hold_drifted_signals: int = Field(
        3, ge=0, description="signals that moved far beyond chance and hold single alerts; 0: never"
    )
    hold_calibration_factor: float = Field(
        2.0, ge=0, description="more, or fewer, losses than foretold by this factor hold alerts; 0: never"
    )
    hold_released_days: int = Field(
        7, ge=1, description="how long an approved reason holds no single alerts back"
    )
    alerts_channel: str = Field("#csm-alerts", description="where summaries of alerts go")
    data_channel: str = Field(
        "#customer-health-data",
        pattern=r"^#[a-z0-9][a-z0-9_-]{0,78}$",
        description="where those who run the system hear of failed tasks, missing scores and refused models",
    )
    scores_due_after_hours: float = Field(
        8, gt=0, le=24, description="hours after midnight UTC by which the day's scores should be published"
    )
    min_arr: float = Field(
        5_000, ge=0, description="accounts below this, and below min_expected_loss, get no people"
    )
    min_expected_loss: float = Field(500, ge=0, description="expected ARR loss that is worth people anyway")
    cost_of_play: float = Field(1_500, ge=0, description="what the hours of one save play cost")
    gross_margin: float = Field(0.8, gt=0, le=1)
    discount_rate: float = Field(0.1, ge=0, le=1)
    max_lifetime_years: float = Field(5, gt=0)
    currency: str = Field("USD", description="where the contracts name none")
    opportunities_per_day: int = Field(5, ge=0, description="expansion opportunities proposed per day")
    shadow: tuple[str, ...] = Field((), description="playbooks that only log what they would have done")
    routes: tuple[Route, ...] = Field((), description="first that fits decides the channel")
    links: Mapping[str, Link] = Field(
        default_factory=dict, description="label -> https address with {account_id}; on alerts and tasks"
    )
    quiet: QuietHours = QuietHours()
    meeting_hours: MeetingHours = MeetingHours()
    remind_after_hours: int = Field(36, ge=1)
    escalate_after_hours: int = Field(48, ge=1)
    approval_expires_hours: int = Field(72, ge=1)
    approvers: tuple[Approver, ...] = Field(
        (),
        description="who may approve, by Airflow's user name; under the FAB auth manager with the number "
        "that /ui/auth/me shows, 3=dana; empty: anybody who is signed in",
    )
    auto_send_segments: tuple[str, ...] = Field(
        (), description="segments whose e-mail drafts need no approval; concessions always do"
    )
    holdout: HoldoutConfig = HoldoutConfig()
    graduation: GraduationConfig = GraduationConfig()

    @property
    def approver_names(self) -> tuple[str, ...]:
        """Names of those who may approve, as decisions are signed."""
        return tuple(who.rpartition("=")[2] for who in self.approvers)


class MoneyConfig(Section):
    """The currency of every score, sum and alert, and what other currencies are worth in it."""

    currency: str | None = Field(
        None, pattern=r"^[A-Z]{3}$", description="ISO 4217 code; empty: that of most contracts"
    )
    rates: Mapping[str, float | Mapping[date, float]] = Field(
        default_factory=dict,
        description="what one unit is worth, or from which day on: {USD: 0.92, GBP: {2025-01-01: 1.18}}",
    )

    @model_validator(mode="after")
    def _check(self) -> MoneyConfig:
        if self.rates and self.currency is None:
            raise ValueError("rates are worth something in `currency`: name it as well")
        for code, since in self.steps().items():
            if not re.fullmatch(r"[A-Z]{3}", code) or code == self.currency:
                raise ValueError(f"'{code}' is no other currency's code, such as USD")
            if not since or not all(0 < rate < math.inf for rate in since.values()):
                raise ValueError(f"{code} needs a rate above 0")
        return self

    def steps(self) -> Mapping[str, Mapping[date, float]]:
        """Code -> first day -> rate; a rate without a day has always counted."""
        return {
            code: {day: float(rate) for day, rate in given.items()}
            if isinstance(given, Mapping)
            else {date.min: float(given)}
            for code, given in self.rates.items()
        }


class DestinationsConfig(Section):
    """Which system stands behind each name that playbooks use; how to reach it is in `connections`."""

    crm: str = "preview"
    slack: str = "preview"
    gainsight: str = "preview"
    email: str = "preview"
    calendar: str = "preview"


class CompanyConfig(Section):
    """The company file: every business number, with a default that works."""

    name: str = "the company"
    usage: UsageConfig = UsageConfig()
    people: PeopleConfig = PeopleConfig()
    signals: SignalsConfig = SignalsConfig()
    model: ModelConfig = ModelConfig()
    score: ScoreConfig = ScoreConfig()
    money: MoneyConfig = MoneyConfig()
    playbooks: PlaybookConfig = PlaybookConfig()
    destinations: DestinationsConfig = DestinationsConfig()
    connections: ConnectionsConfig = ConnectionsConfig()
    sources: Mapping[SourceName, SourceOptions] = Field(default_factory=dict)
    texts: TextsConfig = TextsConfig()
    simulator: Mapping[str, Any] = Field(default_factory=dict)


def _path_of(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


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
            hint="Point CUSTOMER_HEALTH_CONFIG at an existing file or unset it to use the defaults.",
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
                hints.append(suggest(str(location[-1]), known_keys(CompanyConfig, location[:-1])))
        raise ConfigurationError("\n".join(lines), hint=" ".join(hints) or "Correct the value.") from None
