"""What leads and CSMs say of an account: beside the score, signed, for a while, and never in its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.lib.ledger import day, morning, new_ledger, publish

from customer_health.cli.command_line import main
from customer_health.errors import ConfigurationError, FatalError
from customer_health.kpis.call_capacity import cut_for
from customer_health.kpis.disagreements import disagreements
from customer_health.ledger import overrides, pulses, scores

TIERS = ("Critical", "At Risk", "Attention", "Healthy")


@pytest.fixture
def ledger(tmp_path: Path) -> Engine:
    """acme is Critical, calm is Healthy."""
    engine = new_ledger(tmp_path)
    publish(engine, 1, {"acme": 20, "calm": 95})
    return engine


def put(engine: Engine, account: str, tier: str, until: int, *, on: int = 1, by: str = "lead") -> None:
    overrides.put(
        engine, account, tier=tier, tiers=TIERS, reason="met their new sponsor", owner=by,
        expires_on=day(until), now=morning(on),
    )  # fmt: skip


def test_an_override_stands_beside_the_score_and_changes_nothing_of_it(ledger: Engine) -> None:
    before = scores.of(ledger, day(1))
    put(ledger, "acme", "Healthy", 20)
    pd.testing.assert_frame_equal(scores.of(ledger, day(1)), before)
    kept = overrides.in_force(ledger, day(1))["acme"]
    assert (kept["tier"], kept["owner"], kept["reason"]) == ("Healthy", "lead", "met their new sponsor")
    assert (kept["model_score"], kept["model_tier"], kept["model_as_of"]) == (20, "Critical", day(1))


def test_an_override_is_sticky_until_its_last_day(ledger: Engine) -> None:
    put(ledger, "acme", "Healthy", 5)
    publish(ledger, 2, {"acme": 15, "calm": 95})
    assert "acme" in overrides.in_force(ledger, day(2))
    assert "acme" in overrides.in_force(ledger, day(5))
    assert "acme" not in overrides.in_force(ledger, day(6))


def test_a_later_override_takes_its_place_and_both_stay_on_record(ledger: Engine) -> None:
    put(ledger, "acme", "Healthy", 20)
    put(ledger, "acme", "Attention", 30, on=2, by="other")
    assert overrides.in_force(ledger, day(3))["acme"]["tier"] == "Attention"
    first, second = overrides.history(ledger)
    assert (first["ended_by"], first["end_reason"]) == ("other", "another override took its place")
    assert second["ended_at"] is None


def test_who_ends_an_override_says_why(ledger: Engine) -> None:
    put(ledger, "acme", "Healthy", 20)
    with pytest.raises(FatalError, match="who and why"):
        overrides.end(ledger, "acme", by="lead", reason="", now=morning(2))
    assert overrides.end(ledger, "acme", by="lead", reason="sponsor left again", now=morning(2))
    assert not overrides.end(ledger, "acme", by="lead", reason="sponsor left again", now=morning(2))
    assert overrides.in_force(ledger, day(2)) == {}


@pytest.mark.parametrize(
    ("account", "tier", "until", "words"),
    [
        ("acme", "Fine", 9, "no tier 'Fine'"),
        ("nobody", "Healthy", 9, "was ever published"),
        ("acme", "Healthy", 0, "cannot hold until"),
        ("acme", "Healthy", 400, "cannot hold until"),
    ],
)
def test_an_override_that_means_nothing_is_refused(
    ledger: Engine, account: str, tier: str, until: int, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        put(ledger, account, tier, until)
    assert overrides.history(ledger) == []


def test_the_newest_pulse_counts_and_an_old_one_says_nothing(ledger: Engine) -> None:
    pulses.record(ledger, "acme", 2, by="csm", note="", now=morning(1))
    pulses.record(ledger, "acme", 4, by="csm", note="good call", now=morning(2))
    assert pulses.newest(ledger, morning(2) + timedelta(hours=1))["acme"]["pulse"] == 4
    assert pulses.newest(ledger, morning(2))["acme"]["pulse"] == 2  # a later one was not known yet
    assert pulses.newest(ledger, morning(120)) == {}
    for wrong in (0, 6):
        with pytest.raises(ConfigurationError, match="not from 1 to 5"):
            pulses.record(ledger, "acme", wrong, by="csm", note="", now=morning(1))


def test_score_and_csm_that_say_the_opposite_are_queued_and_those_that_agree_are_not(ledger: Engine) -> None:
    pulses.record(ledger, "calm", 1, by="csm", note="", now=morning(1))
    pulses.record(ledger, "acme", 1, by="csm", note="", now=morning(1))
    (found,) = [one for one in disagreements(ledger, day(1)) if "CSM" in one.voices]
    assert found.account_id == "calm"
    assert found.voices["score"] == "fine (95, Healthy)"
    assert found.voices["CSM"] == "in danger (pulse 1 of 5 (csm))"
    put(ledger, "calm", "Healthy", 20)  # what the lead decided counts more than the feeling
    assert not [one for one in disagreements(ledger, day(1)) if "CSM" in one.voices]


def test_a_pulse_that_the_companys_own_tool_brought_speaks_for_the_csm_too(ledger: Engine) -> None:
    """Who keeps pulses in Gainsight gives none here; one that is given here is the newer word."""
    publish(ledger, 2, {"calm": {"score": 95, "csm_pulse": 1.0}, "acme": {"score": 95, "csm_pulse": 4.0}})
    (found,) = [one for one in disagreements(ledger, day(2)) if "CSM" in one.voices]
    assert (found.account_id, found.voices["CSM"]) == ("calm", "in danger (pulse 1 of 5)")
    pulses.record(ledger, "calm", 5, by="csm", note="", now=morning(2))
    assert not [one for one in disagreements(ledger, day(2)) if "CSM" in one.voices]


SCORES = st.lists(st.integers(0, 100), min_size=1, max_size=60)


@given(shown=SCORES, calls=st.integers(1, 40))
def test_a_cut_never_asks_for_more_calls_than_there_are_and_no_higher_one_would_do(
    shown: list[int], calls: int
) -> None:
    rows = pd.DataFrame({"score_shown": shown, "arr": 100.0, "currency": "USD", "expected_loss": 1.0})
    found = cut_for(rows, calls_a_week=calls, weeks=1)
    assert len(found.reached) <= calls
    cut = -1 if found.highest is None else found.highest
    assert len(found.reached) == sum(score <= cut for score in shown)
    higher = [score for score in shown if score > cut]
    if higher:
        assert sum(score <= min(higher) for score in shown) > calls
    assert len(found.left_out) == sum(cut < score <= cut + 10 for score in shown)


def test_the_command_line_keeps_and_exports_what_a_lead_says(
    ledger: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", day(1).isoformat())
    home = ["--home", str(tmp_path)]
    said = ["acme", "Healthy", "--by", "lead", "--reason", "=HYPERLINK(1)", "--until", day(9).isoformat()]
    assert main([*home, "override", *said]) == 0
    assert main([*home, "pulse", "calm", "1", "--by", "csm"]) == 0
    capsys.readouterr()
    assert main([*home, "overrides"]) == 0
    header, row = capsys.readouterr().out.strip().splitlines()
    assert header.startswith("account_id,tier,reason,owner")
    assert row.startswith("acme,Healthy,'=HYPERLINK(1),lead")
    assert main([*home, "disagreements", "--as-of", day(1).isoformat()]) == 0
    assert "calm" in capsys.readouterr().out
    assert main([*home, "cut-points", "--calls", "1", "--as-of", day(1).isoformat()]) == 0
    assert "Call those with a score up to" in capsys.readouterr().out
