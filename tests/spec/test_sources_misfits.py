"""Columns with the right name that hold something else, and old files whose last days are cut."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.sources import landing
from customer_health.sources.draft import draft_mapping
from customer_health.sources.last_day import last_day

TODAY = date(2026, 6, 1)
ACCOUNTS = "account_id,name,created\n" + "".join(f"a{n},Firm {n},2023-01-10\n" for n in range(8))


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CompanyFiles:
    monkeypatch.setattr(landing, "BULK_ROWS", -1)
    return CompanyFiles(tmp_path)


def drafted(folder: Path, **files: str) -> str:
    for name, content in {"accounts": ACCOUNTS, **files}.items():
        (folder / f"{name}.csv").write_text(content)
    return draft_mapping(folder)


# -- 1 and 3: words where a value belongs


def test_a_renewal_date_that_holds_words_is_asked_about_and_not_left_out(tmp_path: Path) -> None:
    """Half of the contracts say evergreen: without the column, no renewal would be known at all."""
    dates = ["2027-01-31", "TBD", "evergreen", "2027-02-28"]
    rows = "".join(f"c{n},a{n},1000.5,2026-01-31,{dates[n % 4]}\n" for n in range(8))
    text = drafted(tmp_path, contracts="contract_id,account_id,arr,start_date,renewal_date\n" + rows)
    assert "# TODO renewal_date has the name of term_end, and holds TBD, evergreen" in text
    assert "`term_end: {column: renewal_date, values: {TBD: null}}`" in text
    assert "nothing tells term_end" not in text


def test_such_words_mean_no_date_once_the_mapping_says_so(company: CompanyFiles) -> None:
    company.write(
        "contracts.csv",
        "id,account,seats,arr,start,end\nc1,a1,1,100,2026-01-01,TBD\nc2,a2,1,100,2026-01-01,evergreen\n"
        "c3,a3,1,100,2026-01-01,2027-01-01\n",
    )
    words = "term_end: {column: end, values: {TBD: null}}"
    company.map(MAPPING.replace("seats: seats", f"seats: seats, {words}"))
    company.ingest()
    assert company.rows("SELECT contract_id, term_end IS NULL FROM raw.contracts ORDER BY 1") == [
        ("c1", True),
        ("c3", False),
    ]
    assert company.quarantine() == [("contracts", "contracts.csv", 3, "term_end", "evergreen")]


def test_answers_in_words_are_asked_about(tmp_path: Path) -> None:
    rows = "".join(f"n{n},a{n},2026-05-01,{('good', 'bad')[n % 2]}\n" for n in range(8))
    text = drafted(tmp_path, csat="id,account_id,answered,rating\n" + rows)
    assert "# TODO rating has the name of score, and holds bad, good: map such words" in text


def test_yes_and_no_in_paid_are_proposed_as_a_state(tmp_path: Path) -> None:
    """Not as "nothing is paid": the column has the name of a date and tells none."""
    rows = "".join(f"i{n},a{n},100.5,2026-04-01,{('yes', 'no')[n % 2]}\n" for n in range(8))
    text = drafted(tmp_path, invoices="invoice_id,account_id,amount,issued,paid\n" + rows)
    assert '`status: {column: paid, values: {"no": open, "yes": paid}}`' in text


def test_what_tells_the_rows_of_a_day_apart_is_not_dropped_in_silence(tmp_path: Path) -> None:
    """Logins and exports of one day would be one number."""
    rows = "".join(f"a{n},2026-05-01,{kind},{n + 3}\n" for n in range(8) for kind in ("logins", "exports"))
    text = drafted(tmp_path, usage="account_id,day,bereich,anzahl_x\n" + rows)
    assert "# TODO rows of one account and day differ in bereich: is it the feature?" in text
    text = drafted(tmp_path, usage="account_id,day,metric,value\n" + rows)
    assert "feature: metric" in text


def test_the_length_of_a_term_is_proposed_as_its_end(tmp_path: Path) -> None:
    rows = "".join(f"c{n},a{n},1000.5,2026-01-31,{(1, 12)[n % 2]}\n" for n in range(8))
    text = drafted(tmp_path, contracts="contract_id,account_id,arr,start_date,term_months\n" + rows)
    assert "`term_end: {column: start_date, plus: {column: term_months, unit: months}}`" in text


def test_a_draft_counts_as_read_what_the_gate_will_take(tmp_path: Path) -> None:
    """Who was asked and did not answer has a row without a score."""
    rows = "".join(f"n{n},a{n},2026-05-0{n + 1},{n if n % 2 else ''}\n" for n in range(8))
    text = drafted(tmp_path, nps="id,account_id,answered,score\n" + rows)
    assert "# TODO reads 4 of the 8 rows; in 4 rows score is empty; the contract requires it" in text


# -- 16: as of old files


def monthly(cut: float) -> str:
    rng = random.Random(3)
    rows = (
        f"a{account},2024-{month:02d}-01,{int(rng.randint(80, 120) * (cut if month == 8 else 1))}\n"
        for month in range(1, 9)
        for account in (1, 2, 3)
    )
    return "account,month,events\n" + "".join(rows)


@pytest.mark.parametrize(("cut", "as_of"), [(1.0, date(2024, 9, 2)), (0.3, date(2024, 8, 2))])
def test_a_month_that_was_exported_before_it_was_over_does_not_count(
    company: CompanyFiles, cut: float, as_of: date
) -> None:
    """Every account has a row for August, and a third of its logins: all usage would seem to collapse."""
    company.write("usage.csv", monthly(cut))
    monthly_usage = (
        "    columns: {account_id: account, feature: {constant: logins}, events: events,\n"
        "      occurred_at: month, known_at: {column: month, plus: {amount: 1, unit: months}}}\n"
    )
    company.map(MAPPING[: MAPPING.index("    columns: {account_id: account, user_id")] + monthly_usage)
    assert last_day(company.settings, before=TODAY) == as_of


def test_invoices_that_are_written_ahead_do_not_move_the_day(company: CompanyFiles) -> None:
    """Twelve invoices of 2024 lie in the files of a company that was last heard of in May."""
    (company.data / "usage.csv").unlink()
    rows = (
        f"i{month},a1,100,2024-{month:02d}-01,{f'2024-{month:02d}-10' if month < 6 else ''}\n"
        for month in range(1, 13)
    )
    company.write("invoices.csv", "id,account,amount,issued,paid\n" + "".join(rows))
    company.map(
        MAPPING[: MAPPING.index("  usage:")]
        + "  invoices:\n    files: invoices.csv\n    columns: {invoice_id: id, account_id: account, "
        "amount: amount, occurred_at: issued, paid_at: paid}\n"
    )
    assert last_day(company.settings, before=TODAY) == date(2024, 5, 11)


def test_quiet_weekends_and_holidays_at_the_end_are_days_like_others(company: CompanyFiles) -> None:
    days = [date(2026, 5, 31) - timedelta(days=n) for n in range(60)]  # a Sunday ends it
    rows = "".join(
        f"a{account},u{user},{day},x,{1 if day.weekday() > 4 else 5}\n"
        for day in days
        for account in (1, 2, 3)
        for user in range(1 if day.weekday() > 4 else 6)
    )
    company.write("usage.csv", "account,user,day,feature,events\n" + rows)
    assert last_day(company.settings, before=TODAY) == date(2026, 6, 1)


def test_an_export_of_usage_that_ended_a_month_before_the_others_is_told(company: CompanyFiles) -> None:
    """Without the mobile file everybody seems to use the product half as much."""
    for name, last in (("web", date(2026, 5, 31)), ("mobile", date(2026, 4, 30)), ("api", date(2026, 5, 25))):
        days = [last - timedelta(days=n) for n in range(60)]
        rows = "".join(f"a1,u1,{day},{name},{1 + day.day % 3}\n" for day in days)
        company.write(f"{name}.csv", "account,user,day,feature,events\n" + rows)
    feed = MAPPING[MAPPING.index("files: usage*.csv") :].rstrip()
    feeds = "".join(
        f"    - {feed.replace('usage*', name)}\n".replace("\n    columns", "\n      columns")
        for name in ("web", "mobile", "api")
    )
    company.map(MAPPING[: MAPPING.index("  usage:")] + "  usage:\n" + feeds)
    notes = company.ingest(TODAY).notes
    assert notes == [
        "usage: mobile.csv ends on 2026-04-30, 31 days before the others: whoever used that seems to have "
        "stopped. Is an export missing?"
    ]
