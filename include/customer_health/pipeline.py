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

from customer_health.company import CompanyConfig, UsageConfig
from customer_health.errors import FatalError, RetriableError
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

    from customer_health.ledger.champion import ChampionRecord
    from customer_health.model.champion import Champion
    from customer_health.settings import Settings


# Accounts with the currency of their newest contract: amounts are shown in the customer's own.
_ACCOUNTS = """
    SELECT accounts.*, newest.currency FROM raw.accounts LEFT JOIN (
        SELECT account_id, arg_max(currency, occurred_at) AS currency FROM raw.contracts GROUP BY account_id
    ) AS newest USING (account_id)
"""


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


def ingest(
    settings: Settings, *, as_of: date, source: str | None = None, progress: Progress = silent
) -> Result:
    """Load what a source knows before `as_of` into `raw`; loading it twice loads nothing twice.

    Args:
        settings: Where things are.
        as_of: The day of the run.
        source: One of `sources(settings)`; default: the only one there is.
        progress: Told about every file.
    """
    from customer_health.sources.load import ingest as load

    if settings.data is None:
        _simulate(settings, as_of, progress)
    loaded = load(settings, as_of=as_of, progress=progress, source=source)
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


def check_quality(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Hold the raw tables against their contracts: bad rows go to quarantine, bad tables stop the run.

    Raises:
        DataContractError: A table as a whole cannot be trusted.
    """
    from customer_health.warehouse.gate import run_gate

    progress(0, 0, "checking contracts")
    with open_warehouse(settings.warehouse_url) as con:
        gate = run_gate(con, as_of=as_of, report_dir=settings.reports, today=now.date())
    return Result("Data quality gate", gate.counts(), tuple(gate.lines()), report=gate.report)


def build_signals(settings: Settings, *, as_of_dates: Sequence[date], progress: Progress = silent) -> Result:
    """Compute every signal of every account for these dates in one pass, replacing their partitions."""
    from customer_health.signals.build import build_and_check

    with open_warehouse(settings.warehouse_url) as con:
        panel, findings = build_and_check(
            con, company_config(settings), as_of_dates, state_dir=settings.state, progress=progress
        )
    customers = panel[panel["is_customer"].astype(bool)]
    coverage = float(customers["coverage"].mean()) if len(customers) else 0.0
    stale = sum(finding.check == "stale" for finding in findings)
    return Result(
        "Build signals",
        {
            "as_of_dates": len(as_of_dates),
            "rows": len(panel),
            "customers": len(customers),
            "findings": len(findings),
            "stale_sources": stale,
        },
        (
            f"{len(customers):,} customer rows over {len(as_of_dates)} as-of date(s).",
            f"{coverage:.0%} of the signals are known on average; the rest is unknown, which is not zero.",
            *(f"Look at this ({finding.check}): {finding.sentence}" for finding in findings),
        ),
    )


def train_model(
    settings: Settings, *, as_of: date, progress: Progress = silent, effort: str | None = None
) -> Result:
    """Train walk-forward on what was known before `as_of` and register the decision.

    The decision is a model, or the rule score with the reason why no model is used. A model takes over
    only if it passes the gates against the champion in office (and a person, if the company file asks
    for one). A training that was killed goes on where it stopped.

    Args:
        settings: Where things are.
        as_of: The training date.
        progress: Called after every fit.
        effort: "quick" or "thorough", instead of the company file's `model.effort`.
    """
    from customer_health.ledger.connect import open_ledger
    from customer_health.model import card, office, promotion
    from customer_health.model.store import FoldStore
    from customer_health.model.training import train

    config = company_config(settings)
    if effort:
        config = config.model_copy(update={"model": config.model.model_copy(update={"effort": effort})})
    panel, outcomes, snapshot, stored = _training_data(settings, config, as_of, progress)
    ledger = open_ledger(settings.ledger_url)
    incumbent = office.incumbent_of(ledger, as_of)
    store = FoldStore(settings.models / ".folds")
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
    verdict = promotion.judge(training, incumbent, panel, config)
    folder = settings.models / training.model_id
    office.register(ledger, training, folder, verdict)
    signals = training.champion.features.sources if training.champion else []
    watch = office.watch(ledger, outcomes, panel, signals, config, as_of=as_of)
    report = card.write(training, folder, panel=panel, verdict=verdict, watch=watch, config=config.model)
    store.prune()
    return Result(
        "Train model",
        {
            "decision": training.decision,
            "model_id": training.model_id,
            "promotion": verdict.action,
            "panel_rows": len(panel),
        },
        (training.why, *training.lines(), *verdict.reasons, *watch.lines()),
        report=report,
    )


def _training_data(
    settings: Settings, config: CompanyConfig, as_of: date, progress: Progress
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read what a training looks at: panel, outcomes, the CRM's snapshot, signals as once stored."""
    from customer_health.model.brought import attach, read
    from customer_health.model.panel import as_of_dates
    from customer_health.signals.build import build_panel

    with open_warehouse(settings.warehouse_url) as con:
        cut = datetime.combine(as_of, time())
        outcomes = con.execute("SELECT * FROM raw.outcomes WHERE known_at < ?", [cut]).df()
        snapshot = con.execute("SELECT * FROM raw.crm_snapshot WHERE known_at < ?", [cut]).df()
        born = con.execute("SELECT min(occurred_at) FROM raw.contracts").fetchone()
        first = born[0].date() if born and born[0] else as_of
        days = [day for day in as_of_dates(as_of, months=config.model.history_months) if day > first]
        found = con.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = 'signals' AND table_name = 'values'"
        ).fetchone()
        stored = (
            con.execute('SELECT * FROM signals."values" WHERE as_of >= ? AND day(as_of) = 1', [days[0]]).df()
            if found and days
            else pd_empty()
        )
        panel = build_panel(con, config, days or [as_of], state_dir=settings.state, progress=progress)
    if config.model.brought_scores:
        panel = attach(panel, read(config.model.brought_scores))
    return panel, outcomes, snapshot, stored


def pd_empty() -> pd.DataFrame:
    """An empty table; pandas is imported late because DAG files import this module."""
    import pandas

    return pandas.DataFrame()


def watch_model(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Grade every published prediction that has matured, and say what was missed and why."""
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger
    from customer_health.model import office
    from customer_health.model.card_watch import write

    config = company_config(settings)
    progress(0, 0, "grading")
    panel, outcomes, *_ = _training_data(settings, config, as_of, progress)
    ledger = open_ledger(settings.ledger_url)
    record = registry.current(ledger, as_of=as_of)
    signals = list(record.summary.get("signals", [])) if record else []
    watch = office.watch(ledger, outcomes, panel, signals, config, as_of=as_of)
    report = write(watch, settings.reports, as_of)
    numbers = {name: value for name, value in watch.board.summary().items() if value is not None}
    return Result("Prediction scoreboard", numbers, tuple(watch.lines()), report=report)


def roll_back(settings: Settings, *, by: str, reason: str, now: datetime, to: str | None = None) -> Result:
    """Return to an earlier champion; its artefact is tried before the registry is touched.

    Raises:
        ConfigurationError: There is no such model.
        DamagedArtefactError: It cannot be loaded; the present champion stays.
    """
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger
    from customer_health.model.probe import load_safely

    ledger = open_ledger(settings.ledger_url)
    present = registry.current(ledger)
    for record in registry.history(ledger):
        chosen = record.model_id == to if to else present is not None and record.model_id != present.model_id
        if chosen:
            if record.decision == "model":
                load_safely(Path(record.folder), dict(record.sha256))
            break
    done = registry.rollback(ledger, by=by, reason=reason, at=now, to=to)
    return Result("Roll back", {"model_id": done.model_id, "decision": done.decision}, (done.why,))


def resolve_challenger(settings: Settings, *, model_id: str, approve: bool, by: str, now: datetime) -> Result:
    """Approve or reject a training that waits for a person (or that a gate held back).

    Raises:
        ConfigurationError: No such training waits.
        DamagedArtefactError: Its artefact cannot be loaded.
    """
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger
    from customer_health.model.probe import load_safely

    ledger = open_ledger(settings.ledger_url)
    waiting = registry.pending(ledger)
    if approve and waiting is not None and waiting.model_id == model_id and waiting.decision == "model":
        load_safely(Path(waiting.folder), dict(waiting.sha256))
    registry.resolve(ledger, model_id, approve=approve, by=by, at=now)
    word = "approved: it is the champion now" if approve else "rejected: the champion in office stays"
    return Result("Model approval", {"model_id": model_id}, (f"{model_id} was {word} (by {by}).",))


def ensure_champion(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Train once if nobody has decided yet, as of this day, between a model and the rules.

    A new company gets its first model on its first day instead of at the next training date.
    """
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger

    record = registry.current(open_ledger(settings.ledger_url), as_of=as_of)
    if record is None:
        return train_model(settings, as_of=as_of, progress=progress, effort="quick")
    return Result(
        "Champion",
        {"decision": record.decision, "model_id": record.model_id},
        (f"{record.model_id} ({record.decision}), trained as of {record.trained_as_of}: {record.why}",),
    )


def training_due(settings: Settings, *, as_of: date) -> Result:
    """Say whether a training is due: the first scored day of a month that has no decision yet."""
    from customer_health.ledger import champion as registry
    from customer_health.ledger.connect import open_ledger

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
        accounts = con.execute(_ACCOUNTS).df()
    earlier = [record for record in registry.history(ledger) if record.trained_as_of <= as_of][1:]
    champion, spoken = load_champion(registry.current(ledger, as_of=as_of), earlier)
    if champion is not None and settings.config.model.brought_scores:
        from customer_health.model.brought import attach, read

        panel = attach(panel, read(settings.config.model.brought_scores))
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


def load_champion(
    record: ChampionRecord | None, earlier: Sequence[ChampionRecord] = ()
) -> tuple[Champion | None, str]:
    """Load the registered champion, else the one before it, else say why the rules score instead.

    A damaged artefact is a reason to fall back and to say so, never a reason to predict with it.
    """
    from customer_health.model.office import load_with_fallback

    return load_with_fallback(record, earlier)


def run_playbooks(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Open and close episodes, decide every playbook, and promise effects in the outbox."""
    from customer_health.ledger.connect import open_ledger
    from customer_health.playbooks.run import run_playbooks as run

    progress(0, 0, "deciding")
    ledger = open_ledger(settings.ledger_url)
    came_back = _follow_through(settings, ledger, as_of)
    done = run(ledger, settings.config, as_of=as_of, now=now, hold=_stale(settings, as_of))
    return Result("Run playbooks", done.counts(), (*came_back, *done.lines()))


def _follow_through(settings: Settings, ledger: Engine, as_of: date) -> tuple[str, ...]:
    """Tell the ledger what became of its tasks in the CRM."""
    from customer_health.ledger.follow_up import read_tasks, take_in

    with open_warehouse(settings.warehouse_url) as con:
        tables = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'crm_tasks'").fetchone()
        seen = read_tasks(con, as_of) if tables and tables[0] else []
    changed = take_in(ledger, seen)
    return (f"{changed} of our tasks changed in the CRM.",) if changed else ()


def _stale(settings: Settings, as_of: date) -> str:
    """Say which source is too old to alert people on; empty when all are young enough."""
    limits = settings.config.playbooks.stale_after_days
    with open_warehouse(settings.warehouse_url) as con:
        tables = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'freshness'").fetchone()
        if not tables or not tables[0]:
            return ""
        query = "SELECT table_name, days_old FROM ops.freshness WHERE as_of = ? ORDER BY table_name"
        rows = con.execute(query, [as_of]).fetchall()
    old = [f"{name} is {days:.0f} days old" for name, days in rows if days and days > limits.get(name, days)]
    return ", ".join(old)


def follow_up(settings: Settings, *, now: datetime, progress: Progress = silent) -> Result:
    """Promise what time and people made due: reminders, escalations, the state of each episode's message."""
    from customer_health.ledger.connect import open_ledger
    from customer_health.playbooks.follow import follow_up as follow

    progress(0, 0, "following up")
    done = follow(open_ledger(settings.ledger_url), settings.config, now=now)
    return Result("Follow up", done.counts(), tuple(done.lines()))


def deliver_effects(
    settings: Settings, *, destination: str, now: datetime, progress: Progress = silent
) -> Result:
    """Fulfil what the outbox promised to one destination, staying a few minutes for lost answers.

    Raises:
        FatalError: The destination turned us away; a person must renew a token or a permission.
        RetriableError: It does not answer; what was promised waits and nothing is lost.
    """
    from customer_health.destinations import slack_acks
    from customer_health.destinations.dispatch import drain
    from customer_health.destinations.registry import destination_for
    from customer_health.ledger.connect import open_ledger

    began = monotonic()

    def clock() -> datetime:
        """The caller's now, and the time that has passed since: leases must run out."""
        return now + timedelta(seconds=monotonic() - began)

    ledger, target = open_ledger(settings.ledger_url), destination_for(destination, settings)
    if destination == "slack":
        slack_acks.poll(ledger, target, now=now)  # before the tick, so that the message shows it
        follow_up(settings, now=now)  # an hour's tick: what became due since the playbooks ran
    progress(0, 0, f"delivering to {destination}")
    done = drain(
        ledger,
        target,
        now=clock,
        patience=timedelta(minutes=4),  # a lost answer is looked up after two
    )
    if done.stopped:
        said = " ".join(done.lines())
        if done.needs_person:
            raise FatalError(said, hint=f"doctor says what {destination} lacks; then run this task again.")
        raise RetriableError(said, hint="Nothing is lost; the next run goes on where this one stopped.")
    return Result(f"Deliver to {destination}", done.counts(), tuple(done.lines()))


def examine_destinations(settings: Settings) -> Result:
    """Ask every destination whether we can work there: login, scopes, fields, channels. Writes nothing."""
    from customer_health.destinations.doctor import examine
    from customer_health.playbooks.playbook import load_playbooks
    from customer_health.playbooks.steps import Notify

    rules = settings.config.playbooks
    steps = [step for playbook in load_playbooks(settings.config) for step in playbook.steps]
    channels = {step.channel for step in steps if isinstance(step, Notify)}
    channels |= {route.channel for route in rules.routes}
    problems = examine(settings, channels=tuple(sorted(channels)))
    said = tuple(line for problem in problems for line in str(problem).splitlines())
    return Result("Doctor", {"problems": len(problems)}, said or ("Every destination is ready.",))


def report_kpis(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Write the KPI report: retention, save rate, time to intervention."""
    from customer_health.kpis.report import build_report
    from customer_health.ledger.connect import open_ledger

    progress(0, 0, "reckoning")
    with open_warehouse(settings.warehouse_url) as con:
        ledger = open_ledger(settings.ledger_url)
        report = build_report(con, ledger, as_of=as_of, folder=settings.reports, config=settings.config)
    return Result("KPI report", report.counts(), tuple(report.lines()), report=report.path)
