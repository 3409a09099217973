"""Who is in office: load the champion with its fallbacks, register a training, watch what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine, select

from customer_health.company import CompanyConfig
from customer_health.errors import FatalError
from customer_health.ledger import champion as registry
from customer_health.ledger.champion import ChampionRecord
from customer_health.ledger.schema import scores
from customer_health.model import artefact, drift, scoreboard
from customer_health.model.champion import Champion
from customer_health.model.labels import eligible
from customer_health.model.probe import load_safely
from customer_health.model.promotion import Verdict
from customer_health.model.report import Training
from customer_health.signals.catalogue import CATALOGUE

REFERENCE_WEEKS = 13
GRADED_YEARS = 2
LOUDEST = 5  # drifted signals named in one sentence


def load_with_fallback(
    record: ChampionRecord | None, earlier: Sequence[ChampionRecord] = ()
) -> tuple[Champion | None, str]:
    """Load the registered champion; if it is damaged the one before it, and at last the rules.

    Args:
        record: The champion of the day.
        earlier: Promotions before it, youngest first.

    Returns:
        The champion (None: the rules score) and one sentence that says who scores and why.
    """
    if record is None:
        return None, "No model has been trained as of this day: the rule score is used."
    if record.decision != "model":
        return None, f"The rule score is used: {record.why}"
    trouble = ""
    tried = set()
    for candidate in (record, *earlier):
        if candidate.decision != "model" or candidate.model_id in tried:
            continue
        tried.add(candidate.model_id)
        try:
            champion = load_safely(Path(candidate.folder), dict(candidate.sha256))
        except FatalError as error:
            trouble = trouble or f"The champion {candidate.model_id} is not usable: {error}"
            continue
        if trouble:
            return champion, f"{trouble}\nScored by the champion before it, {champion.model_id}, instead."
        return champion, f"Scored by {champion.model_id}, trained as of {champion.trained_as_of}."
    return None, f"{trouble}\nThe rule score is used instead."


def incumbent_of(engine: Engine, as_of: date) -> Champion | None:
    """Return the model in office on a day, if its artefact is sound."""
    record = registry.current(engine, as_of=as_of)
    if record is None or record.decision != "model":
        return None
    try:
        return load_safely(Path(record.folder), dict(record.sha256))
    except FatalError:
        return None


def register(engine: Engine, training: Training, folder: Path, verdict: Verdict) -> ChampionRecord:
    """Save the training's artefact and promote, hold or propose it, as the verdict says."""
    digests = artefact.save(training.champion, folder) if training.champion is not None else {}
    summary = {
        **training.summary(),
        "promotion": {"action": verdict.action, "reasons": list(verdict.reasons)},
    }
    record = ChampionRecord(
        model_id=training.model_id,
        folder=str(folder),
        sha256=digests,
        decision=training.decision,
        why=training.why,
        trained_as_of=training.as_of,
        summary=summary,
    )
    if verdict.action == "promote":
        return registry.promote(engine, record)
    state = "pending" if verdict.action == "ask" else "held"
    registry.propose(engine, record, state=state, reason=" ".join(verdict.reasons))
    if registry.current(engine, as_of=training.as_of) is None:
        # Somebody must score until a person has spoken.
        rules = ChampionRecord(
            model_id=f"rules-{training.as_of:%Y%m%d}",
            folder="",
            sha256={},
            decision="rules",
            why=f"The rule score fills in: {verdict.reasons[0]}",
            trained_as_of=training.as_of,
            summary=summary,
        )
        registry.promote(engine, rules)
    return record


@dataclass(frozen=True)
class Watch:
    """How the published predictions and the signals fare.

    Attributes:
        board: Grades of matured predictions.
        moved: `drift.of_signals`, or empty when there is nothing to compare.
        alarms: Sentences that somebody should read.
    """

    board: scoreboard.Scoreboard
    moved: pd.DataFrame
    alarms: tuple[str, ...]

    def lines(self) -> list[str]:
        """Sentences for the log."""
        return [*self.board.lines(), *self.alarms]


def watch(
    engine: Engine,
    outcomes: pd.DataFrame,
    panel: pd.DataFrame,
    signals: Sequence[str],
    config: CompanyConfig,
    *,
    as_of: date,
) -> Watch:
    """Grade what was published, and compare the latest signals with those of a year or a quarter ago.

    Args:
        engine: The ledger.
        outcomes: Canonical outcomes known before `as_of`.
        panel: Monthly panel up to `as_of`.
        signals: Those that the model reads.
        config: Company file.
        as_of: Today.
    """
    since = as_of - timedelta(days=365 * GRADED_YEARS)
    query = select(scores).where(scores.c.as_of < as_of, scores.c.as_of >= since)
    with engine.connect() as connection:
        result = connection.execute(query)
        published = pd.DataFrame(result.fetchall(), columns=list(result.keys()))
    board = scoreboard.grade(
        published,
        outcomes,
        as_of=as_of,
        horizon_days=config.model.primary_horizon,
        capacity_share=config.model.capacity_share,
    )
    alarms = []
    calibration = scoreboard.calibration_alarm(board)
    if calibration:
        alarms.append(calibration)
    moved = _moved(panel, signals, config)
    loud = list(moved.loc[moved["level"] == "page", "signal"]) if len(moved) else []
    if loud:
        rest = f" and {len(loud) - LOUDEST} more" if len(loud) > LOUDEST else ""
        alarms.append(
            f"Signals drifted far beyond chance: {', '.join(loud[:LOUDEST])}{rest}. What the model learned "
            "may no longer hold; see the model card."
        )
    warned = int((moved["level"] == "warn").sum()) if len(moved) else 0
    if warned:
        alarms.append(f"{warned} signals moved more than chance explains; see the model card.")
    return Watch(board, moved, tuple(alarms))


def _moved(panel: pd.DataFrame, signals: Sequence[str], config: CompanyConfig) -> pd.DataFrame:
    rows = panel[eligible(panel, config.model)]
    days = pd.to_datetime(rows["as_of"])
    if rows.empty:
        return pd.DataFrame({"level": []})
    latest = days.max()
    now = rows[days == latest]
    year = rows[(days > latest - pd.Timedelta(days=380)) & (days < latest - pd.Timedelta(days=350))]
    quarter = rows[(days < latest) & (days >= latest - pd.Timedelta(weeks=REFERENCE_WEEKS))]
    reference = year if len(year) >= drift.MIN_ROWS else quarter
    # What a contract says (tenure, size) moves with the portfolio and is no measurement that could break.
    known = [name for name in signals if name in CATALOGUE]
    return drift.of_signals(reference, now, known) if len(reference) else pd.DataFrame({"level": []})
