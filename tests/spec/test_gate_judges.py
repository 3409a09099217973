"""The gate's numbers, held against their bounds by Great Expectations: cheaply, and to the same verdicts."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest
from tests.lib.files import AS_OF, CONTRACTS, USAGE, CompanyFiles

from customer_health.warehouse import expectations
from customer_health.warehouse.bounds import Demand, demands
from customer_health.warehouse.contracts import row_rules
from customer_health.warehouse.data_docs import great_expectations, open_project
from customer_health.warehouse.expectations import judge
from customer_health.warehouse.gate import GateResult
from customer_health.warehouse.measures import Measures
from customer_health.warehouse.tables import TABLES

LATER = date(2026, 6, 20)


def by_every_value(measure: str, *, known: bool, **bounds: object) -> object:
    """The dearer way, for each number: each value of the column of one row, whatever it is."""
    return great_expectations().expectations.ExpectColumnValuesToBeBetween(column=measure, **bounds)


def around(demand: Demand) -> list[float | None]:
    """A number on each bound, one beside it, one far off, and none at all."""
    numbers: list[float | None] = [None, 0.0, 1e9]
    for bound in (demand.minimum, demand.maximum):
        numbers += [] if bound is None else [bound, bound - 0.001, bound + 0.001]
    return numbers


def within(demand: Demand, number: float | None) -> bool:
    if number is None:
        return True
    low = -float("inf") if demand.minimum is None else demand.minimum
    high = float("inf") if demand.maximum is None else demand.maximum
    return low <= number <= high


def test_every_demand_is_met_exactly_within_its_bounds_and_where_nothing_is_known(tmp_path: Path) -> None:
    demanded = {name: list(demands(table, row_rules(table, AS_OF))) for name, table in TABLES.items()}
    rounds = max(len(around(one)) for many in demanded.values() for one in many)
    seen = set()
    for turn in range(rounds):
        measured = {
            name: Measures(TABLES[name], {one.measure: around(one)[turn % len(around(one))] for one in many})
            for name, many in demanded.items()
            if name in ("accounts", "contracts", "usage")
        }
        for verdict in judge(open_project(tmp_path / str(turn)), measured, demanded):
            number = measured[verdict.table].values[verdict.demand.measure]
            assert verdict.met == within(verdict.demand, number), (verdict.table, verdict.demand, number)
            seen.add(verdict.met)
    assert seen == {True, False}


def told(result: GateResult) -> list[tuple[str, str, str, bool, str]]:
    return [(v.table, v.demand.measure, v.demand.severity, v.met, v.found) for v in result.verdicts]


def failed_pages(result: GateResult) -> dict[str, bool]:
    """Table -> whether Great Expectations' own page of it says that it failed."""
    with zipfile.ZipFile(result.report.parent / "data_docs.zip") as archive:
        return {
            name.split("/")[1]: "Failed" in archive.read(name).decode("utf-8")
            for name in archive.namelist()
            if name.startswith("validations/") and name.endswith(".html")
        }


def test_damaged_data_is_judged_as_by_a_look_at_every_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = CompanyFiles(tmp_path)
    company.write("contracts.csv", CONTRACTS.replace("24000", "-5").replace("c3,a3", "c3,nobody"))
    company.write("usage.csv", USAGE + "a9,u9,2026-05-02,export,1\na1,u1,not a day,export,3\n")
    company.load()
    cheap = company.gate(LATER)
    monkeypatch.setattr(expectations, "bounds_on", by_every_value)
    dear = company.gate(LATER)
    assert told(cheap) == told(dear)
    assert failed_pages(cheap) == failed_pages(dear)
    assert {v.demand.measure for v in cheap.failed} >= {"unreadable", "days_old", "without_contract"}
    assert {v.kind for v in dear.verdicts} == {"expect_column_values_to_be_between"}
    assert sum(v.kind == "expect_column_max_to_be_between" for v in cheap.verdicts) > len(cheap.verdicts) / 2
