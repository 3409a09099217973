"""Doubtful data: scores are shown, single alerts wait for a person, whose yes counts for a week."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from tests.lib.ledger import alerts, day, morning, new_ledger, outcome, promised, publish, run

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.ledger import model_registry, report_numbers
from customer_health.ledger.model_registry import ChampionRecord
from customer_health.ledger.outbox import admin
from customer_health.pipeline import hold_checks
from customer_health.settings import load_settings
from customer_health.warehouse.connect import open_warehouse

DRIFT = {"drift": "3 signals moved far beyond chance"}
SIGNALS = ["usage_delta_28d", "active_users_28d", "feature_adoption_score", "recent_nps"]


@pytest.fixture
def ledger(home):
    engine = new_ledger(home)
    yield engine
    engine.dispose()


def fall(ledger, number, name, hold=None):
    """On day `number` one more account turns Red; the playbooks run under `hold`."""
    publish(ledger, number, {**{f"a{n}": 20 if n <= name else 61 for n in range(1, 9)}, "calm": 90})
    return run(
        ledger, number, CompanyConfig.model_validate({"playbooks": {"mass_move_floor": 99}}), hold=hold or ""
    )


def summaries(ledger):
    rows = [row for row in promised(ledger, "notify") if row["payload"]["kind"] == "brake"]
    return sorted(rows, key=lambda row: row["as_of"])


def test_a_drift_holds_single_alerts_until_a_person_says_that_the_customers_moved(ledger):
    fall(ledger, 1, 0)
    fall(ledger, 2, 1, DRIFT)
    (summary,) = summaries(ledger)
    assert alerts(ledger) == []
    assert (summary["state"], summary["payload"]["hold_kinds"]) == ("awaiting_approval", ["drift"])
    assert summary["payload"]["mentions"] == ["a1"]
    assert "3 signals moved" in outcome(ledger, 2, "a1", "critical_save")[1]

    admin.approve(ledger, summary["key"], by="lee", reason="the source is right", now=morning(2))
    done = fall(ledger, 3, 2, DRIFT)
    assert alerts(ledger) == ["a2"]
    assert "approved by lee, holds nothing back before 2026-11-09" in " ".join(done.lines())
    assert len(summaries(ledger)) == 1

    fall(ledger, 9, 3, DRIFT)  # a week is over, the drift is not
    assert alerts(ledger) == ["a2"]
    assert summaries(ledger)[-1]["as_of"] == day(9)


@pytest.mark.parametrize("answer", ["decline", "nobody"])
def test_no_and_no_answer_release_nothing(ledger, answer):
    fall(ledger, 1, 0)
    fall(ledger, 2, 1, DRIFT)
    (summary,) = summaries(ledger)
    assert summary["expires_at"] == morning(2) + timedelta(hours=72)
    if answer == "decline":
        admin.decline(ledger, summary["key"], by="lee", reason="a broken feed", now=morning(2))
    fall(ledger, 6, 2, DRIFT)

    assert alerts(ledger) == []
    assert [row["state"] for row in summaries(ledger)] == [
        "declined" if answer == "decline" else "expired",
        "awaiting_approval",
    ]


def test_a_yes_to_one_reason_is_none_to_another_and_without_a_reason_nothing_is_held(ledger):
    fall(ledger, 1, 0)
    fall(ledger, 2, 1, DRIFT)
    admin.approve(ledger, summaries(ledger)[0]["key"], by="lee", reason="it is right", now=morning(2))
    fall(ledger, 3, 2, {**DRIFT, "stale:usage": "usage is 9 days old"})
    assert alerts(ledger) == []
    assert summaries(ledger)[-1]["payload"]["hold_kinds"] == ["stale:usage"]

    fall(ledger, 4, 3)
    assert alerts(ledger) == ["a3"]


def measured(rng, days, factor=1.0, accounts=450):
    frame = pd.DataFrame(
        {
            "account_id": [f"c{n}" for n in range(accounts)] * len(days),
            "as_of": np.repeat([str(one) for one in days], accounts),
            "is_customer": True,
            **{name: rng.normal(10, 3, accounts * len(days)) * factor for name in SIGNALS[:3]},
            "recent_nps": rng.normal(30, 10, accounts * len(days)),
        }
    )
    return frame.assign(as_of=pd.to_datetime(frame["as_of"]).dt.date)


@pytest.mark.parametrize(
    ("factor", "predicted", "came", "kinds"),
    [
        (1.0, 40, 44, []),
        (100.0, 40, 44, ["drift"]),  # somebody changed a unit
        (1.0, 20, 60, ["calibration"]),
        (1.0, 400, 440, []),  # beyond chance, but no reason to hold anything
    ],
)
def test_what_the_model_reads_and_foretold_decides_in_the_whole_chain(
    ledger, home, factor, predicted, came, kinds
):
    record = ChampionRecord("m-1", str(home), {}, "model", "It beat the rules.", day(1), {"signals": SIGNALS})
    model_registry.promote(ledger, record)
    publish(ledger, 1, {"acme": 61, "calm": 90})
    run(ledger, 1)
    publish(ledger, 2, {"acme": 20, "calm": 90})
    chosen, rng = load_settings({}, home=home), np.random.default_rng(3)
    before = [day(2 - 7 * weeks) for weeks in (4, 3, 2, 1)]
    panel = pd.concat([measured(rng, before), measured(rng, [day(2)], factor)])
    with open_warehouse(chosen.warehouse_url) as con:
        con.register("panel", panel)
        con.execute(
            'CREATE SCHEMA IF NOT EXISTS signals; CREATE TABLE signals."values" AS SELECT * FROM panel'
        )
    graded = [{"as_of": day(-90).isoformat(), "predicted": predicted, "observed": came, "verdict": ""}]
    report_numbers.keep(ledger, report_numbers.SCOREBOARD, day(1), {"calibration": graded})

    pipeline.run_playbooks(chosen, as_of=day(2), now=morning(2))
    pipeline.run_playbooks(chosen, as_of=day(2), now=morning(2))

    assert alerts(ledger) == ([] if kinds else ["acme"])
    assert [row["payload"]["hold_kinds"] for row in summaries(ledger)] == ([kinds] if kinds else [])
    notices = [row for row in promised(ledger, "notify") if row["playbook"] == "data_notice"]
    assert len(notices) == bool(kinds)
    assert all(row["payload"]["channel"] == chosen.config.playbooks.data_channel for row in notices)


@pytest.mark.parametrize(
    ("reference", "held"),
    [
        ([7, 14, 21, 28], True),  # the same weekday, four times
        ([7, 14, 21], False),  # a company in its first month
        ([1, 2, 3, 4, 5, 6, 8, 9], False),  # other weekdays: people use a product otherwise on a Sunday
    ],
)
def test_drift_is_looked_for_among_equal_weekdays_and_not_in_the_first_month(home, ledger, reference, held):
    record = ChampionRecord("m-1", str(home), {}, "model", "It beat the rules.", day(1), {"signals": SIGNALS})
    model_registry.promote(ledger, record)
    chosen, rng = load_settings({}, home=home), np.random.default_rng(3)
    before = [day(2 - days) for days in reference]
    panel = pd.concat([measured(rng, before), measured(rng, [day(2)], 100.0)])
    with open_warehouse(chosen.warehouse_url) as con:
        con.register("panel", panel)
        con.execute(
            'CREATE SCHEMA IF NOT EXISTS signals; CREATE TABLE signals."values" AS SELECT * FROM panel'
        )
        found = hold_checks.suspicions(con, chosen, ledger, as_of=day(2))
    assert ("drift" in found) == held
