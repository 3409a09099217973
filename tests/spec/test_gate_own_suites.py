"""A company's own expectations run in the gate, in Great Expectations' own formats."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.lib.files import AS_OF, CompanyFiles

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.warehouse import own_suites
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate
from customer_health.warehouse.gate_result import GateResult


@pytest.fixture
def company(tmp_path: Path, in_columns: None) -> CompanyFiles:
    made = CompanyFiles(tmp_path)
    made.ingest()
    (tmp_path / "suites").mkdir()
    return made


def expects(company: CompanyFiles, file: str, *expectations: dict[str, Any]) -> Path:
    """Write a suite in Great Expectations' own JSON."""
    path = company.home.parent / "suites" / file
    path.write_text(json.dumps({"name": file, "expectations": list(expectations)}), encoding="utf-8")
    return path


def gate(company: CompanyFiles) -> GateResult:
    with open_warehouse(company.settings.warehouse_url) as con:
        return run_gate(
            con,
            as_of=AS_OF,
            report_dir=company.home / "reports",
            project=company.home,
            own=company.home.parent / "suites",
        )


def kinds(type_: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": {"remedy": "Ask finance."}}


TOO_LOW = kinds("expect_column_max_to_be_between", "warning", column="arr", max_value=1)


@pytest.mark.parametrize("small", [100_000, 0], ids=["as a batch", "by measurements"])
def test_a_critical_expectation_stops_the_chain_and_a_warning_does_not(
    company: CompanyFiles, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(own_suites, "SMALL", small)
    fine = kinds("expect_column_values_to_be_between", column="arr", min_value=0)
    expects(company, "contracts.finance.json", TOO_LOW, fine)
    result = gate(company)
    own = [verdict for verdict in result.verdicts if verdict.demand.measure.startswith("own_")]
    assert [(verdict.demand.severity, verdict.met) for verdict in own] == [
        ("warning", False),
        ("critical", True),
    ]
    assert any("Ask finance." in line for line in result.lines())

    expects(company, "contracts.finance.json", {**TOO_LOW, "severity": "critical"})
    with pytest.raises(DataContractError, match="expect_column_max_to_be_between") as stop:
        gate(company)
    assert "Ask finance." in stop.value.hint


CASES = [
    kinds("expect_column_values_to_not_be_null", column="contract_id"),
    kinds("expect_column_values_to_be_unique", column="contract_id"),
    kinds("expect_column_values_to_be_unique", column="arr"),
    kinds("expect_column_values_to_be_in_set", column="account_id", value_set=["a1"]),
    kinds("expect_column_values_to_be_in_set", column="account_id", value_set=["a1"], mostly=0.2),
    kinds("expect_column_values_to_not_be_in_set", column="account_id", value_set=["zz"]),
    kinds("expect_column_values_to_match_regex", column="account_id", regex="^a[0-9]$"),
    kinds("expect_column_values_to_be_between", column="seats", min_value=1, strict_min=True),
    kinds("expect_column_mean_to_be_between", column="arr", max_value=10),
    kinds("expect_column_sum_to_be_between", column="seats", min_value=1),
    kinds("expect_column_unique_value_count_to_be_between", column="account_id", max_value=2),
    kinds("expect_table_row_count_to_be_between", min_value=1, max_value=10),
    kinds("expect_column_values_to_be_null", column="contract_id", mostly=0.5),
]


def test_measurements_judge_as_the_rows_themselves_would(
    company: CompanyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    expects(company, "contracts.json", *({**case, "severity": "warning"} for case in CASES))
    found = []
    for small in (100_000, 0):
        monkeypatch.setattr(own_suites, "SMALL", small)
        own = [v for v in gate(company).verdicts if v.demand.measure.startswith("own_")]
        found.append([(verdict.kind, verdict.met) for verdict in own])
    assert len(found[0]) == len(CASES)
    assert found[0] == found[1]
    assert {met for _, met in found[0]} == {True, False}


def test_a_suite_may_be_python(company: CompanyFiles) -> None:
    (company.home.parent / "suites" / "accounts.py").write_text(
        "import great_expectations as gx\n"
        "suite = gx.ExpectationSuite(name='mine', expectations=[gx.expectations."
        "ExpectTableRowCountToBeBetween(min_value=50, severity='warning')])\n",
        encoding="utf-8",
    )
    (verdict,) = [v for v in gate(company).verdicts if v.demand.measure.startswith("own_")]
    assert (verdict.table, verdict.met) == ("accounts", False)


def test_suites_stay_as_files_and_data_docs_can_be_downloaded_without_anybodys_rows(
    company: CompanyFiles,
) -> None:
    expects(
        company,
        "accounts.json",
        kinds("expect_column_values_to_be_in_set", "warning", column="name", value_set=["Nobody"]),
    )
    for _ in range(2):  # a second run finds its project, and keeps nothing of the first but the suites
        result = gate(company)
    kept = {path.stem for path in (company.home / "gx" / "expectations").glob("*.json")}
    assert {"accounts", "contracts", "usage", "own_accounts"} <= kept
    suite = json.loads((company.home / "gx" / "expectations" / "accounts.json").read_text(encoding="utf-8"))
    of_what_is_known = {one["type"] for one in suite["expectations"] if one["kwargs"]["column"] == "rows"}
    assert of_what_is_known == {"expect_column_max_to_be_between"}

    with zipfile.ZipFile(result.report.parent / "data_docs.zip") as archive:
        pages = [name for name in archive.namelist() if name.endswith(".html")]
        assert sum(one.compress_size for one in archive.infolist()) < 1_000_000  # each night, for weeks
        words = "".join(archive.read(name).decode("utf-8") for name in pages)
    assert len([name for name in pages if name.startswith("validations/own_accounts/")]) == 1
    assert "Ann" not in words


def test_the_archive_is_saved_and_its_pages_are_shown_as_ours(
    company: CompanyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_health_airflow.task_links import DataDocsLink
    from customer_health_airflow.ui import report_files

    gate(company)
    monkeypatch.setattr(report_files, "load_settings", lambda: company.settings)
    answer = report_files.file(None, f"reports/{AS_OF}/data_docs.zip")  # type: ignore[arg-type]
    assert answer.headers["content-disposition"].startswith("attachment")

    class Task:
        page = f"/customer-health/files/reports/{AS_OF}/gate.html"

    assert DataDocsLink().get_link(Task(), ti_key=None).endswith(f"/customer-health/data-docs/{AS_OF}")


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("acounts.json", "{}", "no table 'acounts'"),
        ("accounts.json", "{", "is not a suite"),
        ("accounts.json", '{"expectations": [{"type": "expect_magic", "kwargs": {}}]}', "is not a suite"),
        ("accounts.py", "suite = 3", "assigns no ExpectationSuite"),
        (
            "accounts.json",
            '{"expectations": [{"type": "expect_column_values_to_be_unique", "kwargs": {"column": "nane"}}]}',
            "no column 'nane'",
        ),
    ],
)
def test_a_suite_that_cannot_be_run_is_refused_by_its_file(
    company: CompanyFiles, file: str, content: str, words: str
) -> None:
    (company.home.parent / "suites" / file).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words) as refused:
        gate(company)
    assert file in refused.value.message


def test_what_cannot_be_measured_on_a_large_table_is_said(
    company: CompanyFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_suites, "SMALL", 0)
    expects(
        company,
        "accounts.json",
        kinds("expect_column_value_lengths_to_be_between", column="name", min_value=1),
    )
    with pytest.raises(ConfigurationError, match="too large to be judged row by row"):
        gate(company)


def test_the_folder_is_named_in_the_settings(tmp_path: Path) -> None:
    from customer_health.settings import load_settings

    settings = load_settings({"CUSTOMER_HEALTH_EXPECTATIONS": str(tmp_path / "gone")}, home=tmp_path)
    assert settings.expectations == tmp_path / "gone"
    with pytest.raises(ConfigurationError, match="does not exist"):
        own_suites.load_suites(tmp_path / "gone")
