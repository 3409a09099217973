"""Render the data contracts as a page; a test holds the page in docs/ against this."""

from __future__ import annotations

from pathlib import Path

from customer_health.warehouse.contracts import EARLIEST
from customer_health.warehouse.table import LARGEST, Column, Table
from customer_health.warehouse.tables import TABLES

_HEAD = f"""# Data contracts

Generated from `include/customer_health/warehouse/tables.py` by `python -m customer_health docs`; do not
edit.

Every source becomes these tables, in the warehouse's schema `raw`. Nothing else is read by signals, model
or KPIs.

* **Two clocks.** `occurred_at` is when a fact happened, `known_at` when we could have known it (default:
  when it happened). A fact counts for an as-of date only if both lie before that day, 00:00 UTC. Times
  carry no zone: they are UTC. **Days** are the days that were written down: a term that ends at midnight,
  Berlin time, ends on that day. The day of usage is that of UTC, but midnight in any zone is the day itself.
* **Lifecycle columns** tell of a later stage of the same fact (a ticket was solved). They count only when
  they themselves lie before the as-of date. One that a source does not have is *unknown*, not "never": open
  tickets and overdue invoices are then unknown, and the gate says so. A state (`status:` in the mapping) can
  tell instead; what it closes without a date was closed on an unknown day before the state was seen.
* **Provenance.** Every row also has `_source`, `_file`, `_row` (line or record in that file, the header
  is line 1) and `_load_id`. In plain CSV above 256 MB the row number counts readable records only.
* **Order of moments.** A ticket is not solved before it was opened, nor does a term end before it begins. A
  row that says so waits in quarantine, and so does a contract whose `ends_on` lies before it begins; `early:`
  in the mapping says what else is meant (`empty`: the day is unknown; `keep`: it is right, as with a payment
  in advance).
* **Row rules.** A row that breaks one moves to `quarantine.rows`, with file, row, column, value, reason
  and remedy; good rows go on. Besides what the tables below say: dates before {EARLIEST} are implausible;
  facts dated later than the day after the as-of date wait in quarantine until that day has come;
  `known_at` may not lie more than a day before `occurred_at`; numbers are finite and within {LARGEST:g};
  every row belongs to an account in `accounts`, and waits for it if not.
* **One currency.** After every load all amounts are told in `money.currency` of the company file (or in
  the currency of most contracts) by `money.rates`; what was given stays beside them. A contract keeps the
  rate of its first day, an invoice has that of its day. An amount in a currency without a rate is unknown,
  and so is every sum that needs it. A sign or code in the cell (€1,200) is the row's currency; one that
  contradicts the row's own goes to quarantine.
* **Identity.** An account that was merged into another (`merged_into`, or listed in the survivor's
  `merged_ids`) stands for itself until `merged_at` and belongs to the survivor from then on. Without a date
  it is the day of the load that shows the merger first; one that the first load shows has always been. A
  loss ends the contracts of the accounts that stood together on its day, and of none merged in later.
  Salesforce ids of 15 and 18 characters are one. Ids of people that hold an @ are read in lower case.
  `ids.md` beside the gate's report lists what matches no account, or more than one.
* **Presumed renewals.** A contract whose term passed more than 30 days ago goes on as a derived contract,
  without a term, while the account is used (`contracts:` of the company file). The gate counts such
  accounts, and `renewals_to_check.csv` beside its report lists them. It also asks about contracts that
  lapsed beside others of an account in use (no loss of seats or plan is derived from them), and about
  customers whose term passed in the last year with no end and no usage on record (they count as lost).
  What companies of a group without a contract of their own use keeps that of their parent. A booked end
  (`ends_on`), a later term, a contract that follows, or `auto_renew` answers it. A state of today that
  says "active" renews no term that has passed: `auto_renew`, a later term or usage does.
* **Derived outcomes.** Of a kind of loss that no source brings, losses follow from contracts and invoices
  (`outcomes:` of the company file): no contract in force for longer than the grace; a lower plan rank; more
  than a tenth of the seats gone; a fifth of the usage-based revenue of 90 days gone. `outcomes.md` compares.
* **No value.** `reading.empty` lists the words for it (null, N/A, -, ...), for every column. Days by which
  software says "no date" (9999-12-31, 1900-01-01, the zero of Unix time) are none, and the log counts them.
* **Too much lost.** More unreadable rows than a share of the new ones (5 %; accounts and contracts 1 %; never
  for five rows or fewer) stop the run with three values and the format that reads them; nothing of that table
  is taken over. `data.unreadable_share` of the company file sets other limits.
* **Table rules.** A missing column, an empty required table, or contradictory rows under one key beyond
  the limit stop the run with table, column, expected, found and remedy. Exact copies are dropped and
  counted; of contradicting rows the first (by file and row) is kept and the others are quarantined with
  the place of the one that was kept.
"""


def contracts_page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(_section(table) for table in TABLES.values())])


def write_contracts_page(folder: Path) -> Path:
    """Write data_contracts.md into the folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "data_contracts.md"
    page.write_text(contracts_page(), encoding="utf-8")
    return page


def _section(table: Table) -> str:
    facts = [f"Key: {', '.join(f'`{name}`' for name in table.key)}."]
    if table.required:
        facts.append("Required: nobody can be scored without it.")
    if table.scheduled:
        facts.append("A row may be known before it takes effect.")
    if table.orphans == "keep":
        facts.append("Rows of unknown accounts are kept.")
    rows = "\n".join(_row(table, name, column) for name, column in table.columns.items())
    head = "| column | type | rules | meaning | empty, or not mapped |\n|---|---|---|---|---|"
    return f"\n## {table.name}\n\n{table.doc} {' '.join(facts)}\n\n{head}\n{rows}"


def _row(table: Table, name: str, column: Column) -> str:
    rules = ["required"] if column.required else []
    if column.allowed:
        rules.append("one of " + ", ".join(f"`{value}`" for value in column.allowed))
    if column.minimum is not None:
        rules.append(f"at least {column.minimum:g}")
    if column.maximum is not None:
        rules.append(f"at most {column.maximum:g}")
    rules += [f"{low:g} to {high:g} for {kind}" for kind, (low, high) in column.ranges.items()]
    if column.lifecycle:
        rules.append("lifecycle")
    rules += [f"not before `{order.earlier}`" for order in table.orders if order.later == name]
    if column.default:
        rules.append(f"default `{column.default}`")
    kind = column.type.value + (f" ({column.unit})" if column.unit else "")
    return f"| `{name}` | {kind} | {'; '.join(rules)} | {column.doc} | {_unknown(name, column)} |"


def _unknown(name: str, column: Column) -> str:
    """What it means that a row has no value here."""
    if column.empty:
        return column.empty
    if name == "known_at":
        return "when it happened"
    if column.lifecycle:
        return "empty: not reached yet; not mapped: unknown, and signals that need it are unknown"
    if column.required and column.default is None:
        return "the row waits in quarantine"
    if column.default == "":
        return "nobody in particular"
    if column.default is not None and column.required:
        return f"empty: the row waits in quarantine; not mapped: `{column.default}`"
    return f"`{column.default}`" if column.default is not None else "unknown"
