"""Renewals from the command line: read the forecast, make a call, and be refused with a sentence."""

from __future__ import annotations

from datetime import date

import pytest
from tests.lib.ledger import day, new_ledger, publish

from customer_health.cli.command_line import main
from customer_health.kpis.renewals.renewal_forecast import forecast
from customer_health.ledger.renewals import FINAL


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", day(2).isoformat())
    engine = new_ledger(tmp_path)
    publish(engine, 1, {"acme": {"renewal_date": date(2027, 1, 10), "arr": 100_000.0, "p_decision": 0.25}})
    yield engine
    engine.dispose()


WHO = ("--by", "dana", "--reason", "CFO agreed")


def test_a_call_is_made_by_hand_and_stands_in_the_forecast(ledger, capsys):
    assert main(["call", "acme", "--retained", "60000", *WHO]) == 0
    assert "acme in 2027-Q1: $60K stays, says dana." in capsys.readouterr().out
    assert main(["renewals"]) == 0
    out = capsys.readouterr().out
    assert "2027-Q1: 1 renewals, ARR $100K; $75K expected to stay ($0 to $100K); with calls $60K." in out


def test_the_final_call_of_account_and_quarter(ledger):
    assert main(["call", "acme", "--leaves", "--final", *WHO]) == 0
    assert main(["call-quarter", "2027-Q1", "--retained", "80000", *WHO]) == 0
    from datetime import UTC, datetime

    with ledger.connect() as connection:
        line = forecast(connection, day(1), known_before=datetime(2027, 1, 1, tzinfo=UTC)).quarters[1]
    assert (line.with_calls, line.final_calls) == (0.0, 1)
    assert line.final is not None
    assert (line.final.kind, line.final.retained_arr, line.final.by) == (FINAL, 80_000, "dana")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["call", "nobody"], "no account 'nobody'"),
        (["call", "acme", "--retained", "-1"], "not an amount"),
        (["call", "acme", "--leaves", "--retained", "5"], "contradict each other"),
        (["call-quarter", "2027-Q9", "--retained", "5"], "is not a quarter"),
        (["call-quarter", "2031-Q1", "--retained", "5"], "not among the next four"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(ledger, capsys, command, said):
    assert main([*command, *WHO]) in (1, 2)
    assert said in capsys.readouterr().err
