"""The gate between ingestion and signals: bad rows to quarantine, broken tables stop the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError, RetriableError
from customer_health.warehouse.bounds import OVERLAP, VANISHED, Demand, demands
from customer_health.warehouse.contracts import row_rules
from customer_health.warehouse.data_docs import open_project, write_archive
from customer_health.warehouse.duplicates import Duplicates, find_duplicates, settle_duplicates
from customer_health.warehouse.expectations import Verdict, judge
from customer_health.warehouse.gate_report import write_report
from customer_health.warehouse.gate_result import GateResult
from customer_health.warehouse.losses.compare import write_comparison
from customer_health.warehouse.losses.derive import UsedDays, derive, write_lapsed
from customer_health.warehouse.lost_rows import lost_rows
from customer_health.warehouse.measures import WITHOUT_CONTRACT, Measures, measure, write_measures
from customer_health.warehouse.own_suites import judge_own, load_suites
from customer_health.warehouse.raw import columns_of, has_table, scalar
from customer_health.warehouse.row_check import Scan, move_broken, scan
from customer_health.warehouse.table import Table
from customer_health.warehouse.tables import TABLES
from customer_health.warehouse.unmatched_ids import id_report, write_id_report

if TYPE_CHECKING:
    import duckdb


def run_gate(
    con: duckdb.DuckDBPyConnection,
    *,
    as_of: date,
    report_dir: Path,
    today: date | None = None,
    elsewhere: Mapping[str, Callable[[date], Measures]] | None = None,
    config: CompanyConfig | None = None,
    used: UsedDays | None = None,
    project: Path | None = None,
    own: Path | None = None,
    told: Callable[[GateResult], None] | None = None,
) -> GateResult:
    """Hold the rows of new loads against their contracts.

    Bad rows move to quarantine.rows, with reason and remedy, in one transaction per table; good rows stay.
    Only loads that no gate has seen are scanned, so a second run moves nothing and costs next to nothing.

    Args:
        con: The warehouse, held for writing.
        as_of: The day of the run.
        report_dir: The report is written to <report_dir>/<as_of>/gate.html.
        today: The day that is lived in; facts dated after it are in the future. A back-filled day lies
            before it, and what happened in between is not a mistake, only not known yet.
        elsewhere: Tables that stay in another warehouse, with what measures them there, given the day after
            which facts are in the future. It is asked once the accounts have been held against theirs.
        config: How many rows may be unreadable, what contracts mean where paperwork is silent, and which
            losses follow from them.
        used: Where usage is asked for if it is elsewhere.
        project: Folder of Great Expectations' project, whose suites stay; default: one that is thrown away.
        own: Folder of the company's own suites.
        told: Is given the result before the run may stop: what shows it must hear of broken tables, too.

    Raises:
        DataContractError: A table as a whole breaks its contract. The report is written all the same, and the
            next run looks at the table again.
    """
    horizon, company = max(as_of, today or as_of), config or CompanyConfig()
    result = GateResult(as_of, report_dir / as_of.isoformat() / "gate.html")
    demanded: dict[str, list[Demand]] = {}
    for table in TABLES.values():
        limit = company.data.unreadable_share.get(table.name, table.max_lost_share)
        demanded[table.name] = list(demands(table, row_rules(table, horizon), limit))
        asked = (elsewhere or {}).get(table.name)
        result.measured[table.name] = (
            asked(horizon) if asked else _gate_table(con, table, as_of, horizon, limit)
        )
    # Contracts come after accounts: only now is it known who has none.
    _recount_accounts(con, result.measured["accounts"])
    result.verdicts = _judged(con, result, demanded, project, own)
    con.execute("BEGIN")
    write_measures(con, as_of, result.measured)
    con.execute("COMMIT")
    critical = [verdict for verdict in result.failed if verdict.demand.severity == "critical"]
    result.ids = id_report(con)
    write_id_report(result.ids, result.report.parent)
    if not critical:
        result.derived = derive(con, company, as_of=as_of, used=used)
        write_comparison(con, result.report.parent, as_of=as_of, followed=result.derived.followed)
        write_lapsed(result.derived, result.report.parent)
    write_report(con, result)
    if told is not None:
        told(result)
    if critical:
        raise _broken(critical, result.report)
    return result


def _judged(
    con: duckdb.DuckDBPyConnection,
    result: GateResult,
    demanded: dict[str, list[Demand]],
    project: Path | None,
    own: Path | None,
) -> list[Verdict]:
    """Judge the contracts and the company's own suites, and write what Great Expectations says of both."""
    with TemporaryDirectory() as thrown_away:
        suites = load_suites(own) if own else []
        context = open_project(project or Path(thrown_away))
        verdicts = [*judge(context, result.measured, demanded), *judge_own(con, context, suites)]
        write_archive(context, result.report.parent)
    return verdicts


def require_gated(con: duckdb.DuckDBPyConnection) -> None:
    """Refuse to read rows that no gate has seen: a load may have been committed since the gate was there.

    Raises:
        RetriableError: There are such rows. Their own run's gate comes, or has been forgotten.
    """
    if not has_table(con, "loads"):
        return
    found = con.execute(
        "SELECT table_name, count(DISTINCT load_id) FROM ops.loads WHERE NOT gated GROUP BY 1 ORDER BY 1"
    ).fetchall()
    if found:
        named = ", ".join(f"{table} ({loads} load{'s' if loads > 1 else ''})" for table, loads in found)
        raise RetriableError(
            f"Rows have arrived that were not checked against their contracts yet: {named}.",
            hint="The gate (check_quality) of the run that loaded them comes first; without Airflow: "
            "python -m customer_health gate.",
        )


def _gate_table(
    con: duckdb.DuckDBPyConnection, table: Table, as_of: date, horizon: date, limit: float
) -> Measures:
    missing = _missing(con, table)
    if missing:
        return measure(con, table, as_of, Scan(), Duplicates(), missing)
    rules = row_rules(table, horizon)
    con.execute("BEGIN")
    try:
        # Listed inside the transaction: a load that is committed from here on is neither seen nor marked.
        loads = [
            row[0]
            for row in con.execute(
                "SELECT DISTINCT load_id FROM ops.loads WHERE table_name = ? AND NOT gated", [table.name]
            ).fetchall()
        ]
        seen = scan(con, table, rules, loads)
        lost = lost_rows(con, table, rules, loads, seen)
        if lost.share > limit:  # nothing is moved: the next run must find what this one found
            con.execute("ROLLBACK")
            return measure(con, table, as_of, seen, Duplicates(), {}, lost)
        move_broken(con, table, rules, loads, seen)
        found = find_duplicates(con, table, loads)
        measured = measure(con, table, as_of, seen, found, {}, lost)
        if _can_be_settled(measured, table):
            settle_duplicates(con, table, found)
            con.execute(
                "UPDATE ops.loads SET gated = true WHERE table_name = ? AND list_contains(?, load_id)",
                [table.name, loads],
            )
            measured.values["rows"] = float(
                (measured.values["rows"] or 0)
                - found.copies
                - found.superseded
                - found.contradictions
                - found.retired
            )
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
    return measured


def _can_be_settled(measured: Measures, table: Table) -> bool:
    """Whether repeated keys are few enough to be settled without a person."""
    limits = {
        "contradiction_share": table.max_duplicate_share,
        "overlap_share": OVERLAP,
        "vanished_share": VANISHED,
    }
    return all((measured.values[name] or 0) <= limit for name, limit in limits.items())


def _missing(con: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Return the columns that the warehouse's table lacks or holds with another type."""
    present = columns_of(con, table)
    if not present:
        return {"(table)": f"raw.{table.name} does not exist"}
    return {
        name: f"expected {column.type.value}, found {present.get(name, 'no such column')}"
        for name, column in table.columns.items()
        if present.get(name) != column.type.value
    }


def _recount_accounts(con: duckdb.DuckDBPyConnection, accounts: Measures) -> None:
    if "without_contract" not in accounts.values or not columns_of(con, TABLES["contracts"]):
        return
    accounts.values["without_contract"] = float(scalar(con, WITHOUT_CONTRACT))


def _broken(critical: list[Verdict], report: Path) -> DataContractError:
    lines = []
    for verdict in critical:
        place = f"{verdict.table} ({verdict.demand.column})" if verdict.demand.column else verdict.table
        lines.append(f"{place}: expected {verdict.demand.expected}; found {verdict.found}.")
    return DataContractError(
        "\n".join(lines),
        hint=f"{' '.join(dict.fromkeys(v.demand.remedy for v in critical))} Report: {report}",
    )
