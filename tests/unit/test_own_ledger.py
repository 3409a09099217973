"""One person's part of the ledger, on both engines."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.exc import DBAPIError
from tests.lib.ledger import day, publish, run
from tests.lib.ledgers import ledger_url as ledger_url

from customer_health.ledger import outbox_queries, portfolio_queries, score_history
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.own_rows import own_ledger
from customer_health.ledger.renewals import rows_with_renewals
from customer_health.ledger.schema import outbox


@pytest.fixture
def urls(ledger_url):
    whole = open_ledger(ledger_url)
    for number in (1, 2):
        score = 61 if number == 1 else 20
        publish(
            whole,
            number,
            {
                "acme": {"score": score, "owner_email": "Dana@Example.com", "manager_email": None},
                "bolt": {"score": score, "owner_email": "kim@example.com", "manager_email": None},
            },
        )
        run(whole, number)
    whole.dispose()
    return ledger_url


def test_a_person_reads_the_own_accounts_whatever_is_asked(urls):
    mine = own_ledger(urls, address="dana@example.com", owners=["dana@example.com"])
    assert {row["account_id"] for row in outbox_queries.listing(mine, limit=99)} == {"acme"}
    assert portfolio_queries.day_summary(mine, day(2))["options"]["owners"] == ["Dana@Example.com"]
    with mine.connect() as connection:
        assert score_history.accounts_of(connection, day(2)) == {"acme"}
        assert [row["account_id"] for row in rows_with_renewals(connection, day(1))] == ["acme"]
    mine.dispose()


def test_somebody_without_an_address_reads_of_no_customer(urls):
    nobody = own_ledger(urls, address="", owners=[])
    assert outbox_queries.listing(nobody, limit=99) == []
    assert portfolio_queries.day_summary(nobody, day(2))["buckets"] == {}
    assert portfolio_queries.day_summary(nobody, date(2020, 1, 1)) is None
    nobody.dispose()


def test_a_part_of_the_ledger_cannot_be_written(urls):
    mine = own_ledger(urls, address="dana@example.com", owners=["dana@example.com"])
    with pytest.raises(DBAPIError), mine.begin() as connection:
        connection.execute(outbox.insert().values(key="x"))
    mine.dispose()
