"""How long a draft of a mapping takes for a folder of many files.

    python -m benchmarks.draft_mapping --files 120

Writes a company of as many CSV files as asked (a dozen kinds of table, several thousand rows each), drafts a
mapping for it, and prints wall and CPU seconds, files per CPU second, and the ratio to a floor of the same
run: splitting all of the same files into cells with the standard library. Checks that the draft names every
file.
"""

from __future__ import annotations

import argparse
import csv
import random
import re
import tempfile
import time
from datetime import date, timedelta
from fnmatch import fnmatch
from pathlib import Path

from customer_health.sources.draft import draft_mapping

KINDS = {
    "customers": "customer_id,name,created,csm,size",
    "subscriptions": "subscription_id,customer_id,plan,quantity,mrr,currency,status,start_date,ended_at",
    "events": "insert_id,customer_id,user,event,time",
    "tickets": "ticket_id,customer_id,opened,status,priority,closed_at,subject",
    "invoices": "invoice_id,customer_id,amount_due,currency,status,created,due_date",
    "nps": "response_id,customer_id,score,answered_at",
}
VALUES = {
    "status": ("active", "canceled", "open", "paid"),
    "currency": ("usd", "eur"),
    "plan": ("Basic", "Pro"),
    "size": ("Small", "Large"),
    "priority": ("P1", "P2", "P3"),
    "event": ("login", "export", "search"),
}


def write_company(folder: Path, files: int, rows: int) -> None:
    """Write files of every kind in turn, with values that differ from row to row."""
    dice, first = random.Random(7), date(2024, 1, 1)

    def cell(column: str, row: int) -> str:
        if column in VALUES:
            return dice.choice(VALUES[column])
        if column.endswith("_id") and column != "customer_id":
            return f"{column[:3]}-{row}"
        if column == "customer_id":
            return f"c{dice.randrange(500)}"
        if column in ("amount_due", "mrr", "quantity", "score"):
            return str(dice.randrange(1, 100_000) if column != "score" else dice.randrange(11))
        if column in ("user", "csm"):
            return f"Person{dice.randrange(900)}@example.com"
        if column in ("name", "subject"):
            return f"words about {row}"
        return (first + timedelta(days=dice.randrange(700))).isoformat()

    for number in range(files):
        kind = list(KINDS)[number % len(KINDS)]
        columns = KINDS[kind].split(",")
        lines = [",".join(cell(column, row) for column in columns) for row in range(rows)]
        (folder / f"{kind}_{number:03}.csv").write_text("\n".join([KINDS[kind], *lines]) + "\n")


def main() -> None:
    """Write, draft, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=120)
    parser.add_argument("--rows", type=int, default=5_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "company"
        folder.mkdir()
        write_company(folder, wanted.files, wanted.rows)
        draft_mapping(folder)  # imports and first compilations are no part of the price
        wall, cpu = time.perf_counter(), time.process_time()
        text = draft_mapping(folder)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        floor, cells = time.process_time(), 0
        for path in folder.iterdir():
            with path.open(newline="") as file:
                cells += sum(len(row) for row in csv.reader(file))
        floor = time.process_time() - floor
        named = re.findall(r'files: "?([^"\s]+)', text)  # a pattern for files that come again and again
        missing = [p.name for p in folder.iterdir() if not any(fnmatch(p.name, one) for one in named)]
    rate = wanted.files / cpu
    print(f"{wanted.files} files, {cells:,} cells: {wall:.1f} s, {cpu:.1f} CPU s, {rate:.0f} files a CPU s")
    print(f"{cpu / floor:.1f} times splitting all of them into cells ({floor:.2f} CPU s)")
    print(f"files that the draft does not name: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
