"""Rows per CPU second and memory of asking a vendor, beside a plain loop and beside the vendor's own SDK.

    python benchmarks/vendor_reading.py [--rows 1000000] [--invoices 200000]

A server in another process answers with pages of 1,000 records, with one export of JSON lines, and with
Stripe's lists of invoices, 100 a page as there. Ours reads the pages (cursor, digests, checkpoints), the
export (DuckDB to Parquet), and the invoices. Its peers write the same rows as gzipped lines, and remember
nothing of them: a loop of `requests` that parses each page, and Stripe's SDK with its `auto_paging_iter`. CPU
is each reader's own, imports included; memory is its peak.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from multiprocessing import Process
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "include"), str(ROOT)]

PAGE = 1_000
BILLS = 100  # Stripe's largest page
WANTED = {"export": "export", "pages": "pages", "again": "pages", "stripe ours": "invoices"}
READERS = (
    ("floor", "floor", "plain loop of requests"),
    ("pages", "floor", "pages, ours"),
    ("again", "floor", "pages, nothing new"),
    ("export", "floor", "export of JSON lines, ours"),
    ("stripe sdk", "stripe sdk", "Stripe's SDK, auto_paging_iter"),
    ("stripe loop", "stripe sdk", "Stripe, plain loop of requests"),
    ("stripe ours", "stripe sdk", "Stripe, ours"),
)
"""Reader, the peer that it is held against, and its name."""
AS_OF = date(2026, 6, 1)
VENDOR = """
vendor: bench
about: A benchmark.
connection: {token: any}
client: {base_url: "https://bench.example.com/", auth: {type: bearer, token: "${token}"}}
resources:
  - name: pages
    key: id
    requires: [id, updated]
    endpoint:
      path: pages
      params: {since: "{incremental.start_value}"}
      incremental: {cursor_path: updated, initial_value: 0, ordered: true}
      data_selector: data
      paginator: {type: cursor, cursor_path: next, cursor_param: after}
  - name: export
    answers: jsonl
    key: id
    requires: [id]
    keep: [id, updated, account, user, event, properties.plan]
    endpoint:
      path: export
      params: {from: "{window.start}"}
      windows: {start: 2026-05-31, again: 0}
  - name: invoices
    key: id
    requires: [id, created]
    endpoint:
      path: v1/invoices
      params: {limit: 100, "created[gte]": "{incremental.start_value}"}
      incremental: {cursor_path: created, initial_value: 0, lag: 86400}
      data_selector: data
      paginator:
        {type: cursor, cursor_path: "data[-1].id", cursor_param: starting_after, has_more_path: has_more}
means:
  usage:
    files: export/*.parquet
    combine: sum
    columns:
      account_id: account
      user_id: user
      feature: event
      events: {constant: 1}
      occurred_at: {column: updated, format: unix}
"""


def record(number: int) -> dict[str, object]:
    """Return one event of twelve fields, two of them inside another."""
    return {
        "id": f"evt_{number:09d}",
        "updated": 1_780_000_000 + number // 50,
        "account": f"a{number % 2000}",
        "user": f"u{number % 40_000}",
        "event": f"feature {number % 60}",
        "source": "web",
        "session": f"s{number % 90_000}",
        "country": "DE",
        "browser": "Firefox 140",
        "properties": {"plan": "team", "trial": False},
    }


def invoice(number: int) -> dict[str, object]:
    """Return one of Stripe's invoices, in a dozen of its fields."""
    return {
        "id": f"in_{number:09d}",
        "object": "invoice",
        "created": 1_780_000_000 - number,  # the newest first
        "customer": f"cus_{number % 2000}",
        "status": "paid",
        "amount_due": 12_050,
        "amount_paid": 12_050,
        "currency": "usd",
        "due_date": 1_780_100_000,
        "metadata": {},
        "status_transitions": {"finalized_at": 1_780_000_100, "paid_at": 1_780_050_000, "voided_at": None},
        "lines": {"object": "list", "data": [], "has_more": False, "url": "/v1/lines"},
    }


def serve(port: int, rows: int, invoices: int) -> None:
    """Answer pages and exports; bodies are made before anybody asks."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    pages = []
    for begin in range(0, rows, PAGE):
        data = [record(number) for number in range(begin, min(begin + PAGE, rows))]
        after = str(begin + PAGE) if begin + PAGE < rows else None
        pages.append(json.dumps({"data": data, "next": after}).encode())
    bills = []
    for begin in range(0, invoices, BILLS):
        data = [invoice(number) for number in range(begin, min(begin + BILLS, invoices))]
        more = begin + BILLS < invoices
        body = {"object": "list", "url": "/v1/invoices", "has_more": more, "data": data}
        bills.append(json.dumps(body).encode())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            asked = parse_qs(split.query)
            self.send_response(200)
            if split.path == "/v1/invoices":
                last = int(asked.get("starting_after", ["in_-1"])[0].removeprefix("in_"))
                self._body(bills[(last + 1) // BILLS])
                return
            if split.path == "/pages":
                body = pages[int(asked.get("after", ["0"])[0]) // PAGE]
                if int(asked.get("since", ["0"])[0]) > 1_780_000_000 and "after" not in asked:
                    body = json.dumps({"data": [], "next": None}).encode()
                self._body(body)
                return
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Connection", "close")
            self.end_headers()
            for page in pages:
                lines = "".join(json.dumps(one) + "\n" for one in json.loads(page)["data"])
                self.wfile.write(lines.encode())
            self.close_connection = True

        def _body(self, body: bytes) -> None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def read(kind: str, port: int, folder: Path) -> None:
    """Read everything in one way, and print rows, CPU seconds and peak memory as JSON."""
    import requests

    from customer_health.ledger.engine import open_ledger
    from customer_health.sources.asking.extract import Extraction
    from customer_health.sources.asking.vendor_file import load_vendor

    file = folder / "bench.yaml"
    file.write_text(VENDOR, encoding="utf-8")
    vendor = load_vendor(file)
    begin, calls, rows = time.process_time(), 0, 0
    if kind == "floor":
        after: str | None = "0"
        with requests.Session() as session, gzip.open(folder / "floor.jsonl.gz", "wb", 1) as out:
            while after:
                body = session.get(
                    f"http://127.0.0.1:{port}/pages", params={"after": after}, timeout=60
                ).json()
                out.writelines(json.dumps(one).encode() + b"\n" for one in body["data"])
                rows, after, calls = rows + len(body["data"]), body["next"], calls + 1
    elif kind == "stripe loop":
        asked: dict[str, str] = {"limit": "100"}
        with requests.Session() as session, gzip.open(folder / "loop.jsonl.gz", "wb", 1) as out:
            while asked:
                body = session.get(f"http://127.0.0.1:{port}/v1/invoices", params=asked, timeout=60).json()
                out.writelines(json.dumps(one).encode() + b"\n" for one in body["data"])
                rows, calls = rows + len(body["data"]), calls + 1
                asked = {**asked, "starting_after": body["data"][-1]["id"]} if body["has_more"] else {}
    elif kind == "stripe sdk":
        import stripe

        client = stripe.StripeClient("sk_test_any", base_addresses={"api": f"http://127.0.0.1:{port}"})
        with gzip.open(folder / "sdk.jsonl.gz", "wb", 1) as out:
            for one in client.v1.invoices.list({"limit": 100}).auto_paging_iter():
                out.write(json.dumps(one.to_dict()).encode() + b"\n")
                rows += 1
        calls = -(-rows // BILLS)
    else:
        extraction = Extraction(
            source="bench",
            vendor=vendor,
            connection={"token": "t"},
            ledger=open_ledger(f"sqlite:///{folder}/ledger.db"),
            address=str(folder / "landing"),
            as_of=AS_OF,
            wanted=frozenset({WANTED[kind]}),
            through=f"http://127.0.0.1:{port}",
        )
        reading = extraction.run()
        rows, calls = sum(one.read for one in reading.resources.values()), reading.calls
    spent = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "cpu": spent, "mib": peak, "calls": calls}))


def main() -> None:
    """Run every reader in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--invoices", type=int, default=200_000)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read, given.port, given.folder)
        return
    server = Process(target=serve, args=(given.port, given.rows, given.invoices), daemon=True)
    server.start()
    _wait(given.port)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, *_ in READERS:
            command = [
                sys.executable,
                __file__,
                "--read",
                kind,
                "--port",
                str(given.port),
                "--folder",
                folder,
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[kind] = json.loads(done.stdout.splitlines()[-1])
    server.terminate()
    title = f"{given.rows:,} events, {given.invoices:,} invoices"
    print(f"\n{title:41}rows   calls   CPU s   rows/CPU s  of its peer   peak MiB")
    for kind, peer, name in READERS:
        one = found[kind]
        speed, of_peer = (found[of]["rows"] / found[of]["cpu"] for of in (kind, peer))
        print(
            f"{name:34}{one['rows']:11,}{one['calls']:8,}{one['cpu']:8.1f}{speed:13,.0f}"
            f"{speed / of_peer:12.2f}x{one['mib']:11.0f}"
        )


def _wait(port: int) -> None:
    import requests

    for _ in range(600):
        try:
            requests.get(f"http://127.0.0.1:{port}/pages", timeout=5)
            return
        except requests.RequestException:
            time.sleep(0.2)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
