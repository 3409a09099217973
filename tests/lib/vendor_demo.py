"""`make demo SOURCES=vendors`: the simulated company asked through its vendors' APIs, scored without Airflow.

Five servers on this machine speak the APIs of Salesforce, Zendesk, Stripe, Pendo and Delighted; the shipped
vendor files ask them, and the chain of the command line does the rest. What came is held against the files.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import yaml

from customer_health.cli.command_line import main as command
from customer_health.simulator.canonical_exports import write_tables
from customer_health.simulator.product import default_start
from tests.lib.servers.vendors import salesforce, stripe, zendesk
from tests.lib.vendor_world import OUR_SALESFORCE, vendor_world

COUNTED = ("accounts", "contracts", "contacts", "interactions", "tickets", "invoices", "usage", "surveys")


def main(arguments: list[str]) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo SOURCES=vendors", description=__doc__)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--as-of", type=date.fromisoformat, default=datetime.now(UTC).date())
    given = parser.parse_args(arguments)
    # Pages as large as the vendors': the tests' small ones would wait for Zendesk's ten calls a minute.
    zendesk.PAGE, salesforce.PAGE, stripe.PAGE = 1000, 2000, 100
    with tempfile.TemporaryDirectory(prefix="vendor-demo-") as name:
        folder = Path(name)
        (folder / "vendors").mkdir()
        (folder / "vendors" / "our_salesforce.yaml").write_text(OUR_SALESFORCE, encoding="utf-8")
        print(f"A company of {given.accounts} accounts lives until {given.as_of} ...", flush=True)
        start = default_start(given.as_of)
        write_tables(folder / "tables", start=start, through=given.as_of, accounts=given.accounts, seed=7)
        with vendor_world(folder / "tables", given.as_of) as world:
            company = folder / "company.yaml"
            company.write_text(yaml.safe_dump({"sources": world.sources()}), encoding="utf-8")
            os.environ.update(
                CUSTOMER_HEALTH_CONFIG=str(company),
                CUSTOMER_HEALTH_VENDORS=str(folder / "vendors"),
                CUSTOMER_HEALTH_HOME=str(folder / "home"),
                **{
                    f"CUSTOMER_HEALTH_SECRET_{kind.upper()}": json.dumps(values)
                    for kind, values in world.secrets().items()
                },
            )
            day = given.as_of.isoformat()
            print("Doctor, then the whole chain:", flush=True)
            for words in (["doctor"], ["run", "--as-of", day], ["summary", "--as-of", day]):
                code = command(words)
                if code:
                    return code
            _compare(folder, world.rows)
    return 0


def _compare(folder: Path, facts: object) -> None:
    """Print how many rows the files hold and how many the vendors brought."""
    from customer_health.warehouse.connect import open_warehouse
    from tests.lib.vendor_world import LEFT_BEHIND

    assert callable(facts)
    print("\nHeld against the files (rows that these vendors can express):")
    with open_warehouse(f"duckdb:///{folder}/home/warehouse.duckdb") as con:
        for table in COUNTED:
            found = con.execute(f"SELECT count(*) FROM raw.{table}").fetchall()[0][0]
            true = len(facts(table, LEFT_BEHIND.get(table, "true")))
            print(f"  {table:14}{true:10,} in files{found:10,} brought")
    print("  (Usage is asked for from 2025 on: `windows: {start: ...}` of the vendor file.)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
