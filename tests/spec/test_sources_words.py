"""What a mapping can say about records that change, lists, money and addresses, in a CSM's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.lib.files import CompanyFiles

from customer_health.errors import ConfigurationError

BASE = """
version: 1
company: Test
tables:
  accounts:
    files: accounts.csv
    columns: {account_id: id, name: name, domain: domain, occurred_at: created}
  contracts:
    files: contracts.csv
    columns: {contract_id: id, account_id: account, seats: seats, arr: arr, occurred_at: start}
"""
ACCOUNTS = (
    "id,name,created,domain\na1,Ann & Co,2025-01-10,https://www.Acme.com/en\na2,Bob Ltd,2025-02-10,bob.io\n"
    "a3,Cay Inc,2025-03-10,\na4,Dan One,2025-03-10,twice.com\na5,Dan Two,2025-03-10,twice.com\n"
)


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    made = CompanyFiles(tmp_path)
    made.write("accounts.csv", ACCOUNTS)
    return made


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


TICKETS = """  tickets:
    files: tickets/*.jsonl
    repeated_keys: newest_wins
    gone: {status: [deleted]}
    columns: {ticket_id: id, account_id: account, occurred_at: created}
"""


def ticket(id_: str, status: str = "open", created: str = "2026-05-01") -> dict[str, Any]:
    return {"id": id_, "account": "a1", "status": status, "created": created}


def test_a_ticket_that_was_deleted_later_is_gone_with_its_open_past(company: CompanyFiles) -> None:
    company.map(BASE + TICKETS)
    company.write("tickets/1.jsonl", lines(ticket("t1"), ticket("t2")))
    company.load()
    company.write("tickets/2.jsonl", lines(ticket("t1", "deleted")))
    company.load()
    assert company.ids("tickets", "ticket_id") == ["t2"]


def test_a_ticket_that_was_deleted_by_mistake_comes_back_with_its_newest_state(company: CompanyFiles) -> None:
    company.map(BASE + TICKETS)
    company.write("tickets/1.jsonl", lines(ticket("t1")))
    company.write("tickets/2.jsonl", lines(ticket("t1", "deleted")))
    company.write("tickets/3.jsonl", lines(ticket("t1", "open", "2026-05-03")))
    company.load()
    assert company.rows("SELECT CAST(occurred_at AS DATE) FROM raw.tickets")[0][0].isoformat() == "2026-05-03"


def test_an_old_file_that_is_read_again_does_not_bring_a_deleted_ticket_back(company: CompanyFiles) -> None:
    company.map(BASE + TICKETS)
    company.write("tickets/1.jsonl", lines(ticket("t1"), ticket("t2")))
    company.write("tickets/2.jsonl", lines(ticket("t1", "deleted")))
    company.load()
    company.write("tickets/1.jsonl", lines(ticket("t1"), ticket("t2"), ticket("t3")))
    company.load()
    assert company.ids("tickets", "ticket_id") == ["t2", "t3"]


def test_usage_has_no_records_that_could_go_and_the_mapping_says_so(company: CompanyFiles) -> None:
    company.map(
        BASE + "  usage:\n    files: usage.csv\n    gone: {feature: [x]}\n    columns: {account_id: account, "
        "user_id: user, occurred_at: day, feature: feature, events: events}\n"
    )
    with pytest.raises(ConfigurationError, match="no id by which one of them could go"):
        company.load()


THROUGH = """  tickets:
    files: tickets/*.jsonl
    repeated_keys: newest_wins
    columns:
      ticket_id: id
      account_id: {column: org, lookup: {file: "orgs/*.jsonl", key: id, value: account}}
      first_response_at:
        column: created
        plus: {lookup: {file: "metrics/*.jsonl", key: ticket, value: minutes}, column: id, unit: minutes}
      occurred_at: created
"""


def test_an_organization_that_moved_to_another_account_takes_its_tickets_along(company: CompanyFiles) -> None:
    company.map(BASE + THROUGH)
    company.write("orgs/1.jsonl", lines({"id": "o1", "account": "a1"}, {"id": "o2", "account": "a2"}))
    company.write("metrics/1.jsonl", lines({"ticket": "t1", "minutes": 90}))
    company.write("tickets/1.jsonl", lines({"id": "t1", "org": "o1", "created": "2026-05-01T10:00:00Z"}))
    company.load()
    company.write("orgs/2.jsonl", lines({"id": "o1", "account": "a2"}))
    company.load()
    assert company.rows("SELECT account_id FROM raw.tickets") == [("a2",)]


def test_a_new_organization_alone_loads_no_ticket_again(company: CompanyFiles) -> None:
    company.map(BASE + THROUGH)
    company.write("orgs/1.jsonl", lines({"id": "o1", "account": "a1"}))
    company.write("metrics/1.jsonl", lines({"ticket": "t1", "minutes": 90}))
    company.write("tickets/1.jsonl", lines({"id": "t1", "org": "o1", "created": "2026-05-01T10:00:00Z"}))
    company.load()
    company.write("orgs/2.jsonl", lines({"id": "o9", "account": "a2"}))
    assert company.ingest().of("tickets").files == 0


def test_a_first_response_is_so_many_minutes_after_the_ticket_as_another_file_says(
    company: CompanyFiles,
) -> None:
    company.map(BASE + THROUGH)
    company.write("orgs/1.jsonl", lines({"id": "o1", "account": "a1"}))
    company.write("metrics/1.jsonl", lines({"ticket": "t1", "minutes": 90}))
    made = "2026-05-01T10:00:00Z"
    rows = [{"id": id_, "org": "o1", "created": made} for id_ in ("t1", "t2")]
    company.write("tickets/1.jsonl", lines(*rows))
    company.load()
    found = company.rows("SELECT ticket_id, CAST(first_response_at AS VARCHAR) FROM raw.tickets ORDER BY 1")
    assert found == [("t1", "2026-05-01 11:30:00"), ("t2", None)]


def test_a_ticket_whose_organization_comes_later_waits_for_it(company: CompanyFiles) -> None:
    company.map(BASE + THROUGH)
    company.write("orgs/1.jsonl", lines({"id": "o1", "account": "a1"}))
    company.write("metrics/1.jsonl", lines({"ticket": "t1", "minutes": 90}))
    company.write("tickets/1.jsonl", lines({"id": "t1", "org": "o7", "created": "2026-05-01T10:00:00Z"}))
    company.load()
    assert [row[4] for row in company.quarantine()] == ["o7"]
    company.write("orgs/2.jsonl", lines({"id": "o7", "account": "a2"}))
    company.load()
    assert company.rows("SELECT ticket_id, account_id FROM raw.tickets") == [("t1", "a2")]
    assert company.quarantine() == []


ITEMS = """  invoices:
    files: bills/*.jsonl
    rows: lines.data
    columns:
      invoice_id: lines.data.id
      account_id: account
      amount: {column: lines.data.amount, minor_units: currency}
      currency: currency
      occurred_at: created
"""


def test_every_line_of_a_bill_is_a_row_that_knows_its_bill(company: CompanyFiles) -> None:
    company.map(BASE + ITEMS)
    both = {"data": [{"id": "l1", "amount": 1250}, {"id": "l2", "amount": 99}]}
    bill = {"id": "b1", "account": "a1", "currency": "usd", "created": "2026-05-01"}
    none = {**bill, "id": "b2", "lines": {"data": []}}
    company.write("bills/1.jsonl", lines({**bill, "lines": both}, none))
    company.load()
    found = company.rows("SELECT invoice_id, account_id, amount FROM raw.invoices ORDER BY 1")
    assert found == [("l1", "a1", 12.5), ("l2", "a1", 0.99)]


@pytest.mark.parametrize(("currency", "amount"), [("eur", 50.0), ("JPY", 5000.0), ("kwd", 5.0)])
def test_amounts_in_the_smallest_unit_are_read_by_their_currency(
    company: CompanyFiles, currency: str, amount: float
) -> None:
    company.map(BASE + ITEMS)
    bill = {"account": "a1", "currency": currency, "created": "2026-05-01"}
    company.write("bills/1.jsonl", lines({**bill, "lines": {"data": [{"id": "l1", "amount": 5000}]}}))
    company.load()
    assert company.rows("SELECT amount FROM raw.invoices") == [(amount,)]


def test_one_of_several_roles_in_a_cell_is_enough_and_the_first_of_the_mapping_counts(
    company: CompanyFiles,
) -> None:
    company.map(
        BASE
        + """  contacts:
    files: people.csv
    columns:
      contact_id: id
      account_id: account
      role:
        column: roles
        split: ";"
        values: {CHAMPION: champion, BUDGET_HOLDER: sponsor}
        otherwise: other
      occurred_at: {constant: "2026-01-01"}
"""
    )
    company.write(
        "people.csv",
        "id,account,roles\np1,a1,DECISION_MAKER; budget_holder\n"
        "p2,a1,BUDGET_HOLDER;CHAMPION\np3,a1,LEGAL\np4,a1,\n",
    )
    company.load()
    assert company.rows("SELECT contact_id, role FROM raw.contacts ORDER BY 1") == [
        ("p1", "sponsor"),
        ("p2", "champion"),
        ("p3", "other"),
        ("p4", "other"),
    ]


MAIL = """  interactions:
    files: mail.csv
    columns:
      interaction_id: id
      account_id:
        column: to
        split: ","
        email_domain: true
        lookup: {table: accounts, key: domain, value: account_id, missing: skip}
      kind: {constant: email_sent}
      occurred_at: at
"""


def test_a_mail_belongs_to_the_account_in_whose_domain_somebody_of_its_receivers_is(
    company: CompanyFiles,
) -> None:
    company.map(BASE + MAIL)
    company.write(
        "mail.csv",
        'id,to,at\nm1,"me@ours.com, Ann <Ann@ACME.com>",2026-05-01\nm2,x@bob.io,2026-05-01\n'
        "m3,x@twice.com,2026-05-01\nm4,x@nobody.org,2026-05-01\n",
    )
    company.load()
    found = company.rows("SELECT interaction_id, account_id FROM raw.interactions ORDER BY 1")
    assert found == [("m1", "a1"), ("m2", "a2")]
    # Two accounts share a domain, and nobody knows the last one: that mail is none of ours, and no mistake.
    assert company.quarantine() == []


def test_mail_is_read_again_when_its_domain_becomes_that_of_a_customer(company: CompanyFiles) -> None:
    company.map(BASE + MAIL)
    company.write("mail.csv", "id,to,at\nm1,x@new.org,2026-05-01\n")
    company.load()
    assert company.ids("interactions", "interaction_id") == []
    company.write("accounts.csv", ACCOUNTS + "a9,New,2026-01-01,new.org\n")
    company.load()
    assert company.ids("interactions", "interaction_id") == ["m1"]


def test_fields_inside_of_a_parquet_struct_have_dotted_names(company: CompanyFiles) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"who": {"account": {"id": "a1"}, "user": "u1"}, "day": "2026-05-01", "feature": "export"}]
    (company.data / "use").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), company.data / "use" / "1.parquet")
    company.map(
        BASE
        + "  usage:\n    files: use/*.parquet\n    columns: {account_id: who.account.id, user_id: who.user, "
        "occurred_at: day, feature: feature}\n"
    )
    company.load()
    assert company.rows("SELECT account_id, user_id, feature FROM raw.usage") == [("a1", "u1", "export")]


def test_monthly_and_yearly_items_of_one_contract_add_up(company: CompanyFiles) -> None:
    feed = """    - files: subs/*.jsonl
      rows: items
      where: {{items.every: [{every}]}}
      combine: sum
      repeated_keys: newest_wins
      columns:
        contract_id: id
        account_id: account
        arr: {{column: items.price, scale: {scale}}}
        occurred_at: start
"""
    company.map(
        BASE.split("  contracts:")[0]
        + "  contracts:\n"
        + feed.format(every="month", scale=12)
        + feed.format(every="year", scale=1)
    )
    items = [{"every": "month", "price": 10}, {"every": "year", "price": 500}, {"every": "month", "price": 5}]
    sub = {"id": "s1", "account": "a1", "start": "2026-01-01"}
    company.write("subs/1.jsonl", lines({**sub, "items": items}))
    company.load()
    assert company.rows("SELECT contract_id, arr FROM raw.contracts") == [("s1", 680.0)]
    # A later state of the same subscription replaces the earlier one; it does not add to it.
    company.write("subs/2.jsonl", lines({**sub, "items": items[:1]}))
    company.load()
    assert company.rows("SELECT contract_id, arr FROM raw.contracts") == [("s1", 120.0)]


@pytest.mark.parametrize(("known", "said"), [("o1", True), ("o1,o2,o3,o4", False)])
def test_a_lookup_that_misses_much_says_so_though_its_misses_are_empty(
    company: CompanyFiles, known: str, said: bool
) -> None:
    """Titles looked up by the wrong key were all empty, and nothing said."""
    ids = known.split(",")
    company.write("titles.csv", "person,title\n" + "".join(f"{one},VP\n" for one in ids))
    company.write("people.csv", "id,account,since\n" + "".join(f"o{n},a1,2025-05-01\n" for n in range(1, 6)))
    company.map(
        BASE + "  contacts:\n    files: people.csv\n    columns:\n      contact_id: id\n"
        "      account_id: account\n      occurred_at: since\n      title: {column: id, lookup: "
        "{file: titles.csv, key: person, value: title, missing: empty}}\n"
    )
    notes = " ".join(company.ingest().notes)
    assert ("contacts.title: the lookup of people.csv has no answer for 4 of 5 values" in notes) is said
    assert len(company.ids("contacts", "contact_id")) == 5


def test_one_address_in_two_tools_is_one_contact_and_is_not_kept(company: CompanyFiles) -> None:
    company.write("contracts.csv", "id,account,seats,arr,start\nk1,a1,5,100,2025-01-10\n")
    company.write("people.csv", "mail,account,since\nAnn@Acme.com ,a1,2025-02-01\n,a1,2025-02-02\n")
    company.write("calls.csv", "id,who,account,at\nc1,ann@acme.com,a1,2025-03-01\nc2,,a1,2025-03-02\n")
    more = """  contacts:
    files: people.csv
    where: {mail: {present: true}}
    columns: {contact_id: {column: mail, hashed: true, prefix: "p-"}, account_id: account, occurred_at: since}
  interactions:
    files: calls.csv
    columns:
      interaction_id: id
      account_id: account
      contact_id: {column: who, hashed: true, prefix: "p-"}
      kind: {constant: call}
      occurred_at: at
"""
    company.map(BASE + more)
    company.ingest()
    ((person,),) = company.rows("SELECT contact_id FROM raw.contacts")
    assert company.rows("SELECT interaction_id, contact_id FROM raw.interactions ORDER BY 1") == [
        ("c1", person),
        ("c2", None),
    ]
    assert person.startswith("p-")
    assert len(person) == 34
    assert "acme" not in person
