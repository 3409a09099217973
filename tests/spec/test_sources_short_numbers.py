"""Numbers written short, digits of other scripts, weeks, and counts since 1970: read, or left to a person."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.files import MAPPING, CompanyFiles

from customer_health.sources.amounts import Money
from customer_health.sources.casting import full_number, moment_of
from customer_health.sources.draft import draft_mapping
from customer_health.sources.magnitudes import folded


def read(text: str, decimal: str = ".", kind: Money = "money") -> float | None:
    with duckdb.connect() as con:
        sql = (
            f"SELECT {full_number('y', decimal, kind)} FROM (SELECT {folded('x')} AS y FROM (SELECT ? AS x))"
        )
        found: float | None = con.execute(sql, [text]).fetchall()[0][0]
        return found


@pytest.mark.parametrize(
    ("text", "decimal", "number"),
    [
        ("1.2M", ".", 1_200_000), ("$1.2M", ".", 1_200_000), ("1.2M USD", ".", 1_200_000), ("3k", ".", 3_000),
        ("(2M)", ".", -2_000_000), ("-3k", ".", -3_000), ("2MM", ".", 2_000_000), ("5 m", ".", 5_000_000),
        ("1.5bn", ".", 1_500_000_000), ("3 lakh", ".", 300_000), ("120万円", ".", 1_200_000),
        ("1,5 Mio", ",", 1_500_000), ("1,5 Mio. EUR", ",", 1_500_000), ("12 Tsd.", ",", 12_000),
        ("3 k€", ",", 3_000), ("1,2 M€", ",", 1_200_000), ("2 Mrd €", ",", 2_000_000_000),
        ("１２３", ".", 123), ("￥１２３，４５６", ".", 123_456), ("١٢٣", ".", 123),
        ("12 MXN", ".", 12), ("1200 KRW", ".", 1_200), ("12 kr", ".", 12),
    ],
)  # fmt: skip
def test_an_amount_may_be_written_short(text: str, decimal: str, number: float) -> None:
    assert read(text, decimal) == number


@pytest.mark.parametrize("text", ["12 mil", "5 T", "12k3", "1.2 L", "3 k 000", "M", "5 M 3"])
def test_a_word_that_means_two_numbers_means_none(text: str) -> None:
    """Mil is a thousand in Lisbon and a million in London: quarantine."""
    assert read(text) is None


def test_a_small_m_is_a_million_of_money_only() -> None:
    assert read("5m", kind="plain") is None
    assert read("5M", kind="plain") == 5_000_000


@given(st.integers(1, 9_999), st.sampled_from([("k", 1e3), ("M", 1e6), ("bn", 1e9)]), st.sampled_from("., "))
def test_a_short_number_is_the_long_one(tenths: int, word: tuple[str, float], blank: str) -> None:
    text = f"{tenths // 10}.{tenths % 10}{blank.strip('.,')}{word[0]}"
    assert read(text) == pytest.approx(tenths / 10 * word[1])


def moment(text: str, format_: str) -> str | None:
    with duckdb.connect() as con:
        sql = (
            f"SELECT CAST(CAST({moment_of('x', format_, None)} AS TIMESTAMP) AS VARCHAR) FROM (SELECT ? AS x)"
        )
        found: str | None = con.execute(sql, [text]).fetchall()[0][0]
        return found


@pytest.mark.parametrize(
    ("format_", "text", "when"),
    [
        ("unix", "1770000000", "2026-02-02 02:40:00"),
        ("unix_ms", "1770000000123", "2026-02-02 02:40:00.123"),
        ("unix_us", "1770000000123456", "2026-02-02 02:40:00.123456"),
        ("unix_ns", "1770000000123456789", "2026-02-02 02:40:00.123456"),
        ("unix_us", "1770000000", None), ("unix_ns", "1770000000123456", None),
        ("unix", "1770000000123", None),
        ("unix_ms", "1.77E+12", None),
        ("iso_week", "2026-W07", "2026-02-09 00:00:00"), ("iso_week", "2026W07-3", "2026-02-11 00:00:00"),
        ("iso_week", "2025-W53", None), ("iso_week", "2026-W00", None),
    ],
)  # fmt: skip
def test_a_count_since_1970_is_of_one_unit_and_a_week_is_of_its_year(
    format_: str, text: str, when: str | None
) -> None:
    assert moment(text, format_) == when


@given(st.dates(date(1990, 1, 1), date(2090, 12, 31)))
def test_a_week_begins_on_the_monday_that_python_knows(day: date) -> None:
    year, week, weekday = day.isocalendar()
    assert moment(f"{year}-W{week:02}-{weekday}", "iso_week") == f"{day} 00:00:00"
    assert moment(f"{year}-W{week:02}", "iso_week") == f"{date.fromisocalendar(year, week, 1)} 00:00:00"


def test_amounts_and_weeks_are_loaded_as_they_are_drafted(tmp_path: Path, in_columns: None) -> None:
    """A week's total is known when the week is over; an amount that reads in two ways waits."""
    company = CompanyFiles(tmp_path)
    (company.data / "usage.csv").unlink()
    company.write("accounts.csv", "id,name,created\na1,Ann,1704067200\na2,Bob,1704067200\n")
    amounts = ("1.2M", "12 mil", "3k", "4k", "5k", "6k", "7k")
    company.write(
        "contracts.csv",
        "id,account_id,arr,start\n"
        + "".join(f"k{n},a{1 + n % 2},{amount},1704067200000\n" for n, amount in enumerate(amounts)),
    )
    company.write("usage.csv", "account_id,week,events\na1,2026-W07,5\n")
    company.mapping.write_text(draft_mapping(company.data), encoding="utf-8")
    company.load()
    assert company.rows(
        "SELECT arr, CAST(occurred_at AS VARCHAR) FROM raw.contracts ORDER BY arr DESC LIMIT 2"
    ) == [(1_200_000, "2024-01-01 00:00:00"), (7_000, "2024-01-01 00:00:00")]
    assert company.rows("SELECT CAST(occurred_at AS VARCHAR), CAST(known_at AS VARCHAR) FROM raw.usage") == [
        ("2026-02-09", "2026-02-16 00:00:00")
    ]
    assert [row[:4] for row in company.quarantine()] == [("contracts", "contracts.csv", 3, "arr")]


def test_a_condition_reads_numbers_as_a_column_does(tmp_path: Path, in_columns: None) -> None:
    company = CompanyFiles(tmp_path)
    company.write("contracts.csv", "id,account,arr,start\nc1,a1,3k,2025-01-10\nc2,a2,５,2025-01-10\n")
    feed = "    files: contracts.csv\n"
    mapped = MAPPING.replace("seats: seats, ", "")
    company.map(mapped.replace(feed, feed + "    where: {arr: {at_least: 1}}\n"))
    company.load()
    assert sorted(company.rows("SELECT contract_id, arr FROM raw.contracts")) == [("c1", 3_000), ("c2", 5)]
