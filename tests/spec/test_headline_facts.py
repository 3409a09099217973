"""Headline facts: what happened is told, shown and acted on, whatever the model makes of it."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from tests.lib.scoring_world import AS_OF, HandChampion, panel

from customer_health.company import CompanyConfig
from customer_health.errors import ConfigurationError
from customer_health.fact_thresholds import FactThresholds
from customer_health.scoring.daily_scores import score_accounts
from customer_health.scoring.headlines import headlines_of
from customer_health.scoring.why import validate_why
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.headline_facts import FACTS

# What proves each fact, just on the side that counts, and just on the other.
PROOF = {
    "silent_account": ("silent_account", 1.0, 0.0),
    "asks_to_cancel": ("asks_to_cancel_90d", 1.0, 0.0),
    "negative_sentiment": ("support_sentiment_recent_90d", 0.2, 0.21),
    "asks_for_export": ("export_requests_90d", 1.0, 0.0),
    "names_competitor": ("competitor_mentions_180d", 3.0, 2.0),
    "asks_for_discount": ("discount_requests_180d", 2.0, 1.0),
    "sponsor_left": ("sponsor_change_6m", 1.0, 0.0),
    "contract_modification": ("contract_modification_attempts_180d", 1.0, 0.0),
    "core_action_drop": ("core_action_delta_30d", 80 / 100 - 1, -0.199),
    "escalation": ("escalations_90d", 1.0, 0.0),
    "overdue_invoices": ("overdue_days_max", 31.0, 30.0),
    "no_exec_contact": ("days_since_exec_activity", 90.0, 89.0),
    "single_threaded": ("contacts_known", 1.0, 2.0),
    "arr_contraction": ("arr_change_12m_rel", 90 / 100 - 1, -0.099),
    "low_nps": ("recent_nps", 6.0, 7.0),
    "low_pulse": ("csm_pulse", 2.0, 3.0),
    "low_adoption": ("feature_adoption_score", 0.2, 0.7),
    "unanswered_tickets": ("open_unanswered_tickets_3d", 1.0, 0.0),
    "price_increase": ("price_increase_180d", 1.0, 0.0),
    "late_ebr": ("ebr_overdue_days", 1.0, 0.0),
}


def scored(accounts: dict[str, dict[str, float]], **config: object) -> pd.DataFrame:
    """Score by a model that has never heard of most of these signals."""
    rows = score_accounts(panel(accounts), HandChampion(), CompanyConfig.model_validate(config), as_of=AS_OF)
    return rows.set_index("account_id")


def codes(row: pd.Series) -> list[str]:
    """Codes of a row's headline facts."""
    return [fact["code"] for fact in row["facts"]]


@pytest.mark.parametrize("code", PROOF)
def test_a_fact_holds_from_its_threshold_on_and_not_before(code: str) -> None:
    """An unknown signal proves nothing."""
    signal, bad, fine = PROOF[code]
    rows = scored(
        {
            "bad": {signal: bad, "days_to_renewal": 120.0},
            "fine": {signal: fine, "days_to_renewal": 120.0},
            "unknown": {signal: float("nan")},
        }
    )
    assert {name: code in codes(rows.loc[name]) for name in rows.index} == {
        "bad": True,
        "fine": False,
        "unknown": False,
    }


def test_a_core_action_fall_that_its_usual_ups_and_downs_explain_is_not_news() -> None:
    """From 4 reports to 3 is a fall of a quarter, and nothing at all."""
    fall = {"core_action_delta_30d": -0.25, "days_to_renewal": 120.0}
    rows = scored(
        {
            "noise": {**fall, "core_action_fall_sd": 0.4},
            "news": {**fall, "core_action_fall_sd": 2.0},
            "unknown": {**fall, "core_action_fall_sd": float("nan")},
        }
    )
    assert [codes(rows.loc[name]) for name in ("noise", "news", "unknown")] == [[], ["core_action_drop"], []]
    any_fall = scored({"noise": {**fall, "core_action_fall_sd": 0.4}}, facts={"core_action_sigmas": 0})
    assert codes(any_fall.loc["noise"]) == ["core_action_drop"]


def test_little_adoption_is_news_where_others_adopt_more_and_below_the_documents_bar() -> None:
    """Where everybody uses a fifth of a large product, a fifth is usual; and 0.31 of 1 is not a headline."""

    def told(**adoption: float) -> set[str]:
        rows = scored({name: {"feature_adoption_score": share} for name, share in adoption.items()})
        return {name for name in rows.index if "low_adoption" in codes(rows.loc[name])}

    assert told(a=0.09, b=0.6, c=0.7) == {"a"}
    assert told(a=0.31, b=0.8, c=0.9) == set()
    assert told(a=0.30, b=0.8, c=0.9) == set()
    assert told(a=0.15, b=0.2, c=0.25) == set()
    assert told(a=0.05, b=0.2, c=0.25) == {"a"}


@pytest.mark.parametrize("code", ["single_threaded", "no_exec_contact"])
def test_a_customer_of_two_seats_has_nobody_else_to_know(code: str) -> None:
    """Four of five customers of a self-service company were "single-threaded", at $300 a year."""
    signal, bad, _ = PROOF[code]
    rows = scored(
        {
            "pair": {signal: bad, "seats": 2},
            "team": {signal: bad, "seats": 5},
            "unknown": {signal: bad, "seats": float("nan")},
        }
    )
    assert [code in codes(rows.loc[name]) for name in ("pair", "team", "unknown")] == [False, True, True]
    asked = scored({"pair": {signal: bad, "seats": 2}}, facts={"organisation_from_seats": None})
    assert code in codes(asked.loc["pair"])


def test_who_gave_up_a_quarter_of_the_contract_is_told_so_and_sold_nothing() -> None:
    """84 Healthy with ARR down 28 % said nothing of it."""
    row = scored({"acme": {"arr_change_12m_rel": -0.28}}).loc["acme"]
    (fact,) = row["facts"]
    assert (fact["title"], fact["short"], fact["risk"]) == ("Bought less", "ARR down 28%", True)
    assert fact["phrase"] == "ARR -28% in 12 months"


def test_facts_that_pile_up_ask_for_a_review_and_move_no_score() -> None:
    """Sponsor gone and an invoice 528 days overdue is no 89 that anybody should pass over."""
    rows = scored(
        {
            "piled": {"sponsor_change_6m": 0.0, "overdue_days_max": 528.0, "recent_nps": 8.0,
                      "contract_modification_attempts_180d": 1.0},
            "one": {"overdue_days_max": 528.0},
            "calm": {},
        }
    )  # fmt: skip
    assert rows["review"].tolist() == [False, False, True]  # calm, one, piled
    assert rows.loc["piled", "score"] == rows.loc["calm", "score"]
    assert not rows.loc["piled", "attention"]
    never = {"piled": {"overdue_days_max": 528.0, "contract_modification_attempts_180d": 1.0}}
    assert not scored(never, facts={"review_from": None})["review"].any()
    assert scored({"piled": {"recent_nps": 3.0}}, facts={"review_from": 1})["review"].all()


def test_who_needs_attention_anyway_is_not_asked_about_twice() -> None:
    bad = {"usage_delta_28d": -0.9, "open_critical_tickets": 5.0, "feature_adoption_score": 0.0}
    bad |= {"overdue_days_max": 528.0, "contract_modification_attempts_180d": 1.0}
    row = scored({"acme": bad}).loc["acme"]
    assert row["attention"]
    assert not row["review"]


def test_every_fact_carries_its_evidence() -> None:
    """Value, source, as-of date, and what the value is compared with."""
    rows = scored({"acme": {"overdue_days_max": 126.0}})
    (fact,) = rows.loc["acme", "facts"]
    assert fact["value"] == 126
    assert fact["limit"] == 30
    assert fact["source"] == "invoices"
    assert fact["as_of"] == AS_OF.isoformat()
    assert fact["baseline"] == "the due date; it counts beyond 30 days"
    assert fact["phrase"] == "An invoice is 126 days overdue"


def test_every_declared_fact_has_a_threshold_and_a_signal() -> None:
    """A fact that no company file can tune, or nothing can prove, would be a decoration."""
    fields = set(FactThresholds.model_fields)
    assert {fact.code for fact in FACTS} <= fields
    assert all(fact.signal in CATALOGUE for fact in FACTS)
    assert set(PROOF) == {fact.code for fact in FACTS}


def test_a_company_sets_its_own_thresholds_and_switches_facts_off() -> None:
    """Sixty days overdue may be a habit of the trade."""
    acme = {"acme": {"overdue_days_max": 45.0, "recent_nps": 3.0}}
    assert codes(scored(acme).loc["acme"]) == ["overdue_invoices", "low_nps"]
    own = {"facts": {"overdue_invoices": 60, "low_nps": None}}
    assert codes(scored(acme, **own).loc["acme"]) == []


def test_an_account_that_never_began_is_silent_too() -> None:
    """Only where usage is told of others, and only once there was time to begin."""
    nothing = float("nan")
    never = {"silent_account": nothing, "days_since_last_usage": nothing, "tickets_90d": 0.0}
    rows = scored(
        {
            "never": {**never, "tenure_days": 860},
            "new": {**never, "tenure_days": 20},
            "asks": {**never, "tenure_days": 860, "tickets_90d": 2.0},
            "busy": {"silent_account": 0.0, "days_since_last_usage": 1.0, "tickets_90d": 0.0},
        }
    )
    assert codes(rows.loc["never"]) == ["silent_account"]
    assert "860 days" in rows.loc["never", "facts"][0]["phrase"]
    assert [codes(rows.loc[name]) for name in ("new", "asks", "busy")] == [[], [], []]
    alone = scored({"never": {**never, "tenure_days": 860}})
    assert codes(alone.loc["never"]) == []


@pytest.mark.parametrize("model", [True, False])
def test_a_silent_account_is_at_risk_by_model_and_by_rules(model: bool) -> None:
    """A model that saw few silent accounts leave would call it healthy; so would rules that add up."""
    rows = score_accounts(
        panel({"silent": {"silent_account": 1.0}, "busy": {"silent_account": 0.0}}),
        HandChampion() if model else None,
        CompanyConfig(),
        as_of=AS_OF,
    ).set_index("account_id")
    assert rows.loc["silent", "tier"] in ("At Risk", "Critical")
    assert rows.loc["busy", "tier"] == "Healthy"
    steps = rows.loc["silent", "waterfall"]
    assert steps["facts"] < 0
    assert abs(sum(steps.values()) - rows.loc["silent", "score"]) <= 0.1
    assert "no login, no ticket" in rows.loc["silent", "why"].lower()


def test_a_healthy_account_is_not_praised_over_the_heads_of_its_facts() -> None:
    """NPS 4, one contact, no executive for a quarter: the adoption is not the news."""
    quiet = {"recent_nps": 6.0, "contacts_known": 1.0, "days_since_exec_activity": 120.0}
    quiet |= {"feature_adoption_score": 1.0, "usage_delta_28d": 0.3}  # what the model likes
    row = scored({"acme": quiet}).loc["acme"]
    assert row["tier"] == "Healthy"
    assert row["why"].startswith("Healthy despite no exec active for 120 days")
    assert len(row["why"].split()) <= 10


def test_the_why_names_the_two_worst_decisive_facts_where_the_model_does_not() -> None:
    """Sponsor gone and 126 days overdue beat a support sentiment that the model happens to charge most."""
    bad = {
        "usage_delta_28d": -0.5, "open_critical_tickets": 3.0, "feature_adoption_score": 0.1,
        "overdue_days_max": 126.0, "contract_modification_attempts_180d": 1.0,
    }  # fmt: skip
    row = scored({"acme": bad}).loc["acme"]
    assert row["why"] == "Contract change requested; invoice 126 days overdue"
    assert not validate_why(row["why"], [*row["reasons"], *row["facts"]])


def test_a_late_business_review_stops_no_praise() -> None:
    """It is our own omission, and it is shown all the same."""
    row = scored({"acme": {"ebr_overdue_days": 40.0}}).loc["acme"]
    assert codes(row) == ["late_ebr"]
    assert "despite" not in row["why"]


def test_an_increase_whose_renewal_has_passed_is_not_ahead() -> None:
    """It was announced before the renewal, and the renewal took place."""
    rows = scored(
        {
            "ahead": {"price_increase_180d": 1.0, "days_to_renewal": 60.0},
            "past": {"price_increase_180d": 1.0, "days_to_renewal": 330.0},
        }
    )
    assert codes(rows.loc["ahead"]) == ["price_increase"]
    assert codes(rows.loc["past"]) == []


def test_customers_without_a_score_have_their_facts_too() -> None:
    """One that gave notice, and one that is too new."""
    rows = scored(
        {
            "leaves": {"escalations_90d": 2.0, "notice_given": True},
            "new": {"escalations_90d": 1.0, "tenure_days": 10},
        }
    )
    assert [codes(rows.loc[name]) for name in ("leaves", "new")] == [["escalation"], ["escalation"]]


def test_facts_are_listed_worst_first() -> None:
    """In the order of the declarations."""
    everything = {signal: bad for signal, bad, _ in PROOF.values()} | {"days_to_renewal": 100.0}
    rows = panel({"acme": everything, "other": {"feature_adoption_score": 0.7}})
    found = headlines_of(rows, FactThresholds(), CATALOGUE, as_of=date(2026, 3, 1))
    assert [fact["code"] for fact in found[0]] == [fact.code for fact in FACTS]


def test_a_ceiling_for_a_fact_that_does_not_exist_is_refused() -> None:
    """With the list of those that do."""
    with pytest.raises(ValueError, match="'silent' is not a headline fact"):
        FactThresholds(ceilings={"silent": 49})


def test_playbooks_may_ask_for_facts_and_a_misspelt_one_is_refused(tmp_path) -> None:
    """`fact: sponsor_left` alone is enough to act."""
    from customer_health.playbooks.playbook import load_playbook

    page = tmp_path / "own.yaml"
    body = "name: own\ntitle: Own\nbecause: It happened.\nonce_per: quarter\nwhen: {{fact: {}}}\n" \
        "do:\n  - enroll: {{play: hello}}\n"  # fmt: skip
    page.write_text(body.format("sponsor_left"))
    assert load_playbook(page).when.fact.any == ("sponsor_left",)
    page.write_text(body.format("[sponsor_left, silent_account]"))
    assert load_playbook(page).when.fact.any == ("sponsor_left", "silent_account")
    page.write_text(body.format("sponsor_gone"))
    with pytest.raises(ConfigurationError, match="headline fact 'sponsor_gone', which does not exist"):
        load_playbook(page)


def test_a_request_to_cancel_is_told_first_and_everywhere_but_in_the_model() -> None:
    rows = scored({"acme": {"asks_to_cancel_90d": 2.0, "recent_nps": 3.0}})
    row = rows.loc["acme"]
    assert row["why"].startswith(("Asked to cancel", "Healthy despite asked to cancel"))
    assert "2 of their messages ask to cancel" in row["facts"][0]["phrase"]
    assert validate_why(row["why"], [*row["facts"], *row["reasons"]]) == ()
    assert "It predicts: 'cancel'." in validate_why("Asked to cancel", [])
    assert all(reason["signal"] != "asks_to_cancel_90d" for reason in row["reasons"])


def test_high_usage_and_toxic_tickets_are_no_calm_account() -> None:
    """The first promise of the second document."""
    rows = scored({"acme": {"usage_delta_28d": 0.4, "support_sentiment_recent_90d": 0.12}})
    assert "support sentiment toxic" in rows.loc["acme", "why"].lower()


def test_what_would_help_a_silent_account_is_its_use_and_nothing_else() -> None:
    """No better NPS lifts it over the ceiling."""
    row = scored({"silent": {"silent_account": 1.0, "recent_nps": 3.0}, "busy": {}}).loc["silent"]
    assert row["lever"]["text"] == "Nothing else counts until somebody there uses the product"
    assert row["lever"]["target"] is None
