"""The examples of docs/sources.md for scores of another tool, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from customer_health.errors import ConfigurationError, DataContractError
from customer_health.model.candidates.external_score import read

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"
CHAPTER = PAGE.read_text(encoding="utf-8").split("## Scores of another tool")[1].split("\n## ")[0]


def example(tool: str) -> str:
    """Return the indented block of an example, with nothing changed but the folder."""
    block = CHAPTER.split(f"- **{tool}**")[1].split("\n- **")[0]
    return "\n".join(re.findall(r"^      (.*)$", block, re.M))


def run(folder: Path, sql: str, before: str = "") -> None:
    """Run an example's commands in a folder."""
    (folder / "their_scores").mkdir()
    with duckdb.connect() as con:
        con.execute(f"SET file_search_path = '{folder}'; {before}")
        for place in ("/data/", "their_scores/"):
            sql = sql.replace(f"'{place}", f"'{folder}/{place.lstrip('/').removeprefix('data/')}")
        con.execute(sql.replace("TO 'their_scores", f"TO '{folder}/their_scores"))


def test_a_csv_is_read_as_it_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "their_scores.csv"
    file.write_text(example("A CSV"), encoding="utf-8")
    found = read(file)
    assert found["score"].tolist() == [0.31, 0.44]
    assert found["account_id"].unique().tolist() == ["0015g00000AbCdE"]
    assert found["as_of"].dt.strftime("%Y-%m-%d").tolist() == ["2026-11-02", "2026-11-09"]


def test_akkios_export_becomes_rows_by_the_commands_shown(tmp_path: Path) -> None:
    (tmp_path / "akkio_2026-11-09.csv").write_text(
        "account_id,plan,Probability churn\na1,pro,0.7\na2,team,0.1\n", encoding="utf-8"
    )
    run(tmp_path, example("Akkio"))
    found = read(tmp_path / "their_scores.parquet")
    assert found[["account_id", "score"]].to_numpy().tolist() == [["a1", 0.7], ["a2", 0.1]]


def test_pecans_table_becomes_rows_by_the_command_shown(tmp_path: Path) -> None:
    table = (
        "CREATE SCHEMA pecan; CREATE TABLE pecan.churn_predictions AS SELECT 'a1' AS customer_id, "
        "TIMESTAMP '2026-11-09 04:00' AS prediction_date, 0.25 AS probability"
    )
    run(tmp_path, example("Pecan"), table)
    assert read(tmp_path / "their_scores.parquet")["score"].tolist() == [0.25]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("account_id,as_of\na1,2026-11-02\n", "lacks score"),
        ("account_id,as_of,score\na1,2026-11-02,high\n", "cannot be read"),
        ("account_id,as_of,score\na1,some day,0.5\n", "cannot be read"),
    ],
)
def test_what_is_not_a_score_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "their_scores.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataContractError, match=complaint) as caught:
        read(file)
    assert "their_scores.csv" in caught.value.message
    with pytest.raises(ConfigurationError, match="does not exist"):
        read(tmp_path / "another.csv")
