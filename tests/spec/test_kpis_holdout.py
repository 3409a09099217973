"""Who is held out, that nobody chose it, and what may be said about saves."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.ledger import alerts, day, new_ledger, outcome, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.kpis.holdout_effect import NO_HOLDOUT, Readout, readout
from customer_health.kpis.interventions import save_rate
from customer_health.ledger import holdout_assignments
from customer_health.playbooks.save_rate import SaveRate


def config(share=0.5, **more):
    return CompanyConfig.model_validate(
        {"playbooks": {"holdout": {"share": share, "max_arr": 300_000, **more}, "mass_move_floor": 1000}}
    )


def fall(ledger, names, settings, first=1):
    for number, score in ((first, 61), (first + 1, 20)):
        publish(ledger, number, {"calm": 90, **dict.fromkeys(names, score)})
        run(ledger, number, settings)


def arms(ledger):
    return {row["account_id"]: row["arm"] for row in holdout_assignments.all_of(ledger)}


def test_in_every_stratum_the_share_holds_and_a_second_run_draws_nothing_new(ledger):
    for number, score in ((1, 61), (2, 20)):
        rows = {f"{segment}{n}": {"score": score, "segment": segment} for segment in "ab" for n in range(8)}
        publish(ledger, number, {"calm": 90, **rows})
        run(ledger, number, config(share=0.25))
    first = arms(ledger)
    run(ledger, 2, config(share=0.25))

    assert arms(ledger) == first
    for segment in "ab":
        counted = Counter(arm for account, arm in first.items() if account[0] == segment)
        assert counted == {"held_out": 2, "treated": 6}


@pytest.mark.parametrize(
    ("share", "block", "held"),
    [(0.5, 2, 1), (0.4, 5, 2), (0.3, 10, 3), (0.25, 4, 1), (0.15, 20, 3), (0.02, 50, 1)],
)
def test_the_share_that_is_held_out_is_the_one_that_was_asked(tmp_path, share, block, held):
    engine = new_ledger(tmp_path)
    fall(engine, [f"a{n}" for n in range(2 * block)], config(share=share))
    assert Counter(arms(engine).values()) == {"held_out": 2 * held, "treated": 2 * (block - held)}
    engine.dispose()


def test_the_draw_is_the_same_wherever_it_is_made_and_the_salt_changes_it(tmp_path):
    found = []
    for number, salt in enumerate(("one", "one", "two")):
        folder = tmp_path / str(number)
        folder.mkdir()
        engine = new_ledger(folder)
        fall(engine, [f"a{n}" for n in range(12)], config(salt=salt))
        found.append(arms(engine))
        engine.dispose()

    assert found[0] == found[1] != found[2]


def test_the_held_out_keep_ordinary_service_and_the_decision_says_why_no_play_began(ledger):
    fall(ledger, ["a1", "a2"], config())
    held = next(account for account, arm in arms(ledger).items() if arm == "held_out")
    treated = next(account for account, arm in arms(ledger).items() if arm == "treated")

    assert alerts(ledger) == [treated]
    assert promised(ledger, "create_task", account_id=held) == []
    assert len(promised(ledger, "set_fields", account_id=held)) == 2  # the CRM shows the score all the same
    assert len(promised(ledger, "enroll", account_id=held, playbook="activation_campaign")) == 1
    assert outcome(ledger, 2, held, "critical_save")[0] == "held_out"


def test_nobody_is_held_out_above_the_ceiling_on_the_list_or_inherited(ledger):
    settings = config(never=("vip",))
    for number, score in ((1, 61), (2, 20)):
        rows = {
            "large": {"score": score, "arr": 400_000.0},
            "vip": score,
            "old": 20,
            "tiny": {"score": score, "arr": 900.0, "expected_loss": 9.0},
        }
        publish(ledger, number, {"calm": 90, **rows})
        run(ledger, number, settings)

    assert set(arms(ledger).values()) == {"not_eligible"}
    why = {row["account_id"]: row["why"] for row in holdout_assignments.all_of(ledger)}
    assert why["vip"] == "on the list of those never held out"
    assert "above 300,000 USD" in why["large"]


def test_an_account_keeps_its_arm_in_its_next_episode(ledger):
    fall(ledger, ["a1", "a2"], config())
    before = arms(ledger)
    for number in (3, 4):
        publish(ledger, number, {"calm": 90, "a1": 60, "a2": 60})
        run(ledger, number, config())
    fall(ledger, ["a1", "a2"], config(), first=5)

    assert arms(ledger) == before
    assert len({row["as_of"] for row in holdout_assignments.all_of(ledger)}) == 1


def test_without_an_experiment_nobody_is_drawn_and_the_save_rate_says_so(ledger):
    fall(ledger, ["a1"], CompanyConfig())

    assert arms(ledger) == {}
    assert readout(ledger, day(90)).caveat() == f"{NO_HOLDOUT}."


def test_the_difference_and_its_interval_agree_with_the_literature():
    """Newcombe 1998, table II, row (a): 56/70 against 48/80 gives +0.0524 to +0.3339."""
    found = Readout(SaveRate(70, 56, 0), SaveRate(80, 48, 0))

    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.detectable == pytest.approx(0.211, abs=0.001)
    assert "+20 points, 95% interval +5 to +33" in found.caveat()


def test_few_cases_are_called_no_evidence_and_none_at_all_unknown():
    assert "not evidence yet" in Readout(SaveRate(9, 4, 0), SaveRate(3, 1, 0)).caveat()
    assert "still maturing" in Readout(SaveRate(0, 0, 9), SaveRate(0, 0, 3)).caveat()


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_the_interval_always_holds_the_difference_and_stays_a_share(n1, n2, data):
    found = Readout(
        SaveRate(n1, data.draw(st.integers(0, n1)), 0), SaveRate(n2, data.draw(st.integers(0, n2)), 0)
    )
    low, high = found.interval
    assert -1 - 1e-9 <= low <= found.difference <= high <= 1 + 1e-9


@pytest.mark.parametrize(
    ("ending", "saved"),
    [
        ({"score": 60}, 1),
        ({"score": 60, "state": "notice_given"}, 0),  # back above Red, and leaving
        ({"model_id": "m-2", "score": 60}, 0),  # a new model saves nobody
        (None, 0),  # gone within the 60 days
    ],
)
def test_saved_means_back_for_good_by_the_same_model_and_still_a_customer(ledger, ending, saved):
    model = (ending or {}).get("model_id", "m-1")
    story = {1: {"score": 61}, 2: {"score": 20}, 20: {"score": 60, "model_id": model}}
    story |= {21: {"score": 60, "model_id": model}, 55: ending}
    for number, row in story.items():
        publish(ledger, number, {"calm": 90} | ({"acme": row} if row else {}))
        run(ledger, number)

    assert (save_rate(ledger, day(90)).episodes, save_rate(ledger, day(90)).saved) == (1, saved)
