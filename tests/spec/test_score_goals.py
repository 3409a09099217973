"""The command that prints the score's goals runs through the product's own steps, on small companies."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.score_goals import main

pytestmark = pytest.mark.slow


def test_every_goal_is_printed_for_every_company(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--accounts", "90", "--weeks", "4", "--paths", "2", "--draws", "1", "--folder", str(tmp_path)]
    found = main(["--companies", "standard:3", "self_service:4", *small])
    assert list(found) == ["standard 3", "self_service 4", "standard", "self_service"]
    for name in ("standard 3", "self_service 4"):
        goals = {line.goal for line in found[name]}
        assert {f"S{number}" for number in (*range(1, 8), 9, 10)} <= goals
        assert {"reasons", "attention", "flaps"} <= goals
    contradictions = [line.value for line in found["standard 3"] if "contradict" in line.what]
    assert contradictions == [0.0]
    printed = capsys.readouterr().out
    assert "MISSED" in printed or "met" in printed

    main(["--companies", "standard:3", *small])
    assert "loading" not in capsys.readouterr().out, "what was done is done again"
