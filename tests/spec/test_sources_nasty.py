"""Inputs that were read wrongly without a word, or with one that nobody could act on, kind by kind."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.lib.files import AS_OF, MAPPING, CompanyFiles

from customer_health.errors import DataContractError
from customer_health.sources import landing
from customer_health.sources.draft import draft_mapping
from customer_health.sources.last_day import last_day
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    return CompanyFiles(tmp_path)


def drafted(company: CompanyFiles, name: str, content: str) -> str:
    """The draft's lines about usage, of a company whose usage is one file."""
    (company.data / "usage.csv").unlink()
    company.write(name, content)
    return draft_mapping(company.data)


# -- 9: customers that vanish


def test_a_main_contract_that_lapsed_beside_an_add_on_is_asked_about(company: CompanyFiles) -> None:
    """The add-on keeps Ann a customer, and nobody would notice that 12,000 of ARR are gone."""
    company.write(
        "contracts.csv",
        "id,account,seats,arr,start,end\nc1,a1,10,12000,2025-04-01,2026-04-01\nx1,a1,1,100,2025-04-01,2027-04-01\n"
        "c2,a2,10,9000,2025-04-01,2026-04-01\nn2,a2,10,9000,2026-03-15,2027-04-01\n",
    )
    days = [AS_OF - timedelta(days=ago) for ago in range(1, 90)]
    company.write(
        "usage.csv",
        "account,user,day,feature,events\n" + "".join(f"{a},u,{d},x,1\n" for a in ("a1", "a2") for d in days),
    )
    company.map(
        MAPPING.replace("arr: arr, occurred_at: start", "arr: arr, term_end: end, occurred_at: start")
    )
    company.ingest(AS_OF)
    with open_warehouse(company.settings.warehouse_url) as con:
        run_gate(con, as_of=AS_OF, report_dir=company.home / "reports")
    asked = (company.home / "reports" / AS_OF.isoformat() / "renewals_to_check.csv").read_text()
    assert [line.split(",")[:4] for line in asked.splitlines()[1:]] == [
        ["a1", "2026-04-01", "2026-05-31", "12000.00"]
    ]


# -- 10: too much lost to go on


def test_a_table_in_which_no_row_belongs_to_an_account_stops_the_chain_until_one_does(
    company: CompanyFiles,
) -> None:
    rows = "".join(f"ORG-{n},u{n},2026-05-01,x,1\n" for n in range(30))
    company.write("usage.csv", "account,user,day,feature,events\n" + rows)
    company.ingest(AS_OF)
    for _ in range(2):  # a second run has nothing new, and nothing has changed
        with (
            open_warehouse(company.settings.warehouse_url) as con,
            pytest.raises(
                DataContractError, match=r"usage.*some of the rows belong to an account.*30 rows"
            ) as no,
        ):
            run_gate(con, as_of=AS_OF, report_dir=company.home / "reports")
        assert "a `lookup:` needed" in no.value.hint
    company.write("usage_2.csv", "account,user,day,feature,events\na1,u,2026-05-02,x,1\n")
    company.ingest(AS_OF)
    with open_warehouse(company.settings.warehouse_url) as con:
        run_gate(con, as_of=AS_OF, report_dir=company.home / "reports")


def test_six_accounts_of_two_hundred_that_cannot_be_read_stop_the_chain_with_the_format_to_write(
    company: CompanyFiles,
) -> None:
    """Two days in a hundred were written in the German way; nothing of the table is taken over."""
    rows = (f"a{n},N,{'31.01.2025' if n % 33 == 0 else '2025-01-31'}\n" for n in range(1, 200))
    company.write("accounts.csv", "id,name,created\n" + "".join(rows))
    company.ingest(AS_OF)
    for _ in range(2):
        with (
            open_warehouse(company.settings.warehouse_url) as con,
            pytest.raises(
                DataContractError, match=r"at most 1% of the new rows cannot be read.*6 of 199"
            ) as no,
        ):
            run_gate(con, as_of=AS_OF, report_dir=company.home / "reports")
        assert "'31.01.2025'" in str(no.value)
        assert "format: ['iso', '%d.%m.%Y']" in str(no.value)


# -- 11: ambiguous words


def test_mez_is_berlin_time_and_needs_no_question(company: CompanyFiles) -> None:
    company.write(
        "accounts.csv", "id,name,created\na1,Ann,2025-01-10 10:00 MEZ\na2,Bob,2025-07-10 10:00 MESZ\n"
    )
    company.load()
    assert company.rows("SELECT CAST(occurred_at AS VARCHAR) FROM raw.accounts ORDER BY 1") == [
        ("2025-01-10 09:00:00",),
        ("2025-07-10 08:00:00",),
    ]


# -- 12: identity


def test_marks_that_nobody_sees_make_no_other_account_and_no_other_user(company: CompanyFiles) -> None:
    company.write(
        "usage.csv",
        "account,user,day,feature,events\na1\u00a0,u1,2026-05-01,x,1\n\u200ba1,\u200bu1,2026-05-02,x,1\n"
        "a1\t,u1\u2060,2026-05-03,x,1\n\ufeffa1,u1,2026-05-04,x,1\n",
    )
    company.load()
    assert company.rows("SELECT DISTINCT account_id, user_id FROM raw.usage") == [("a1", "u1")]
    assert company.rows("SELECT count(*) FROM raw.usage") == [(4,)]


# -- 14: pre-aggregated data


def test_means_and_rates_are_not_added_up_and_people_are_counted_by_day(company: CompanyFiles) -> None:
    text = drafted(
        company,
        "product_usage.csv",
        "account_id,date,dau,sessions,avg_session_minutes,bounce_rate\na1,2026-05-01,5,10,4.5,0.3\n",
    )
    assert text.count("feature: {constant:") == 1
    assert "events: sessions" in text
    assert "# TODO not read, for it does not add up: avg_session_minutes, bounce_rate" in text
    assert "  daily_users:\n    - files: product_usage.csv\n" in text
    assert "users: dau" in text


def test_people_of_a_month_are_nobodys_events(company: CompanyFiles) -> None:
    text = drafted(
        company,
        "monthly_usage.csv",
        "account_id,month,active_users,logins\na1,2026-04,12,300\na2,2026-04,3,5\n",
    )
    assert "events: logins" in text
    assert "# TODO not read, for it does not add up: active_users" in text
    assert "daily_users" not in text


def test_a_file_of_nothing_but_people_of_a_month_is_asked_about(company: CompanyFiles) -> None:
    text = drafted(company, "monthly_usage.csv", "account_id,month,mau\na1,2026-04,12\na2,2026-04,3\n")
    assert "# TODO not mapped, no canonical table looks like it: monthly_usage.csv" in text


# -- 15: the draft asks what would be wrong in silence


def test_the_draft_asks_how_terms_end_and_go_on(company: CompanyFiles) -> None:
    head, row = "id,account_id,arr,start", "c1,a1,1000,2025-01-10"
    company.write("contracts.csv", f"{head}\n{row}\n")
    assert "# TODO nothing tells term_end" in draft_mapping(company.data)
    company.write("contracts.csv", f"{head},renewal_date\n{row},2027-01-10\n")
    assert "# TODO nothing tells auto_renew" in draft_mapping(company.data)
    company.write("contracts.csv", f"{head},renewal_date,auto_renew\n{row},2027-01-10,yes\n")
    assert "# TODO nothing tells" not in draft_mapping(company.data).partition("contracts:")[2]


# -- 16: the as-of date of old files


def test_a_months_totals_are_complete_when_the_month_is_over(company: CompanyFiles) -> None:
    company.write(
        "usage.csv",
        "account,user,month,feature,events\n" + "".join(f"a1,,2026-0{m},x,5\n" for m in range(1, 6)),
    )
    company.map(
        MAPPING.replace(
            "occurred_at: day, feature",
            "occurred_at: {column: month, format: '%Y-%m'}, "
            "known_at: {column: month, format: '%Y-%m', plus: {amount: 1, unit: months}}, feature",
        )
    )
    assert last_day(company.settings) == date(
        2026, 6, 2
    )  # May is known on 1 June, and counts from the 2nd on


# -- 17: right remedies


def test_a_lookup_that_leaves_out_many_rows_says_so(company: CompanyFiles) -> None:
    company.write("users.csv", "user,org\nu1,a1\n")
    company.write(
        "usage.csv", "user,day,feature,events\nu1,2026-05-01,x,1\nu8,2026-05-01,x,1\nu9,2026-05-01,x,1\n"
    )
    lookup = "{column: user, lookup: {file: users.csv, key: user, value: org, missing: skip}}"
    company.map(MAPPING.replace("{account_id: account, user_id", f"{{account_id: {lookup}, user_id"))
    notes = company.ingest(AS_OF).notes
    assert [
        note
        for note in notes
        if "has no answer for 2 of 3 values, such as 'u8'; their rows are left out" in note
    ]
