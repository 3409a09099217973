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
        review_invited_within: Days; within so many an earlier day asked for a business review, by whichever
            play. Whether it took place is not known yet, and nobody invites twice meanwhile.
        asked: Types of task, each with days; an earlier day asked for such a task within so many, whichever
            play it was, done or not.
    """

    fact: Names = ()
    signals: Mapping[str, Range] = {}
    review_planned: bool = False
    review_invited_within: int | None = None
    asked: Mapping[str, int] = {}

    def holds(self, facts: AccountView) -> str:
        """Return what holds, in words; empty if nothing does."""
        said = [f"{code.replace('_', ' ')}" for code in self.fact if code in facts.headline_codes]
        for name, bounds in self.signals.items():
            value = facts.signals.get(name)
            if value is not None and not bounds.broken(float(value)):
                said.append(f"{name.replace('_', ' ')} is {value:.0f}")
        if self.review_planned and facts.review_on is not None:
            said.append(f"a review is planned for {facts.review_on}")
        within, invited = self.review_invited_within, facts.review_invited_on
        if within is not None and invited is not None and (facts.as_of - invited).days <= within:
            said.append(f"a review was asked for on {invited}")
        for kind, days in self.asked.items():
            before = facts.tasks.get(kind)
            if before is not None and (facts.as_of - before.asked_on).days < days:
                said.append(f"{kind.replace('_', ' ')} was asked for on {before.asked_on}")
        return ", ".join(said)
