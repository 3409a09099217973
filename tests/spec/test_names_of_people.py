"""Names of customers' people: read where a tool tells them, greeted with, handed out and erased."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from tests.lib.ledger import new_ledger
from tests.lib.world import create_raw_tables, insert, moment

from customer_health.destinations import people_text
from customer_health.ledger import people_graphs, subject_records
from customer_health.playbooks.champion_graph import read_graphs
from customer_health.subject import Subject, distinct
from customer_health.warehouse import subject_rows

AS_OF = date(2026, 3, 2)
LONG_AGO = moment("2025-01-01")


def contact(id_, **known):
    return {"contact_id": id_, "account_id": "acme", "role": "user", "occurred_at": LONG_AGO,
            "known_at": LONG_AGO, **known}  # fmt: skip


NADIA = contact("c-1", first_name="Nadia", last_name="Ruiz-Peña", title="CFO", role="sponsor")
NAMESAKE = contact("c-2", first_name="Nadia", last_name="Kaplan", title="Analyst")
WHOLE = contact("c-3", name="  Thảo   Nguyễn ", title="CTO")
NAMELESS = contact("c-4", title="COO")


@pytest.fixture
def warehouse():
    con = duckdb.connect()
    create_raw_tables(con)
    insert(con, "contacts", [NADIA, NAMESAKE, WHOLE, NAMELESS])
    yield con
    con.close()


def people(con):
    return {one["contact_id"]: one for one in read_graphs(con, ["acme"], AS_OF)["acme"]["people"]}


def test_a_person_is_called_as_the_tool_says(warehouse):
    found = people(warehouse)
    assert [found[one]["name"] for one in ("c-1", "c-3", "c-4")] == ["Nadia Ruiz-Peña", "Thảo Nguyễn", None]
    assert people_text.who(found["c-1"]) == "Nadia Ruiz-Peña, CFO (sponsor, c-1)"
    assert people_text.who(found["c-4"]) == "COO (user, c-4)"


def test_a_warehouse_from_before_there_were_names_still_tells_who_is_known(warehouse):
    for name in ("first_name", "last_name", "name"):
        warehouse.execute(f"ALTER TABLE raw.contacts DROP COLUMN {name}")
    assert people(warehouse)["c-1"]["name"] is None
    assert people(warehouse)["c-1"]["title"] == "CFO"


def subject_of(con, contact_id):
    ids = subject_rows.ids_of_person(con, contact_id)
    called = distinct(subject_rows.names_of_person(con, ids))
    return Subject("person", distinct(ids), called=called, pseudonym="erased-1")


def test_erasing_a_person_takes_the_name_and_leaves_a_namesake(warehouse, tmp_path):
    engine = new_ledger(tmp_path)
    people_graphs.publish(engine, read_graphs(warehouse, ["acme"], AS_OF), AS_OF)
    subject = subject_of(warehouse, "c-1")
    subject_records.erase_records(engine, subject)
    subject_rows.erase_rows(warehouse, subject)
    shown = str(people_graphs.of_account(engine, "acme", AS_OF))
    engine.dispose()
    assert "Ruiz" not in shown
    assert "Nadia Kaplan" in shown
    rows = warehouse.execute(
        "SELECT contact_id, first_name, last_name, name FROM raw.contacts ORDER BY 1"
    ).fetchall()
    assert ("erased-1", None, None, None) in rows
    assert ("c-2", "Nadia", "Kaplan", None) in rows


def test_a_letter_loses_the_name_of_who_was_erased_and_keeps_its_words(warehouse):
    letter = {
        "recipient": {"contact_id": "c-1", "name": "Nadia Ruiz-Peña", "first_name": "Nadia", "title": "CFO"},
        "for_whom": "For Nadia Ruiz-Peña, CFO (sponsor).",
        "greeting": "Hello Nadia,",
        "body": "Hello Nadia,\n\nhow are you?\n\nDana",
        "people": {"people": [{"contact_id": "c-2", "name": "Nadia Kaplan", "first_name": "Nadia"}]},
    }
    clean = subject_of(warehouse, "c-1").scrubbed(letter)
    assert clean["body"] == "Hello erased-1,\n\nhow are you?\n\nDana"
    assert "Ruiz" not in str(clean)
    assert clean["people"] == letter["people"]
    other = {**letter, "recipient": {**letter["recipient"], "contact_id": "c-9"}}
    assert subject_of(warehouse, "c-1").scrubbed(other) == other, "a letter to a namesake is not theirs"


def test_what_is_handed_out_about_a_person_holds_their_name_and_no_namesakes(warehouse, tmp_path):
    engine = new_ledger(tmp_path)
    people_graphs.publish(engine, read_graphs(warehouse, ["acme"], AS_OF), AS_OF)
    rows = subject_rows.rows_of(warehouse, subject_of(warehouse, "c-2"))
    assert [row["last_name"] for row in rows["raw.contacts"]] == ["Kaplan"]
    assert subject_records.records_of(engine, subject_of(warehouse, "c-2"))["people_graphs"]
    engine.dispose()
