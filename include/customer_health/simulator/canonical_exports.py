"""The tools of the simulated company: canonical tables as Parquet files that only ever grow in number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from customer_health.errors import ConfigurationError
from customer_health.progress import Progress, silent
from customer_health.simulator import contract_events, crm_records, csm_records, help_desk, invoicing
from customer_health.simulator.company_kinds import STANDARD
from customer_health.simulator.contacts import contacts_and_changes
from customer_health.simulator.licences import DEFAULT_SEAT_SCALE, Licences, licences
from customer_health.simulator.observation import Facts
from customer_health.simulator.parquet_writer import write_frame
from customer_health.simulator.task_outcomes import Given, seen, worked
from customer_health.simulator.usage_files import UsageFeed
from customer_health.simulator.world import World, simulate
from customer_health.warehouse.tables import CRM_TASKS, TABLES

MANIFEST = "simulation.json"
UNTOLD = frozenset({"daily_users"})
"""Tables for companies that count people without naming them; ours names them, in `usage`."""
_AHEAD_DAYS = (
    contract_events.LONGEST_NOTICE_DAYS + 7
)  # notices are written before the departure they announce


def build_world(*, start: date, through: date, accounts: int, seed: int, kind: str = STANDARD) -> World:
    """Simulate the company until a little after `through`, as far as announced departures reach."""
    weeks = ((through - start).days + _AHEAD_DAYS) // 7 + 1
    return simulate(seed, accounts, weeks, start=start, kind=kind)


def facts(
    world: World,
    book: Licences,
    through: date,
    tasks: Sequence[Given] = (),
    *,
    with_sentiment: bool = True,
) -> Iterator[Facts]:
    """Yield every table except usage, complete with what will happen to its rows later."""
    yield crm_records.accounts(world)
    yield contract_events.contracts(world, book)
    yield from help_desk.tickets_and_messages(world, with_sentiment=with_sentiment)
    yield help_desk.surveys(world)
    yield invoicing.invoices(world, book)
    yield from contacts_and_changes(world)
    yield crm_records.interactions(world)
    yield contract_events.contract_events(world, book)
    yield contract_events.outcomes(world, book)
    yield worked(tasks)
    yield csm_records.calendar(world)
    yield csm_records.csm_pulses(world)
    yield crm_records.text_topics()
    yield crm_records.snapshot(world, book, through)


def write_tables(
    folder: Path,
    *,
    start: date,
    through: date,
    accounts: int = 2000,
    seed: int = 7,
    kind: str = STANDARD,
    seat_scale: float = DEFAULT_SEAT_SCALE,
    tasks: Sequence[Given] | None = (),
    with_sentiment: bool = True,
    progress: Progress = silent,
) -> dict[str, list[Path]]:
    """Write what was known before `through` as Parquet, one folder per canonical table.

    A file holds what became known from its first date (included) to its second (not included):
    `usage/2025-01-01_2025-02-01.parquet`. Files are never touched again: a later `through` adds
    files. When a fact goes on (a ticket is solved, an invoice paid, an account merged), its row comes
    again under the same key in a later file; the last one is right.

    Args:
        folder: Where to write; created when missing.
        start: Monday of the first week. Keep it: another start is another company.
        through: Facts with `known_at` before this day, 00:00 UTC, are written.
        accounts: Number of accounts.
        seed: Equal arguments give equal bytes.
        kind: Of company, see `company_kinds`.
        seat_scale: See `licences`; 1 writes companies of real size, some twenty times as many rows.
        tasks: What the company's people were asked to do; what they did with it comes back as `crm_tasks`.
            None leaves that table to a later call, which then writes all of it.
        with_sentiment: Whether the help desk brings its own sentiment; else there are only the words.
        progress: Called with files done, files to do, and what is being written.

    Returns:
        For each table all files that hold its facts, oldest first.

    Raises:
        ConfigurationError: `start` is not a Monday, `through` is not after it, or the folder holds
            another simulated company.
    """
    if through <= start:
        raise ConfigurationError(
            f"The simulated company starts on {start}; nothing is known before {through}.",
            hint="Ask for a later date, or let the company start earlier.",
        )
    identity = {"start": start.isoformat(), "accounts": accounts, "seed": seed, "seat_scale": seat_scale}
    identity["kind"] = kind
    _refuse_another(folder, identity)
    wanted = {name: _missing(folder / name, start, through) for name in TABLES if name not in UNTOLD}
    wanted["crm_snapshot"] = wanted["crm_snapshot"][-1:]  # it has no past
    if tasks is None:
        wanted[CRM_TASKS.name] = []
    total, done = sum(len(spans) for spans in wanted.values()), 0
    if total:
        world = build_world(start=start, through=through, accounts=accounts, seed=seed, kind=kind)
        book = licences(world, seat_scale)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).write_text(json.dumps(identity, indent=2) + "\n", encoding="utf-8")
        feed = UsageFeed(world, book)
        for table in facts(world, book, through, tasks or (), with_sentiment=with_sentiment):
            show = seen if table.table is CRM_TASKS else Facts.between
            for since, until in wanted[table.table.name]:
                rows = show(table, None if since == start else since, until)
                write_frame(_path(folder, table.table.name, since, until), table.table, rows)
                done += 1
                progress(done, total, f"writing {table.table.name}")
        for since, until in wanted["usage"]:
            feed.write(_path(folder, "usage", since, until), since, until)
            done += 1
            progress(done, total, "writing usage")
    return {name: sorted((folder / name).glob("*.parquet")) for name in TABLES}


def _path(folder: Path, table: str, since: date, until: date) -> Path:
    return folder / table / f"{since}_{until}.parquet"


def _refuse_another(folder: Path, identity: dict[str, Any]) -> None:
    """Do not mix two companies in one folder."""
    manifest = folder / MANIFEST
    held = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else identity
    held = {"kind": STANDARD, **held}  # folders from before there were kinds
    if held != identity:
        raise ConfigurationError(
            f"{folder} holds another simulated company: {held} instead of {identity}.",
            hint="Write to an empty folder, or use the same start, accounts, seed, kind and seat_scale.",
        )


def _missing(folder: Path, start: date, through: date) -> list[tuple[date, date]]:
    """Return the spans, cut at the first of each month, that no file of a table covers yet."""
    reached = max(
        (date.fromisoformat(path.stem.split("_")[1]) for path in folder.glob("*.parquet")), default=start
    )
    spans = []
    while reached < through:
        month_end = (reached.replace(day=1) + timedelta(days=32)).replace(day=1)
        until = min(month_end, through)
        spans.append((reached, until))
        reached = until
    return spans
