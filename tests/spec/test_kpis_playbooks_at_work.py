"""Which playbooks act for anybody, which wait for places, and what was missing where one has met nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.at_work import lines, shown
from sqlalchemy import Engine
from tests.lib.headlines import headlines
from tests.lib.ledger import day, morning, new_ledger, publish, run

from customer_health.company import CompanyConfig
from customer_health.kpis.playbooks_at_work import AtWork, playbooks_at_work, section
from customer_health.ledger.outbox import admin
from customer_health.playbooks.playbook import load_playbooks
from customer_health.simulator import approval_answers

NAMES = [playbook.name for playbook in load_playbooks(CompanyConfig())]


@pytest.fixture
def ledger(tmp_path: Path) -> Engine:
    engine = new_ledger(tmp_path)
    publish(engine, 1, {"small": {"score": 20, "arr": 900.0}, "large": 20, "calm": 90})
    run(engine, 1)
    publish(engine, 2, {"small": {"score": 20, "arr": 900.0}, "large": 20, "calm": 90})
    run(engine, 2)
    return engine


def of(ledger: Engine, number: int = 2) -> dict[str, AtWork]:
    return {one.playbook: one for one in playbooks_at_work(ledger, NAMES, as_of=day(number))}


def test_every_playbook_is_listed_with_what_became_of_it(ledger: Engine) -> None:
    found = of(ledger)
    assert list(found) == NAMES
    assert found["score_fields"] == AtWork("score_fields", accounts=3, waiting=0, kept_back=0)
    assert found["critical_save"].state == "at work"
    assert found["expansion_opportunity"].state == "met nobody"


def test_where_a_playbook_met_nobody_it_says_what_the_nearest_accounts_lacked(ledger: Engine) -> None:
    """The small account is Red and small; only the year is missing."""
    zombies = of(ledger)["zombie_filter"]
    assert zombies.state == "met nobody"
    assert zombies.nearest == "days red is 1, not at least 365 (1 account like that)"


def test_work_that_was_put_off_for_want_of_places_is_no_lack_of_a_match(tmp_path: Path) -> None:
    ledger = new_ledger(tmp_path)
    rows = {
        f"a{n}": {"score": 85, "reasons": [], "facts": headlines("overdue_invoices"), "arr": 60_000.0}
        for n in range(3)
    }
    config = CompanyConfig.model_validate({"playbooks": {"first_run_tasks": 0}})
    publish(ledger, 1, rows)
    run(ledger, 1, config=config)
    found = of(ledger, 1)["overdue_invoices"]
    assert (found.state, found.accounts, found.waiting) == ("waits for places", 0, 3)


def test_what_lies_further_back_than_ninety_days_is_not_at_work(ledger: Engine) -> None:
    publish(ledger, 140, {"calm": 90})
    run(ledger, 140)
    assert of(ledger, 140)["critical_save"].state == "met nobody"


def test_a_playbook_that_never_decided_anything_is_a_row_too(ledger: Engine) -> None:
    """Such as one that was added today, after the run."""
    (found,) = playbooks_at_work(ledger, ["brand_new"], as_of=day(2))
    assert (found.state, found.nearest) == ("met nobody", "")
    lines = list(section([found]))
    assert "| brand_new | met nobody | 0 | 0 | 0 |  |" in lines


def test_a_ledger_says_what_it_has_never_shown(ledger: Engine) -> None:
    """Playbooks that acted for nobody, facts that no row carries, messages of which none was delivered."""
    publish(ledger, 3, {"calm": {"score": 90, "facts": headlines("sponsor_left")}})
    found = shown(ledger, CompanyConfig())
    assert {"playbook zombie_filter", "fact asks_to_cancel", "message draft_email"} <= set(found.missing)
    assert not {"playbook score_fields", "fact sponsor_left"} & set(found.missing)
    told = list(lines(found))
    assert any(line.startswith("fact      sponsor_left") and "1 published rows" in line for line in told)
    assert told[-1] == f"Never shown: {', '.join(found.missing)}."


def test_simulated_people_answer_most_proposals_always_alike_and_never_too_late(ledger: Engine) -> None:
    """Before, nobody did: the demo's drafts and opportunities all expired."""
    waiting = admin.awaiting(ledger)
    assert waiting
    first = approval_answers.answers(ledger, morning(2))
    assert first == approval_answers.answers(ledger, morning(2))
    assert {one.key for one in first} <= {row["key"] for row in waiting}
    assert approval_answers.answers(ledger, morning(90)) == []
    assert approval_answers.give(ledger, morning(2)) == len(first)
    assert approval_answers.answers(ledger, morning(2)) == []
    kept = {row["key"] for row in waiting} - {one.key for one in first}
    assert {row["key"] for row in admin.awaiting(ledger)} == kept


def test_the_answers_are_mostly_yes_sometimes_no_and_sometimes_nothing() -> None:
    drawn = [approval_answers._luck(f"key-{n}") for n in range(2_000)]
    yes = sum(luck < approval_answers.APPROVED for luck in drawn) / 2_000
    silent = sum(luck >= approval_answers.APPROVED + approval_answers.DECLINED for luck in drawn) / 2_000
    assert yes == pytest.approx(approval_answers.APPROVED, abs=0.04)
    assert silent == pytest.approx(1 - approval_answers.APPROVED - approval_answers.DECLINED, abs=0.04)
