"""A report on ids: which match no account or more than one, from which source, and what would fix it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health import storage
from customer_health.warehouse.contracts import UNKNOWN_ACCOUNT
from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import duckdb

FILE = "ids.md"
MERGED = (
    "No merger is mapped: were these accounts merged into others? Then map the survivor's list to "
    "`merged_ids` (HubSpot: hs_merged_object_ids), or `merged_into` (Salesforce: MasterRecordId)."
)
SHOWN = 10  # ids of one table and source


@dataclass(frozen=True)
class Unmatched:
    """One id that matches no account as it stands.

    Attributes:
        table: Where it stands.
        source: Who brought it.
        id: As it was written.
        rows: How many rows hold it.
        near: Accounts that it may mean.
        remedy: What would match it; empty if nothing would.
    """

    table: str
    source: str
    id: str
    rows: int
    near: tuple[str, ...] = ()
    remedy: str = ""


@dataclass
class IdReport:
    """What became of ids.

    Attributes:
        unmatched: Ids of rows in quarantine, by table and source.
        merges: Whether any account says that another was merged into it, or it into another.
        matched: (table, column, source) -> ids and rows that were matched in another form.
    """

    unmatched: list[Unmatched] = field(default_factory=list)
    merges: bool = False
    matched: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)

    @property
    def ambiguous(self) -> list[Unmatched]:
        """Ids that may mean more than one account."""
        return [one for one in self.unmatched if len(one.near) > 1]

    def lines(self) -> list[str]:
        """A sentence for the log, if there is anything to say."""
        if not self.unmatched:
            return []
        parts = [
            f"{table} from {source}: {len(mine):,} ({sum(one.rows for one in mine):,} rows)"
            for (table, source), mine in _grouped(self.unmatched).items()
        ]
        remedies = sorted({one.remedy for one in self.unmatched if one.remedy})
        fix = f" Some would match: {'; '.join(remedies)}." if remedies else ""
        if not self.merges and any(not one.near for one in self.unmatched):
            fix += f" {MERGED}"
        return [f"Ids that match no account: {', '.join(parts)}. See {FILE}.{fix}"]


def id_report(con: duckdb.DuckDBPyConnection) -> IdReport:
    """Return what became of ids, after the gate has looked at all tables."""
    result = IdReport()
    rows = con.execute(
        "SELECT table_name, source, value, count(*) FROM quarantine.rows "
        "WHERE contains(reason, ?) AND value IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC, 3",
        [UNKNOWN_ACCOUNT],
    ).fetchall()
    if rows:
        known = [row[0] for row in con.execute("SELECT DISTINCT account_id FROM raw.accounts").fetchall()]
        result.merges = bool(
            con.execute("SELECT 1 FROM raw.accounts WHERE merged_into IS NOT NULL LIMIT 1").fetchall()
        )
        forms = _forms(known)
        for table, source, name, many in rows:
            near, remedy = _near(name, forms)
            result.unmatched.append(Unmatched(table, source, name, many, near, remedy))
    if has_table(con, "id_aliases"):
        found = con.execute(
            "SELECT table_name, column_name, source, count(DISTINCT alias), sum(rows) FROM ops.id_aliases "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ).fetchall()
        result.matched = {(row[0], row[1], row[2]): (int(row[3]), int(row[4])) for row in found}
    return result


def write_id_report(report: IdReport, folder: Path) -> Path:
    """Write `ids.md` into the folder and return its path."""
    return storage.write(folder / FILE, "\n".join(_page(report)) + "\n")


def _forms(known: Sequence[str]) -> Mapping[str, Mapping[str, set[str]]]:
    """Remedy -> what is left of an id under it -> accounts."""
    out: dict[str, dict[str, set[str]]] = {}
    for name in known:
        for remedy, left in _spellings(name):
            out.setdefault(remedy, {}).setdefault(left, set()).add(name)
    return out


def _spellings(name: str) -> Iterator[tuple[str, str]]:
    """An id without what a tool may have changed about it."""
    whole = re.sub(r"\.0+$", "", name) if re.fullmatch(r"\d+\.0+", name) else name
    yield "`integer_text: true`", whole
    if whole.isdigit():
        yield "`pad:`", whole.lstrip("0")
    yield "`lower: true` on both sides", name.casefold()
    if len(name) in (15, 18) and name.isalnum():
        yield "Salesforce's shorter form", name[:15]


def _near(name: str, forms: Mapping[str, Mapping[str, set[str]]]) -> tuple[tuple[str, ...], str]:
    """The accounts that an id may mean, by the first remedy that finds any, and that remedy."""
    for remedy, left in _spellings(name):
        found = forms.get(remedy, {}).get(left, set()) - {name}
        if len(found) > 1:
            return tuple(sorted(found)), ""
        if found:
            (account,) = found
            width = f"`pad: {len(account)}`" if remedy == "`pad:`" else remedy
            return (account,), width
    return (), ""


def _grouped(unmatched: Sequence[Unmatched]) -> dict[tuple[str, str], list[Unmatched]]:
    out: dict[tuple[str, str], list[Unmatched]] = {}
    for one in unmatched:
        out.setdefault((one.table, one.source), []).append(one)
    return out


def _page(report: IdReport) -> Iterator[str]:
    yield "# Ids that match no account, or more than one\n"
    yield "Rows with such an id wait in quarantine, and are released when an account of that id is loaded.\n"
    if not report.unmatched:
        yield "Every row belongs to one account.\n"
    for (table, source), mine in _grouped(report.unmatched).items():
        several = sum(len(one.near) > 1 for one in mine)
        yield f"## {table}, from {source}\n"
        yield f"{len(mine):,} ids in {sum(one.rows for one in mine):,} rows; {several:,} of them ambiguous.\n"
        yield "| id | rows | may mean | would match by |"
        yield "|---|---|---|---|"
        for one in mine[:SHOWN]:
            near = ", ".join(one.near[:3]) + (", ..." if len(one.near) > 3 else "")
            why = one.remedy or ("nothing: ambiguous" if one.near else "nothing: no account is like it")
            yield f"| {_cell(one.id)} | {one.rows:,} | {_cell(near)} | {why} |"
        if len(mine) > SHOWN:
            yield f"\n... and {len(mine) - SHOWN:,} more ids."
        yield ""
    if not report.merges and any(not one.near for one in report.unmatched):
        yield f"{MERGED}\n"
    if report.matched:
        yield "## Matched in another form\n"
        yield "| table | column | source | ids | rows |"
        yield "|---|---|---|---|---|"
        for (table, column, source), (ids, rows) in report.matched.items():
            yield f"| {table} | {column} | {source} | {ids:,} | {rows:,} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
