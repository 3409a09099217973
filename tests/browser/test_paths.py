"""What people do on the page: by keyboard alone, on a telephone, on paper."""

from __future__ import annotations

import re

import pytest

from tests.browser.look import Look


def test_the_portfolio_can_be_worked_by_keyboard_alone(look: Look) -> None:
    look.open("/")
    page = look.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.locator("input[name=q]").focus()
    page.keyboard.type("bolt")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=bolt"))
    names = page.locator("table.list tbody th .name").all_inner_texts()
    assert names
    assert all("Bolt" in name for name in names)
    page.locator("thead a", has_text="ARR").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("sort=arr"))
    assert "q=bolt" in page.url
    assert page.locator("thead th[aria-sort=descending]").inner_text().startswith("ARR")


def test_a_view_is_kept_in_the_browser_and_a_hostile_name_of_it_runs_nothing(look: Look) -> None:
    look.open("/?segment=smb&sort=arr")
    look.page.locator("#save-view input").fill("<img src=x onerror=alert(1)>")
    look.page.locator("#save-view button").click()
    look.open("/")
    link = look.page.locator("#saved-views a")
    assert link.inner_text() == "<img src=x onerror=alert(1)>"
    link.click()
    look.page.wait_for_url(re.compile("segment=smb&sort=arr"))
    assert look.dialogs == []
    assert look.violations() == []


def test_a_draft_is_approved_with_a_typed_reason_by_keyboard(look: Look) -> None:
    look.open("/actions")
    article = look.page.locator("article.waiting").first
    before = look.page.locator("article.waiting").count()
    assert article.locator(".paper").inner_text().strip()
    article.locator("input[name=reason]").focus()
    look.page.keyboard.type("agreed with the CSM")
    look.page.keyboard.press("Tab")
    assert look.page.evaluate("document.activeElement.innerText") == "Approve"
    look.page.keyboard.press("Enter")
    look.page.wait_for_selector("[role=status]")
    assert (
        "Approved. It leaves with the next delivery." in look.page.locator("[role=status]").all_inner_texts()
    )
    assert look.page.locator("article.waiting").count() == before - 1


def test_an_account_prints_on_one_a4_page(look: Look) -> None:
    look.open("/account/acc-00")
    printed = look.page.pdf(format="A4", prefer_css_page_size=True)
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1


def test_an_account_says_on_a_telephones_first_two_screens_what_a_lead_needs(look: Look) -> None:
    look.open("/account/acc-00", 420)
    for words in ("Critical", "Red since", "ARR", "Renewal", "Owner", "Who is on it", "Due"):
        found = look.page.get_by_text(words, exact=False).first
        box = found.bounding_box()
        assert box is not None, words
        assert box["y"] < 2 * 900, words


@pytest.mark.parametrize("width", [360, 420])
def test_a_telephone_shows_task_owner_due_time_and_state_side_by_side(look: Look, width: int) -> None:
    look.open("/account/acc-00", width)
    cells = look.page.locator("table.tasks").locator("th, td")
    assert cells.count() >= 8
    for number in range(cells.count()):
        box = cells.nth(number).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, cells.nth(number).inner_text()


def test_the_script_is_small(look: Look) -> None:
    import gzip

    script = look.page.request.get(f"{look.address}/customer-health/page.js").body()
    assert len(gzip.compress(script)) < 100_000
