"""When a single step is left out, or only then taken, whatever the play around it says."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.conditions import Names, Part, Range


class Guard(Part):
    """Holds as soon as any of its parts does; without a part it never holds.

    Attributes:
        fact: Headline facts, by code.
        signals: Signals by name, each with a range; an unknown signal lies in none.
        review_planned: A business review, or a long meeting with the account, lies ahead.
    """

    fact: Names = ()
    signals: Mapping[str, Range] = {}
    review_planned: bool = False

    def holds(self, facts: AccountView) -> str:
        """Return what holds, in words; empty if nothing does."""
        said = [f"{code.replace('_', ' ')}" for code in self.fact if code in facts.headline_codes]
        for name, bounds in self.signals.items():
            value = facts.signals.get(name)
            if value is not None and not bounds.broken(float(value)):
                said.append(f"{name.replace('_', ' ')} is {value:.0f}")
        if self.review_planned and facts.review_on is not None:
            said.append(f"a review is planned for {facts.review_on}")
        return ", ".join(said)
