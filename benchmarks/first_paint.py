"""When a reader's browser first paints a view: Chromium over a real socket, on the machine that serves it.

Part of `python -m benchmarks.page_speed`. The peer is the emptiest page that there is, in the same browser
over the same server: what a view takes beyond it is the view's own.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

GOAL_MS = 1_000
LOADS = 7
# A page may be loaded before it is painted. Playwright's own waiting evaluates text: the policy forbids it.
_PAINTED = """() => new Promise(tell => {
  const look = () => {
    const found = performance.getEntriesByName('first-contentful-paint')[0];
    found ? tell(found.startTime) : setTimeout(look, 20);
  };
  look();
})"""


def measure(app: Any, views: Sequence[str]) -> bool | None:
    """Print the median and the worst first contentful paint of each view, in milliseconds.

    Args:
        app: Of the page, without a guard.
        views: Addresses.

    Returns:
        Whether every median keeps the goal; None where no browser is at hand.
    """
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("first paint: not measured, no browser is at hand")
        return None
    kept = True
    print(f"\n{'first contentful paint, ms':46} {'median':>8} {'worst':>8} {'x floor':>8}")
    with _Served(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        floor = 0.0
        for view in ("/no-such-page", *views):
            page = browser.new_page(
                viewport={"width": 1280, "height": 900}
            )  # a cache of its own: nothing is kept
            taken = []
            for load in range(LOADS + 1):
                page.goto(address + view, wait_until="load")
                painted = float(page.evaluate(_PAINTED))
                if load:  # the first compiles templates
                    taken.append(painted)
            page.close()
            median = sorted(taken)[len(taken) // 2]
            floor = floor or median
            kept &= median <= GOAL_MS
            print(f"{view:46} {median:8.0f} {max(taken):8.0f} {median / floor:8.1f}", flush=True)
        browser.close()
    print(f"goal: first paint <= {GOAL_MS} ms: {'kept' if kept else 'missed'}")
    return kept


class _Served:
    """The app on a port of its own, in a thread."""

    def __init__(self, app: Any) -> None:
        import uvicorn

        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=self._port, log_level="error")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        until = time.monotonic() + 30
        while not self._server.started:
            if time.monotonic() > until:
                raise SystemExit("the web server did not start")
            time.sleep(0.05)
        return f"http://127.0.0.1:{self._port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
