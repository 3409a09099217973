"""Which model is in use: load the champion with its fallbacks, register trainings, watch predictions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Engine

from customer_health.company import CompanyConfig
from customer_health.errors import FatalError
from customer_health.ledger import model_registry as registry
from customer_health.ledger import score_history
from customer_health.ledger.model_registry import ChampionRecord
from customer_health.model.data.features import CATEGORIES, LOGARITHMS, RENEWAL
from customer_health.model.data.labels import eligible
from customer_health.model.monitoring import drift, scoreboard
from customer_health.model.registry import artefact
from customer_health.model.registry.champion import Champion
from customer_health.model.registry.promotion import Verdict
from customer_health.model.registry.trial_load import load_safely
from customer_health.model.reports.limitations import limits
from customer_health.model.reports.training_report import Training
from customer_health.signals.catalogue import CATALOGUE

REFERENCE_WEEKS = 13
GRADED_YEARS = 2
LOUDEST = 5  # drifted signals named in one sentence
SHOWN = 50  # missed losses on the page


def load_with_fallback(
    record: ChampionRecord | None,
    earlier: Sequence[ChampionRecord] = (),
    columns: Collection[str] | None = None,
    models: Path | None = None,
) -> tuple[Champion | None, str]:
    """Load the registered champion; if it cannot score the one before it, and at last the rules.

    A champion that was trained on an older catalogue of signals scores on: it does not read the new
    ones. One that reads a signal which is no longer built cannot: it would take it for unknown in
    every account, and nobody has measured how well it does then.

    Args:
        record: The champion of the day.
        earlier: Promotions before it, youngest first.
        columns: Of the panel to be scored; None if they are not known yet.
        models: Where models lie today, see `artefact.folder_of`.

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
            champion = load_safely(artefact.folder_of(candidate.folder, models), dict(candidate.sha256))
        except FatalError as error:
            trouble = trouble or f"The champion {candidate.model_id} is not usable: {error}"
            continue
        if columns is not None and (gone := removed(champion, columns)):
            trouble = trouble or (
                f"The champion {candidate.model_id} is not usable: it reads {', '.join(gone)}, which is no "
                "longer built. Train again."
            )
            continue
        if trouble:
            return champion, f"{trouble}\nScored by the champion before it, {champion.model_id}, instead."
        return champion, f"Scored by {champion.model_id}, trained as of {champion.trained_as_of}."
    return None, f"{trouble}\nThe rule score is used instead."


def removed(champion: Champion, columns: Collection[str]) -> list[str]:
    """Return what a champion reads and a panel does not have any more."""
    # The warehouse may still have the column of a signal that was taken out of the catalogue: all unknown.
    built = {*CATALOGUE, *LOGARITHMS, *CATEGORIES, RENEWAL}
    return [name for name in champion.features.sources if name not in columns or name not in built]


def comparable(incumbent: Champion | None, panel: pd.DataFrame) -> tuple[Champion | None, tuple[str, ...]]:
    """Return the incumbent if a new training can be compared with it, and else why it cannot.

    One that reads signals which are no longer built can neither score nor compete; it protects nothing
    any more, and the new training is judged as the first one would be.
    """
    if incumbent is None or not (gone := removed(incumbent, panel.columns)):
        return incumbent, ()
    told = (
        f"{incumbent.model_id} reads {', '.join(gone)}, which is no longer built: it cannot be compared with."
    )
    return None, (told,)


def incumbent_of(engine: Engine, as_of: date, models: Path | None = None) -> Champion | None:
    """Return the model in use on a day, if its artefact is sound."""
    record = registry.current(engine, as_of=as_of)
    if record is None or record.decision != "model":
        return None
    try:
        return load_safely(artefact.folder_of(record.folder, models), dict(record.sha256))
    except FatalError:
        return None


def held_before(engine: Engine, as_of: date, models: Path | None = None) -> Champion | None:
    """Return the youngest training before a day, if it was held back and its artefact is sound."""
    record, held = registry.current(engine, as_of=as_of), registry.held_last(engine, before=as_of)
    if held is None or held.decision != "model" or record is None:
        return None
    if held.trained_as_of <= record.trained_as_of:
        return None
    try:
        return load_safely(artefact.folder_of(held.folder, models), dict(held.sha256))
    except FatalError:
        return None


def register(engine: Engine, training: Training, folder: Path, verdict: Verdict) -> ChampionRecord:
    """Save the training's artefact and promote, hold or propose it, as the verdict says."""
    digests = artefact.save(training.champion, folder) if training.champion is not None else {}
    summary = {
        **training.summary(),
        "promotion": {"action": verdict.action, "reasons": list(verdict.reasons)},
        "limits": list(limits(training)),
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

    def with_signals(self, panel: pd.DataFrame) -> Watch:
        """Add to each missed loss what its signals said that day; see `scoreboard.in_the_worst_tenth`."""
        missed = scoreboard.in_the_worst_tenth(self.board.missed, panel, CATALOGUE)
        return replace(self, board=replace(self.board, missed=missed))

    def content(self) -> dict[str, Any]:
        """Plain data for the page."""
        tables = {
            "days": self.board.days,
            "segments": self.board.segments,
            "missed": self.board.missed.head(SHOWN),
            "calibration": self.board.calibration(),
            "drift": self.moved,
        }
        return {
            "summary": self.board.summary(),
            "alarms": list(self.alarms),
            **{name: _records(table) for name, table in tables.items()},
        }


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Rows as JSON can hold them."""
    rows: list[dict[Any, Any]] = table.to_dict(orient="records")
    return [
        {
            key: value.date().isoformat() if isinstance(value, pd.Timestamp) else value
            for key, value in row.items()
        }
        for row in rows
    ]


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
    published = score_history.published_between(engine, since, as_of)
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
    # What a contract says (tenure, size) moves with the portfolio and is not a measurement that could break.
    known = [name for name in signals if name in CATALOGUE]
    return drift.of_signals(reference, now, known) if len(reference) else pd.DataFrame({"level": []})
