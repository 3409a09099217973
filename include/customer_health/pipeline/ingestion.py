"""From the sources to signals: load, hold against contracts, compute."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health.company import CompanyConfig, UsageConfig
from customer_health.errors import ConfigurationError, CustomerHealthError, WarehouseBusyError
from customer_health.pipeline.erased_rows import keep_erased_out
from customer_health.pipeline.ledger_upgrade import upgrade_ledger
from customer_health.pipeline.pulse_rows import take_in_pulses
from customer_health.pipeline.step_result import Result
from customer_health.pipeline.text_reading import fill_texts
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse
from customer_health.wording import percent

if TYPE_CHECKING:
    from customer_health.settings import Settings
    from customer_health.simulator.task_outcomes import Given


def sources(settings: Settings) -> list[str]:
    """Names of the sources that `ingest` reads, one mapped task each."""
    from customer_health.sources.source_registry import names

    return names(settings)


def company_config(settings: Settings) -> CompanyConfig:
    """Return the company file, with what the sources tell of themselves.

    The simulated company knows its own product if nobody describes it; vendor files say how late they are.
    """
    config = settings.config
    if late := lateness(settings):
        signals = config.signals.model_copy(update={"late_days": {**late, **config.signals.late_days}})
        config = config.model_copy(update={"signals": signals})
    if sources(settings) == ["simulated"] and config.usage == UsageConfig():
        from customer_health.simulator.product import USAGE_SETTINGS

        return config.model_copy(update={"usage": UsageConfig.model_validate(USAGE_SETTINGS)})
    return config


def lateness(settings: Settings) -> dict[str, int]:
    """Return canonical table -> days by which the latest of its vendors delivers behind, where any does."""
    from customer_health.sources.vendor_source import VendorSource

    days: dict[str, int] = {}
    for name in settings.config.sources:
        source = VendorSource(settings, name)
        late = math.ceil(source.late_hours / 24)
        days |= {table: max(late, days.get(table, 0)) for table in source.tables if late}
    return days


def ask_source(settings: Settings, *, as_of: date, source: str, progress: Progress = silent) -> Result:
    """Ask one source for what is new, into raw files; needs no warehouse, so that sources do not wait for it.

    Raises:
        SourceBusyError: The vendor is down or wants a pause; what has landed stays.
        SourceRefusedError, DataContractError: Somebody must change something first.
    """
    from customer_health.sources.source_registry import source_for

    upgrade_ledger(settings)  # the day begins here; nothing later, and no page, changes the ledger's tables
    if source == "simulated":
        simulate(settings, as_of, progress)
        return Result(f"Ask {source}", {}, ("The simulated company has lived on.",))
    reading = source_for(settings, source).fetch(as_of=as_of, progress=progress)
    if reading is None:
        return Result(f"Ask {source}", {}, (f"{source} is read where it lies.",))
    return Result(f"Ask {source}", {"source": source, **reading.counts()}, tuple(reading.lines()))


def examine_sources(settings: Settings, *, as_of: date) -> Result:
    """Ask every source whether we can read there: sign-in, rights, fields, what ends. Writes nothing."""
    from customer_health.sources.asking.examine import examine_sources as examine

    checks = examine(settings, as_of)
    problems = sum(len(check.problems) for check in checks)
    said = tuple(line for check in checks for line in check.lines())
    return Result("Doctor: sources", {"problems": problems}, said or ("No vendor is asked.",))


def try_source(settings: Settings, path: Path, *, as_of: date, pages: int) -> Result:
    """Ask a vendor file for a few pages and show what they mean; nothing is kept.

    Raises:
        ConfigurationError: The file, or its connection, is wrong.
    """
    from customer_health.sources.asking.binding import connected
    from customer_health.sources.asking.trial import try_vendor
    from customer_health.sources.asking.vendor_file import load_vendor

    vendor = load_vendor(path, settings.vendors)
    named = settings.config.sources.get(vendor.vendor)
    given = {**(named.options if named else {}), **settings.secrets.get(vendor.vendor, {})}
    through = named.through if named else ""
    with try_vendor(vendor, connected(vendor, given), as_of=as_of, pages=pages, through=through) as trial:
        problems = len(trial.refused) + len(trial.absent) + len(trial.quarantined)
        return Result(f"Try {vendor.vendor}", {"problems": problems}, tuple(trial.lines()))


def ingest(
    settings: Settings,
    *,
    as_of: date,
    source: str | None = None,
    progress: Progress = silent,
    asked: bool = False,
) -> Result:
    """Load what a source knows before `as_of` into `raw`; loading it twice loads nothing twice.

    Args:
        settings: Where things are.
        as_of: The day of the run.
        source: One of `sources(settings)`; default: all, one after the other.
        progress: Told about every file.
        asked: Whether `ask_source` has run for this day.

    Raises:
        CustomerHealthError: The last source that failed, after the others were loaded.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.source_reports import save_load
    from customer_health.sources.load import ingest as load

    counts: dict[str, int | float | str] = {}
    upgraded = upgrade_ledger(settings)
    lines = list(upgraded.lines()) if upgraded.counts()["statements"] else []
    failed: list[CustomerHealthError] = []
    ledger = open_ledger(settings.ledger_url)
    for name in [source] if source else sources(settings):
        try:
            if not asked:
                lines += ask_source(settings, as_of=as_of, source=name, progress=progress).lines()
            loaded = load(settings, as_of=as_of, progress=progress, source=name, fetch=False)
        except CustomerHealthError as error:
            if source or isinstance(error, WarehouseBusyError):
                raise
            failed.append(error)  # one source is down; the others still come in
            continue
        for table, one in loaded.tables.items():
            kept = {"new": one.new, "updated": one.updated, "skipped": one.skipped}
            kept["quarantined"] = one.quarantined
            save_load(ledger, name, table, as_of, kept)
        lines += loaded.lines()
        for key, value in loaded.counts().items():
            before = counts.get(key)
            added = f"{before}, {value}" if isinstance(value, str) else float(before or 0) + value
            counts[key] = value if before is None else added
    if failed:
        raise failed[-1]
    return Result("Ingest sources", counts, tuple(lines))


def simulate(
    settings: Settings, as_of: date, progress: Progress = silent, *, with_tasks: bool = True
) -> None:
    """Let the simulated company live on until `as_of`; its past never changes.

    Args:
        settings: Of the simulated company.
        as_of: Facts known before this day are written.
        progress: Told what is being written.
        with_tasks: Whether its CRM already tells what became of our tasks. Weeks that are lived through
            after their facts were written ask for tasks that those files cannot know; a later call does.
    """
    from customer_health.simulator.canonical_exports import write_tables
    from customer_health.simulator.company_kinds import STANDARD, kind_named
    from customer_health.simulator.product import default_start

    folder = settings.home / "company"
    birth = folder / "company.json"
    if birth.exists():
        born = json.loads(birth.read_text(encoding="utf-8"))
    else:
        start = default_start(as_of).isoformat()
        born = {"start": start, "accounts": 2000, "seed": 7, **settings.config.simulator}
        kind_named(str(born.get("kind", STANDARD)))  # before anything is written
        folder.mkdir(parents=True, exist_ok=True)
        birth.write_text(json.dumps(born), encoding="utf-8")
    write_tables(
        folder,
        start=date.fromisoformat(born["start"]),
        through=as_of,
        accounts=int(born["accounts"]),
        seed=int(born["seed"]),
        kind=str(born.get("kind", STANDARD)),
        tasks=_tasks_given(settings, as_of) if with_tasks else None,
        with_sentiment=False,  # `read_texts` finds it in the words
        progress=progress,
    )


def _tasks_given(settings: Settings, as_of: date) -> list[Given]:
    """Return what playbooks asked the simulated company's people to do before `as_of`."""
    from customer_health.ledger.engine import open_ledger
    from customer_health.simulator.task_outcomes import given

    return given(open_ledger(settings.ledger_url), as_of)


def check_quality(settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent) -> Result:
    """Hold the raw tables against their contracts: bad rows go to quarantine, bad tables stop the run.

    Raises:
        DataContractError: A table as a whole cannot be trusted.
    """
    from customer_health.ledger import report_numbers
    from customer_health.ledger.engine import open_ledger
    from customer_health.remote.usage_placement import gated_elsewhere, remote_usage
    from customer_health.warehouse.gate import run_gate
    from customer_health.warehouse.gate_numbers import gate_numbers

    ledger = open_ledger(settings.ledger_url)
    progress(0, 0, "checking contracts")
    kept_out: tuple[str, ...] = ()
    with (
        open_warehouse(settings.warehouse_url) as con,
        gated_elsewhere(settings, con, as_of=as_of) as elsewhere,
        remote_usage(settings) as usage,
    ):
        kept_out = keep_erased_out(settings, con)
        take_in_pulses(con, ledger)
        gate = run_gate(
            con,
            as_of=as_of,
            report_dir=settings.reports,
            today=now.date(),
            elsewhere=elsewhere,
            config=settings.config,
            used=None if usage is None else partial(usage.days, as_of=as_of),
            project=settings.home,
            own=settings.expectations,
            told=lambda seen: report_numbers.keep(
                ledger, report_numbers.GATE, as_of, gate_numbers(con, seen)
            ),
        )
    return Result("Data quality gate", gate.counts(), (*gate.lines(), *kept_out), report=gate.report)


def days_between(since: date | None, as_of: date) -> list[date]:
    """Return every day of a range that ends with `as_of`; that day alone without a beginning.

    Raises:
        ConfigurationError: It begins after its end.
    """
    first = since or as_of
    if first > as_of:
        raise ConfigurationError(
            f"The range {first} to {as_of} is empty.", hint="Its first day must not lie after the as-of date."
        )
    return [first + timedelta(days=n) for n in range((as_of - first).days + 1)]


def build_signals(settings: Settings, *, as_of_dates: Sequence[date], progress: Progress = silent) -> Result:
    """Compute every signal of every account for these dates in one pass, replacing their partitions.

    Raises:
        RetriableError: Rows have arrived since the gate looked.
    """
    from customer_health.ledger import report_numbers
    from customer_health.ledger.engine import open_ledger
    from customer_health.remote.usage_placement import signals_warehouse
    from customer_health.signals.build_panel import build_and_check
    from customer_health.warehouse.gate import require_gated

    with (
        open_warehouse(settings.warehouse_url) as con,
        signals_warehouse(settings, con, until=max(as_of_dates)) as warehouse,
    ):
        require_gated(con)
        if settings.config.texts.reader != "offline":
            fill_texts(settings, con)  # what a provider has answered since the texts were read
        built, findings = build_and_check(
            con,
            company_config(settings),
            as_of_dates,
            state_dir=settings.state,
            warehouse=warehouse,
            progress=progress,
        )
    moved = warehouse.rows_moved
    stale = sum(finding.check == "stale" for finding in findings)
    told = [{"check": one.check, "subject": one.subject, "sentence": one.sentence} for one in findings]
    report_numbers.keep(
        open_ledger(settings.ledger_url), report_numbers.SIGNALS, max(as_of_dates), {"findings": told}
    )
    return Result(
        "Build signals",
        {
            "as_of_dates": len(as_of_dates),
            "rows": built.rows,
            "customers": built.customers,
            "findings": len(findings),
            "stale_sources": stale,
            "rows_moved": moved,
        },
        (
            f"{built.customers:,} customer rows over {len(as_of_dates)} as-of date(s).",
            f"{percent(built.coverage)} of the signals are known on average; what is unknown is not zero.",
            *([f"{moved:,} rows of usage came over, already reduced."] if moved else []),
            *(f"Look at this ({finding.check}): {finding.sentence}" for finding in findings),
        ),
    )
