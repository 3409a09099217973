"""Every view before there is anything, with old data, with a broken ledger, and for who sees a part.

Each answer is a whole page, so a view has one state of loading: the browser's own, in which the page before
stays readable. A role that a page is not for gets one that says so.
"""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.browser.look import WIDTHS, Look
from tests.browser.views import VIEWS
from tests.lib.ledger import new_ledger
from tests.lib.page_company import OWNERS, TODAY

# Which states a view has: nothing published yet, nothing of the kind yet.
NOT_THERE = {"account", "account saved", "account too little known", "day of a run"}
LEADS_ONLY = {"kpis", "model", "sources", "reports"}
LIMITED = f"""
roles:
  limited: true
  people: {{viewer: {OWNERS[0]}, op: nobody@example.com}}
  leads: [vera@example.com]
"""


def kept(look: Look, where: str) -> None:
    """The page that is open keeps every rule, in both widths."""
    assert look.page.locator("h1").inner_text().strip(), where
    for width in WIDTHS:
        look.page.set_viewport_size({"width": width, "height": 900})
        assert look.accessibility() == [], (where, width)
        assert look.overflow() <= 0, (where, width)
    assert not [fault for fault in look.violations() if "Failed to load resource" not in fault], where


@pytest.mark.parametrize("view", VIEWS)
def test_before_anything_is_there_a_view_says_so(
    look: Look, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_ledger(tmp_path).dispose()
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    status = look.open(VIEWS[view])
    assert status == (404 if view in NOT_THERE else 200)
    words = look.page.locator("main").inner_text()
    assert any(said in words for said in ("No ", "no ", "Nothing", "Nobody")), words
    kept(look, view)


# These speak of a day, an action or a file that stays what it was.
NEVER_OLD = {"day of a run", "reports"}


@pytest.mark.parametrize("view", VIEWS)
def test_old_scores_and_old_data_are_said_to_be_old(
    look: Look, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look.open(VIEWS[view])
    assert "more than 36 hours" not in look.page.locator("main").inner_text()
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", (TODAY + timedelta(days=3)).isoformat())
    look.open(VIEWS[view])
    said = " ".join(look.page.locator("[role=status]").all_inner_texts())
    assert ("more than 36 hours" in said) == (view not in NEVER_OLD), view
    kept(look, view)


def test_a_day_that_was_chosen_is_not_called_old(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", (TODAY + timedelta(days=3)).isoformat())
    look.open(f"/account/acc-00?as_of={TODAY - timedelta(weeks=2)}")
    assert "more than 36 hours" not in look.page.locator("main").inner_text()


def test_while_an_answer_is_on_its_way_the_page_before_stays(look: Look) -> None:
    """The one state of loading that there is: no script fetches anything, so nothing can hang half-filled."""
    look.open("/")
    asked: list[str] = []
    look.page.on("request", lambda request: asked.append(request.resource_type))
    look.open("/kpis")
    assert not {"xhr", "fetch", "websocket", "eventsource"} & set(asked)
    held = threading.Event()
    look.page.route("**/renewals*", lambda route: (held.wait(0.3), route.continue_())[0])
    look.page.get_by_role("link", name="Renewals").click(no_wait_after=True)
    assert look.page.locator("h1").inner_text().strip(), "what was there is still there"
    look.page.wait_for_url("**/renewals*")
    assert "Renewals" in look.page.locator("h1").inner_text()


@pytest.mark.parametrize("view", VIEWS)
def test_a_broken_ledger_is_a_page_without_its_innards(
    look: Look, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database, and a secret path: /srv/customer-health" * 100)
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    status = look.open(VIEWS[view])
    assert status in (503, 200) if view == "reports" else status == 503  # reports are files
    assert str(tmp_path) not in look.page.content()
    kept(look, view)


@pytest.mark.parametrize("view", VIEWS)
def test_a_csm_sees_a_page_of_the_own_customers_or_one_that_says_for_whom_it_is(
    browser: object, address: str, tokens: dict[str, str], filled: Path, view: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    company = tmp_path / "company.yaml"
    company.write_text(LIMITED, encoding="utf-8")
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(filled))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(company))
    look = Look(browser, address, tokens, "viewer")
    try:
        status = look.open(VIEWS[view])
        others = {"account saved", "account too little known"}
        assert status == (403 if view in LEADS_ONLY else 404 if view in others else 200)
        linked = re.findall(r"/account/acc-(\d\d)", look.page.content())
        assert {int(number) % len(OWNERS) for number in linked} <= {0}, (view, linked)
        kept(look, view)
    finally:
        look.close()


@pytest.mark.parametrize("user", ["", "op"])
def test_who_is_nobody_here_gets_a_page_with_a_way_on(
    browser: object, address: str, tokens: dict[str, str], filled: Path, user: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(filled))
    look = Look(browser, address, tokens, user)
    try:
        assert look.open("/account/acc-00") == (401 if not user else 200)
        if not user:
            assert look.page.get_by_role("link", name="Log in").count() == 1
        kept(look, user or "nobody")
    finally:
        look.close()
