"""What the documents say is tested is tested; what is locked is locked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.lib.broken_twins import Twin, twins

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
PAGES = ("SECURITY.md", "docs/faults.md", "docs/architecture.md")


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    named = NAMED.findall((ROOT / page).read_text(encoding="utf-8"))
    assert named
    gone = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).exists() or f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert gone == []


@pytest.mark.parametrize("page", PAGES[:2])
def test_every_row_of_a_table_of_controls_and_faults_names_a_test(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    (table,) = re.findall(r"\| (?:Control|Fault) \|.*?\n\n", text, re.DOTALL)
    rows = table.strip().splitlines()[2:]
    assert len(rows) > 20
    assert [row for row in rows if not NAMED.search(row)] == []


def test_every_package_of_the_image_is_pinned_by_hash() -> None:
    for lock in sorted((ROOT / "docker").glob("*.lock")):
        entries = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8"))
        packages = [entry for entry in entries if re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==", entry)]
        assert len(packages) > 100
        assert [entry.split("==")[0] for entry in packages if "--hash=sha256:" not in entry] == []
    assert "--require-hashes" in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_ci_asks_for_licences() -> None:
    assert "make licences" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    allowed = (ROOT / "docker" / "licences.txt").read_text(encoding="utf-8")
    lines = [line.split("#")[0].strip() for line in allowed.splitlines()]
    assert not [line for line in lines if "AGPL" in line or re.match(r"(GPL|GNU General)", line)]


@pytest.mark.parametrize("twin", twins(), ids=lambda twin: twin["guard"])
def test_every_broken_twin_breaks_a_guard_that_is_there_and_names_a_test(twin: Twin) -> None:
    """`make twins` sees the tests fail; here only that the list is not older than the code."""
    assert (ROOT / twin["file"]).read_text(encoding="utf-8").count(twin["words"]) == 1
    file, _, test = twin["test"].partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_the_runbook_has_a_heading_for_every_dag_and_every_alert_of_the_data_team() -> None:
    headings = set(re.findall(r"^### (.+)$", (ROOT / "docs" / "runbook.md").read_text("utf-8"), re.MULTILINE))
    dags = {path.stem for path in (ROOT / "dags").glob("*.py")}
    code = [path.read_text(encoding="utf-8") for path in (ROOT / "include").rglob("*.py")]
    alerts = {topic for text in code for topic in re.findall(r'topic=f?"([a-z_]+)', text)}
    assert len(dags) > 10
    assert {"task_failed", "scores_missing", "refused"} <= alerts
    assert sorted((dags | alerts) - headings) == []
