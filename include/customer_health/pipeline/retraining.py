"""Who scores: training, the champion's office, and what becomes of predictions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from customer_health.pipeline.ingestion import company_config
from customer_health.pipeline.step_result import Result
from customer_health.pipeline.training_inputs import training_inputs
from customer_health.progress import Progress, silent

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.company import CompanyConfig
    from customer_health.ledger.model_registry import ChampionRecord
    from customer_health.model.registry.champion import Champion
    from customer_health.settings import Settings


def train_model(
    settings: Settings,
    *,
    as_of: date,
    now: datetime | None = None,
    progress: Progress = silent,
    effort: str | None = None,
) -> Result:
    """Train walk-forward on what was known before `as_of` and register the decision.

    The decision is a model, or the rule score with the reason why no model is used. A model takes over
    only if it passes the gates against the champion in use (and a person, if the company file asks
    for one). A training that was killed goes on where it stopped. What became of it is kept, whatever
    became of it, and the data team is told when it went wrong two months in a row.

    Args:
        settings: Where things are.
        as_of: The training date.
        now: The present, zone-aware; None tells nobody, as for a day that is filled in afterwards.
        progress: Called after every fit.
        effort: "quick" or "thorough", instead of the company file's `model.effort`.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.training_runs import FAILED, STARTED, TrainingNote, note
    from customer_health.pipeline.model_watch import tell_of_trainings

    ledger = open_ledger(settings.ledger_url)
    # What a killed process leaves behind, so that its death is noticed.
    note(ledger, TrainingNote(as_of, STARTED, "it did not end: it was killed, or is still at work"))
    try:
        result = _train(settings, ledger, as_of, progress, effort)
    except Exception as error:
        words = str(getattr(error, "message", "") or error or type(error).__name__)
        note(ledger, TrainingNote(as_of, FAILED, words.splitlines()[0][:500]))
        tell_of_trainings(settings, ledger, as_of=as_of, now=now)
        raise
    told = tell_of_trainings(settings, ledger, as_of=as_of, now=now)
    return replace(result, sentences=(*result.sentences, *told))


def _train(settings: Settings, ledger: Engine, as_of: date, progress: Progress, effort: str | None) -> Result:
    from customer_health.ledger.training_runs import HELD, PENDING, PROMOTED, RULES, TrainingNote, note
    from customer_health.model.evaluation.fold_store import FoldStore
    from customer_health.model.registry import current_model, promotion
    from customer_health.model.reports import model_card
    from customer_health.model.training import train
    from customer_health.pipeline.model_watch import keep_watch

    config = company_config(settings)
    if effort:
        config = config.model_copy(update={"model": config.model.model_copy(update={"effort": effort})})
    panel, outcomes, snapshot, stored = training_inputs(settings, config, as_of, progress)
    onboarded = _keep_onboarding(settings, config, panel, outcomes, as_of)
    incumbent, unfit = current_model.comparable(
        current_model.incumbent_of(ledger, as_of, settings.models), panel
    )
    store = FoldStore(settings.folds / ".folds")
    training = train(
        panel,
        outcomes,
        config,
        as_of=as_of,
        horizons=config.model.horizons,
        progress=progress,
        store=store,
        snapshot=snapshot,
        stored=stored,
        incumbent=incumbent,
    )
    held = current_model.held_before(ledger, as_of, settings.models)
    verdict = promotion.judge(training, incumbent, panel, config, held)
    folder = settings.models / training.model_id
    current_model.register(ledger, training, folder, verdict)
    signals = training.champion.features.sources if training.champion else []
    watch = current_model.watch(ledger, outcomes, panel, signals, config, as_of=as_of)
    report = model_card.write(
        training, folder, panel=panel, verdict=verdict, watch=watch, config=config.model
    )
    keep_watch(ledger, watch, as_of)
    store.prune()
    taken = PROMOTED if training.decision == "model" else RULES
    outcome = {"promote": taken, "ask": PENDING, "hold": HELD}[verdict.action]
    note(ledger, TrainingNote(as_of, outcome, " ".join(verdict.reasons), training.model_id))
    return Result(
        "Train model",
        {
            "decision": training.decision,
            "model_id": training.model_id,
            "promotion": verdict.action,
            "panel_rows": len(panel),
        },
        (training.why, *training.lines(), *unfit, *verdict.reasons, *watch.lines(), onboarded),
        report=report,
    )


def _keep_onboarding(
    settings: Settings, config: CompanyConfig, panel: pd.DataFrame, outcomes: pd.DataFrame, as_of: date
) -> str:
    """Keep what customers that stayed had in their first weeks; new customers are compared with it."""
    from customer_health.scoring.lifecycle import reference_of
    from customer_health.signals.onboarding_reference import write_reference
    from customer_health.warehouse.connect import open_warehouse

    lost = set(outcomes.loc[outcomes["kind"] == "logo_churn", "account_id"].astype(str))
    reference = reference_of(panel, lost, config.onboarding)
    with open_warehouse(settings.warehouse_url) as con:
        many = write_reference(con, reference, as_of)
    return f"New customers are compared with {many:,} first weeks of customers that stayed."


def roll_back(settings: Settings, *, by: str, reason: str, now: datetime, to: str | None = None) -> Result:
    """Return to an earlier champion; its artefact is tried before the registry is touched.

    Raises:
        ConfigurationError: There is no such model.
        DamagedArtefactError: It cannot be loaded; the present champion stays.
    """
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger.engine import open_ledger
    from customer_health.model.registry.artefact import folder_of
    from customer_health.model.registry.trial_load import load_safely

    ledger = open_ledger(settings.ledger_url)
    present = registry.current(ledger)
    for record in registry.history(ledger):
        chosen = record.model_id == to if to else present is not None and record.model_id != present.model_id
        if chosen:
            if record.decision == "model":
                load_safely(folder_of(record.folder, settings.models), dict(record.sha256))
            break
    done = registry.rollback(ledger, by=by, reason=reason, at=now, to=to)
    return Result(
        "Roll back",
        {"model_id": done.model_id, "decision": done.decision},
        (f"{done.model_id} scores from now on.", done.why),
    )


def resolve_challenger(
    settings: Settings,
    *,
    model_id: str,
    approve: bool,
    by: str,
    now: datetime,
    reason: str = "",
    approvers: Sequence[str] = (),
) -> Result:
    """Approve or reject a training that waits for a person (or that a gate held back).

    Raises:
        ConfigurationError: No such training waits.
        FatalError: `approvers` are named, and `by` is none of them.
        DamagedArtefactError: Its artefact cannot be loaded.
    """
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger.engine import open_ledger
    from customer_health.model.registry.artefact import folder_of
    from customer_health.model.registry.trial_load import load_safely

    ledger = open_ledger(settings.ledger_url)
    waiting = registry.pending(ledger)
    if approve and waiting is not None and waiting.model_id == model_id and waiting.decision == "model":
        load_safely(folder_of(waiting.folder, settings.models), dict(waiting.sha256))
    registry.resolve(ledger, model_id, approve=approve, by=by, at=now, reason=reason, approvers=approvers)
    word = "approved: it is the champion now" if approve else "rejected: the champion in use stays"
    return Result("Model approval", {"model_id": model_id}, (f"{model_id} was {word} (by {by}).",))


def ensure_champion(
    settings: Settings, *, as_of: date, now: datetime | None = None, progress: Progress = silent
) -> Result:
    """Train once if nobody has decided yet, as of this day, between a model and the rules.

    A new company gets its first model on its first day instead of at the next training date.
    """
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger.engine import open_ledger

    record = registry.current(open_ledger(settings.ledger_url), as_of=as_of)
    if record is None:
        return train_model(settings, as_of=as_of, now=now, progress=progress, effort="quick")
    return Result(
        "Champion",
        {"decision": record.decision, "model_id": record.model_id},
        (f"{record.model_id} ({record.decision}), trained as of {record.trained_as_of}: {record.why}",),
    )


def training_due(settings: Settings, *, as_of: date) -> Result:
    """Say whether a training is due: the first scored day of a month that has no decision yet."""
    from customer_health.ledger import model_registry as registry
    from customer_health.ledger.engine import open_ledger

    ledger = open_ledger(settings.ledger_url)
    record = registry.current(ledger, as_of=as_of)
    # The youngest training, not the champion's: one that was held back, or rolled back, is not repeated.
    last = registry.last_training(ledger)
    due = record is not None and last is not None and (last.year, last.month) < (as_of.year, as_of.month)
    if record is None:
        why = "Nobody has decided yet: scoring trains the first model itself."
    elif due:
        why = f"The last training was as of {last}; {as_of:%B} has none yet."
    else:
        why = f"Already trained this month, as of {last}."
    return Result("Is a training due?", {"due": int(due)}, (why,))


def load_champion(
    record: ChampionRecord | None,
    earlier: Sequence[ChampionRecord] = (),
    columns: Collection[str] | None = None,
    models: Path | None = None,
) -> tuple[Champion | None, str]:
    """Load the registered champion, else the one before it, else say why the rules score instead.

    A damaged artefact, or one that reads signals which are no longer built, is a reason to fall back
    and to say so, never a reason to predict with it.

    Args:
        record: The champion of the day.
        earlier: Promotions before it, youngest first.
        columns: Of the panel to be scored.
        models: Where models lie today; one that was registered elsewhere is looked for here first.
    """
    from customer_health.model.registry.current_model import load_with_fallback

    return load_with_fallback(record, earlier, columns, models)
