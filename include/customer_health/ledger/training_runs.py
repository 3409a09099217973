"""What became of each training: so that two bad months in a row are noticed, not only the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine, delete, insert, select

from customer_health.ledger.engine import writing
from customer_health.ledger.schema import training_runs

# `started` is what a killed process leaves behind.
STARTED, FAILED, HELD = "started", "failed", "held"
PROMOTED, PENDING, RULES = "promoted", "pending", "rules"
BAD = (STARTED, FAILED, HELD)


@dataclass(frozen=True)
class TrainingNote:
    """One training.

    Attributes:
        as_of: The training date; the same date trained again replaces its note.
        outcome: "promoted"; "pending", it waits for a person; "rules", no model earned its place and none
            was in use; "held", refused by a gate while another model is in use; "failed"; "started".
        reason: In a sentence.
        model_id: Its product, if there is one.
    """

    as_of: date
    outcome: str
    reason: str
    model_id: str | None = None


def note(engine: Engine, told: TrainingNote) -> None:
    """Keep what became of a training."""
    values = {"outcome": told.outcome, "reason": told.reason, "model_id": told.model_id}
    with writing(engine) as connection:
        connection.execute(delete(training_runs).where(training_runs.c.as_of == told.as_of))
        connection.execute(insert(training_runs).values(as_of=told.as_of, **values))


def history(engine: Engine, *, as_of: date | None = None) -> list[TrainingNote]:
    """Return every training up to a day, newest first."""
    query = select(training_runs).order_by(training_runs.c.as_of.desc())
    if as_of is not None:
        query = query.where(training_runs.c.as_of <= as_of)
    with engine.connect() as connection:
        return [TrainingNote(**row) for row in connection.execute(query).mappings()]


def bad_months(engine: Engine, *, as_of: date) -> list[TrainingNote]:
    """Return the last training of each month since one went well, newest first.

    A month is bad when nothing that was trained in it took over, waits for a person, or found that the
    rules are right. A month without any training is neither good nor bad, and breaks no run.
    """
    found: dict[tuple[int, int], TrainingNote] = {}
    for told in history(engine, as_of=as_of):
        month = (told.as_of.year, told.as_of.month)
        if told.outcome not in BAD:
            found.pop(month, None)
            break
        found.setdefault(month, told)
    return list(found.values())
