"""A draft to a customer: a greeting with a name, no addresses, and nothing that sounds scored."""

from __future__ import annotations

import re

import pytest
from tests.lib.ledger import new_ledger, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.destinations.crm.task_text import task_markdown
from customer_health.destinations.preview import render
from customer_health.ledger.outbox.queue import effect_of
from customer_health.playbooks.effect_context import name_of
from customer_health.playbooks.recipient import addressed, recipient_of
from customer_health.playbooks.warehouse_context import WarehouseContext
from customer_health.shipped_names import LIBRARY

SCORED = re.compile(
    r"\b(scored?|risk|red|critical|churn|health|tier|usage (is )?(down|declin\w+)|algorithm|model)\b",
    re.IGNORECASE,
)


def person(contact, **known):
    return {
        "contact_id": contact, "name": None, "first_name": None, "title": None, "team": None, "role": "other",
        "executive": False, "state": "in touch", "left": None, "last_two_way": None, "last_kind": None,
        "days_since": None, "recent": 0, "active_days": None, "known_by": [], **known,
    }  # fmt: skip


NADIA = person("c-1", name="Nadia Ruiz-Peña", first_name="Nadia", title="CFO", role="sponsor", days_since=12)


def written(tmp_path, *people, verb="draft_email"):
    """Return the payloads of a save play at an account where these people are known."""
    graph = {"as_of": "2026-03-02", "people": list(people), "ours": [], "successors": []}
    known = WarehouseContext(lambda seats: {}, dict, people=lambda ids, titles: dict.fromkeys(ids, graph))
    engine = new_ledger(tmp_path)
    for number, score in ((1, 60), (2, 20)):
        owner = {"owner_email": "dana.kim@example.com", "manager_email": "lee@example.com"}
        publish(engine, number, {"acme": {"score": score, **owner}})
        run(engine, number, background=known)
    found = promised(engine, verb)
    engine.dispose()
    assert found
    return [row for row in found if verb == "draft_email" or row["payload"].get("draft")]


@pytest.fixture
def drafts(tmp_path):
    return written(tmp_path, NADIA)


def test_a_draft_greets_with_a_name_and_signs_with_one(drafts):
    for draft in drafts:
        body = draft["payload"]["body"]
        assert body.startswith("Hello Nadia,\n")
        assert re.search(r"\n(Lee|Dana Kim)\s*$", body)


def test_who_approves_a_draft_reads_whom_it_is_for(drafts):
    for draft in drafts:
        _, read = render(effect_of(draft))
        assert "For Nadia Ruiz-Peña, CFO (sponsor)." in read


def test_the_letter_that_comes_with_a_task_greets_the_same_person(tmp_path):
    for task in written(tmp_path, NADIA, verb="create_task"):
        assert "\nHello Nadia,\n" in task["payload"]["draft"]
        assert "For Nadia Ruiz-Peña, CFO (sponsor)." in task_markdown(task["payload"])


def test_where_no_name_is_known_the_draft_has_no_placeholder_and_its_sender_is_told(tmp_path):
    for draft in written(tmp_path, person("c-7", title="CFO", role="sponsor")):
        assert draft["payload"]["body"].startswith("Hello,\n")
        _, read = render(effect_of(draft))
        assert "For the sponsor (CFO), whose name is not known: add the name to the greeting" in read


def test_where_nobody_is_known_the_sender_is_told_to_choose(tmp_path):
    for draft in written(tmp_path):
        assert draft["payload"]["body"].startswith("Hello,\n")
        assert "No contact is known to whom it could go: choose one" in render(effect_of(draft))[1]


GONE = person("c-0", name="Old Boss", role="sponsor", state="left", days_since=1)
CHAMPION = person("c-2", name="Emre Kaplan", role="champion", days_since=40)
NEARER = person("c-3", name="Hana Petrov", role="champion", days_since=3)
EXECUTIVE = person("c-4", name="Uma Thorsen", executive=True)
SPOKE = person("c-5", name="Wanda Mbeki", days_since=200)
SILENT = person("c-6", name="Viktor Umarov", state="never spoken")


@pytest.mark.parametrize(
    ("people", "chosen"),
    [
        ([SILENT, SPOKE, EXECUTIVE, CHAMPION, NADIA], "c-1"),  # the sponsor: who pays
        ([GONE, SPOKE, CHAMPION, NEARER], "c-3"),  # of two champions the one who spoke last
        ([GONE, SPOKE, EXECUTIVE], "c-4"),
        ([SILENT, SPOKE], "c-5"),
        ([SILENT, GONE], None),  # nobody writes to somebody who left, or to somebody never spoken with
    ],
)
def test_a_letter_is_for_who_decides_else_for_who_speaks_with_us(people, chosen):
    found = recipient_of({"people": people})
    assert (found and found["contact_id"]) == chosen


@pytest.mark.parametrize(
    ("named", "greeting"),
    [
        ({"first_name": "Thảo", "name": "Thảo Nguyễn"}, "Hello Thảo,"),
        ({"first_name": None, "name": "Nguyễn Thảo"}, "Hello Nguyễn Thảo,"),  # which is the given one?
        ({"first_name": "nadia@acme.example", "name": None}, "Hello,"),
        ({"first_name": "{{ contact.firstname }}", "name": "N. Ruiz"}, "Hello N. Ruiz,"),
        ({"first_name": "x" * 61, "name": None}, "Hello,"),
        ({"first_name": "Zoë\nBcc: all", "name": None}, "Hello,"),
    ],
)
def test_what_is_not_a_name_does_not_greet(named, greeting):
    assert addressed({"people": [person("c-1", role="sponsor", **named)]})["greeting"] == greeting


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
        assert body.strip().startswith("$greeting\n")
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
