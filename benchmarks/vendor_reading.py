"""Rows per CPU second and memory of asking a vendor, from pages and from a bulk export, beside a plain loop.

    python benchmarks/vendor_reading.py [--rows 1000000]

A server in another process answers with pages of 1,000 records, and with one export of JSON lines. Three
readers take the same rows: ours from pages (cursor, digests, checkpoints), ours from the export (DuckDB to
Parquet), and the floor: a loop of `requests` that parses each page and writes its rows as gzipped lines,
without any memory of what it has seen. CPU is each reader's own, imports included; memory is its peak.
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


def serve(port: int, rows: int) -> None:
    """Answer pages and exports; bodies are made before anybody asks."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    pages = []
    for begin in range(0, rows, PAGE):
        data = [record(number) for number in range(begin, min(begin + PAGE, rows))]
        after = str(begin + PAGE) if begin + PAGE < rows else None
        pages.append(json.dumps({"data": data, "next": after}).encode())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            asked = parse_qs(split.query)
            self.send_response(200)
            if split.path == "/pages":
                body = pages[int(asked.get("after", ["0"])[0]) // PAGE]
                if int(asked.get("since", ["0"])[0]) > 1_780_000_000 and "after" not in asked:
                    body = json.dumps({"data": [], "next": None}).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Connection", "close")
            self.end_headers()
            for page in pages:
                lines = "".join(json.dumps(one) + "\n" for one in json.loads(page)["data"])
                self.wfile.write(lines.encode())
            self.close_connection = True

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
    else:
        extraction = Extraction(
            source="bench",
            vendor=vendor,
            connection={"token": "t"},
            ledger=open_ledger(f"sqlite:///{folder}/ledger.db"),
            address=str(folder / "landing"),
            as_of=AS_OF,
            wanted=frozenset({"export" if kind == "export" else "pages"}),
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
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=18_080)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read, given.port, given.folder)
        return
    server = Process(target=serve, args=(given.port, given.rows), daemon=True)
    server.start()
    _wait(given.port)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("floor", "pages", "again", "export"):
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
    print(f"\n{given.rows:,} events{'':22}rows   calls   CPU s   rows/CPU s   of the floor   peak MiB")
    for kind, name in (
        ("floor", "plain loop of requests"),
        ("pages", "pages, ours"),
        ("again", "pages, nothing new"),
        ("export", "export of JSON lines, ours"),
    ):
        one = found[kind]
        speed = one["rows"] / one["cpu"]
        floor = found["floor"]["rows"] / found["floor"]["cpu"]
        print(
            f"{name:30}{one['rows']:11,}{one['calls']:8,}{one['cpu']:8.1f}{speed:13,.0f}"
            f"{speed / floor:13.2f}x{one['mib']:11.0f}"
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
