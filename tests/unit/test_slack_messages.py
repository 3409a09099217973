"""Every kind of message, with names that mean harm: Slack takes them all, and nobody is deceived."""

import json

import pytest
from tests.lib.destinations import effect, usage_audit
from tests.lib.ledger import morning

from customer_health.destinations import usage_audit_table as audits
from customer_health.destinations.slack import blocks as slack_blocks
from customer_health.destinations.slack import slack_limits
from customer_health.destinations.slack.portfolio_messages import SUMMARIES
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.effect_context import link_of

HOSTILE = "<!channel> *x* `y` <https://evil|pay> \u202e\u200b\x00|" + "long " * 1000
ENTRY = {
    "account_id": HOSTILE,
    "name": HOSTILE,
    "score": 20,
    "before": None,
    "tier": "Critical",
    "why": HOSTILE,
    "arr": 1e15,
    "currency": HOSTILE,
    "expected_loss": None,
    "days_to_renewal": None,
    "owner": HOSTILE,
}
PART = {"count": 999, "entries": [ENTRY] * 20}
TIERS = {name: {"accounts": 1, "arr": 1, "accounts_change": 1, "arr_change": -1} for name in ("Critical",)}
PAYLOADS = {
    "baseline": {"tiers": TIERS, "backlog": 3, "red": 9, "tasks_opened_for": 1, "accounts": 5},
    "brake": {"newly_red": 9, "share": 0.5, "limit": 0.1, "hold": HOSTILE},
    "digest": {"limit": 5},
    "new_model": {"model_id": HOSTILE},
    "overdue": {"hours": 48},
    "backlog": {"since": morning(2).isoformat()},
    "weekly": {
        "tiers": TIERS,
        "published_at": morning(2).isoformat(),
        "refused": 1,
        "awaiting_approval": 2,
        "expansion": PART,
        **dict.fromkeys(("worst", "best", "overdue", "saved", "lost", "small"), PART),
    },
}


def payload(kind):
    common = {"kind": kind, "channel": "#csm-alerts", "as_of": "2026-11-02", **PART}
    return {**common, **PAYLOADS.get(kind, {"text": HOSTILE, "sentences": [HOSTILE], "title": HOSTILE})}


@pytest.mark.parametrize("kind", sorted(SUMMARIES))
def test_a_summary_of_hostile_names_is_one_that_slack_takes(kind):
    if kind not in PAYLOADS:
        pytest.skip("a message about data, tested where it is made")
    message = slack_blocks.message(payload(kind))
    assert slack_limits.problems(message) == []
    for mark in ("<!channel>", "<https://evil", "\\u202e", "\\u0000"):
        assert mark not in json.dumps(message)


def test_an_alert_with_everything_that_it_can_hold_is_one_that_slack_takes():
    given = {
        "lever": HOSTILE,
        "cause_note": HOSTILE,
        "status": {"state": "x", "sign": "👀", "text": HOSTILE},
        "links": [[HOSTILE, f"https://crm.example/{number}"] for number in range(9)],
        "misdirected": True,
        "direct_to": HOSTILE,
    }
    promise = effect("notify", name=HOSTILE, why=HOSTILE, **given)
    promise.payload["score"]["history"] = [[f"2026-10-{day:02d}", 50] for day in range(1, 28)]
    message = slack_blocks.message(promise.payload)
    assert slack_limits.problems(message) == []
    assert len(message["blocks"]) <= 12
    assert len(next(block for block in message["blocks"] if block["type"] == "actions")["elements"]) == 5


def lines_of(message):
    """Lines as a wide screen shows them; a chart and a row of buttons count as one each."""
    texts = slack_limits.as_markdown(message).splitlines()[1:]
    return [line for line in texts if line and line != "---"]


def test_the_fullest_alert_fits_one_screen_of_14_lines():
    reason = {"code": "usage_decline", "points": -9.0, "phrase": "Usage -30% against the 4 weeks before"}
    promise = effect(
        "notify",
        risks=[reason] * 3,
        strengths=[{"code": "high_nps", "points": 4.0, "phrase": "Latest NPS 9"}] * 2,
        lever="Bring 12 more seats into use",
        links=[["CRM", "https://crm.example/a"], ["Runbook", "https://runbook.example"]],
    )
    promise.payload["score"]["history"] = [[f"2026-10-{day:02d}", 50] for day in range(1, 14)]

    lines = lines_of(slack_blocks.message(promise.payload))

    assert len(lines) == 14, "\n".join(lines)
    assert lines[1] == "**Usage down 30%**"
    assert lines[2] == "ARR $240K · at risk $73K · renews 1 Jun 2027 (200 d)"
    assert lines[3].endswith("owner dana@example.com (csm)")


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ([], "0 elements"),
        (
            [{"text": {"type": "plain_text", "text": "x"}, "url": "http://x", "action_id": "a"}],
            "not an address",
        ),
        ([{"text": {"type": "plain_text", "text": "x" * 99}, "action_id": "a"}], "99 characters"),
        ([{"text": {"type": "plain_text", "text": "x"}, "action_id": "a"}] * 2, "two elements"),
    ],
)
def test_buttons_that_slack_would_refuse_are_found(elements, said):
    blocks = [{"type": "actions", "elements": elements}]
    assert said in " ".join(slack_limits.problems({"text": "x", "blocks": blocks}))


def test_an_account_id_cannot_leave_its_place_in_a_link():
    assert link_of("https://crm.example/{account_id}/view", "../a?b=c#d") == (
        "https://crm.example/..%2Fa%3Fb%3Dc%23d/view"
    )


@pytest.mark.parametrize("url", ["http://crm.example/x", "javascript:alert(1)", "https://a b", "https://a|b"])
def test_a_link_that_is_no_https_address_is_refused_at_load(url):
    with pytest.raises(ValueError, match="not an https address"):
        PlaybookConfig(links={"CRM": url})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "41 of 100 seats in use (41%), 30% fewer than the four weeks before."),
        ({"change": 0.001}, "41 of 100 seats in use (41%), as many as the four weeks before."),
        ({"seats": 20.0, "change": None}, "41 people use 20 seats: they share them, or joined and left."),
        ({"seats": 0.0, "change": None}, "41 people use it; no seats are licensed."),
        (
            {"seats": None, "change": 0.5},
            "41 people use it; seats unknown, 50% more than the four weeks before.",
        ),
    ],
)
def test_the_headline_of_an_audit_fits_its_numbers(changes, said):
    assert audits.headline(usage_audit(**changes)) == said
