"""A draft to a customer: a greeting, names instead of addresses, and nothing that sounds scored."""

from __future__ import annotations

import re

import pytest
from tests.lib.ledger import new_ledger, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.playbooks.effect_context import name_of
from customer_health.shipped_names import LIBRARY

SCORED = re.compile(
    r"\b(scored?|risk|red|critical|churn|health|tier|usage (is )?(down|declin\w+)|algorithm|model)\b",
    re.IGNORECASE,
)


@pytest.fixture
def drafts(tmp_path):
    engine = new_ledger(tmp_path)
    for number, score in ((1, 60), (2, 20)):
        owner = {"owner_email": "dana.kim@example.com", "manager_email": "lee@example.com"}
        publish(engine, number, {"acme": {"score": score, **owner}})
        run(engine, number)
    found = promised(engine, "draft_email")
    assert found
    yield found
    engine.dispose()


def test_a_draft_greets_with_a_name_and_signs_with_one(drafts):
    for draft in drafts:
        body = draft["payload"]["body"]
        assert body.startswith("Hello [first name],\n"), "whom to write to is the sender's to choose"
        assert re.search(r"\n(Lee|Dana Kim)\s*$", body)


def test_a_draft_holds_no_raw_address_and_nothing_that_sounds_scored(drafts):
    for draft in drafts:
        text = draft["payload"]["subject"] + "\n" + draft["payload"]["body"]
        assert "@" not in text
        assert SCORED.search(text) is None


def test_a_draft_that_comes_with_a_task_holds_no_raw_address_either(tmp_path):
    engine = new_ledger(tmp_path)
    people = {"owner_email": "dana.kim@example.com", "manager_email": "lee@example.com"}
    publish(engine, 1, {"acme": {"score": 20, **people}})
    run(engine, 1)
    texts = [
        task["payload"]["draft"] for task in promised(engine, "create_task") if task["payload"].get("draft")
    ]
    assert texts, "the save play brings its letter with the task"
    assert [text for text in texts if "@" in text or SCORED.search(text)] == []
    assert all("Dana Kim" in text or "Lee" in text for text in texts)
    engine.dispose()


def test_every_draft_of_the_library_greets_and_sounds_unscored():
    bodies = [
        part
        for path in sorted(LIBRARY.glob("*.yaml"))
        for part in re.findall(r"body: \|\n((?:        .*\n|\n)+)", path.read_text(encoding="utf-8"))
    ]
    assert len(bodies) >= 3
    for body in bodies:
        assert body.strip().startswith("Hello [first name],")
        assert SCORED.search(body) is None


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("dana.kim@example.com", "Dana Kim"),
        ("DKIM7@example.com", "Dkim"),
        ("cs-leads@example.com", "Cs Leads"),
        ("lee@example.com", "Lee Ångström"),
        ("42@example.com", "your team"),
    ],
)
def test_a_colleague_is_named_as_the_company_says_or_by_the_address(address, name):
    config = CompanyConfig.model_validate({"playbooks": {"names": {"Lee@example.com": "Lee Ångström"}}})
    assert name_of(address, config) == name
