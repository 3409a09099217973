"""The closed set of conditions that a playbook may use; each can say why it holds or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from customer_health.playbooks.account_view import AccountView
from customer_health.scoring.tiers import load_schemes, tier_of
from customer_health.shipped_names import tier_word, tier_words


class Part(BaseModel):
    """Base of everything in a playbook file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Range(Part):
    """Bounds of a number; all that are given must hold. An unknown value lies in no range."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _can_hold(self) -> Range:
        lows = [bound for bound in (self.at_least, self.above) if bound is not None]
        highs = [bound for bound in (self.at_most, self.below) if bound is not None]
        if not lows and not highs:
            raise ValueError("needs at least one of at_least, above, at_most, below")
        if lows and highs:
            low, high = max(lows), min(highs)
            closed = low not in (self.above,) and high not in (self.below,)
            if low > high or (low == high and not closed):
                raise ValueError(f"no number lies between {_text(low)} and {_text(high)} as written")
        return self

    def broken(self, value: float) -> str:
        """Return the bound that `value` breaks, in words; empty when it breaks none."""
        if self.at_least is not None and value < self.at_least:
            return f"not at least {_text(self.at_least)}"
        if self.above is not None and value <= self.above:
            return f"not above {_text(self.above)}"
        if self.at_most is not None and value > self.at_most:
            return f"not at most {_text(self.at_most)}"
        if self.below is not None and value >= self.below:
            return f"not below {_text(self.below)}"
        return ""


class ReasonCodes(Part):
    """Which reason codes the score must, or must not, name."""

    any: Names = ()
    all: Names = ()
    none: Names = ()


def _any_of(value: Any) -> Any:
    return {"any": value} if isinstance(value, str | list | tuple) else value


class FactCodes(ReasonCodes):
    """Which headline facts must, or must not, hold; one code or a list of codes means any of them."""


class Fall(Part):
    """A fall that lasts: the last `readings` readings all lie `points` below the best of `days` days."""

    points: float = Field(gt=0, le=100)
    days: int = Field(28, ge=2, le=45)
    readings: int = Field(2, ge=1, le=10)


class When(Part):
    """All that is given must hold.

    Attributes:
        tier: One of these tiers, written in lower case with underscores (critical, at_risk, red ...).
        scheme: Scheme of `tier`; needed only where two schemes use the same name differently.
        score: The shown score.
        score_drop: Points lost since the previous published score.
        lasting_fall: Points lost within a window and not regained for several readings.
        outcome_head: Likeliest kind of loss, "utility" (leave) or "efficiency" (shrink); unknown where
            the model predicts one loss only, and under the rules.
        owner: One of these owners (CSM's e-mail).
        worth_people: Whether the account is worth people's hours (see playbooks/account_value.py).
        reasons: Reason codes that the score names.
        fact: Headline facts that hold, whatever the score says (see signals/headline_facts.py).
        signals: Signals by name; an unknown signal satisfies nothing.
        arr: Annual recurring revenue.
        segment: One of these segments.
        days_to_renewal: Days until the renewal date; unknown for evergreen contracts.
        needs_step: Whether a low tier, a near decision, piled facts or a decisive one ask for a step.
        attention: Whether the account needs attention: low health, or a near decision at a high risk.
        last_weeks: Whether the renewal is 30 days away or less and anything suggests that it will not renew
            by itself: attention is needed, the tier is below Healthy, or a headline fact of risk weighs.
        review: Whether headline facts pile up although no attention is needed (`facts.review_from`).
        p90: Probability of leaving within 90 days; unknown under the rules.
        p_decision: Probability of being lost at the next decision; unknown under the rules.
        lifecycle: Lifecycle score; only accounts in the state `onboarding` have one.
        coverage: Share of the signals that are known.
        days_red: Days since the open episode's unbroken Red run began.
        flight_risk: Whether anything speaks of leaving or shrinking (see `AccountView.flight_risk`).
        state: States of the account in which the playbook may act.
    """

    tier: Names = ()
    scheme: str | None = None
    score: Range | None = None
    score_drop: Range | None = None
    lasting_fall: Fall | None = None
    outcome_head: Literal["utility", "efficiency"] | None = None
    owner: Names = ()
    worth_people: bool | None = None
    reasons: ReasonCodes = ReasonCodes()
    fact: Annotated[FactCodes, BeforeValidator(_any_of)] = FactCodes()
    signals: Mapping[str, Range] = {}
    arr: Range | None = None
    segment: Names = ()
    days_to_renewal: Range | None = None
    needs_step: bool | None = None
    attention: bool | None = None
    last_weeks: bool | None = None
    review: bool | None = None
    p90: Range | None = None
    p_decision: Range | None = None
    lifecycle: Range | None = None
    coverage: Range | None = None
    days_red: Range | None = None
    flight_risk: bool | None = None
    state: Names = ("scored",)

    def check(self, facts: AccountView) -> tuple[bool, str]:
        """Return whether everything holds, and why: all that holds, or all that does not."""
        held: list[str] = []
        broken: list[str] = []

        def note(holds: bool, words: str) -> None:
            (held if holds else broken).append(words)

        state = str(facts.get("state"))
        if state not in self.state:
            return False, f"the account's state is {state.replace('_', ' ')}"
        if self.tier:
            tiers = self._tiers(facts)
            said = " / ".join(sorted(tier.replace("_", " ") for tier in tiers if tier)) or "unknown"
            note(bool(tiers & set(self.tier)), f"tier is {said}")
        asked = [(name, getattr(self, column), read) for name, column, read in _NUMBERS]
        values = [(name, bounds, read(facts)) for name, bounds, read in asked if bounds is not None]
        values += [(name, bounds, facts.signals.get(name)) for name, bounds in self.signals.items()]
        for name, bounds, value in values:
            if value is None:
                note(False, f"{name} is unknown")
            else:
                fault = bounds.broken(float(value))
                note(not fault, f"{name} is {_text(float(value))}" + (f", {fault}" if fault else ""))
        if self.segment:
            note(facts.get("segment") in self.segment, f"segment is {facts.get('segment') or 'unknown'}")
        if self.owner:
            owner = facts.get("owner_email")
            note(owner in self.owner, f"owner is {owner or 'unknown'}")
        _check_codes(self.reasons, facts.codes, "reasons name", "reason", note)
        _check_codes(self.fact, facts.headline_codes, "headline facts are", "fact", note)
        if self.lasting_fall is not None:
            note(*_fell(facts, self.lasting_fall))
        if self.needs_step is not None:
            need = facts.need
            note(bool(need) == self.needs_step, need or "nothing asks for a step")
        if self.attention is not None:
            needed = bool(facts.get("attention"))
            note(needed == self.attention, "attention is needed" if needed else "no attention is needed")
        if self.last_weeks is not None:
            words = facts.last_weeks
            note(bool(words) == self.last_weeks, words or "no doubtful renewal within 30 days")
        if self.review is not None:
            piled = bool(facts.get("review"))
            words = "facts pile up" if piled else "no facts pile up beside the score"
            note(piled == self.review, words)
        if self.outcome_head is not None:
            note(facts.head == self.outcome_head, f"likeliest loss is {facts.head or 'unknown'}")
        if self.worth_people is not None:
            small = facts.too_small
            note(bool(small) != self.worth_people, small or "worth people's hours")
        if self.flight_risk is not None:
            risk = facts.flight_risk
            note(bool(risk) == self.flight_risk, f"flight risk: {risk}" if risk else "no flight risk")
        return (False, "; ".join(broken)) if broken else (True, "; ".join(held) or "always")

    def _tiers(self, facts: AccountView) -> set[str]:
        if self.scheme is None:
            return {tier_word(facts.get("tier")), tier_word(facts.get("band"))}
        return set() if facts.score is None else {tier_word(tier_of(facts.score, self.scheme))}


def _check_codes(wanted: ReasonCodes, found: frozenset[str], said: str, what: str, note: Any) -> None:
    if wanted.any:
        hits = [code for code in wanted.any if code in found]
        note(bool(hits), f"{said} {', '.join(hits or ['none of ' + ', '.join(wanted.any)])}")
    if wanted.all:
        lacking = [code for code in wanted.all if code not in found]
        note(not lacking, f"{what}s lack {', '.join(lacking)}" if lacking else f"{said} all asked for")
    if wanted.none:
        hits = [code for code in wanted.none if code in found]
        note(not hits, f"{said} {', '.join(hits)}" if hits else f"no excluded {what}")


# What a Range may be asked about: as people read it, as the YAML spells it, and where it comes from.
_NUMBERS: Sequence[tuple[str, str, Callable[[AccountView], float | None]]] = (
    ("score", "score", lambda facts: facts.score),
    ("score drop", "score_drop", lambda facts: facts.drop),
    ("ARR", "arr", lambda facts: facts.number("arr")),
    ("days to renewal", "days_to_renewal", lambda facts: facts.number("days_to_renewal")),
    ("p90", "p90", lambda facts: facts.number("p90")),
    ("p(lost at the next decision)", "p_decision", lambda facts: facts.number("p_decision")),
    ("lifecycle score", "lifecycle", lambda facts: facts.number("lifecycle_score")),
    ("coverage", "coverage", lambda facts: facts.number("coverage")),
    ("days red", "days_red", lambda facts: facts.days_red),
)


def known_tiers(scheme: str | None = None) -> set[str]:
    """Return every tier name that `tier:` may use, as written in YAML."""
    return tier_words() if scheme is None else {tier_word(name) for name in load_schemes()[scheme].names}


def _fell(facts: AccountView, fall: Fall) -> tuple[bool, str]:
    points = facts.lasting_fall(fall.days, fall.readings)
    if points is None:
        return False, f"too few readings within {fall.days} days to speak of a lasting fall"
    said = f"{fall.readings} readings lie {_text(points)} points below the best of {fall.days} days"
    return points >= fall.points, said if points >= fall.points else f"{said}, not {_text(fall.points)}"


def _text(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.4g}"
