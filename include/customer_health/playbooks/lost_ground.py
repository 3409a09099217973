"""Which playbooks, and which tasks that are open, other settings would take the ground from.

A task has ground as long as the conditions of the playbook that gave it hold for its account. What was no
longer so before the change is not the change's doing and is not listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection

from customer_health.company import CompanyConfig
from customer_health.ledger.crm_tasks import open_tasks
from customer_health.playbooks import snapshot as snapshots
from customer_health.playbooks.account_view import AccountView
from customer_health.playbooks.playbook import Playbook, load_playbooks

Rows = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class LostTask:
    """An open task whose conditions would not hold any more."""

    account_id: str
    account_name: str
    playbook: str
    subject: str
    why: str


@dataclass(frozen=True)
class Ground:
    """What other settings would change about the playbooks.

    Attributes:
        open_tasks: Our tasks that nobody has completed, of accounts with a row on the day.
        lost: Those that would lose their ground, by account.
        playbooks: Name, accounts for which its conditions hold, the same under the other settings, and why
            it would not act at all; only playbooks that change.
    """

    open_tasks: int
    lost: Sequence[LostTask]
    playbooks: Sequence[tuple[str, int, int, str]]


def compare(
    connection: Connection,
    as_of: date,
    now: Rows,
    then: Rows,
    config: CompanyConfig,
    other: CompanyConfig,
) -> Ground:
    """Hold every playbook's conditions against a day's scores by two company files.

    Args:
        connection: Of the ledger; nothing is written.
        as_of: A published day.
        now: Account -> its row by the company file in use.
        then: The same by the other one.
        config: The company file in use.
        other: The other one.
    """
    before, after = _library(config), _library(other)
    snapshot = snapshots.read(connection, as_of, before.values(), config)
    facts = {} if snapshot is None else {fact.account_id: fact for fact in snapshot.facts}
    old = {name: _seen(fact, now, config) for name, fact in facts.items()}
    new = {name: _seen(fact, then, other) for name, fact in facts.items()}
    tasks = [task for task in open_tasks(connection) if task["account_id"] in facts]
    lost = []
    for task in tasks:
        account, name = task["account_id"], task["playbook"]
        if name not in before or not before[name].when.check(old[account])[0]:
            continue
        idle = _idle(name, after)
        holds, why = (False, idle) if idle else after[name].when.check(new[account])
        if not holds:
            subject = str((task["payload"] or {}).get("subject") or task["step"].replace("_", " "))
            lost.append(LostTask(account, facts[account].name, name, subject, why))
    changed = [
        (name, had, has, why)
        for name in dict.fromkeys((*before, *after))
        for had, has, why in [(_held(before.get(name), old), _held(after.get(name), new), _idle(name, after))]
        if had != has or (why and name in before and not _idle(name, before))
    ]
    return Ground(len(tasks), sorted(lost, key=lambda one: (one.account_id, one.playbook)), changed)


def _library(config: CompanyConfig) -> dict[str, Playbook]:
    return {playbook.name: playbook for playbook in load_playbooks(config)}


def _seen(fact: AccountView, rows: Rows, config: CompanyConfig) -> AccountView:
    """The account as a scored row and a company file show it."""
    row = rows.get(fact.account_id)
    return replace(fact, row=fact.row if row is None else {**fact.row, **row}, config=config)


def _idle(name: str, library: Mapping[str, Playbook]) -> str:
    """Why a playbook acts on nobody, whatever its conditions say; empty if it acts."""
    if name not in library:
        return "it is not in the library any more"
    if library[name].paused:
        return "it is paused"
    return "it is in shadow" if library[name].shadow else ""


def _held(playbook: Playbook | None, seen: Mapping[str, AccountView]) -> int:
    if playbook is None:
        return 0
    return Counter(playbook.when.check(view)[0] for view in seen.values())[True]
