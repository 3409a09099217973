"""What a playbook may know about one account on one day: its score, the one before, signals, episode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.ledger.crm_tasks import EarlierTasks
from customer_health.ledger.episodes import Episode
from customer_health.playbooks.account_value import too_small
from customer_health.playbooks.change_summary import explanation
from customer_health.scoring.tiers import scheme_named
from customer_health.shipped_names import tier_word

# Reasons that speak of leaving or shrinking: no growth play while one of them stands.
FLIGHT_CODES = frozenset(
    {"contract_modification", "arr_contraction", "sponsor_left", "escalation", "usage_decline"}
)
RENEWAL_SOON = 30  # days; past them a plan is late, and the question is whether it is signed
FLIGHT_DROP = 15  # points lost since the previous score
LEVELS = ("not red", "Red", "Critical")
# Losses that scoring predicts, and which kind of play each calls for:
# who means to leave must see value again, who means to shrink must see how to use what is paid for.
HEADS = {"logo_churn": "utility", "downgrade": "efficiency", "contraction": "efficiency"}
_DEFAULTS = CompanyConfig()


def level_of(tier: str | None, band: str | None) -> int:
    """Return 2 for Critical, 1 for Red, 0 for anything better or unknown."""
    if tier_word(tier) == "critical":
        return 2
    return 1 if tier_word(band) == "red" else 0


@dataclass(frozen=True)
class Reading:
    """One published score of one account, as far as a later day compares itself with it."""

    as_of: date
    score: int
    tier: str
    level: int
    model_id: str | None = None
    meaning: str | None = None


@dataclass(frozen=True)
class AccountView:
    """One account on one day. `None` is unknown, which satisfies no comparison.

    Attributes:
        row: The published row of the ledger's `scores`.
        previous: The reading before, if any.
        signals: Known signals by name.
        as_of: The day.
        episode: The open episode, if any.
        config: The company's numbers: bars, horizons, currency.
        past: Earlier readings, oldest first; only where a playbook asks about a lasting fall.
        review_on: Day of the next business review, or long meeting, that is planned; None for none known.
        review_invited_on: Last earlier day on which any play asked for a business review; None for none.
        tasks: Tasks that earlier days asked for, from whichever play, by type.
    """

    row: Mapping[str, Any]
    previous: Reading | None
    signals: Mapping[str, float]
    as_of: date
    episode: Episode | None = None
    config: CompanyConfig = _DEFAULTS
    past: Sequence[Reading] = ()
    review_on: date | None = None
    review_invited_on: date | None = None
    tasks: Mapping[str, EarlierTasks] = field(default_factory=dict)
    codes: frozenset[str] = field(init=False)
    headline_codes: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Collect the risk codes once; conditions ask for them again and again."""
        codes: set[str] = set()
        for reason in self.risks:
            codes.update((str(reason.get("code")), *map(str, reason.get("also") or ())))
        object.__setattr__(self, "codes", frozenset(codes))
        happened = frozenset(str(fact["code"]) for fact in self.headlines)
        object.__setattr__(self, "headline_codes", happened)

    def get(self, name: str) -> Any:
        """Return a column of the row; the ledger stores every kind of missing value as None."""
        return self.row.get(name)

    def number(self, name: str) -> float | None:
        """Return a numeric column of the row."""
        value = self.get(name)
        return None if value is None else float(value)

    @property
    def account_id(self) -> str:
        """The account."""
        return str(self.row["account_id"])

    @property
    def name(self) -> str:
        """Display name; the id where the CRM gives none."""
        return str(self.get("name") or self.account_id)

    @property
    def score(self) -> int | None:
        """The score as people see it."""
        value = self.number("score_shown")
        return None if value is None else int(value)

    @property
    def tier(self) -> str:
        """Tier of the operational scheme, as displayed."""
        return str(self.get("tier") or "")

    @property
    def level(self) -> int:
        """2 Critical, 1 Red, 0 better."""
        return level_of(self.get("tier"), self.get("band"))

    @property
    def to_look_at(self) -> bool:
        """Whether the score, a near decision or facts that pile up ask for a person."""
        return bool(self.get("attention") or self.get("review"))

    @property
    def need(self) -> str:
        """What asks for a step: a low tier, a near decision, piled facts, a decisive one; else empty."""
        if self.get("state") == "scored" and self.tier and self.tier != scheme_named("four_tier").best:
            return f"tier is {self.tier.lower()}"
        if self.get("attention"):
            return "attention is needed"
        if self.get("review"):
            return "facts pile up"
        decisive = [str(fact["title"]) for fact in self.headlines if fact["decisive"] and fact["risk"]]
        return f"a decisive fact: {decisive[0].lower()}" if decisive else ""

    @property
    def last_weeks(self) -> str:
        """What speaks against a renewal of the next 30 days that goes on by itself; empty where nothing does.

        Past the last day of notice a decision looks safe, and p90 with it. Whoever is not healthy, needs
        attention or has a fact of risk that weighs still has to be asked whether it is signed.
        """
        days = self.number("days_to_renewal")
        if days is None or not 0 <= days <= RENEWAL_SOON:
            return ""
        against = ["attention is needed"] if self.get("attention") else []
        if self.tier and self.tier != scheme_named("four_tier").best:
            against.append(f"the tier is {self.tier.lower()}")
        weighing = [fact for fact in self.headlines if fact["risk"] and fact.get("weighs", True)]
        against += [str(fact["title"]).lower() for fact in weighing]
        return f"the renewal is {days:.0f} days away: {', '.join(against)}" if against else ""

    @property
    def drop(self) -> float | None:
        """Points lost since the previous score; negative when it rose."""
        return (
            None if self.score is None or self.previous is None else float(self.previous.score - self.score)
        )

    @property
    def reasons(self) -> list[dict[str, Any]]:
        """Every reason, risks and strengths."""
        return list(self.get("reasons") or [])

    @property
    def risks(self) -> list[dict[str, Any]]:
        """Reasons that cost points, in the order in which scoring lists them: worst first."""
        return [reason for reason in self.reasons if (reason.get("points") or 0) < 0]

    @property
    def headlines(self) -> list[dict[str, Any]]:
        """Headline facts, worst first: what happened, whatever the model makes of it."""
        return list(self.get("facts") or [])

    @property
    def primary_reason(self) -> str | None:
        """Code of what costs most."""
        return str(self.risks[0]["code"]) if self.risks else None

    @property
    def days_red(self) -> float | None:
        """Days since the unbroken Red run of the open episode began."""
        return None if self.episode is None else float((self.as_of - self.episode.red_since).days)

    @property
    def stake(self) -> float:
        """Expected ARR loss; under the rule score (not a probability), ARR times the missing health."""
        loss = self.number("expected_loss")
        if loss is not None:
            return loss
        return (self.number("arr") or 0.0) * (100 - (self.score if self.score is not None else 100)) / 100

    @property
    def model_changed(self) -> bool:
        """Whether another model made the reading before, or the same one when scores meant something else."""
        before, now = self.previous and self.previous.model_id, self.get("model_id")
        return bool(before and now and before != now) or self.meaning_changed

    @property
    def meaning_changed(self) -> bool:
        """Whether a score meant something else at the reading before."""
        return self.previous is not None and self.previous.meaning != self.get("meaning")

    @property
    def moved(self) -> list[dict[str, Any]]:
        """Concepts and the points by which they moved the score since the reading before."""
        change = self.get("change")
        return list(change.get("moved") or []) if isinstance(change, Mapping) else []

    @cached_property
    def cause(self) -> str:
        """What explains a fall: "customer" or "model"."""
        return "model" if self.model_changed else "customer"

    @property
    def cause_note(self) -> str:
        """The same in a sentence; empty when it is the customer's behaviour."""
        return explanation(self.cause, meaning_changed=self.meaning_changed)

    @property
    def currency(self) -> str:
        """Currency of the account's contracts."""
        return str(self.get("currency") or self.config.money.currency or "")

    @cached_property
    def too_small(self) -> str:
        """Why the account is not worth people's hours; empty when it is, or when that is unknown."""
        arr, loss, p180 = (self.number(name) for name in ("arr", "expected_loss", "p180"))
        return too_small(arr, loss, p180, self.config.playbooks, self.config.economics, self.money)

    def money(self, amount: float) -> str:
        """Return an amount for the decision log, in the account's currency."""
        return f"{amount:,.0f} {self.currency}".rstrip()

    @property
    def head(self) -> str | None:
        """The likeliest kind of loss at the primary horizon (a value of `HEADS`), if several are known."""
        p = f"p{self.config.model.primary_horizon}"
        columns = {"logo_churn": p, **{name: f"{p}_{name}" for name in HEADS if name != "logo_churn"}}
        known = [(self.number(columns[outcome]), head) for outcome, head in HEADS.items()]
        likely = [(chance, head) for chance, head in known if chance is not None]
        return max(likely)[1] if len(likely) > 1 else None

    def lasting_fall(self, days: int, readings: int) -> float | None:
        """Return by how many points the last `readings` readings all lie below the best of `days` days.

        None when too few readings are known; a single bad day is not a lasting fall.
        """
        if self.score is None:
            return None
        window = [reading for reading in self.past if (self.as_of - reading.as_of).days <= days]
        recent = [reading.score for reading in window[len(window) - readings + 1 :]] if readings > 1 else []
        earlier = [reading.score for reading in window[: len(window) - readings + 1]]
        if len(recent) < readings - 1 or not earlier:
            return None
        return float(max(earlier) - max([*recent, self.score]))

    @property
    def flight_risk(self) -> str:
        """Why this account is not a candidate for growth; empty when it is one."""
        if self.get("state") == "notice_given" or self.get("notice_given"):
            return "it has given notice"
        if self.episode is not None:
            return f"its episode {self.episode.episode_id} is still open"
        if happened := [str(fact["title"]).lower() for fact in self.headlines if fact.get("risk")]:
            return f"headline facts speak of risk: {', '.join(happened)}"
        if codes := sorted(FLIGHT_CODES & self.codes):
            return f"its score names {', '.join(codes)}"
        if self.drop is not None and self.drop >= FLIGHT_DROP:
            return f"its score fell by {self.drop:.0f} points"
        return ""
