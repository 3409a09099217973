"""What a table as a whole must meet, derived from its contract, as bounds on measurements.

Great Expectations judges them (expectations.py); a critical one that fails stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from customer_health.warehouse.contracts import RowRule
from customer_health.warehouse.table import Table

Severity = Literal["critical", "warning", "info"]

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


def demands(table: Table, rules: tuple[RowRule, ...]) -> Iterator[Demand]:
    """Return every demand on the table, critical ones first."""
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
        f"at most {table.max_duplicate_share:.0%} of the new rows contradict another with the same key",
        "critical",
        maximum=table.max_duplicate_share,
        column=", ".join(table.key),
        remedy="Is the key right? If rows are to be added up, write `combine: sum` in the mapping; "
        "if every file is a full export, write `repeated_keys: latest_file`.",
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
