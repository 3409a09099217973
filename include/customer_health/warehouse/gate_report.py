"""The gate's page: what was expected, what was found, and which rows wait in quarantine."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

    from customer_health.warehouse.expectations import Verdict
    from customer_health.warehouse.gate_result import GateResult
    from customer_health.warehouse.measures import Measures

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --ok: #1a7f37; --bad: #c62828; --warn: #9a6700; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.critical { color: var(--bad); font-weight: 600; } .warning { color: var(--warn); } .met { color: var(--ok); }
summary { cursor: pointer; } code { overflow-wrap: anywhere; }
"""


def write_report(con: duckdb.DuckDBPyConnection, result: GateResult) -> None:
    """Write the page; it needs no network and shows no customer's row, only where to find it."""
    counts = result.counts()
    verdict = "stopped the run" if counts["critical"] else "let the run go on"
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Data gate {result.as_of}</title>",
        f"<style>{_STYLE}</style><h1>Data gate of {result.as_of}: {verdict}</h1>",
        f"<p>{counts['new_rows']:,} new rows, {counts['quarantined']:,} in quarantine, "
        f"{counts['copies_dropped']:,} exact copies dropped. {counts['expectations']} expectations "
        f"derived from the table contracts and judged by Great Expectations, {counts['failed']} not met.</p>",
        "<h2>Not met</h2>",
        _failed(result.failed),
        "<h2>In quarantine</h2>",
        _quarantine(con),
        "<h2>Contracts and losses</h2>",
        _derived(result),
        "<h2>Tables</h2>",
        _tables(result.measured),
        "<h2>All expectations</h2>",
        *(_all(name, [v for v in result.verdicts if v.table == name]) for name in result.measured),
        "</html>",
    ]
    result.report.parent.mkdir(parents=True, exist_ok=True)
    result.report.write_text("\n".join(parts), encoding="utf-8")


def _table(head: list[str], rows: list[list[str]], numeric: int = 0) -> str:
    """Return a table; the last `numeric` columns are right-aligned. Cells are HTML."""
    first = len(head) - numeric
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=n' if i >= first else ''}>{cell}</td>" for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>{body}</table>"


def _failed(failed: list[Verdict]) -> str:
    if not failed:
        return "<p class='met'>✔ Everything was as expected.</p>"
    rows = [
        [
            f"<span class={v.demand.severity}>{v.demand.severity}</span>",
            escape(f"{v.table}.{v.demand.column}" if v.demand.column else v.table),
            escape(v.demand.expected),
            escape(v.found),
            escape(v.demand.remedy),
        ]
        for v in failed
    ]
    return _table(["", "where", "expected", "found", "what to do"], rows)


def _quarantine(con: duckdb.DuckDBPyConnection) -> str:
    rows = con.execute(
        "SELECT table_name, file, coalesce(column_name, ''), reason, remedy, count(*), "
        "list(row_number ORDER BY row_number)[:10] FROM quarantine.rows "
        "GROUP BY ALL ORDER BY 1, 6 DESC LIMIT 200"
    ).fetchall()
    if not rows:
        return "<p>Nothing.</p>"
    cells = [
        [*(escape(str(cell)) for cell in row[:5]), ", ".join(str(n) for n in row[6]), f"{row[5]:,}"]
        for row in rows
    ]
    return _table(["table", "file", "column", "reason", "what to do", "first rows", "count"], cells, 1)


def _derived(result: GateResult) -> str:
    if result.derived is None:
        return "<p>Not looked at: the run stopped before.</p>"
    lines = result.derived.lines() or ["No term has passed unnoticed, and no loss was derived."]
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _tables(measured: dict[str, Measures]) -> str:
    def cell(measures: Measures, name: str) -> str:
        value = measures.values.get(name)
        return "" if value is None else f"{value:,.2f}" if name == "volume_ratio" else f"{value:,.0f}"

    names = (
        "rows",
        "new_rows",
        "quarantined",
        "contradictions",
        "copies",
        "unreadable",
        "days_old",
        "volume_ratio",
    )
    rows = [
        [escape(name), escape(TABLES[name].doc), *(cell(measures, wanted) for wanted in names)]
        for name, measures in measured.items()
    ]
    return _table(["table", "a row is", *(name.replace("_", " ") for name in names)], rows, len(names))


def _all(name: str, verdicts: list[Verdict]) -> str:
    rows = [
        [
            "<span class=met>met</span>" if v.met else f"<span class={v.demand.severity}>not met</span>",
            escape(v.demand.expected),
            f"<code>{escape(v.kind)}({escape(v.demand.measure)})</code>",
            escape(v.found),
        ]
        for v in verdicts
    ]
    met = sum(v.met for v in verdicts)
    head = f"<summary>{escape(name)}: {met} of {len(verdicts)} met</summary>"
    return f"<details>{head}{_table(['', 'expected', 'Great Expectations', 'found'], rows)}</details>"
