"""Which playbooks are at work, which only wait for places, and what the others have never met."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Engine

from customer_health.ledger import decisions

LOOKED_BACK = timedelta(days=90)
FIRED = "fired"
# It matched, and a rule of the company or of its own kept it back.
KEPT_BACK = ("suppressed", "excluded", "held_out", "shadow", "paused", "daily_limit")
NOT_LOOKED_AT = "the account's state is "  # as `conditions.When.check` begins
_NUMBER = re.compile(r"-?\d[\d,.]*")


@dataclass(frozen=True)
class AtWork:
    """What became of one playbook between two days.

    Attributes:
        playbook: The playbook.
        accounts: Different accounts for which it acted.
        waiting: Accounts whose work was put off for want of capacity on the last day.
        kept_back: Different accounts for which it matched and something else took precedence.
        nearest: Where it acted for nobody: what was missing on the last day, at the accounts that lacked
            least, with how many they are; empty where nothing was decided.
    """

    playbook: str
    accounts: int
    waiting: int
    kept_back: int
    nearest: str = ""

    @property
    def state(self) -> str:
        """In one or two words."""
        if self.accounts:
            return "at work"
        return "waits for places" if self.waiting else "kept back" if self.kept_back else "met nobody"


def playbooks_at_work(engine: Engine, playbooks: Sequence[str], *, as_of: date) -> list[AtWork]:
    """Return what each playbook did in the 90 days up to `as_of`, in the order given.

    Args:
        engine: The ledger.
        playbooks: Names of all that are loaded: one that never decided anything is a finding, too.
        as_of: Last day, included.
    """
    counts = decisions.accounts_by_outcome(engine, as_of - LOOKED_BACK, as_of)
    today = decisions.summary(engine, as_of)
    found = []
    for name in playbooks:
        met, last = counts.get(name, {}), today.get(name, {})
        accounts = met.get(FIRED, 0)
        waiting = sum(last.get(outcome, 0) for outcome in decisions.PUT_OFF)
        kept_back = sum(met.get(outcome, 0) for outcome in KEPT_BACK)
        nearest = "" if accounts or waiting or kept_back else _nearest(engine, name, as_of)
        found.append(AtWork(name, accounts, waiting, kept_back, nearest))
    return found


def _nearest(engine: Engine, playbook: str, as_of: date) -> str:
    """Say what was missing most often among the accounts that lacked the fewest conditions."""
    reasons = decisions.reasons_of(engine, as_of, playbook, "no_match")
    # Who is not scored, or is leaving, lacks more than one condition: nothing else was looked at.
    broken = [reason.split("; ") for reason in reasons if not reason.startswith(NOT_LOOKED_AT)]
    if not broken:
        return ""
    least = min(map(len, broken))
    close = ["; ".join(parts) for parts in broken if len(parts) == least]
    kinds = Counter(_NUMBER.sub("#", reason) for reason in close)
    kind, count = kinds.most_common(1)[0]
    example = next(reason for reason in close if _NUMBER.sub("#", reason) == kind)
    return f"{example} ({count:,} account{'' if count == 1 else 's'} like that)"


def section(found: Sequence[AtWork]) -> Iterator[str]:
    """Yield the section of the KPI page."""
    yield ""
    yield f"## Playbooks at work, last {LOOKED_BACK.days} days"
    yield ""
    yield "| Playbook | | Accounts | Wait for places | Kept back | What was missing |"
    yield "|---|---|---:|---:|---:|---|"
    for one in found:
        cells = (one.playbook, one.state, f"{one.accounts:,}", f"{one.waiting:,}", f"{one.kept_back:,}")
        yield f"| {' | '.join(cells)} | {one.nearest.replace('|', '/')} |"
    yield ""
    yield (
        "Different accounts for which a playbook acted; those whose work was put off on the last day for "
        "want of capacity; those for which it matched and a rule, a holdout, shadow or another play took "
        "precedence."
    )
