"""Damaged rows stand aside and say so; hostile names and endless reasons harm nobody."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import update
from tests.lib.ledger import alerts, outcome, promised, publish, run

from customer_health.company import CompanyConfig
from customer_health.destinations.preview import render
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.errors import ConfigurationError
from customer_health.ledger import episodes
from customer_health.ledger.engine import writing
from customer_health.ledger.outbox import admin
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.schema import scores
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks.playbook import load_playbooks

PIECES = [
    "<!channel>",
    "<@U123>",
    "<https://evil.example|pay here>",
    "*bold*",
    "`code`",
    "~x~",
    "@here",
    "&amp;",
    "\u202ednegel",
    "\u200b\u2060",
    "\x00\x07",
    "\r\n\r\n",
    "=cmd|'/c calc'!A1",
    "'; DROP TABLE outbox; --",
    "${account}",
    "{{ 7*7 }}",
    "%s%n",
    "🔥" * 40,
    "Ü" * 300,
    "a" * 500,
    "|",
]


@pytest.mark.parametrize(
    "damage",
    [
        {"reasons": "not a list"},
        {"reasons": [{"code": "x"}]},
        {"reasons": [{"code": "x", "points": "many"}]},
        {"change": {"moved": "x"}},
        {"change": {"moved": [{"concept": "usage"}]}},
    ],
)
def test_a_damaged_row_is_left_out_with_its_reason_and_the_others_go_on(ledger, damage):
    names = ["acme", "poison"]
    publish(ledger, 1, dict.fromkeys(names, 61))
    run(ledger, 1)
    for number in (2, 3):
        publish(ledger, number, dict.fromkeys(names, 20))
        with writing(ledger) as connection:
            poisoned = scores.c.account_id == "poison"
            connection.execute(update(scores).where(poisoned).values(**damage))
        done = run(ledger, number)
        assert done.numbers["failed"] == 1
        assert "1 accounts could not be decided about (see the decision log): poison." in done.lines()

    assert alerts(ledger) == ["acme"]
    assert outcome(ledger, 3, "poison", "all")[0] == "failed"
    assert [episode.account_id for episode in episodes.all_of(ledger)] == ["acme"]

    publish(ledger, 4, dict.fromkeys(names, 20))
    assert run(ledger, 4).numbers["failed"] == 0


def test_five_hundred_hostile_names_and_endless_reasons_end_in_messages_that_slack_takes(ledger):
    dice = random.Random(5)
    names = ["".join(dice.choices(PIECES, k=dice.randint(1, 4))) for _ in range(500)]
    reason = {"code": "usage_decline", "concept": "usage", "points": -14.0, "value": 1e308}
    rows = {
        f"a{number}": {
            "name": name,
            "score": 20,
            "reasons": [reason | {"phrase": (name * 99)[:5000], "signal": name[:200]}],
            "why": name,
            "segment": name,
            "owner_email": name,
        }
        for number, name in enumerate(names)
    }
    quiet = CompanyConfig(
        playbooks=PlaybookConfig(
            mass_move_floor=9999,
            alerts_per_owner_per_day=9999,
            alerts_per_channel_per_day=9999,
            first_run_tasks=9999,
        )
    )
    publish(ledger, 1, {account: row | {"score": 61} for account, row in rows.items()})
    run(ledger, 1, quiet)
    publish(ledger, 2, rows)
    run(ledger, 2, quiet)

    assert len(alerts(ledger)) == 500
    for row in admin.find(ledger):
        if row["verb"] in ("notify", "reply", "update_message"):
            assert slack_limits.problems(blocks.message(row["payload"])) == []
        if row["verb"] == "create_task":
            assert len(row["payload"]["subject"]) <= 80 or row["account_id"] == "portfolio"
    for row in promised(ledger, "create_task", step="executive_outreach")[:50]:
        assert render(outbox.effect_of(row))


def test_playbooks_that_contradict_each_other_are_refused_at_load(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(
            f"name: {name}\ntitle: X\nbecause: X.\norder: 5\ngroup: save\nonce_per: episode\n"
            "when: {tier: red}\ndo:\n  - create_task: {type: call, subject: Call, due_in: 7d}\n"
        )
    with pytest.raises(ConfigurationError, match="one and two both have order 5 in the group 'save'"):
        load_playbooks(CompanyConfig(), tmp_path)
