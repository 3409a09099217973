"""The gate before growth is automated: losses must have been found, and the plays must save accounts.

Found means that they were among the accounts that needed attention when their scores were published, at the
share of all accounts that this took. Both with enough cases to mean something. Until then an expansion
opportunity is a proposal that a person approves; afterwards it leaves automatically. A flight risk is never a
candidate, before or after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.ledger import episodes, model_registry, report_numbers
from customer_health.model.monitoring.recall_readings import ATTENTION
from customer_health.playbooks.save_rate import rate_of
from customer_health.wording import percent


@dataclass(frozen=True)
class Gate:
    """Whether growth may be automated, and what is missing.

    Attributes:
        passed: Both parts are proven.
        why: Each part with its number, its goal and its count, in one sentence.
        readings: Every way to read "predicts churn": `name`, `share` of the accounts, `recall`, `precision`,
            `losses`, `lift`; the first decides, the others stand beside it.
    """

    passed: bool
    why: str
    readings: Sequence[Mapping[str, Any]] = ()


def gate(connection: Connection, config: CompanyConfig, as_of: date) -> Gate:
    """Return the state of the gate as known on `as_of`.

    Recall is that of published days whose horizon has passed, as the newest KPI report graded them; saves are
    episodes whose fall we saw and whose plays were started.
    """
    goal = config.playbooks.graduation
    readings = _readings(connection, config, as_of)
    one = next((reading for reading in readings if reading["name"] == ATTENTION), None)
    recall, losses = (None, 0) if one is None else (one["recall"], one["losses"])
    lift = None if one is None else one["lift"]
    model_ok = (
        recall is not None
        and recall >= goal.recall
        and losses >= goal.min_churners
        and lift is not None
        and lift >= goal.min_lift
    )
    chosen = [
        episode
        for episode in episodes.every(connection)
        if episode.opened_as_of <= as_of and not episode.inherited and not episode.suppressed_reason
    ]
    saves = rate_of(connection, chosen, as_of)
    share = saves.saved / saves.episodes if saves.episodes else None
    saves_ok = share is not None and share > goal.save_rate and saves.episodes >= goal.min_episodes
    save_said = (
        "no episode has matured"
        if share is None
        else f"save rate {percent(share)} of {saves.episodes} episodes"
    )
    why = (
        f"{_said(one)} (needs {percent(goal.recall)} of at least {goal.min_churners}, and {goal.min_lift:g} "
        f"times as many as by chance); {save_said} (needs more than {percent(goal.save_rate)} of at least "
        f"{goal.min_episodes})"
    )
    return Gate(model_ok and saves_ok, why, readings)


def _said(one: Mapping[str, Any] | None) -> str:
    if one is None or one["recall"] is None:
        return "no loss has come within the horizon of a published day yet"
    precision = "" if one["precision"] is None else f", of whom {percent(one['precision'], 1)} left"
    return (
        f"{percent(one['recall'])} of {one['losses']} losses were among the {percent(one['share'])} of "
        f"accounts that needed attention{precision}"
    )


def _readings(connection: Connection, config: CompanyConfig, as_of: date) -> list[Mapping[str, Any]]:
    """What published days showed, and behind it what the champion showed in walk-forward."""
    _, content = report_numbers.latest_in(connection, report_numbers.GRADUATION, as_of=as_of)
    found = list((content or {}).get("readings", ()))
    measured = model_registry.measured_by(connection, as_of)
    if measured is not None and measured[0] == "model":
        horizon = config.model.primary_horizon
        told = (measured[1].get("horizons") or {}).get(str(horizon)) or {}
        if told.get("recall") is not None:
            share = config.model.capacity_share
            found.append(
                {
                    "name": f"walk-forward, riskiest {percent(share)}, {horizon} days",
                    "share": share,
                    "recall": float(told["recall"]),
                    "precision": None,
                    "losses": int(told.get("churners") or 0),
                    "lift": float(told["recall"]) / share,
                }
            )
    return found
