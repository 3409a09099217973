"""Pictures of every view for docs/images, on demand: SCREENSHOTS=docs/images pytest tests/browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.look import Look
from tests.lib.page_company import TODAY

FOLDER, HOME, DAY = (
    os.environ.get(name) for name in ("SCREENSHOTS", "SCREENSHOTS_HOME", "SCREENSHOTS_TODAY")
)
ACCOUNT = os.environ.get("SCREENSHOTS_ACCOUNT", "acc-00")
PICTURES = {
    "portfolio": ("/", 1280, "light"),
    "portfolio_dark": ("/", 1280, "dark"),
    "account": (f"/account/{ACCOUNT}", 1280, "light"),
    "account_phone": (f"/account/{ACCOUNT}", 420, "light"),
    "actions": ("/actions", 1280, "light"),
    "renewals": ("/renewals", 1280, "light"),
    "kpis": ("/kpis", 1280, "light"),
    "model": ("/model", 1280, "light"),
    "sources": ("/sources", 1280, "light"),
    "day": (f"/day/{DAY or TODAY}", 1280, "light"),
}


@pytest.mark.skipif(not FOLDER, reason="pictures are taken on demand: SCREENSHOTS=docs/images")
@pytest.mark.parametrize("name", PICTURES)
def test_take_a_picture(look: Look, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if HOME:
        monkeypatch.setenv("CUSTOMER_HEALTH_HOME", HOME)
        monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", str(DAY))
    view, width, scheme = PICTURES[name]
    assert look.open(view, width, scheme) == 200
    path = Path(str(FOLDER)) / f"{name}.png"
    look.page.screenshot(path=path, full_page=False)
    assert path.stat().st_size > 5_000
