"""The gate before growth is automated: the model must find churn, and the plays must save accounts.

Both with enough cases to mean something. Until then an expansion opportunity is a proposal that a person
approves; afterwards it leaves automatically. A flight risk is never a candidate, before or after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.ledger import episodes, model_registry
from customer_health.playbooks.save_rate import rate_of


@dataclass(frozen=True)
class Gate:
    """Whether growth may be automated, and what is missing.

    Attributes:
        passed: Both parts are proven.
        why: Each part with its number, its goal and its count, in one sentence.
    """

    passed: bool
    why: str


def gate(connection: Connection, config: CompanyConfig, as_of: date) -> Gate:
    """Return the state of the gate as known on `as_of`.

    Recall is the champion's own, measured walk-forward at the capacity of the CSMs on its primary
    horizon; saves are episodes whose fall we saw and whose plays were started.
    """
    goal = config.playbooks.graduation
    found, churners = _recall(connection, config, as_of)
    chosen = [
        episode
        for episode in episodes.every(connection)
        if episode.opened_as_of <= as_of and not episode.inherited and not episode.suppressed_reason
    ]
    saves = rate_of(connection, chosen, as_of)
    share = saves.saved / saves.episodes if saves.episodes else None
    model_ok = found is not None and found >= goal.recall and churners >= goal.min_churners
    saves_ok = share is not None and share > goal.save_rate and saves.episodes >= goal.min_episodes
    recall_said = (
        "no champion has been measured" if found is None else f"recall {found:.0%} of {churners} churns"
    )
    save_said = (
        "no episode has matured" if share is None else f"save rate {share:.0%} of {saves.episodes} episodes"
    )
    why = (
        f"{recall_said} (needs {goal.recall:.0%} of at least {goal.min_churners}); "
        f"{save_said} (needs more than {goal.save_rate:.0%} of at least {goal.min_episodes})"
    )
    return Gate(model_ok and saves_ok, why)


def _recall(connection: Connection, config: CompanyConfig, as_of: date) -> tuple[float | None, int]:
    found = model_registry.measured_by(connection, as_of)
    if found is None or found[0] != "model":
        return None, 0
    measured = (found[1].get("horizons") or {}).get(str(config.model.primary_horizon)) or {}
    recall = measured.get("recall_red_yellow", measured.get("recall"))
    return (None if recall is None else float(recall)), int(measured.get("churners") or 0)
