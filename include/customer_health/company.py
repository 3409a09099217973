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
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator

from customer_health.assistant_config import AssistantConfig
from customer_health.checked_yaml import read_yaml
from customer_health.connections.kinds import KINDS, ConnectionsConfig
from customer_health.connections.source_options import SourceName, SourceOptions
from customer_health.contract_rules import ContractsConfig, OutcomesConfig
from customer_health.digest_config import DigestConfig
from customer_health.fact_thresholds import FactThresholds
from customer_health.forecast_config import ForecastConfig
from customer_health.lifecycle_config import OnboardingConfig
from customer_health.playbook_config import PlaybookConfig
from customer_health.retention_config import RetentionConfig
from customer_health.roles import RolesConfig
from customer_health.sections import CanonicalTable, Section, Zone, named, shaped, wrong
from customer_health.shipped_names import tiers_by_scheme
from customer_health.text_config import TextsConfig
from customer_health.yaml_refusals import refusal

LossType = Literal["logo_churn", "downgrade", "contraction"]
LossName = Annotated[str, named("a kind of loss", lambda: get_args(LossType))]


class UsageConfig(Section):
    """What counts as value in the product. Lists are per plan; `default` serves every other plan."""

    key_features: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="features that a customer who gets value uses"
    )
    core_actions: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="what the product is bought for; a fall is a headline fact"
    )
    advanced_features: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="features of customers who have grown into the product"
    )
    export_features: Mapping[str, tuple[str, ...]] = Field(
        default_factory=dict, description="taking data out in bulk: what customers do who look around"
    )
    power_user_days: int = Field(
        default=12, ge=1, le=30, description="active days of 30 that make a power user"
    )


Days = Annotated[int, Field(ge=1)]
Reviewed = Literal["enterprise", "mid_market", "smb", "default"]
_REVIEWS: Mapping[Reviewed, int | None] = {"enterprise": 90, "mid_market": 180, "smb": None, "default": 180}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise wrong(f"'{text}' is not a regular expression: {error}") from None
    return text


class PeopleConfig(Section):
    """Who counts as an executive, and which interactions are real conversations."""

    executive_title_patterns: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        (
            r"\b(chief|ceo|cto|cfo|coo|cio|cmo|cpo|cro|ciso)\b",
            r"\b(s?vp|evp|vice[ -]president)\b",
            r"\bpresident\b",
            r"\bfounder\b",
        ),
        description="regular expressions, in lower case, for titles of executives",
    )
    meaningful_interactions: tuple[str, ...] = Field(
        ("call", "meeting", "ebr"), description="kinds of interaction that are a real conversation"
    )
    ebr_every_days: Days | Mapping[Reviewed, Days | None] = Field(
        _REVIEWS,
        description="how often a business review is due: days, or days by segment with `default` for the "
        "others; null: none is held",
    )

    @model_validator(mode="after")
    def _check(self) -> PeopleConfig:
        if isinstance(self.ebr_every_days, Mapping) and "default" not in self.ebr_every_days:
            raise wrong("by segment, it needs `default` for customers of no segment", "ebr_every_days")
        return self

    def review_interval(self, segment: str | None) -> int | None:
        """Days within which a customer of this segment is due a business review; None: never."""
        every = self.ebr_every_days
        if not isinstance(every, Mapping):
            return int(every)
        by_name: Mapping[str, int | None] = {str(name): days for name, days in every.items()}
        return by_name.get(str(segment), by_name["default"])


class BusinessHours(Section):
    """When support works: first responses are measured on this clock."""

    timezone: Zone = Field("UTC", description="zone in which the desk works")
    weekdays: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4), min_length=1, description="0 is Monday")
    opens: float = Field(default=9, ge=0, lt=24, description="hour of the day; 8.5 is half past eight")
    closes: float = Field(default=17, gt=0, le=24, description="hour of the day")

    @model_validator(mode="after")
    def _check(self) -> BusinessHours:
        if self.closes <= self.opens or not set(self.weekdays) <= set(range(7)):
            raise wrong("needs opens < closes, and weekdays from 0 (Monday) to 6")
        return self


class SignalsConfig(Section):
    """Which signals are used, and what they need to know about the company."""

    profile: Literal["full", "starter_5"] = Field(
        "full", description="every signal, or the five that most companies have on the first day"
    )
    business_hours: BusinessHours = BusinessHours()
    stale_after_days: Mapping[CanonicalTable, Annotated[int, Field(gt=0)]] = Field(
        default_factory=dict, description="table -> days without news after which its signals are unknown"
    )
    late_days: Mapping[CanonicalTable, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict,
        description="table -> days that its source may be late; vendors tell their own",
    )
    accepted: tuple[Annotated[str, shaped(r"[^:\s]+:.+", "a finding as check:subject")], ...] = Field(
        default=(),
        description="findings of the gate over the sources, as check:subject, that a person has checked",
    )


class DataConfig(Section):
    """What the data gate lets pass."""

    unreadable_share: Mapping[CanonicalTable, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="table -> share of unreadable rows above which the run stops; 0.05, accounts and "
        "contracts 0.01",
    )


class ModelConfig(Section):
    """Training: horizons, history, eligibility and capacity."""

    horizons: tuple[Literal[90, 180], ...] = Field(
        (90, 180), min_length=1, description="days ahead that are predicted, each by a head of its own"
    )
    primary_horizon: Literal[90, 180] = Field(180, description="the horizon that promotion is decided on")
    history_months: int = Field(default=24, ge=6, description="how far back training looks")
    min_tenure_days: int = Field(56, ge=0, description="younger accounts are neither trained on nor scored")
    min_unique_churners: int = Field(default=60, ge=0, description="below this the rule score stays champion")
    min_folds: int = Field(3, ge=1, description="test periods without which no model is chosen")
    capacity_share: float = Field(
        default=0.10, gt=0, lt=1, description="share of accounts that CSMs can work on"
    )
    seed: int = Field(20260101, description="the same seed and data give the same model")
    threads: int = Field(1, ge=1, description="threads of one training")
    processes: int = Field(
        0, ge=0, description="processes of one training; 0: two for a large company on more than one core"
    )
    loss_types: tuple[LossType, ...] = Field(
        default=("logo_churn", "downgrade", "contraction"),
        min_length=1,
        description="losses to predict, each by its own head",
    )
    effort: Literal["quick", "thorough"] = Field(
        default="thorough", description="quick: the first day's training; thorough: every candidate, tuned"
    )
    score_of: Literal["logo_churn", "expected_arr_loss"] = Field(
        default="logo_churn", description="what the score means: leaving, or the share of ARR expected to go"
    )
    loss_shares: Mapping[LossName, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=lambda: {"logo_churn": 1.0, "downgrade": 0.3, "contraction": 0.3},
        description="share of ARR that goes with a loss, where the outcomes do not tell",
    )
    external_scores: Path | None = Field(
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

    @model_validator(mode="after")
    def _check(self) -> ModelConfig:
        if self.primary_horizon not in self.horizons:
            given = ", ".join(map(str, self.horizons))
            raise wrong(f"{self.primary_horizon} is not among model.horizons ({given})", "primary_horizon")
        return self


class EconomicsConfig(Section):
    """What work costs and what a saved customer brings, in the company's currency."""

    contact_cost: float = Field(500.0, ge=0, description="what one contact costs: an hour of a CSM")
    play_cost: float = Field(1_500, ge=0, description="what the hours of one save play cost")
    gross_margin: float = Field(0.8, gt=0, le=1, description="share of ARR that is left after serving it")
    save_rate: float = Field(0.30, ge=0, le=1, description="share of contacted losses that are averted")
    discount_rate: float = Field(0.1, ge=0, le=1, description="of money that comes a year later")
    max_lifetime_years: float = Field(5, gt=0, description="no customer is promised to stay longer")


class ScoreConfig(Section):
    """From probability to score."""

    mapping: Literal["anchored", "linear"] = Field(
        "anchored", description="anchored: red_share and green_share fix two points; linear: 100 (1 - p)"
    )
    red_share: float = Field(
        0.08, gt=0, lt=1, description="share of accounts that are Red, at most and about"
    )
    green_share: float = Field(0.70, gt=0, lt=1, description="share of accounts that are Green, about")
    scheme: Annotated[str, named("a tier scheme", tiers_by_scheme)] = Field(
        "four_tier", description="what ranges of scores are called: a scheme of scoring/tiers.yaml"
    )
    rules: Literal["rules_v1_seed", "rules_v2"] = Field(
        "rules_v1_seed", description="which rules score where no model is in use"
    )
    attention_share: float = Field(
        0.30, gt=0, le=1, description="accounts that may need attention: low health, or a near risky decision"
    )
    smoothing: bool = Field(True, description="average the score over the weeks")
    tier_margin: int = Field(
        4, ge=0, le=20, description="points above Red before a reading counts towards an end"
    )
    known_floor: float = Field(
        0.30, ge=0, le=1, description="share of the weight of all signals below which nobody is scored"
    )
    tier_confirmation_days: int = Field(14, ge=0, description="days there before an episode ends")

    @model_validator(mode="after")
    def _check(self) -> ScoreConfig:
        if self.red_share + self.green_share >= 1:
            raise wrong("red_share and green_share leave no accounts between Red and Green", "green_share")
        return self


class MoneyConfig(Section):
    """The currency of every score, sum and alert, and what other currencies are worth in it."""

    currency: Annotated[str, shaped("[A-Z]{3}", "a currency's code such as EUR")] | None = Field(
        None, description="ISO 4217 code; empty: that of most contracts"
    )
    rates: Mapping[str, float | Mapping[date, float]] = Field(
        default_factory=dict,
        description="what one unit is worth, or from which day on: {USD: 0.92, GBP: {2025-01-01: 1.18}}",
    )

    @model_validator(mode="after")
    def _check(self) -> MoneyConfig:
        if self.rates and self.currency is None:
            raise wrong(
                "rates need money.currency, the currency they are in",
                "rates",
                hint="Name it as well: money: {currency: EUR, rates: {USD: 0.92}}.",
            )
        for code, since in self.steps().items():
            if not re.fullmatch(r"[A-Z]{3}", code) or code == self.currency:
                raise wrong(f"'{code}' is not the code of another currency, such as USD", "rates", code)
            if not since or not all(0 < rate < math.inf for rate in since.values()):
                raise wrong("needs a finite rate above 0", "rates", code)
        return self

    def steps(self) -> Mapping[str, Mapping[date, float]]:
        """Code -> first day -> rate; a rate without a day has always counted."""
        return {
            code: {day: float(rate) for day, rate in given.items()}
            if isinstance(given, Mapping)
            else {date.min: float(given)}
            for code, given in self.rates.items()
        }


KindName = Annotated[str, named("a destination", lambda: KINDS)]
# What stands behind a role has to be able to do at least one of these.
ROLE_VERBS: Mapping[str, set[str]] = {
    "crm": {"create_task", "create_opportunity", "set_fields"},
    "slack": {"notify"},
    "gainsight": {"enroll", "set_fields", "create_task"},
    "email": {"draft_email", "send_digest"},
    "calendar": {"propose_meeting"},
}


class DestinationsConfig(Section):
    """Which system stands behind each name that playbooks use; how to reach it is in `connections`."""

    crm: KindName = Field("preview", description="tasks, opportunities and score fields")
    slack: KindName = Field("preview", description="alerts and their threads")
    gainsight: KindName = Field("preview", description="the success platform: plays and score fields")
    email: KindName = Field("preview", description="drafts for owners, and the Monday digest")
    calendar: KindName = Field("preview", description="tentative entries with times for a meeting")

    @model_validator(mode="after")
    def _check(self) -> DestinationsConfig:
        for role, verbs in ROLE_VERBS.items():
            name = getattr(self, role)
            able = [kind.name for kind in KINDS.values() if verbs & set(kind.verbs)]
            if name not in able:
                said = " or ".join(sorted(verbs)).replace("_", " ")
                raise wrong(f"{KINDS[name].title} cannot {said}", role, hint=f"Able: {', '.join(able)}.")
        return self


class CompanyConfig(Section):
    """The company file: every business number, with a default that works."""

    name: str = Field("the company", description="as reports and messages write it")
    usage: UsageConfig = UsageConfig()
    people: PeopleConfig = PeopleConfig()
    data: DataConfig = DataConfig()
    signals: SignalsConfig = SignalsConfig()
    facts: FactThresholds = FactThresholds()
    model: ModelConfig = ModelConfig()
    onboarding: OnboardingConfig = OnboardingConfig()
    economics: EconomicsConfig = EconomicsConfig()
    score: ScoreConfig = ScoreConfig()
    money: MoneyConfig = MoneyConfig()
    forecast: ForecastConfig = ForecastConfig()
    roles: RolesConfig = RolesConfig()
    digest: DigestConfig = DigestConfig()
    assistant: AssistantConfig = AssistantConfig()
    contracts: ContractsConfig = ContractsConfig()
    outcomes: OutcomesConfig = OutcomesConfig()
    playbooks: PlaybookConfig = PlaybookConfig()
    destinations: DestinationsConfig = DestinationsConfig()
    connections: ConnectionsConfig = ConnectionsConfig()
    sources: Mapping[SourceName, SourceOptions] = Field(default_factory=dict)
    texts: TextsConfig = TextsConfig()
    retention: RetentionConfig = RetentionConfig()
    simulator: Mapping[str, Any] = Field(
        default_factory=dict, description="what the simulated company is like, for trials and demos"
    )

    @model_validator(mode="after")
    def _check(self) -> CompanyConfig:
        kind = KINDS.get(self.destinations.email)
        only_drafts = kind and "draft_email" in kind.verbs and "send_digest" not in kind.verbs
        if self.digest.readers and only_drafts:
            raise wrong(
                "readers by mail need destinations.email: smtp (or preview): gmail and graph only draft",
                "digest",
                "readers",
            )
        return self


# Keys of earlier versions, and what takes their place.
MOVED = {
    "model.contact_cost": "economics.contact_cost",
    "model.save_rate": "economics.save_rate",
    "model.margin": "economics.gross_margin",
    "model.heads": "model.loss_types",
    "model.brought_scores": "model.external_scores",
    "playbooks.cost_of_play": "economics.play_cost",
    "playbooks.gross_margin": "economics.gross_margin",
    "playbooks.discount_rate": "economics.discount_rate",
    "playbooks.max_lifetime_years": "economics.max_lifetime_years",
    "playbooks.currency": "money.currency",
    "connections.email": "connections.smtp, connections.gmail or connections.graph",
}


def load_company(path: Path) -> CompanyConfig:
    """Read and check the company file.

    Raises:
        ConfigurationError: The file is missing, is not YAML, or a key or value is not accepted.
    """
    file = read_yaml(
        path,
        absent="Point CUSTOMER_HEALTH_CONFIG at an existing file or unset it to use the defaults.",
        wrong="holds no sections: expected keys such as `playbooks:` at the top",
        example="See docs/company_file.md for every section and key.",
    )
    try:
        return CompanyConfig.model_validate(file.content)
    except ValidationError as error:
        raise refusal(file, error, CompanyConfig, moved=MOVED) from None
