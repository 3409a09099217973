"""The portfolio adds up to everything, finds what is asked for, and never shows everything in silence."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tests.lib import page_company

PAGE = "/customer-health/"


@pytest.fixture
def reader(visitor: TestClient, company: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(company))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", page_company.TODAY.isoformat())
    return visitor


def listed(html: str) -> list[str]:
    """Return the accounts of the list, in its order."""
    tables = re.findall(r'<table class="list">.*?</table>', html, re.S)
    return re.findall(r"/account/(acc-\d\d)", "".join(tables))


def exported(reader: TestClient, query: str = "") -> list[dict[str, str]]:
    answer = reader.get(f"{PAGE}portfolio.csv{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_the_cards_add_up_to_every_account_and_every_known_sum(reader: TestClient) -> None:
    html = reader.get(PAGE).text
    cards = html[html.index('class="cards"') : html.index("</section>")]
    assert sum(int(n) for n in re.findall(r'class="big">(\d+)<', cards)) == 40
    for name in ("Notice given", "Too little known", "Onboarding", "Not scored yet", "Critical", "Healthy"):
        assert name in cards


def test_every_card_leads_to_as_many_accounts_as_it_counts(reader: TestClient) -> None:
    html = reader.get(PAGE).text
    cards = re.findall(r'class="card[^"]*" href="/customer-health/(\?[^"]+)">.*?"big">(\d+)<', html, re.S)
    assert len(cards) == 8
    for query, count in cards:
        assert len(exported(reader, query.replace("&amp;", "&"))) == int(count), query


@pytest.mark.parametrize(
    ("query", "column", "value"),
    [
        ("?owner=dana@example.com", "owner_email", "dana@example.com"),
        ("?owner=-", "owner_email", ""),
        ("?manager=lee@example.com", "manager_email", "lee@example.com"),
        ("?segment=smb", "segment", "smb"),
        ("?tier=notice_given", "state", "notice_given"),
    ],
)
def test_a_filter_keeps_exactly_what_it_names(
    reader: TestClient, query: str, column: str, value: str
) -> None:
    everything = exported(reader)
    found = exported(reader, query)
    assert [row["account_id"] for row in found] == [
        row["account_id"] for row in everything if row[column] == value
    ]
    assert 0 < len(found) < 40


def test_renewal_windows_and_headline_facts_filter_too(reader: TestClient) -> None:
    soon = exported(reader, "?renewal=90")
    assert {row["account_id"] for row in soon} == {f"acc-{n:02}" for n in range(7)}
    left = exported(reader, "?fact=sponsor_left")
    assert left
    assert all("ponsor" in row["facts"] for row in left)


def test_facts_that_pile_up_are_a_view_of_their_own_and_a_column_of_the_csv(reader: TestClient) -> None:
    piled = exported(reader, "?review=1")
    assert [row["account_id"] for row in piled] == ["acc-05"]
    assert [row["account_id"] for row in exported(reader) if row["review"] == "True"] == ["acc-05"]
    html = reader.get(f"{PAGE}?review=1").text
    assert listed(html) == ["acc-05"]
    assert "Facts pile up" in html
    assert "several grave things happened at once" in reader.get(f"{PAGE}account/acc-05").text


def test_an_onboarding_shows_its_lifecycle_score_and_nobody_takes_it_for_health(reader: TestClient) -> None:
    (row,) = exported(reader, "?tier=onboarding")
    assert (row["lifecycle_score"], row["meaning"], row["score_shown"], row["tier"]) == (
        "12",
        "lifecycle",
        "",
        "",
    )
    assert "12&nbsp;new" in reader.get(f"{PAGE}?tier=onboarding").text
    page = reader.get(f"{PAGE}account/{row['account_id']}").text
    assert "The onboarding is at risk." in page
    assert "active days" in page


def test_every_column_sorts_both_ways_with_the_unknown_last(reader: TestClient) -> None:
    for sort, column, kind in (
        ("account", "name", str),
        ("score", "score_shown", float),
        ("arr", "arr", float),
        ("risk", "expected_loss", float),
        ("renewal", "renewal_date", str),
        ("owner", "owner_email", str),
    ):
        for order in ("up", "down"):
            values = [row[column] for row in exported(reader, f"?sort={sort}&order={order}")]
            known = [kind(value) for value in values if value]
            assert known == sorted(known, reverse=order == "down"), (sort, order)
            assert all(not value for value in values[len(known) :]), (sort, order)
    falls = exported(reader, "?sort=change")
    moved = [
        int(r["score_shown"]) - int(r["score_before"])
        for r in falls
        if r["score_shown"] and r["score_before"]
    ]
    assert moved == sorted(moved)
    assert moved[0] < 0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?colour=red", "asks for “colour”, which this page does not know"),
        ("?tier=Purple", "No account of this day has the tier “Purple”"),
        ("?owner=nobody@nowhere", "No account of this day has the owner"),
        ("?renewal=soon", "“soon” is not a renewal window"),
        ("?sort=luck", "“luck” is not a known sort"),
        ("?page=minus", "“minus” is not a page number"),
        ("?page=-3", "“-3” is not a page number"),
        ("?page=99", "this is none of them"),
        ("?as_of=yesterday", "“yesterday” is not a date"),
        ("?weeks=1000", "“1000” is not a known weeks"),
        ("?tier=%00%ff&q=%27%3B--", "No account of this day has the tier"),
    ],
)
def test_what_the_address_says_wrongly_gets_a_sentence(reader: TestClient, query: str, said: str) -> None:
    answer = reader.get(PAGE + query)
    assert answer.status_code == 200
    assert said in answer.text
    if said.startswith("No account"):
        assert listed(answer.text) == [], "never silently everything"


def test_the_chosen_day_stays_in_every_link_of_the_portfolio(reader: TestClient) -> None:
    day = page_company.age(4).isoformat()
    html = reader.get(f"{PAGE}?as_of={day}&sort=arr").text
    links = re.findall(r'href="/customer-health/((?:account/[^"]*|\?[^"]*|portfolio\.csv[^"]*))"', html)
    assert len(links) > 60
    others = [link for link in links if f"as_of={day}" not in link]
    assert others == ["?sort=arr"], "only the link to the newest day leaves it"


def test_movers_fell_and_rose_since_the_week_before(reader: TestClient) -> None:
    html = reader.get(PAGE).text
    assert "Fell most" in html
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html[html.index("Movers since") :]))
    assert re.search(r"Fell most .*▼ \d+ .*Rose most .*▲ \d+ ", text)


def test_tiers_are_drawn_over_thirteen_and_over_fifty_two_weeks(reader: TestClient) -> None:
    for weeks in (13, 52):
        html = reader.get(f"{PAGE}?weeks={weeks}").text
        assert html.count('class="history stack"') == 2
        numbers = html[html.index('aria-label="Tiers by week"') :]
        assert numbers.count("<tr>") == 1 + page_company.WEEKS
        assert f'aria-current="true">{weeks} weeks' in html


def test_a_spreadsheet_runs_nothing_of_what_a_customer_is_called() -> None:
    from customer_health_airflow.ui.portfolio_csv import safe_cell

    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"):
        assert safe_cell(text).startswith("'"), text
    assert safe_cell("Acme = good") == "Acme = good"
    assert safe_cell(-3.5) == -3.5, "a number stays a number"
    assert safe_cell(None) == ""


def test_a_search_finds_names_and_ids_and_takes_no_wildcards(reader: TestClient) -> None:
    assert {row["account_id"] for row in exported(reader, "?q=bolt")} == {
        f"acc-{n:02}" for n in range(1, 40, 6)
    }
    assert len(exported(reader, "?q=acc-07")) == 1
    assert exported(reader, f"?q={quote('%')}") == []
