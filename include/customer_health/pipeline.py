"""One function per step: what the operators and the command line call.

Every function takes the settings and an as-of date, does its step for that date, replaces what an
earlier run of the same date left behind, and returns a small result that can say in a few lines
what happened. Nothing here decides anything: the rules live in the packages below.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health.errors import ConfigurationError
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    from customer_health.settings import Settings

# The simulated company's past, in weeks before its first ingestion: 24 months of outcomes, and the
# half year before them that the signals of the first month look back on.
SIMULATED_WEEKS = 130


@dataclass(frozen=True)
class Result:
    """What a step did: numbers for XCom, sentences for the log, a file to open.

    Attributes:
        title: Name of the step, for the log's banner.
        numbers: Counts and ids only; they travel through Airflow's metadata database.
        sentences: What a person wants to read, one per line.
        report: A page or card to open, if the step wrote one.
    """

    title: str
    numbers: dict[str, int | float | str] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    report: Path | None = None

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        return dict(self.numbers)

    def lines(self) -> list[str]:
        """Sentences for people."""
        return list(self.sentences)


def now_of(settings: Settings, clock: datetime) -> datetime:
    """Return the moment that counts as now: the pretended day's morning, or the clock's.

    Args:
        settings: `today` may pretend a date (only while every destination is a preview).
        clock: The caller's clock, with zone.
    """
    if settings.today:
        return datetime.combine(settings.today, time(6), tzinfo=UTC)
    return clock.astimezone(UTC)


def sources(settings: Settings) -> list[str]:
    """Names of the sources that `ingest` reads, one mapped task each."""
    return ["files"] if settings.data else ["simulated"]


def destinations(settings: Settings) -> list[str]:
    """Names under which playbooks address destinations, one delivery task each."""
    return sorted(settings.config.destinations.model_dump())


def ingest(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Load what the sources know before `as_of` into `raw`; loading it twice loads nothing twice."""
    from customer_health.sources.load import ingest as load

    if settings.data is None:
        _simulate(settings, as_of, progress)
    loaded = load(settings, as_of=as_of, progress=progress)
    return Result("Ingest sources", loaded.counts(), tuple(loaded.lines()))


def _simulate(settings: Settings, as_of: date, progress: Progress) -> None:
    """Let the simulated company live on until `as_of`; its past never changes."""
    from customer_health.simulator.vendors import write_tables

    folder = settings.home / "company"
    birth = folder / "company.json"
    if birth.exists():
        born = json.loads(birth.read_text(encoding="utf-8"))
    else:
        start = as_of - timedelta(weeks=SIMULATED_WEEKS)
        start -= timedelta(days=start.weekday())
        born = {"start": start.isoformat(), "accounts": 2000, "seed": 7, **settings.config.simulator}
        folder.mkdir(parents=True, exist_ok=True)
        birth.write_text(json.dumps(born), encoding="utf-8")
    write_tables(
        folder,
        start=date.fromisoformat(born["start"]),
        through=as_of,
        accounts=int(born["accounts"]),
        seed=int(born["seed"]),
        progress=progress,
    )


def check_quality(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Hold the raw tables against their contracts: bad rows go to quarantine, bad tables stop the run.

    Raises:
        DataContractError: A table as a whole cannot be trusted.
    """
    from customer_health.warehouse.gate import run_gate

    progress(0, 0, "checking contracts")
    with open_warehouse(settings.warehouse_url) as con:
        gate = run_gate(con, as_of=as_of, report_dir=settings.reports)
    return Result("Data quality gate", gate.counts(), tuple(gate.lines()), report=gate.report)


def build_signals(settings: Settings, *, as_of_dates: Sequence[date], progress: Progress = silent) -> Result:
    """Compute every signal of every account for these dates in one pass, replacing their partitions."""
    from customer_health.signals.build import build_panel, write_signals

    with open_warehouse(settings.warehouse_url) as con:
        panel = build_panel(con, settings.config, as_of_dates, state_dir=settings.state, progress=progress)
        write_signals(con, panel)
    customers = panel[panel["is_customer"].astype(bool)]
    coverage = float(customers["coverage"].mean()) if len(customers) else 0.0
    return Result(
        "Build signals",
        {"as_of_dates": len(as_of_dates), "rows": len(panel), "customers": len(customers)},
        (
            f"{len(customers):,} customer rows over {len(as_of_dates)} as-of date(s).",
            f"{coverage:.0%} of the signals are known on average; the rest is unknown, which is not zero.",
        ),
    )


def train_model(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Train walk-forward on what was known before `as_of` and register the decision.

    The decision is a model, or the rule score with the reason why no model is used.
    """
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger
    from customer_health.model import artefact, card
    from customer_health.model.panel import as_of_dates
    from customer_health.model.training import train
    from customer_health.signals.build import build_panel

    config = settings.config
    cut = datetime.combine(as_of, time())
    with open_warehouse(settings.warehouse_url) as con:
        outcomes = con.execute("SELECT * FROM raw.outcomes WHERE known_at < ?", [cut]).df()
        first = con.execute("SELECT min(occurred_at) FROM raw.contracts").fetchone()
        dates = as_of_dates(as_of, months=config.model.history_months)
        if first and first[0]:
            dates = [day for day in dates if day > first[0].date()]
        panel = build_panel(con, config, dates, state_dir=settings.state, progress=progress)
    training = train(panel, outcomes, config, as_of=as_of, horizons=config.model.horizons, progress=progress)
    folder = settings.models / training.model_id
    digests = artefact.save(training.champion, folder) if training.champion is not None else {}
    report = card.write(training, folder)
    with open_ledger(settings.ledger_url).begin() as ledger:
        registry.promote(
            ledger,
            registry.ChampionRecord(
                model_id=training.model_id,
                folder=str(folder),
                sha256=digests,
                decision=training.decision,
                why=training.why,
                trained_as_of=as_of,
                summary=training.summary(),
            ),
        )
    return Result(
        "Train model",
        {"decision": training.decision, "model_id": training.model_id, "panel_rows": len(panel)},
        (training.why, *training.lines()),
        report=report,
    )


def ensure_champion(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Train once if nobody has decided yet, as of this day, between a model and the rules.

    A new company gets its first model on its first day instead of at the next training date.
    """
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger

    with open_ledger(settings.ledger_url).connect() as ledger:
        record = registry.as_known(ledger, as_of)
    if record is None:
        return train_model(settings, as_of=as_of, progress=progress)
    return Result(
        "Champion",
        {"decision": record.decision, "model_id": record.model_id},
        (f"Champion since {record.trained_as_of}: {record.decision} ({record.model_id}). {record.why}",),
    )


def score_accounts(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Score every account as of one date and publish the scores to the ledger in one transaction."""
