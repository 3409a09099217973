"""The phenomena that both reference documents call decisive, and how much each matters in this company.

| Phenomenon | What people see | Log-odds of leaving (median company) |
|---|---|---|
| sponsor change | the sponsor left; unsettled for half a year | 0.80, fading by 3.5 % a week |
| silence | no login and hardly a ticket; a few accounts never begin | 1.40 |
| executive absence | the sponsor is there and neither logs in nor answers | 0.50 |
| single-threading | one contact known | 0.35 |
| overdue invoices | invoices are paid more than a month late | 0.60 |
| unanswered tickets | first answers of ours take days | 0.50 |
| core-action decline | core actions, and usage-based revenue with them, fall by half | 0.60 |
| price increase | announced 16 weeks ahead (`behaviour.py`) | 1.2 at 25 %, where little value is seen |

A company draws its own size for each of the first seven, so that nothing may be tuned to one of them: the
median times e^N(0, 0.35), never less than 0.3 or more than 2.2 times.

What our own people write down causes no loss; it shows what does (`csm_records.py`, sizes in `Pulses`):

| Record | What it shows | Points of a pulse per unit of log-odds |
|---|---|---|
| CSM pulse | what makes a noise: all but silence and fewer core actions | 0.35 |
| | what no other record shows | 0.60 |
| | kindness: 0.5 points above an even-handed reading; 0.4 by CSM and 0.6 by day either way | - |
| calendar | conversations; they end where a sponsor is gone or nobody answers | - |
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from customer_health.simulator.randomness import stream

DRAWS = 5  # random numbers per account and week that the phenomena need
FADING = 0.965  # of a sponsor change, per week
_SPREAD = 0.35


@dataclass(frozen=True)
class Effects:
    """Log-odds of leaving that each phenomenon adds while it lasts; zero for a world without them."""

    sponsor_change: float = 0.0
    silence: float = 0.0
    executive_absence: float = 0.0
    single_threading: float = 0.0
    overdue_invoices: float = 0.0
    unanswered_tickets: float = 0.0
    core_action_decline: float = 0.0


NONE = Effects()
MEDIAN = Effects(
    sponsor_change=0.80,
    silence=1.40,
    executive_absence=0.50,
    single_threading=0.35,
    overdue_invoices=0.60,
    unanswered_tickets=0.50,
    core_action_decline=0.60,
)
# How much of each there is on an average day; risk is counted from there, so that losses stay as frequent.
USUAL = Effects(
    sponsor_change=0.12,
    silence=0.03,
    executive_absence=0.12,
    single_threading=0.24,
    overdue_invoices=0.06,
    unanswered_tickets=0.04,
    core_action_decline=0.09,
)


@dataclass(frozen=True)
class Rates:
    """Chance per week that a phenomenon begins, and that it ends."""

    begins: float
    ends: float


SILENCE = Rates(0.0008, 0.040)
NEVER_BEGAN = Rates(0.0, 0.006)
NEVER_BEGINS_SHARE = 0.012  # of the accounts
EXECUTIVE_ABSENCE = Rates(0.0040, 0.030)
OVERDUE_INVOICES = Rates(0.0025, 0.050)
UNANSWERED_TICKETS = Rates(0.0040, 0.100)
CORE_ACTION_DECLINE = Rates(0.0060, 0.060)


@dataclass(frozen=True)
class Pulses:
    """What a pulse rests on, in its own points of 1 to 5; see the second table.

    Attributes:
        neutral: Even-handed reading where nothing speaks for leaving or staying.
        seen: Per unit of log-odds that the CSM can see.
        hidden: Per unit of the log-odds that no other record shows.
        optimism: What CSMs add.
        temper: Standard deviation between CSMs.
        noise: Standard deviation between days.
    """

    neutral: float = 3.4
    seen: float = 0.35
    hidden: float = 0.60
    optimism: float = 0.5
    temper: float = 0.4
    noise: float = 0.6


def pulses_of(seed: int) -> Pulses:
    """Return how much the pulses of one company tell: some CSMs know their customers, others guess."""
    middle = Pulses()
    luck = np.clip(np.exp(_SPREAD * stream(seed, "pulse sizes").standard_normal(3)), 0.3, 2.2)
    return replace(
        middle,
        seen=middle.seen * float(luck[0]),
        hidden=middle.hidden * float(luck[1]),
        optimism=middle.optimism * float(luck[2]),
    )


def effects_of(seed: int, median: Effects = MEDIAN) -> Effects:
    """Return the effect sizes of one company, around the median of its kind."""
    luck = stream(seed, "phenomena").standard_normal(len(fields(Effects)))
    sizes = {
        field.name: getattr(median, field.name) * float(np.clip(np.exp(_SPREAD * z), 0.3, 2.2))
        for field, z in zip(fields(Effects), luck, strict=True)
    }
    return Effects(**sizes)
