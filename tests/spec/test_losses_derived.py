"""Losses that nobody has to bring: contracts and invoices tell them. Renewals that nobody booked."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.company import CompanyConfig
from customer_health.sources import landing
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate

AS_OF = date(2026, 6, 1)
CONTRACTS = MAPPING.replace(
    "seats: seats, arr: arr, occurred_at: start}",
    "seats: seats, arr: arr, plan_rank: rank, term_start: start, term_end: end, occurred_at: start}",
)
HEAD = "id,account,seats,arr,rank,start,end\n"
INVOICES = """  invoices:
    files: invoices.csv
    columns: {invoice_id: id, account_id: account, kind: {constant: usage}, amount: amount, occurred_at: day}
"""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)  # the columnar way lands in a tenth of the time
    made = CompanyFiles(tmp_path)
    made.write("accounts.csv", "id,name,created\na1,Ann,2024-01-01\na2,Bob,2024-01-01\na3,Cay,2024-01-01\n")
    made.map(CONTRACTS)
    return made


def losses(company: CompanyFiles, config: CompanyConfig | None = None) -> list[tuple[object, ...]]:
    """Account, kind, effective day, day known and ARR of the outcomes that model and KPIs see."""
    company.ingest(AS_OF)
    with open_warehouse(company.settings.warehouse_url) as con:
        run_gate(con, as_of=AS_OF, report_dir=company.home / "reports", config=config)
    return company.rows(
        "SELECT account_id, kind, CAST(occurred_at::DATE AS VARCHAR), CAST(known_at::DATE AS VARCHAR), "
        "arr_lost FROM raw.outcomes ORDER BY occurred_at, account_id, kind"
    )


def test_a_customer_has_left_when_no_contract_follows_within_30_days(company: CompanyFiles) -> None:
    """Ann renewed 30 days late, Bob 31 days late (he left and came back), Cay never."""
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,10,1000,1,2024-01-01,2025-01-01\nc2,a1,10,1000,1,2025-01-31,2027-01-31\n"
        "c3,a2,10,2000,1,2024-01-01,2025-01-01\nc4,a2,10,2000,1,2025-02-01,2027-02-01\n"
        "c5,a3,10,3000,1,2024-03-31,2025-03-31\n",
    )
    assert losses(company) == [
        ("a2", "logo_churn", "2025-01-01", "2025-01-31", 2000),
        ("a3", "logo_churn", "2025-03-31", "2025-04-30", 3000),
    ]


def test_a_plan_switch_is_a_downgrade_or_nothing_but_no_loss_of_the_customer(company: CompanyFiles) -> None:
    """Ann moves from monthly to yearly; Bob to a smaller plan, three days after the old one ended."""
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,10,1200,2,2025-01-31,2025-02-28\nc2,a1,10,1000,2,2025-02-28,2027-02-28\n"
        "c3,a2,10,5000,3,2025-01-01,2026-01-01\nc4,a2,10,2000,1,2026-01-04,2027-01-04\n"
        "c5,a3,10,3000,1,2024-03-31,2027-03-31\n",
    )
    assert losses(company) == [("a2", "downgrade", "2026-01-01", "2026-01-31", 3000)]


def test_seats_are_a_contraction_when_more_than_a_tenth_goes(company: CompanyFiles) -> None:
    """Over all contracts of an account: Ann moves ten seats between two; Bob loses 10 %, Cay 11 %."""
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,50,1000,1,2025-01-01,2027-01-01\nc2,a1,20,400,1,2025-01-01,2027-01-01\n"
        "c1,a1,40,800,1,2025-06-01,2027-01-01\nc2,a1,30,600,1,2025-06-01,2027-01-01\n"
        "c3,a2,100,1000,1,2025-01-01,2027-01-01\nc3,a2,90,900,1,2026-01-01,2027-01-01\n"
        "c4,a3,100,1000,1,2025-01-01,2027-01-01\nc4,a3,89,850,1,2026-01-01,2027-01-01\n",
    )
    assert losses(company) == [("a3", "contraction_seats", "2026-01-01", "2026-01-31", 150)]


def test_usage_based_revenue_is_a_contraction_when_a_fifth_goes(company: CompanyFiles) -> None:
    """Monthly invoices on the last day of each month; Ann's fall by half from January on, Bob's never."""
    company.write("contracts.csv", HEAD + "c1,a1,,1000,,2024-01-01,\nc2,a2,,1000,,2024-01-01,\n")
    firsts = [date(2025 + month // 12, month % 12 + 1, 1) for month in range(1, 17)]
    days = [first - timedelta(days=1) for first in firsts]
    lines = [
        f"{account}-{day},{account},{day},{amount * (0.5 if account == 'a1' and day.year == 2026 else 1)}"
        for account, amount in (("a1", 1000), ("a2", 800))
        for day in days
    ]
    company.write("invoices.csv", "\n".join(["id,account,day,amount", *lines, ""]))
    company.map(CONTRACTS + INVOICES)
    found = losses(company)
    assert [(account, kind) for account, kind, *_ in found] == [("a1", "contraction_usage")]
    assert "2026-01-31" <= str(found[0][2]) <= "2026-03-31"


def test_thresholds_are_the_companys(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,100,1000,1,2025-01-01,2027-01-01\nc1,a1,80,850,1,2026-01-01,2027-01-01\n"
        "c2,a2,10,1000,1,2024-01-01,2025-01-01\nc3,a2,10,1000,1,2025-02-25,2027-01-01\n",
    )
    config = CompanyConfig.model_validate({"outcomes": {"grace_days": 60, "seats_fall": 0.25}})
    assert losses(company, config) == []
    assert [loss[1] for loss in losses(company)] == ["logo_churn", "contraction_seats"]
    assert losses(company, CompanyConfig.model_validate({"outcomes": {"derive": False}})) == []


def test_a_companys_own_outcomes_win_and_the_two_are_compared(company: CompanyFiles) -> None:
    """Its log knows of Ann and not of Cay; of downgrades it knows nothing, so these are derived."""
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,10,1000,1,2024-01-01,2025-01-01\nc3,a3,10,3000,1,2024-03-31,2025-03-31\n"
        "c2,a2,10,5000,3,2025-01-01,2026-01-01\nc4,a2,10,2000,1,2026-01-01,2027-01-01\n",
    )
    company.write("lost.csv", "account,day\na1,2025-01-15\na2,2025-07-01\n")
    company.map(
        CONTRACTS + "  outcomes:\n    files: lost.csv\n    columns: {account_id: account, occurred_at: day}\n"
    )
    assert [loss[:3] for loss in losses(company)] == [
        ("a1", "logo_churn", "2025-01-15"),
        ("a2", "logo_churn", "2025-07-01"),
        ("a2", "downgrade", "2026-01-01"),
    ]
    page = (company.home / "reports" / "2026-06-01" / "outcomes.md").read_text(encoding="utf-8")
    assert "1 in both, 1 in your outcomes only, 1 derived only" in page
    assert "| a2 | 2025-07-01 |  | unknown |  |" in page
    assert "| a3 |  | 2025-03-31 | 3K | term passed, nothing followed |" in page
    assert "1 derived; your own outcomes hold none of this kind" in page


def test_a_company_that_tells_its_contractions_tells_all_of_them(company: CompanyFiles) -> None:
    """It brings contractions of usage; those of seats are then compared, and count for nothing."""
    company.write(
        "contracts.csv",
        HEAD + "c4,a3,100,1000,1,2025-01-01,2027-01-01\nc4,a3,50,850,1,2026-01-01,2027-01-01\n",
    )
    company.write("lost.csv", "account,day,kind\na1,2025-01-15,contraction_usage\n")
    company.map(
        CONTRACTS + "  outcomes:\n    files: lost.csv\n"
        "    columns: {account_id: account, occurred_at: day, kind: kind}\n"
    )
    assert [loss[:2] for loss in losses(company)] == [("a1", "contraction_usage")]
    assert company.rows("SELECT account_id, kind FROM ops.derived_outcomes") == [("a3", "contraction_seats")]


def test_a_second_run_changes_nothing_and_a_correction_takes_a_loss_back(company: CompanyFiles) -> None:
    lost = HEAD + "c1,a1,10,1000,1,2024-01-01,2025-01-01\n"
    company.write("contracts.csv", lost)
    assert len(losses(company)) == 1
    before = company.rows("SELECT _load_id, _row FROM raw.outcomes")
    losses(company)
    assert company.rows("SELECT _load_id, _row FROM raw.outcomes") == before
    company.write("contracts.csv", lost + "c2,a1,10,1000,1,2025-01-10,2027-01-01\n")
    assert losses(company) == []


def test_outcomes_that_are_split_by_plan_see_the_successor_of_another_plan(company: CompanyFiles) -> None:
    """Ann moves from monthly to yearly and Cay stays: the only loss is Bob."""
    company.write(
        "sub.csv",
        "id,acc,kind,start,end\n1,a1,monthly,2024-01-01,2024-02-01\n2,a1,annual,2024-02-01,2025-02-01\n"
        "5,a1,annual,2025-02-20,2026-05-20\n3,a2,monthly,2024-01-01,2024-02-01\n4,a3,annual,2024-01-01,\n",
    )
    feed = (
        "    - {files: sub.csv, where: {kind: %s}, unless_followed: {begins: start, within_days: 30}, "
        "columns: {account_id: acc, occurred_at: end}}\n"
    )
    company.write("contracts.csv", HEAD + "c1,a1,10,1000,1,2024-01-01,\n")
    company.map(CONTRACTS + "  outcomes:\n" + feed % "monthly" + feed % "annual")
    assert [loss[:3] for loss in losses(company)] == [("a2", "logo_churn", "2024-02-01")]
    company.ingest(AS_OF + timedelta(days=30))  # by then nobody has followed on Ann's last term
    assert company.ids("outcomes", "account_id") == ["a1", "a2"]


TWO_TOOLS = (
    CONTRACTS
    + """  outcomes:
    - {files: old.csv, unless_followed: {begins: start}, columns: {account_id: acc, occurred_at: end}}
"""
)


def test_a_term_that_goes_on_in_another_tool_is_no_loss(company: CompanyFiles) -> None:
    """Billing moved in 2025: Ann's term goes on in the new tool, Bob's too a month later, Cay has left."""
    company.write("old.csv", "acc,start,end\na1,2024-01-01,2025-01-01\na2,2024-01-01,2025-01-01\n"
                  "a3,2024-01-01,2025-01-01\n")  # fmt: skip
    company.write(
        "contracts.csv",
        HEAD + "o1,a1,10,1000,1,2024-01-01,2025-01-01\nn1,a1,10,1000,1,2025-01-01,2027-01-01\n"
        "o2,a2,10,2000,1,2024-01-01,2025-01-01\nn2,a2,10,2000,1,2025-01-30,2027-01-30\n"
        "o3,a3,10,3000,1,2024-01-01,2025-01-01\n",
    )
    company.map(TWO_TOOLS)
    assert [loss[:3] for loss in losses(company)] == [("a3", "logo_churn", "2025-01-01")]
    page = (company.home / "reports" / "2026-06-01" / "outcomes.md").read_text(encoding="utf-8")
    assert "No loss: a term ended, and the account goes on with another contract" in page
    assert "| a1 | 2025-01-01 | n1 |" in page
    assert "| a2 | 2025-01-01 | n2 |" in page


def test_the_loss_is_one_again_when_the_contract_that_followed_is_taken_back(company: CompanyFiles) -> None:
    company.write("old.csv", "acc,start,end\na1,2024-01-01,2025-01-01\n")
    lost = HEAD + "o1,a1,10,1000,1,2024-01-01,2025-01-01\n"
    company.write("contracts.csv", lost + "n1,a1,10,1000,1,2025-01-01,2027-01-01\n")
    company.map(TWO_TOOLS)
    assert losses(company) == []
    assert losses(company) == []  # a second run finds nothing new
    company.write("contracts.csv", lost)
    assert [loss[:3] for loss in losses(company)] == [("a1", "logo_churn", "2025-01-01")]
    company.write("contracts.csv", lost + "n1,a1,10,1000,1,2025-01-01,2027-01-01\n")
    company.write("old.csv", "acc,start,end\na1,2024-01-01,2025-01-02\n")
    assert losses(company) == []
    assert company.rows("SELECT count(*) FROM ops.followed_outcomes") == [(1,)]


def test_what_followed_may_itself_be_lost_though_no_file_of_losses_tells_of_it(company: CompanyFiles) -> None:
    company.write("old.csv", "acc,start,end\na1,2024-01-01,2025-01-01\na3,2024-01-01,2025-01-01\n")
    company.write(
        "contracts.csv",
        HEAD + "o1,a1,10,1000,1,2024-01-01,2025-01-01\nn1,a1,10,1000,1,2025-01-01,2026-01-01\n"
        "o3,a3,10,3000,1,2024-01-01,2025-01-01\n",
    )
    company.map(TWO_TOOLS)
    assert [loss[:3] for loss in losses(company)] == [
        ("a3", "logo_churn", "2025-01-01"),
        ("a1", "logo_churn", "2026-01-01"),
    ]


def test_a_contract_of_which_nobody_told_the_end_does_not_follow_on_itself(company: CompanyFiles) -> None:
    """The contracts know no ends: that Ann's is still there says nothing about the end that billing tells."""
    company.write("old.csv", "acc,start,end\na1,2024-01-01,2025-01-01\n")
    company.write("contracts.csv", HEAD + "o1,a1,10,1000,1,2024-01-01,\n")
    company.map(TWO_TOOLS)
    assert [loss[:3] for loss in losses(company)] == [("a1", "logo_churn", "2025-01-01")]


def test_a_loss_that_the_company_logged_itself_stays_one(company: CompanyFiles) -> None:
    company.write("lost.csv", "account,day\na1,2025-01-01\n")
    company.write(
        "contracts.csv", HEAD + "o1,a1,10,1000,1,2024-01-01,2025-01-01\nn1,a1,10,1000,1,2025-01-01,\n"
    )
    company.map(
        CONTRACTS + "  outcomes:\n    files: lost.csv\n    columns: {account_id: account, occurred_at: day}\n"
    )
    assert [loss[:2] for loss in losses(company)] == [("a1", "logo_churn")]


def test_a_term_that_goes_on_at_the_account_it_was_merged_into_is_no_loss(company: CompanyFiles) -> None:
    company.write(
        "accounts.csv",
        "id,name,created,into,when\na1,Ann,2024-01-01,a2,2025-03-01\na2,Bob,2024-01-01,,\n",
    )
    company.write("old.csv", "acc,start,end\na1,2024-01-01,2025-01-01\n")
    company.write(
        "contracts.csv",
        HEAD + "o1,a1,10,1000,1,2024-01-01,2025-01-01\nn1,a2,10,1000,1,2025-01-01,2027-01-01\n",
    )
    company.map(
        TWO_TOOLS.replace("occurred_at: created", "occurred_at: created, merged_into: into, merged_at: when")
    )
    assert losses(company) == []


def test_a_contract_of_a_customer_that_left_does_not_go_on_at_the_account_it_was_merged_into(
    company: CompanyFiles,
) -> None:
    """Ann left in June 2024, her contract shows no end, and Bob swallowed her account; then Bob leaves."""
    company.write(
        "accounts.csv",
        "id,name,created,into,when\na1,Ann,2024-01-01,a2,2025-03-01\na2,Bob,2024-01-01,,\n",
    )
    company.write("lost.csv", "account,day\na1,2024-06-01\n")
    company.write(
        "contracts.csv", HEAD + "o1,a1,10,1000,1,2024-01-01,\nn1,a2,100,9000,1,2024-01-01,2025-09-01\n"
    )
    merged = CONTRACTS.replace(
        "occurred_at: created", "occurred_at: created, merged_into: into, merged_at: when"
    )
    company.map(
        merged + "  outcomes:\n    files: lost.csv\n    columns: {account_id: account, occurred_at: day}\n"
    )
    losses(company)
    derived = company.rows(
        "SELECT account_id, kind, CAST(occurred_at::DATE AS VARCHAR) FROM ops.derived_outcomes"
    )
    assert ("a2", "logo_churn", "2025-09-01") in derived


# -- renewals that nobody booked


def used_until(company: CompanyFiles, account: str, last: date, days: int = 300) -> None:
    lines = [f"{account},u1,{last - timedelta(days=n)},export,1" for n in range(days)]
    company.write("usage.csv", "\n".join(["account,user,day,feature,events", *lines, ""]))


def test_a_customer_whose_term_has_passed_stays_one_while_usage_goes_on(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,10,1000,1,2025-03-01,2026-03-01\nc2,a2,10,900,1,2025-03-01,2026-03-01\n",
    )
    used_until(company, "a1", AS_OF - timedelta(days=1))
    assert [loss[:3] for loss in losses(company)] == [("a2", "logo_churn", "2026-03-01")]
    assert company.rows(
        "SELECT contract_id, status, CAST(occurred_at::DATE AS VARCHAR), arr FROM raw.contracts "
        "WHERE _source = 'derived'"
    ) == [("c1 (presumed renewed)", "active", "2026-03-31", 1000)]


def test_such_customers_are_listed_and_counted_by_the_gate_whatever_the_rule(company: CompanyFiles) -> None:
    company.write("contracts.csv", HEAD + "c1,a1,10,1000,1,2025-03-01,2026-03-01\n")
    used_until(company, "a1", AS_OF - timedelta(days=1))
    gate = company.load(AS_OF)
    assert gate.counts()["past_renewal_and_active"] == 1
    assert any("1 renewal date passed, still active: renewed? a1" in line for line in gate.lines())
    listed = (gate.report.parent / "renewals_to_check.csv").read_text(encoding="utf-8").splitlines()
    assert listed[1].startswith("a1,2026-03-01,2026-05-31,1000.00,")
    assert losses(company, CompanyConfig.model_validate({"contracts": {"presume_renewed": False}})) == [
        ("a1", "logo_churn", "2026-03-01", "2026-03-31", 1000)
    ]


def test_the_presumption_ends_with_the_usage_or_with_the_renewal(company: CompanyFiles) -> None:
    company.write("contracts.csv", HEAD + "c1,a1,10,1000,1,2025-01-01,2026-01-01\n")
    used_until(company, "a1", date(2026, 3, 15))
    assert losses(company) == [("a1", "logo_churn", "2026-04-14", "2026-05-14", 1000)]
    company.write(
        "contracts.csv",
        HEAD + "c1,a1,10,1000,1,2025-01-01,2026-01-01\nc2,a1,10,1100,1,2026-03-01,2027-01-01\n",
    )
    assert losses(company) == []
