"""What may happen once: the cycle of an account under a playbook, and whether it is due."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.playbook import Playbook

LENGTH = {"month": 28, "quarter": 91}
# A check-in is due during the first week of its cycle, so that a weekly schedule meets every account.
DUE_DAYS = 7


@dataclass(frozen=True)
class Due:
    """The cycle's id, or why there is none today."""

    cycle_id: str | None
    why_not: str = ""


def cycle_of(facts: AccountView, playbook: Playbook) -> Due:
    """Return the cycle that a firing today would belong to.

    Months and quarters start on a day of the account's own (by a hash of its id): calls spread over the
    weeks instead of falling on the first day of the quarter.
    """
    match playbook.once_per:
        case "episode":
            if facts.episode is None:
                return Due(None, "it has no Red episode")
            return Due(facts.episode.episode_id)
        case "renewal":
            renewal = facts.get("renewal_date")
            return Due(f"renewal-{renewal}") if renewal else Due(None, "its renewal date is unknown")
        case "month" | "quarter":
            length = LENGTH[playbook.once_per]
            digest = hashlib.sha256(f"{playbook.name}\x1f{facts.account_id}".encode()).digest()
            age = (facts.as_of.toordinal() + int.from_bytes(digest[:4], "big")) % length
            start = date.fromordinal(facts.as_of.toordinal() - age)
            if age >= DUE_DAYS:
                return Due(None, f"its next turn is on {start + timedelta(days=length)}")
            return Due(f"{playbook.once_per}-{start}")
        case "cooldown":
            return Due(f"from-{facts.as_of}")
        case _:
            return Due(f"day-{facts.as_of}")
