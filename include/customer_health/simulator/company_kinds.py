"""Kinds of simulated companies: who their customers are, and what makes them leave.

| Kind | Customers | What decides |
|---|---|---|
| standard | half SMB, a seventh enterprise; all terms | value, mood, sponsors, the phenomena |
| enterprise | large; one and two years | sponsors, executives, competitors; use and mood little |
| self_service | a few seats, two thirds by the month | value, hardly people |
| calendar | as standard | the renewal date, and next to nothing that anybody can see |

Nothing that scores may be tuned to one of them: `benchmarks/score_goals.py` tries several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from customer_health.errors import ConfigurationError, suggest
from customer_health.simulator.effect_sizes import MEDIAN, NEVER_BEGINS_SHARE, NONE, Effects

Three = tuple[float, float, float]  # SMB, mid-market, enterprise
Pair = tuple[float, float]


@dataclass(frozen=True)
class Leaving:
    """What the decision to leave rests on, in log-odds; see `behaviour.risk_index` and `hazards`.

    Attributes:
        value: Per unit of value found in the product; less value, more risk.
        mood: Per unit of good mood in support.
        toxic: Where support has become toxic.
        absent: While no sponsor is there, fully after 16 weeks.
        budget: While money must be saved.
        competitor: While a competitor is looked at.
        price: Per unit of a price increase, where little value is seen.
        zombie: What keeps tiny, idle accounts.
        frailty: Standard deviation of what nobody can see.
        at_term: At the end of a term.
        at_month: At the end of a rolling month.
        between: In any other week.
    """

    value: float = 0.85
    mood: float = 0.50
    toxic: float = 1.70
    absent: float = 0.70
    budget: float = 0.50
    competitor: float = 1.0
    price: float = 10.0
    zombie: float = 2.2
    frailty: float = 0.45
    at_term: float = -4.47
    at_month: float = -7.0
    between: float = -8.95


@dataclass(frozen=True)
class CompanyKind:
    """What a kind of company has in common; numbers of three are per segment.

    Attributes:
        segment_cuts: Shares of accounts up to which they are SMB, and up to mid-market.
        seats: Mean of the logarithm of seats.
        price: Currency per seat and year.
        plan_cuts: Shares up to which the plan is basic, and up to pro.
        term_cuts: Shares up to which the contract rolls by the month, and up to which it runs two years.
        contacts: People known beyond the first, on average.
        no_telemetry: Share of accounts that send no product usage.
        never_begins: Share of accounts that sign and never start.
        effects: Median sizes of the phenomena.
        leaving: What the decision rests on.
    """

    segment_cuts: Pair = (0.50, 0.85)
    seats: Three = (2.3, 4.0, 5.9)
    price: Three = (420.0, 520.0, 600.0)
    plan_cuts: tuple[Pair, Pair, Pair] = ((0.62, 0.97), (0.15, 0.80), (0.00, 0.30))
    term_cuts: tuple[Pair, Pair, Pair] = ((0.34, 0.36), (0.06, 0.16), (0.00, 0.30))
    contacts: Three = (0.9, 2.2, 4.0)
    no_telemetry: float = 0.03
    never_begins: float = NEVER_BEGINS_SHARE
    effects: Effects = MEDIAN
    leaving: Leaving = field(default_factory=Leaving)


STANDARD = "standard"
KINDS: Mapping[str, CompanyKind] = {
    STANDARD: CompanyKind(),
    "enterprise": CompanyKind(
        segment_cuts=(0.10, 0.45),
        term_cuts=((0.10, 0.20), (0.0, 0.35), (0.0, 0.45)),
        contacts=(1.2, 2.6, 5.0),
        effects=Effects(
            sponsor_change=1.30,
            silence=0.90,
            executive_absence=1.00,
            single_threading=0.60,
            overdue_invoices=0.30,
            unanswered_tickets=0.80,
            core_action_decline=0.25,
        ),
        leaving=Leaving(
            value=0.45, mood=0.35, toxic=1.1, absent=1.2, competitor=1.5, price=6.0, frailty=0.6, at_term=-3.9
        ),
    ),
    "self_service": CompanyKind(
        segment_cuts=(0.97, 1.0),
        seats=(0.7, 2.0, 3.0),
        price=(180.0, 240.0, 300.0),
        plan_cuts=((0.80, 0.99), (0.5, 0.9), (0.0, 0.5)),
        term_cuts=((0.66, 0.66), (0.3, 0.3), (0.0, 0.0)),
        contacts=(0.1, 0.5, 1.0),
        no_telemetry=0.10,
        never_begins=0.03,
        effects=Effects(
            sponsor_change=0.1,
            silence=1.0,
            single_threading=0.0,
            overdue_invoices=0.9,
            unanswered_tickets=0.3,
            core_action_decline=0.8,
        ),
        leaving=Leaving(
            value=1.0, mood=0.2, toxic=0.8, absent=0.1, zombie=0.8, at_term=-3.3, at_month=-5.2, between=-9.5
        ),
    ),
    "calendar": CompanyKind(
        effects=NONE,
        leaving=Leaving(
            value=0.06, mood=0.03, toxic=0.1, absent=0.05, budget=0.05, competitor=0.05, price=0.5,
            zombie=0.0, frailty=0.2, at_term=-2.7, at_month=-6.0,
        ),
    ),
}  # fmt: skip


def kind_named(name: str) -> CompanyKind:
    """Return a kind of company.

    Raises:
        ConfigurationError: There is no such kind.
    """
    if name not in KINDS:
        raise ConfigurationError(
            f"There is no simulated company of the kind '{name}'.", hint=suggest(name, KINDS)
        )
    return KINDS[name]
