"""What playbooks do about headline facts: guards read them, alerts and tasks tell them."""

from __future__ import annotations

import pytest
from tests.lib.headlines import headlines
from tests.lib.ledger import outcome, promised, publish, run

from customer_health.destinations.crm.task_text import task_markdown
from customer_health.destinations.slack.blocks import message


@pytest.mark.parametrize("code", ["sponsor_left", "silent_account", "low_nps", "single_threaded"])
def test_no_expansion_while_a_headline_fact_of_risk_holds(ledger, code):
    """However well the model likes the account."""
    publish(ledger, 1, {"acme": {"score": 95, "reasons": [], "days_to_renewal": 50.0,
                                 "facts": headlines(code)}})  # fmt: skip
    run(ledger, 1)
    assert promised(ledger, "create_opportunity") == []
    assert "headline facts speak of risk" in outcome(ledger, 1, "acme", "expansion_opportunity")[1]


def test_a_late_business_review_of_ours_stops_no_expansion(ledger):
    """It says nothing about the customer."""
    publish(ledger, 1, {"acme": {"score": 95, "reasons": [], "days_to_renewal": 50.0,
                                 "facts": headlines("late_ebr")}})  # fmt: skip
    run(ledger, 1)
    assert len(promised(ledger, "create_opportunity")) == 1


def test_alert_and_task_tell_what_happened_with_its_evidence(ledger):
    """Beside the reasons, which are what the model weighs."""
    publish(ledger, 1, {"acme": 60})
    run(ledger, 1)
    publish(ledger, 2, {"acme": {"score": 20, "facts": headlines("overdue_invoices", "low_nps")}})
    run(ledger, 2)
    (alert,) = promised(ledger, "notify", account_id="acme")
    said = str(message(alert["payload"])["blocks"])
    assert "*What happened* invoice 45 days overdue · NPS only 4" in said
    tasks = promised(ledger, "create_task", playbook="critical_save")
    page = task_markdown(tasks[0]["payload"])
    assert (
        "- An invoice is 45 days overdue (`overdue_days_max` = 45 from invoices, as of 1 Nov 2026; "
        "compared with: the due date; it counts beyond 30 days)" in page
    )
