"""Dates keep their day on the way in, whatever the zone that a tool wrote them in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lib.files import MAPPING, CompanyFiles


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    return CompanyFiles(tmp_path)


def test_a_term_ends_on_the_day_that_the_contract_says(company: CompanyFiles) -> None:
    """Midnight in Berlin, the last second of a day in New York, and a plain day."""
    company.write(
        "contracts.csv",
        "id,account,seats,arr,start,end\n"
        "c1,a1,10,12000,2025-01-01T00:00:00+01:00,2027-01-01T00:00:00+01:00\n"
        "c2,a2,20,24000,2025-02-10T00:00:00-05:00,2026-12-31T23:59:59-05:00\n"
        "c3,a3,5,6000,2025-03-10,2026-03-10\n",
    )
    company.map(MAPPING.replace("occurred_at: start", "occurred_at: start, term_start: start, term_end: end"))
    company.ingest()
    assert company.rows(
        "SELECT contract_id, CAST(term_start AS VARCHAR), CAST(term_end AS VARCHAR) "
        "FROM raw.contracts ORDER BY 1"
    ) == [
        ("c1", "2025-01-01", "2027-01-01"),
        ("c2", "2025-02-10", "2026-12-31"),
        ("c3", "2025-03-10", "2026-03-10"),
    ]


def test_a_term_that_starts_with_its_contract_starts_on_the_same_day(company: CompanyFiles) -> None:
    company.write("contracts.csv", "id,account,seats,arr,start\nc1,a1,10,12000,2025-01-01T00:00:00+01:00\n")
    company.map(
        MAPPING.replace("occurred_at: start", "occurred_at: start, term_start: {same_as: occurred_at}")
    )
    company.ingest()
    assert company.rows(
        "SELECT CAST(occurred_at AS VARCHAR), CAST(term_start AS VARCHAR) FROM raw.contracts"
    ) == [("2024-12-31 23:00:00", "2025-01-01")]


def test_a_daily_export_in_local_midnights_counts_for_its_own_days(company: CompanyFiles) -> None:
    """Events with a time of day fall on the day of UTC, as the contract of usage says."""
    company.write(
        "usage.csv",
        "account,user,day,feature,events\n"
        "a1,u1,2026-05-01T00:00:00+02:00,export,3\na1,u2,2026-05-01T00:30:00+02:00,export,1\n",
    )
    company.ingest()
    assert company.rows("SELECT user_id, CAST(occurred_at AS VARCHAR) FROM raw.usage ORDER BY 1") == [
        ("u1", "2026-05-01"),
        ("u2", "2026-04-30"),
    ]
