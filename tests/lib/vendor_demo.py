"""`make demo SOURCES=vendors`: the simulated company asked through its vendors' APIs, scored by Airflow.

Five servers on this machine speak the APIs of Salesforce, Zendesk, Stripe, Pendo and Delighted. They are
named in a company file, their credentials stand in Airflow connections, and the DAGs do the rest: every
vendor asked and loaded by tasks of its own, through the shipped vendor files. Then the scores are held
against those of the same facts from files.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import yaml

from customer_health.simulator.canonical_exports import write_tables
from customer_health.simulator.product import USAGE_SETTINGS, default_start
from customer_health_airflow.local import demo
from customer_health_airflow.local.environment import ROOT
from customer_health_airflow.local.rest import Airflow
from tests.lib.servers.vendors import salesforce, stripe, zendesk
from tests.lib.vendor_comparison import compare
from tests.lib.vendor_world import OUR_SALESFORCE, VendorWorld, vendor_world

HOME = ROOT / ".customer_health" / "companies" / "asked-through-vendors"


def main(arguments: list[str]) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo SOURCES=vendors", description=__doc__)
    parser.add_argument("--accounts", type=int, default=300)
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--folder", type=Path, default=HOME)
    given = parser.parse_args(arguments)
    # Pages as large as the vendors': the tests' small ones would wait for Zendesk's ten calls a minute.
    zendesk.PAGE, salesforce.PAGE, stripe.PAGE = 1000, 2000, 100
    shutil.rmtree(given.folder, ignore_errors=True)  # the vendors begin anew, and so does what they told
    tables, vendors = given.folder / "tables", given.folder / "vendors"
    vendors.mkdir(parents=True)
    (vendors / "our_salesforce.yaml").write_text(OUR_SALESFORCE, encoding="utf-8")
    print(f"A company of {given.accounts} accounts lives until {given.today} ...", flush=True)
    start = default_start(given.today)
    write_tables(tables, start=start, through=given.today, accounts=given.accounts, seed=7)
    company = given.folder / "company.yaml"
    with vendor_world(tables, given.today) as world:
        company.write_text(company_file(world), encoding="utf-8")
        words = ("--config", company, "--vendors", vendors, "--folder", given.folder, "--today", given.today)
        code = demo.main([str(word) for word in words], prepare=lambda airflow: connect(airflow, world))
        wrong = [violation for server in world.servers for violation in server.violations]
        asked = {server.vendor: len(server.requests) for server in world.servers}
    if code:
        return code
    print("\nRequests that the vendors answered: " + ", ".join(f"{name} {n}" for name, n in asked.items()))
    if wrong:
        print("Against the vendors' own descriptions:\n  " + "\n  ".join(wrong), file=sys.stderr)
        return 1
    days = [given.today - timedelta(days=7), given.today]
    return 0 if compare(given.folder, tables, days) else 1


def company_file(world: VendorWorld) -> str:
    """Return the company file: which vendors are asked, and what counts as value in the product."""
    return yaml.safe_dump({"sources": world.sources(), "usage": USAGE_SETTINGS})


def connect(airflow: Airflow, world: VendorWorld) -> None:
    """Create a connection per vendor, as docs/sources.md tells a user to."""
    for name, values in world.secrets().items():
        kind = "salesforce" if name == world.crm.vendor else name
        airflow.set_connection(f"customer_health_{name}", f"customer_health_{kind}", values)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
