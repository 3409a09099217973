"""`export` and `erase` for one account or one person, across everything that this project keeps.

What destinations hold is outside: it is listed, with its remote ids, for those who may delete there. Outside
are also the company's own files, back-ups, and Airflow's database and logs, which carry counts only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customer_health import storage
from customer_health.errors import ConfigurationError
from customer_health.ledger import erasures, subject_records
from customer_health.ledger.engine import open_ledger, wipe_deleted
from customer_health.operations import subject_files
from customer_health.pipeline.step_result import Result
from customer_health.settings import Settings
from customer_health.subject import Subject, distinct
from customer_health.warehouse import subject_rows
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.raw import create_tables

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy import Engine

KINDS = ("account", "person")
_AT_ONCE = 50  # people of an account who are looked for together
READ = (
    "Somebody was reading the ledger meanwhile: what was erased lies in `ledger.db-wal` until the next step "
    "has written. Erase again to be sure; nothing else changes."
)


def export(settings: Settings, kind: str, identifier: str, target: Path) -> Result:
    """Write everything that is kept about a subject into a new folder.

    Args:
        settings: Where things are.
        kind: "account" or "person".
        identifier: An account id; or a person's contact id, user id or e-mail address.
        target: The folder; created.

    Raises:
        ConfigurationError: The folder exists, or nothing is known under this id.
        WarehouseBusyError: A step is at work; the same command works when it has finished.
    """
    if target.exists():
        raise ConfigurationError(f"{target} exists.", hint="Name a new folder.")
    ledger = open_ledger(settings.ledger_url)
    with open_warehouse(settings.warehouse_url) as con:
        create_tables(con)
        subject = _subject(con, ledger, kind, identifier)
        found = {f"warehouse/{name}": rows for name, rows in subject_rows.rows_of(con, subject).items()}
    found |= {f"ledger/{name}": rows for name, rows in subject_records.records_of(ledger, subject).items()}
    landed = list(subject_files.landed_rows(settings, subject))
    found |= {"landed/rows": landed} if landed else {}
    files = subject_files.shown_files(settings, subject)
    if not found and not files:
        raise ConfigurationError(
            f"Nothing is kept about {kind} {identifier}.",
            hint="Use the id as raw.accounts, raw.contacts or raw.usage has it.",
        )
    for name, rows in found.items():
        path = target / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{_line(row)}\n" for row in rows), encoding="utf-8")
    for folder, file in files:
        storage.write(target / folder / file.name, storage.read(file.path))
    counts = {name: len(rows) for name, rows in found.items()} | {"files": len(files)}
    said = ", ".join(f"{count:,} in {name}" for name, count in sorted(counts.items()) if count)
    return Result("Export", dict(counts), (f"{target}: {said}.", *_shared(files, kind)))


def erase(settings: Settings, kind: str, identifier: str, *, by: str, reason: str, now: datetime) -> Result:
    """Remove a subject from warehouse, ledger, kept state, landed files, previews and reports.

    The receipt is written first, so that what comes back under the same ids is kept out even when this is
    killed; a second run finishes what a killed one began, and changes nothing otherwise.

    Raises:
        RetriableError: An effect of the account is on its way, a step holds the warehouse, or a store at
            an address did not answer; a second run finishes.
        FatalError: Nobody signs, or there is no reason.
    """
    ledger = open_ledger(settings.ledger_url)
    with open_warehouse(settings.warehouse_url) as con:
        create_tables(con)
        subject = _subject(con, ledger, kind, identifier)
        receipt = erasures.begin(ledger, kind, subject.ids, by=by, reason=reason, now=now)
        people = list[Subject]()
        if kind == "person":
            subject = replace(subject, pseudonym=erasures.pseudonym(receipt))
        else:
            members = subject_rows.members_of(con, subject.ids)
            erasures.remember_members(ledger, members, by=by, reason=reason, now=now)
            people = list(_people(con, subject, members))
        counts, outside, hashes = Counter[str](), list[dict[str, Any]](), list[str]()
        counts.update(subject_files.erase_files(settings, con, subject, *people))
        for one in (subject, *people):
            sent = subject_records.landed(ledger, one, settings.config.destinations.model_dump())
            outside += [this for this in sent if this not in outside]
            read = subject_rows.text_hashes(con, one)
            counts.update(_under("ledger", subject_records.erase_records(ledger, one, read)))
            hashes += read
        # Last: a person's other ids, and an account's people, are known from here only, and a killed run
        # needs them again.
        counts.update(_under("warehouse", subject_rows.erase_rows(con, subject, hashes, people)))
        # Deleted rows lie in the file until its pages are used again.
        con.execute("CHECKPOINT")
    wiped = wipe_deleted(ledger)
    receipt = erasures.finish(ledger, receipt["receipt_id"], counts, outside, now=now)
    return Result(
        "Erase",
        {name: count for name, count in counts.items() if count},
        (*_said(dict(receipt), counts), *_versions(settings), *(() if wiped else (READ,))),
    )


def _people(
    con: duckdb.DuckDBPyConnection, account: Subject, members: Sequence[Sequence[str]]
) -> Iterator[Subject]:
    """Yield the people whom only this account knows, so many at a time: nothing about them stays either."""
    elsewhere = subject_rows.known_elsewhere(con, [one for ids in members for one in ids], account.ids)
    alone = [ids for ids in members if not elsewhere & set(ids)]
    for start in range(0, len(alone), _AT_ONCE):
        ids = distinct(one for person in alone[start : start + _AT_ONCE] for one in person)
        yield Subject("person", ids, called=distinct(subject_rows.names_of_person(con, ids)))


def _subject(con: duckdb.DuckDBPyConnection, ledger: Engine, kind: str, identifier: str) -> Subject:
    if kind == "account":
        ids, names = subject_rows.ids_of_account(con, identifier)
        return Subject("account", distinct(ids), distinct(names))
    ids = subject_rows.ids_of_person(con, identifier)
    # The contact that tied ids together may have gone with an account that was erased before.
    for one in erasures.same_person(ledger, ids, subject_rows.persons(con)):
        ids = sorted({*ids, *subject_rows.ids_of_person(con, one)})
    return Subject("person", distinct(ids), called=distinct(subject_rows.names_of_person(con, ids)))


def _said(receipt: Mapping[str, Any], counts: Mapping[str, int]) -> tuple[str, ...]:
    found = ", ".join(f"{count:,} in {name}" for name, count in sorted(counts.items()) if count)
    lines = [
        f"Receipt {receipt['receipt_id']}: {f'removed {found}' if found else 'nothing (more) was found'}."
    ]
    for one in receipt["outside"]:
        sure = "" if one["state"] == "delivered" else " (may be there: its answer was lost)"
        lines.append(
            f"Outside, to be deleted there: {one['kind']} {one['verb']} {one['remote_id'] or 'without id'}, "
            f"{one['at'][:10]}{sure}"
        )
    lines.append(
        "Not touched: your own files and vendors (they would bring it back; the gate keeps it out), and "
        "back-ups of before: delete those, or erase again after a restore."
    )
    return tuple(lines)


def _versions(settings: Settings) -> tuple[str, ...]:
    """An object store may keep what was overwritten and deleted; it shows us the present only."""
    addresses = [named.partition(" at ")[2] for named in subject_files.places_of(settings).values()]
    found = ", ".join(filter(None, addresses))
    if not found:
        return ()
    return (f"If a store keeps versions of its objects, remove the old ones there, too: {found}.",)


def _shared(files: Sequence[object], kind: str) -> tuple[str, ...]:
    if not files:
        return ()
    return (f"Files may name others beside this {kind}: read them before you hand them out.",)


def _under(place: str, counts: Mapping[str, int]) -> dict[str, int]:
    return {f"{place} {name}": count for name, count in counts.items()}


def _line(row: Mapping[str, Any]) -> str:
    def spelt(value: Any) -> str:
        return value.isoformat() if isinstance(value, date) else str(value)

    return json.dumps(row, default=spelt, ensure_ascii=False)
