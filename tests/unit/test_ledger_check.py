"""`doctor` also says whether the ledger answers: with a stopped one, no destination can be worked at."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from customer_health.ledger.engine import open_ledger
from customer_health.operations.ledger_check import examine_ledger


def test_a_ledger_that_answers_is_named_with_its_revision(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    open_ledger(url).dispose()
    found = examine_ledger(url)
    assert found.counts() == {"problems": 0}
    assert "The ledger answers, at revision 0" in found.lines()[0]


def test_a_ledger_that_is_not_there_yet_is_said_to_be_empty_and_is_not_made(tmp_path: Path) -> None:
    found = examine_ledger(f"sqlite:///{tmp_path / 'none' / 'ledger.db'}")
    assert found.counts() == {"problems": 0}
    assert found.lines() == ["The ledger is empty; the first night makes its tables."]
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_stopped_is_a_problem_with_a_remedy() -> None:
    pytest.importorskip("psycopg2")
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        found = examine_ledger(f"postgresql+psycopg2://ledger:x@127.0.0.1:{taken.getsockname()[1]}/ledger")
    assert found.counts() == {"problems": 1}
    said = " ".join(found.lines())
    assert "does not answer" in said
    assert "Start its server" in said
    assert ":x@" not in said
