"""What a table as a whole must meet, derived from its contract, as bounds on measurements.

Great Expectations judges them (expectations.py); a critical one that fails stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from customer_health.warehouse.contracts import RowRule
from customer_health.warehouse.table import Table
from customer_health.wording import percent

Severity = Literal["critical", "warning", "info"]

OVERLAP = 0.05
"""Share of rows that summed files may tell twice, as days that are cut in the middle do."""

VANISHED = 0.5
"""Share of records that may be gone from a full export before somebody looks at it."""

FEW_CONTRADICTIONS = 5
"""So many contradicting rows are quarantined without a fuss, however small the table is."""


@dataclass(frozen=True)
class Demand:
    """A bound on one measurement of a table.

    Attributes:
        measure: Name of the measurement.
        expected: The bound in words.
        severity: critical stops the run; warning and info are reported.
        minimum: Smallest acceptable value.
        maximum: Largest acceptable value.
        column: The column at fault, if it is one.
        remedy: What a person can do.
    """

    measure: str
    expected: str
    severity: Severity
    minimum: float | None = None
    maximum: float | None = None
    column: str = ""
    remedy: str = ""


def demands(table: Table, rules: tuple[RowRule, ...], lost_share: float | None = None) -> Iterator[Demand]:
    """Return every demand on the table, critical ones first.

    Args:
        table: The table.
        rules: Its row rules.
        lost_share: Share of unreadable rows above which the run stops; default: the table's own.
    """
    limit = table.max_lost_share if lost_share is None else lost_share
    yield Demand(
        "missing_columns",
        "every column of the contract, with its type",
        "critical",
        maximum=0,
        remedy="Run the ingestion again: it creates the tables by the contract.",
    )
    if table.required:
        yield Demand(
            "rows",
            "at least one good row",
            "critical",
            minimum=1,
            remedy="Nobody can be scored without it: check its file, `where:` and quarantine.rows.",
        )
    yield Demand(
        "contradiction_share",
        f"at most {percent(table.max_duplicate_share)} of the new rows contradict another with the same key",
        "critical",
        maximum=table.max_duplicate_share,
        column=", ".join(table.key),
        remedy=_remedy_for_contradictions(table),
    )
    yield Demand(
        "lost_share",
        f"at most {percent(limit)} of the new rows cannot be read",
        "critical",
        maximum=limit,
        remedy="Correct the mapping, or the export; nothing of this table was taken over. A higher share is "
        f"allowed by `data: {{unreadable_share: {{{table.name}: 0.2}}}}` of the company file.",
    )
    if "account_id" in table.columns and table.name != "accounts" and table.orphans == "quarantine":
        yield Demand(
            "strangers_share",
            "some of the rows belong to an account",
            "critical",
            maximum=0.999,
            column="account_id",
            remedy="Does another column hold the account's id, or is a `lookup:` needed that leads to it? "
            "ids.md beside the report lists the ids that no account has.",
        )
    yield Demand(
        "overlap_share",
        f"at most {percent(OVERLAP)} of the new rows repeat account, user, day and feature of another file",
        "critical",
        maximum=OVERLAP,
        column=", ".join(table.key),
        remedy="Do the files tell of the same events? Name their id (`event_id: insert_id`), or let the "
        "newest file bring all of its days (`repeated_keys: replace_day`). If they are to be added up: "
        "`repeated_keys: add`.",
    )
    yield Demand(
        "overlapping",
        "no new row repeats account, user, day and feature of another file; they were added up",
        "warning",
        maximum=0,
        column=", ".join(table.key),
        remedy="Do the files tell of the same events? Write `event_id:` or `repeated_keys: replace_day`; if "
        "they are to be added up: `repeated_keys: add`.",
    )
    yield Demand(
        "vanished_share",
        f"at most {percent(VANISHED)} of the records are gone from the newest full export",
        "critical",
        maximum=VANISHED,
        remedy="Is the newest export complete? If files bring only what has changed, write "
        "`repeated_keys: newest_wins` instead of `latest_file`.",
    )
    for rule in rules:
        yield Demand(
            f"broken.{rule.name}",
            f"no row where {rule.reason}",
            "warning",
            maximum=0,
            column=rule.column,
            remedy=rule.remedy,
        )
    yield Demand(
        "unreadable",
        "every row of the files can be read",
        "warning",
        maximum=0,
        remedy="See quarantine.rows: it names file, row, column and value.",
    )
    yield Demand(
        "contradictions",
        "no two rows contradict each other",
        "warning",
        maximum=0,
        column=", ".join(table.key),
        remedy="See quarantine.rows: it names the row that was kept.",
    )
    if "unknown_stages" in table.columns:
        for name, column in table.columns.items():
            if column.lifecycle:
                yield _told(table, name)
    if table.name == "accounts":
        yield Demand(
            "without_contract",
            "every account has a contract",
            "warning",
            maximum=0,
            remedy="They are kept and not scored; add their contracts, or filter prospects by `where:`.",
        )
    if not table.scheduled and table.name not in ("accounts", "contacts", "crm_snapshot"):
        yield Demand(
            "volume_ratio",
            "last week brought at least half of a usual week",
            "warning",
            minimum=0.5,
            remedy="Is an export or a connection broken? Silent data is not a silent customer.",
        )
    if table.name == "usage":
        yield Demand(
            "days_old",
            "the newest row is at most 7 days old",
            "warning",
            maximum=7,
            remedy="Is the usage export still running?",
        )


def _told(table: Table, stage: str) -> Demand:
    instead = "" if stage not in table.closed_by.values() else ", or `status:` with the state of today"
    return Demand(
        f"untold.{stage}",
        f"every row comes from a source that tells {stage}",
        "warning",
        maximum=0,
        column=stage,
        remedy=f"Signals that need it are unknown for these rows' accounts. Map {stage}{instead}.",
    )


def _remedy_for_contradictions(table: Table) -> str:
    summed = " If rows are to be added up, write `combine: sum`." if table.name == "usage" else ""
    history = (
        " Are these several contracts of one account? Then map an id that differs."
        if table.name == "contracts"
        else ""
    )
    return (
        f"Is the key right?{history}{summed} If files bring later states of the same records, write "
        "`repeated_keys: newest_wins`; if every file is a full export, `latest_file`."
    )
