"""Every loss is predicted, not only the last one; and without a model a company chooses its rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.lib.ledger import day, morning, new_ledger, promised, publish
from tests.lib.scoring_world import AS_OF, SIGNALS, HandChampion, panel

from customer_health.company import CompanyConfig, ScoreConfig
from customer_health.errors import ConfigurationError
from customer_health.ledger import scores as ledger_scores
from customer_health.model.data.fixed_distance import at_reference
from customer_health.playbooks.playbook_run import run_playbooks
from customer_health.scoring.daily_scores import score_accounts

RULES_V2 = CompanyConfig(score=ScoreConfig(rules="rules_v2"))
PLAYBOOK = """
name: right_size
title: Right size
because: Who means to shrink must see how to use what is paid for.
once_per: episode
when: {tier: critical, outcome_head: efficiency}
do:
  - create_task: {type: call, subject: Show them what they pay for, due_in: 48h}
"""


@dataclass
class ManyHeads(HandChampion):
    """Foretells shrinking, too; one account will surely do so and never leave."""

    follows_loss: bool = False

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        found = super().predict(frame)
        shrinks = np.where(found["account_id"] == "shrinking", 0.9, 0.1)
        loss = found["p180"] + (1 - found["p180"]) * 0.5 * shrinks
        found = found.assign(p180_downgrade=0.01, p180_contraction=shrinks, loss180=loss)
        return found.assign(risk180=loss) if self.follows_loss else found

    def health_logit(self, frame: pd.DataFrame) -> pd.Series:
        found = self.predict(at_reference(frame, 180))
        p = found.get("risk180", found["p180"])
        return np.log(p / (1 - p))


def scored(champion: HandChampion | None, config: CompanyConfig | None = None, **accounts) -> pd.DataFrame:
    frame = panel({"ordinary": {}, "shrinking": {}, **accounts})
    return score_accounts(frame, champion, config or CompanyConfig(), as_of=AS_OF, catalogue=SIGNALS)


def test_the_chance_to_shrink_is_published_and_its_money_counts_as_at_risk(tmp_path: Path) -> None:
    engine = new_ledger(tmp_path)
    ledger_scores.publish(engine, scored(ManyHeads()), AS_OF, published_at=morning(1))

    row = ledger_scores.of(engine, AS_OF).set_index("account_id").loc["shrinking"]

    assert (row["p180_contraction"], row["p180_downgrade"]) == (0.9, 0.01)
    assert row["loss180"] == pytest.approx(row["p180"] + (1 - row["p180"]) * 0.45)
    assert row["expected_loss"] == pytest.approx(
        10_000 * (row["p_decision"] + (1 - row["p_decision"]) * 0.45)
    )
    assert row["p90_contraction"] is None or np.isnan(row["p90_contraction"])


def test_a_score_of_expected_loss_calls_a_shrinking_account_unhealthy_and_a_score_of_leaving_does_not() -> (
    None
):
    leaving = scored(ManyHeads()).set_index("account_id")
    money = scored(ManyHeads(follows_loss=True)).set_index("account_id")

    assert leaving.at["shrinking", "score"] == leaving.at["ordinary", "score"]
    assert money.at["shrinking", "score"] < money.at["ordinary", "score"] - 20
    assert money.at["shrinking", "p180"] == leaving.at["shrinking", "p180"], "still the chance to leave"


def test_a_playbook_knows_who_means_to_shrink_and_who_means_to_leave(tmp_path: Path) -> None:
    engine = new_ledger(tmp_path)
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "right_size.yaml").write_text(PLAYBOOK)
    heads = {
        "shrinks": {"p180": 0.1, "p180_downgrade": 0.1, "p180_contraction": 0.6},
        "leaves": {"p180": 0.6, "p180_downgrade": 0.1, "p180_contraction": 0.1},
        "unknown": {},
    }
    publish(engine, 1, dict.fromkeys(heads, 80))
    run_playbooks(engine, CompanyConfig(), as_of=day(1), now=morning(1), library=tmp_path / "library")
    publish(engine, 2, {name: {"score": 20, **given} for name, given in heads.items()})

    run_playbooks(engine, CompanyConfig(), as_of=day(2), now=morning(2), library=tmp_path / "library")

    assert {row["account_id"] for row in promised(engine, "create_task")} == {"shrinks"}


def test_without_a_model_a_company_may_choose_the_rules_that_see_silence() -> None:
    silent = {
        "silent_account": 1.0, "days_since_last_interaction": 200.0, "days_since_exec_activity": 200.0,
        "contacts_known": 1.0, "overdue_days_max": 60.0,
    }  # fmt: skip
    from customer_health.signals.catalogue import CATALOGUE

    frame = panel({"silent": silent, "ordinary": {}})
    first = score_accounts(frame, None, CompanyConfig(), as_of=AS_OF, catalogue=CATALOGUE)
    second = score_accounts(frame, None, RULES_V2, as_of=AS_OF, catalogue=CATALOGUE)
    v1, v2 = (table.set_index("account_id").loc["silent"] for table in (first, second))

    # The first rules see no silence: only the ceiling of the headline fact keeps them from praising it.
    assert (v1["tier"], v1["score_shown"], v1["model_id"]) == ("At Risk", 49, "rules_v1_seed")
    assert v1["waterfall"]["facts"] == -51
    assert (v2["tier"], v2["model_id"], v2["mode"]) == ("Critical", "rules_v2", "rules")
    assert v2["waterfall"] | {"other": 0.0} == {
        "start": 100.0, "usage": -35.0, "relationship": -30.0, "billing": -15.0, "support": 0.0,
        "sentiment": 0.0, "commercial": 0.0, "other": 0.0,
    }  # fmt: skip
    assert v2["reasons"][0]["code"] == "silent_account"
    assert np.isnan(v2["p180"])


def test_the_second_rules_do_not_call_an_account_healthy_of_which_they_know_the_renewal_alone() -> None:
    frame = panel({"blank": dict.fromkeys(SIGNALS, np.nan) | {"days_to_renewal": 20.0}})

    row = score_accounts(frame, None, RULES_V2, as_of=AS_OF, catalogue=SIGNALS).iloc[0]

    assert row["state"] == "not_scored_yet"


def test_rules_that_do_not_exist_are_refused_by_name(tmp_path: Path) -> None:
    from customer_health.company import load_company

    path = tmp_path / "company.yaml"
    path.write_text("score: {rules: rules_v3}")

    with pytest.raises(ConfigurationError, match="rules_v1_seed"):
        load_company(path)
