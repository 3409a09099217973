"""Names that customers could have: none runs, none leaves its place, and the page stays readable."""

from __future__ import annotations

from pathlib import Path

from tests.browser.look import Look
from tests.lib.page_company import ATTACKS, hostile_names


def test_two_hundred_hostile_names_run_nothing_and_stay_inside_the_window(
    look: Look, at_hostile: Path
) -> None:
    names = hostile_names()
    assert len(set(names)) == 200
    seen = 0
    for page in range(1, 5):
        for width in (1280, 320):
            assert look.open(f"/?page={page}", width) == 200
            assert look.overflow() <= 0, (page, width)
        seen += look.page.locator("tbody th[scope=row] a").count()
    assert seen == 200
    assert look.dialogs == []
    assert look.violations() == []


def test_every_kind_of_hostile_account_has_a_page_of_its_own(look: Look, at_hostile: Path) -> None:
    look.open("/", 320)
    links = [link.get_attribute("href") for link in look.page.locator("tbody th[scope=row] a").all()]
    assert len(links) >= 2 * len(ATTACKS)
    for link in links[: 2 * len(ATTACKS)]:
        look.page.goto(look.address + str(link))
        assert look.page.locator("h1").inner_text().strip(), link
        assert look.overflow() <= 0, link
    assert look.dialogs == []
    assert look.violations() == []


def test_actions_about_hostile_accounts_run_nothing(look: Look, at_hostile: Path) -> None:
    for width in (1280, 320):
        assert look.open("/actions", width) == 200
        assert look.overflow() <= 0
    assert look.dialogs == []
    assert look.violations() == []
