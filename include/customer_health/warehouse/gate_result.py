"""What the gate saw and did: what the run, the log and the report read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from customer_health.warehouse.expectations import Verdict
from customer_health.warehouse.losses.derive import Derived
from customer_health.warehouse.measures import Measures
from customer_health.warehouse.unmatched_ids import IdReport


@dataclass
class GateResult:
    """What the gate saw and did.

    Attributes:
        as_of: The day of the run.
        report: The page that shows every expectation.
        measured: Table -> measurements.
        verdicts: Every expectation and how it came out.
        ids: Ids that match no account, or more than one.
        derived: What follows from contracts and invoices; None if the gate stopped the run.
    """

    as_of: date
    report: Path
    measured: dict[str, Measures] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    derived: Derived | None = None
    ids: IdReport = field(default_factory=IdReport)

    @property
    def failed(self) -> list[Verdict]:
        """Expectations that did not hold, critical ones first."""
        order = ("critical", "warning", "info")
        return sorted((v for v in self.verdicts if not v.met), key=lambda v: order.index(v.demand.severity))

    def total(self, name: str) -> int:
        """Return one measurement summed over the tables."""
        return int(sum(measures.values.get(name) or 0 for measures in self.measured.values()))

    def counts(self) -> dict[str, int | float | str]:
        """Totals for machines."""
        return {
            "new_rows": self.total("new_rows"),
            "quarantined": self.total("quarantined") + self.total("contradictions"),
            "copies_dropped": self.total("copies"),
            "superseded": self.total("superseded"),
            "unmatched_ids": len(self.ids.unmatched),
            "ambiguous_ids": len(self.ids.ambiguous),
            "past_renewal_and_active": len(self.derived.active()) if self.derived else 0,
            "past_renewal_and_silent": sum(one.silent for one in self.derived.lapsed) if self.derived else 0,
            "retired": self.total("retired"),
            "expectations": len(self.verdicts),
            "failed": len(self.failed),
            "critical": sum(v.demand.severity == "critical" for v in self.failed),
        }

    def lines(self) -> list[str]:
        """Sentences for people: what was moved and why, then where to read more."""
        counts = self.counts()
        lines = [
            f"{counts['new_rows']:,} new rows checked against their contracts: "
            f"{counts['quarantined']:,} in quarantine, {counts['copies_dropped']:,} exact copies dropped"
            + (f", {counts['superseded']:,} replaced by newer states" if counts["superseded"] else "")
            + (
                f", {counts['retired']:,} retired: gone from the newest full export."
                if counts["retired"]
                else "."
            )
        ]
        for verdict in self.failed:
            column = f".{verdict.demand.column}" if verdict.demand.column else ""
            lines.append(
                f"{verdict.demand.severity}: {verdict.table}{column}: expected {verdict.demand.expected}; "
                f"found {verdict.found}. {verdict.demand.remedy}"
            )
        lines += self.ids.lines()
        lines += self.derived.lines() if self.derived else []
        lines.append(f"{len(self.verdicts)} expectations, {len(self.failed)} not met. Report: {self.report}")
        return lines
