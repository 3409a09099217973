"""What billing systems tell of subscriptions: an amount per period, and who leaves with their term."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.lib.files import CompanyFiles

from customer_health.errors import ConfigurationError
from customer_health.sources import landing
from customer_health.sources.draft import draft_mapping

AS_OF = date(2026, 11, 21)
ACCOUNTS = "id,name,created\na1,Ann,2024-01-01\na2,Bob,2024-01-01\na3,Cay,2024-01-01\n"
PRICED = """
version: 1
company: Test
tables:
  accounts: {files: accounts.csv, columns: {account_id: id, name: name, occurred_at: created}}
  contracts:
    files: subs.csv
    columns:
      contract_id: id
      account_id: account
      arr: {column: amount, per: PER}
      occurred_at: start
"""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    made = CompanyFiles(tmp_path)
    for name in ("contracts.csv", "usage.csv"):
        (made.data / name).unlink()
    made.write("accounts.csv", ACCOUNTS)
    return made


def arr(company: CompanyFiles) -> list[object]:
    return [row[0] for row in company.rows("SELECT arr FROM raw.contracts ORDER BY contract_id")]


def test_an_amount_is_a_years_whatever_period_a_row_is_billed_for(company: CompanyFiles) -> None:
    company.write(
        "subs.csv",
        "id,account,amount,interval,start\ns1,a1,100,Monthly,2025-01-01\ns2,a2,300,quarter,2025-01-01\n"
        "s3,a3,1200,jährlich,2025-01-01\ns4,a1,600,P6M,2025-01-01\n",
    )
    company.map(PRICED.replace("PER", "interval"))
    company.load(AS_OF)
    assert arr(company) == [1200, 1200, 1200, 1200]


def test_a_bill_for_every_third_month_is_four_a_year(company: CompanyFiles) -> None:
    company.write(
        "subs.csv",
        "id,account,amount,interval,n,start\ns1,a1,300,month,3,2025-01-01\ns2,a2,2400,year,2,2025-01-01\n"
        "s3,a3,100,month,0,2025-01-01\n",
    )
    company.map(PRICED.replace("PER", "{column: interval, every: n}"))
    company.load(AS_OF)
    assert arr(company) == [1200, 1200]
    assert company.quarantine() == [("contracts", "subs.csv", 4, "arr", "0")]


def test_a_period_that_nobody_explains_waits_in_quarantine_until_the_mapping_does(
    company: CompanyFiles,
) -> None:
    company.write(
        "subs.csv", "id,account,amount,interval,start\ns1,a1,100,M,2025-01-01\ns2,a2,1200,year,2025-01-01\n"
    )
    company.map(PRICED.replace("PER", "interval"))
    company.load(AS_OF)
    assert company.quarantine() == [("contracts", "subs.csv", 2, "arr", "M")]
    company.map(PRICED.replace("PER", "{column: interval, values: {M: month}}"))
    company.load(AS_OF)
    assert arr(company) == [1200, 1200]


def test_a_word_that_is_not_a_period_is_refused_with_its_place(company: CompanyFiles) -> None:
    company.write("subs.csv", "id,account,amount,interval,start\ns1,a1,100,M,2025-01-01\n")
    company.map(PRICED.replace("PER", "{column: interval, values: {M: moon}}"))
    with pytest.raises(ConfigurationError, match="'moon' is not a period"):
        company.ingest(AS_OF)


def test_the_draft_takes_the_period_of_each_row_and_asks_where_a_name_says_otherwise(
    company: CompanyFiles,
) -> None:
    company.write(
        "subscriptions.csv",
        "id,account_id,amount,billing_period,start_date\ns1,a1,100.00,monthly,2025-01-01\n"
        "s2,a2,1200.00,annual,2025-01-01\n",
    )
    assert "arr: {column: amount, per: {column: billing_period}}" in draft_mapping(company.data)
    company.write(
        "subscriptions.csv",
        "id,account_id,mrr,interval,start_date\ns1,a1,100.00,month,2025-01-01\ns2,a2,1200.00,year,2025-01-01\n",
    )
    asked = next(line for line in draft_mapping(company.data).splitlines() if " arr:" in line)
    assert "scale: 12}  # TODO is it a month's in every row? interval holds month, year" in asked
    assert "{column: mrr, per: {column: interval}}" in asked


def test_money_that_no_name_explains_is_asked_about(company: CompanyFiles) -> None:
    company.write(
        "subscriptions.csv", "id,account_id,seats,unit_price,start_date\ns1,a1,5,49.50,2025-01-01\n"
    )
    asked = next(line for line in draft_mapping(company.data).splitlines() if " arr:" in line)
    assert (
        asked.strip() == "arr: {column: unit_price, times: seats}  # TODO a year's? of a month: `scale: 12`"
    )
    company.write("subscriptions.csv", "id,account_id,seats,start_date\ns1,a1,5,2025-01-01\n")
    assert "# TODO nothing tells arr: it stays unknown" in draft_mapping(company.data)


# -- the customer has asked for the end, and the term goes on until then

VENDORS = {
    "recurly": (
        "subscription_id,account_id,state,quantity,unit_amount,plan_interval,current_period_ends_at,started_at,"
        "canceled_at,expires_at\n"
        "s1,a1,active,5,10.50,month,2026-12-01,2025-01-01,,\n"
        "s2,a2,canceled,5,10.50,month,2026-12-15,2025-01-01,2026-11-10,2026-12-15\n"
        "s3,a3,expired,5,10.50,month,2026-04-01,2025-01-01,2026-03-01,2026-04-01\n"
    ),
    "stripe": (
        "id,account_id,status,quantity,amount,interval,start_date,current_period_end,cancel_at_period_end,"
        "cancel_at,canceled_at,ended_at\n"
        "s1,a1,active,5,10.50,month,2025-01-01,2026-12-01,false,,,\n"
        "s2,a2,active,5,10.50,month,2025-01-01,2026-12-15,true,2026-12-15,2026-11-10,\n"
        "s3,a3,canceled,5,10.50,month,2025-01-01,2026-04-01,false,,2026-03-01,2026-04-01\n"
    ),
    "chargebee": (
        "id,account_id,status,plan_quantity,mrr,started_at,current_term_end,cancelled_at,cancel_schedule_created_at\n"
        "s1,a1,active,5,10.50,2025-01-01,2026-12-01,,\n"
        "s2,a2,non_renewing,5,10.50,2025-01-01,2026-12-15,2026-12-15,2026-11-10\n"
        "s3,a3,cancelled,5,10.50,2025-01-01,2026-04-01,2026-04-01,2026-03-01\n"
    ),
    "zuora": (
        "id,account_id,status,quantity,mrr,contracteffectivedate,term_start,term_end,auto_renew,cancelled_date,notice_date\n"
        "s1,a1,Active,5,10.50,2025-01-01,2025-12-01,2026-12-01,true,,\n"
        "s2,a2,Cancelled,5,10.50,2025-01-01,2025-12-15,2026-12-15,false,2026-12-15,2026-11-10\n"
        "s3,a3,Cancelled,5,10.50,2025-01-01,2025-04-01,2026-04-01,false,2026-04-01,2026-03-01\n"
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_who_has_cancelled_to_the_end_of_the_term_is_a_customer_until_then(
    company: CompanyFiles, vendor: str
) -> None:
    """Bob said on 10 November that he leaves with his term on 15 December; Cay's term ended in April."""
    company.write("subscriptions.csv", VENDORS[vendor])
    company.map(draft_mapping(company.data))
    company.load(AS_OF)
    assert company.quarantine() == []
    day = "account_id, CAST(occurred_at::DATE AS VARCHAR)"
    ended = f"SELECT {day} FROM raw.contracts WHERE status <> 'active'"
    assert company.rows(f"{ended} AND known_at < DATE '2026-11-21'") == [("a3", "2026-04-01")]
    assert company.rows(f"{ended} AND known_at >= DATE '2026-11-21'") in ([("a2", "2026-12-15")], [])
    lost = f"SELECT {day} FROM raw.outcomes"
    assert company.rows(lost) == [("a3", "2026-04-01")]
    said = f"SELECT {day} FROM raw.contract_events ORDER BY 1"
    assert company.rows(said) == [("a2", "2026-11-10"), ("a3", "2026-03-01")]
    if vendor == "stripe":  # tells an end when it has come
        told = VENDORS[vendor].replace("s2,a2,active", "s2,a2,canceled").replace("10,\n", "10,2026-12-15\n")
        company.write("subscriptions.csv", told)
    company.load(date(2027, 2, 1))  # nobody has followed on Bob's term
    assert ("a2", "2026-12-15") in company.rows(lost)
