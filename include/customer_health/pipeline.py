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
from time import monotonic
from typing import TYPE_CHECKING

from customer_health.errors import FatalError
from customer_health.progress import Progress, silent
from customer_health.settings import CompanyConfig, UsageConfig
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    from customer_health.ledger.champion import ChampionRecord
    from customer_health.model.champion import Champion
    from customer_health.settings import Settings


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


def company_config(settings: Settings) -> CompanyConfig:
    """Return the company file; the simulated company knows its own product if nobody describes it."""
    config = settings.config
    if settings.data is None and config.usage == UsageConfig():
        from customer_health.simulator.company import USAGE_SETTINGS

        return config.model_copy(update={"usage": UsageConfig.model_validate(USAGE_SETTINGS)})
    return config


def ingest(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Load what the sources know before `as_of` into `raw`; loading it twice loads nothing twice."""
    from customer_health.sources.load import ingest as load

    if settings.data is None:
        _simulate(settings, as_of, progress)
    loaded = load(settings, as_of=as_of, progress=progress)
    return Result("Ingest sources", loaded.counts(), tuple(loaded.lines()))


def _simulate(settings: Settings, as_of: date, progress: Progress) -> None:
    """Let the simulated company live on until `as_of`; its past never changes."""
    from customer_health.simulator.company import default_start
    from customer_health.simulator.vendors import write_tables

    folder = settings.home / "company"
    birth = folder / "company.json"
    if birth.exists():
        born = json.loads(birth.read_text(encoding="utf-8"))
    else:
        start = default_start(as_of).isoformat()
        born = {"start": start, "accounts": 2000, "seed": 7, **settings.config.simulator}
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
        panel = build_panel(
            con, company_config(settings), as_of_dates, state_dir=settings.state, progress=progress
        )
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

    config = company_config(settings)
    with open_warehouse(settings.warehouse_url) as con:
        cut = datetime.combine(as_of, time())
        outcomes = con.execute("SELECT * FROM raw.outcomes WHERE known_at < ?", [cut]).df()
        born = con.execute("SELECT min(occurred_at) FROM raw.contracts").fetchone()
        first = born[0].date() if born and born[0] else as_of
        days = [day for day in as_of_dates(as_of, months=config.model.history_months) if day > first]
        panel = build_panel(con, config, days or [as_of], state_dir=settings.state, progress=progress)
    training = train(panel, outcomes, config, as_of=as_of, horizons=config.model.horizons, progress=progress)
    folder = settings.models / training.model_id
    digests = artefact.save(training.champion, folder) if training.champion is not None else {}
    report = card.write(training, folder)
    registry.promote(
        open_ledger(settings.ledger_url),
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

    record = registry.current(open_ledger(settings.ledger_url), as_of=as_of)
    if record is None:
        return train_model(settings, as_of=as_of, progress=progress)
    return Result(
        "Champion",
        {"decision": record.decision, "model_id": record.model_id},
        (f"{record.model_id} ({record.decision}), trained as of {record.trained_as_of}: {record.why}",),
    )


def training_due(settings: Settings, *, as_of: date) -> Result:
    """Say whether a training is due: the first scored day of a month that has no decision yet."""
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger

    record = registry.current(open_ledger(settings.ledger_url), as_of=as_of)
    due = record is not None and (record.trained_as_of.year, record.trained_as_of.month) < (
        as_of.year,
        as_of.month,
    )
    if record is None:
        why = "Nobody has decided yet: scoring trains the first model itself."
    elif due:
        why = f"The last training was as of {record.trained_as_of}; {as_of:%B} has none yet."
    else:
        why = f"Already trained this month, as of {record.trained_as_of}."
    return Result("Is a training due?", {"due": int(due)}, (why,))


def report_due(settings: Settings, *, as_of: date) -> Result:
    """Say whether the weekly report is due: on Mondays."""
    due = as_of.weekday() == 0
    why = "It is Monday." if due else f"The report comes on Mondays; {as_of} is a {as_of:%A}."
    return Result("Is a report due?", {"due": int(due)}, (why,))


def score_accounts(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Score every account as of one date and publish the scores to the ledger in one transaction.

    Only a model trained on that day's knowledge, or older, may score the day: scoring the past with
    a model that has seen its future would flatter every back-filled score.
    """
    from customer_health.ledger import champion as registry
    from customer_health.ledger import scores as ledger_scores
    from customer_health.ledger.connect import open_ledger
    from customer_health.scoring.score import score_accounts as score
    from customer_health.signals.build import read_signals

    ledger = open_ledger(settings.ledger_url)
    with open_warehouse(settings.warehouse_url) as con:
        panel = read_signals(con, as_of)
        accounts = con.execute("SELECT * FROM raw.accounts").df()
    champion, spoken = load_champion(registry.current(ledger, as_of=as_of))
    progress(0, 0, f"scoring {len(panel):,} accounts")
    scored = score(
        panel, champion, settings.config, as_of=as_of, previous=ledger_scores.previous(ledger, as_of)
    )
    ledger_scores.publish(ledger, scored, as_of, published_at=now, panel=panel, accounts=accounts)
    tiers = {str(tier): int(n) for tier, n in scored["tier"].value_counts().items()}
    states = {str(state): int(n) for state, n in scored["state"].value_counts().items()}
    numbers: dict[str, int | float | str] = {
        "accounts": len(scored),
        "mode": "model" if champion else "rules",
    }
    numbers |= {tier.lower().replace(" ", "_"): n for tier, n in tiers.items()}
    return Result(
        "Score accounts",
        numbers,
        (
            spoken,
            "Tiers: " + ", ".join(f"{tier} {n:,}" for tier, n in tiers.items()) + ".",
            "States: " + ", ".join(f"{state} {n:,}" for state, n in states.items()) + ".",
        ),
    )


def load_champion(record: ChampionRecord | None) -> tuple[Champion | None, str]:
    """Load the registered champion, or say in one sentence why the rules score instead.

    A damaged artefact is a reason to fall back and to say so, never a reason to predict with it.
    """
    from customer_health.model import artefact

    if record is None:
        return None, "No model has been trained as of this day: the rule score is used."
    if record.decision != "model":
        return None, record.why
    try:
        champion = artefact.load(Path(record.folder), dict(record.sha256))
    except FatalError as error:
        return None, f"The champion {record.model_id} is not usable, the rule score is used: {error}"
    return champion, f"Scored by {record.model_id}, trained as of {record.trained_as_of}."


def run_playbooks(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Open and close episodes, decide every playbook, and promise effects in the outbox."""
    from customer_health.ledger.connect import open_ledger
    from customer_health.playbooks.run import run_playbooks as run

    progress(0, 0, "deciding")
    done = run(open_ledger(settings.ledger_url), settings.config, as_of=as_of, now=now)
    return Result("Run playbooks", done.counts(), tuple(done.lines()))


def deliver_effects(
    settings: Settings, *, destination: str, now: datetime, progress: Progress = silent
) -> Result:
    """Fulfil what the outbox promised to one destination."""
    from customer_health.destinations.dispatch import deliver
    from customer_health.destinations.registry import destination_for
    from customer_health.ledger.connect import open_ledger

    began = monotonic()

    def clock() -> datetime:
        """The caller's now, and the time that has passed since: leases must run out."""
        return now + timedelta(seconds=monotonic() - began)

    progress(0, 0, f"delivering to {destination}")
    done = deliver(open_ledger(settings.ledger_url), destination_for(destination, settings), now=clock)
    return Result(f"Deliver to {destination}", done.counts(), tuple(done.lines()))


def report_kpis(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Write the KPI report: retention, save rate, time to intervention."""
    from customer_health.kpis.report import build_report
    from customer_health.ledger.connect import open_ledger

    progress(0, 0, "reckoning")
    with open_warehouse(settings.warehouse_url) as con:
        report = build_report(con, open_ledger(settings.ledger_url), as_of=as_of, folder=settings.reports)
    return Result("KPI report", report.counts(), tuple(report.lines()), report=report.path)
