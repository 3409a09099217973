"""Every view, wide and narrow, light and dark: accessible, inside its policy, and inside its window."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.look import SCHEMES, WIDTHS, Look
from tests.browser.views import VIEWS
from tests.lib.page_company import TODAY
from tests.plugins.test_source_page import VALIDATION, archive


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_breaks_no_rule_of_accessibility_or_policy_and_fits_its_window(look: Look, view: str) -> None:
    for width in WIDTHS:
        for scheme in SCHEMES:
            assert look.open(VIEWS[view], width, scheme) == 200
            assert look.accessibility() == [], (width, scheme)
            assert look.violations() == [], (width, scheme)
            assert look.overflow() <= 0, (width, scheme)


def test_data_docs_keep_the_rules_though_their_own_pages_load_from_elsewhere(
    look: Look, filled: Path
) -> None:
    folder = filled / "reports" / TODAY.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data_docs.zip").write_bytes(archive())
    for view in (f"/data-docs/{TODAY}", f"/data-docs/{TODAY}/{VALIDATION}"):
        for width in WIDTHS:
            assert look.open(view, width, "dark") == 200
            assert look.accessibility() == [], (view, width)
            assert look.violations() == [], (view, width)
            assert look.overflow() <= 0, (view, width)
    look.page.get_by_role("link", name="suite").click()
    look.page.wait_for_url("**/expectations/accounts.html")
    assert look.page.locator("h1").inner_text() == "Suite accounts"


def test_the_harness_notices_a_script_a_style_and_a_missing_label(look: Look) -> None:
    """The broken twin: what these tests look for is seen when it is there."""
    look.open("/")
    look.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=//evil.example/x><p style=color:red>')"
    )
    look.page.wait_for_function("window.__violations.length >= 2")
    assert any("style-src" in fault for fault in look.violations())
    assert any("img-src" in fault for fault in look.violations())
    assert any(fault.startswith("image-alt") for fault in look.accessibility())


def test_the_action_of_each_state_has_a_page_that_keeps_the_rules(look: Look) -> None:
    look.open("/actions?verb=create_task")
    links = look.page.locator("td.why a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    for link in links[:3]:
        look.open(link.removeprefix("/customer-health"), 320, "dark")
        assert look.accessibility() == []
        assert look.violations() == []
        assert look.overflow() <= 0
