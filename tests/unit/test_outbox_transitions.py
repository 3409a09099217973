"""A row of the outbox moves in one place, together with its line in the delivery log."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from tests.lib.ledger import morning
from tests.lib.ledgers import new_url

import customer_health
from customer_health.effects.effect import Effect
from customer_health.errors import FatalError
from customer_health.ledger import delivery_log
from customer_health.ledger.engine import open_ledger, writing
from customer_health.ledger.outbox import admin, transitions
from customer_health.ledger.outbox import queue as outbox

NOW = morning(2)
PACKAGE = Path(customer_health.__file__).parent


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request, tmp_path):
    return open_ledger(new_url(request.param, tmp_path))


def promised(ledger, approval: str = "") -> str:
    payload = {"approval": approval} if approval else {}
    effect = Effect("k1", "crm", "create_task", "a1", NOW.date(), "save_play", "call", "ep-1", payload)
    with writing(ledger) as connection:
        outbox.add(connection, [effect], now=NOW)
    return effect.key


def test_a_person_who_was_overtaken_by_a_worker_is_told_so(ledger, monkeypatch):
    key = promised(ledger, approval="required")
    (stale,) = admin.find(ledger)
    admin.approve(ledger, key, by="lee", reason="well put", now=NOW)
    monkeypatch.setattr(admin, "_row", lambda connection, key: stale)
    with pytest.raises(FatalError, match="a worker or another person was faster"):
        admin.decline(ledger, key, by="kim", reason="too late", now=NOW)
    (row,) = admin.find(ledger)
    assert row["state"] == "pending"
    assert [line["event"] for line in delivery_log.of(ledger, key)] == ["approved"]


def test_a_step_on_a_lost_row_changes_nothing_and_is_logged_only_if_it_happened_outside(ledger):
    key = promised(ledger)
    lease = timedelta(minutes=5)
    (claim,) = outbox.claim(ledger, "crm", worker="w1", now=NOW, limit=1, lease=lease, grace=lease)
    (row,) = admin.find(ledger)
    taken = transitions.superseded(row, "newer values were promised")
    landed = transitions.delivered(claim, "remote-1", now=NOW)
    again = transitions.folded(row, "in a digest")
    assert transitions.write(ledger, [taken, landed, again], now=NOW) == [True, False, False]
    (row,) = admin.find(ledger)
    assert (row["state"], row["remote_id"], row["fence"]) == ("superseded", None, 2)
    assert [line["event"] for line in delivery_log.of(ledger, key)] == ["superseded", "late delivered"]


def test_only_the_transitions_change_rows_of_the_outbox_or_write_its_log_and_one_lets_settled_rows_go():
    writers = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                target = node.args[0]
                change = (node.func.id, getattr(target, "id", ""))
                if change in {("update", "outbox"), ("insert", "deliveries"), ("delete", "outbox")}:
                    writers.add((path.name, *change))
    assert writers == {
        ("transitions.py", "update", "outbox"),
        ("transitions.py", "insert", "deliveries"),
        ("retired.py", "delete", "outbox"),  # their keys stay, so that nothing is sent again
    }
