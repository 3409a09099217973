"""The Slack message: what a CSM reads, and what no account name can do to it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.ledger import day, new_ledger, promised, publish, run

from customer_health.destinations.preview import PreviewDestination, rendered
from customer_health.destinations.safe_text import clean, slug
from customer_health.destinations.slack import blocks, slack_limits
from customer_health.ledger.outbox import queue as outbox
from customer_health.wording import money

HOSTILE = [
    "<!channel> urgent",
    "<@U123> & <https://evil.example|Invoice>",
    "a</div><script>alert(1)</script>",
    "\u202egnp.exe",
    "zero\u200bwidth\u2060",
    "line\nbreak\r\n*bold* `code` ~gone~",
    "\x00\x1b[31mred",
    "../../etc/passwd",
    "x" * 5000,
    "&" * 400,
    "",
    "   ",
    "=cmd|' /C calc'!A0",
    "אבג דהו",
    "😀" * 200,
    "${jndi:ldap://x}",
    "{{ 7*7 }} $account",
]


@pytest.fixture
def alert_row(tmp_path):
    def of(**columns):
        ledger = new_ledger(tmp_path)
        publish(ledger, 1, {"acme": 61})
        publish(ledger, 2, {"acme": {"score": 27, **columns}})
        run(ledger, 2)
        row = promised(ledger, "notify", account_id="acme")[0]
        ledger.dispose()
        return row

    return of


def test_the_alert_says_change_why_money_clock_owner_reasons_and_next_step(alert_row):
    message = blocks.message(alert_row()["payload"])
    page = slack_limits.as_markdown(message)

    assert slack_limits.problems(message) == []
    for words in (
        "🔴 Critical · Acme · 61 → 27 (▼34)",
        "Usage down 30%; sponsor left.",
        "$240K · at risk $73K",
        "1 Jun 2027 (200 d)",
        "Attention → Critical",
        "dana@example.com",
        "Usage down 30% in 28 days `-14`",
        "Save play: Urgent review",
        "by Tue 3 Nov 09:00 UTC",  # a day later, when the owner works
        "coverage 92%",
        "ep-20261102-",
    ):
        assert words in page
    assert message["channel"] == "#csm-alerts"
    # The first two lines of a phone's notification hold the change, the reason and the next step.
    assert message["text"].startswith("Critical: Acme 61 → 27 (▼34). Usage down 30%; sponsor left. Next:")


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_can_neither_mention_nor_link_nor_break_the_message(alert_row, tmp_path, name):
    row = alert_row(name=name, why=name, owner_email=name, segment=name)
    message = blocks.message(row["payload"])

    assert slack_limits.problems(message) == []
    assert "<!channel>" not in json.dumps(message)
    assert "<script" not in slack_limits.as_markdown(message)
    preview = PreviewDestination("slack", tmp_path / "preview")
    landed = tmp_path / "preview" / preview.deliver(outbox.effect_of(row))
    assert landed.resolve().is_relative_to((tmp_path / "preview").resolve())
    assert rendered(tmp_path / "preview", day(2), "notify")[0].account_id == "acme"


def test_an_account_id_that_is_a_path_stays_inside_the_preview_folder(tmp_path):
    ledger = new_ledger(tmp_path)
    publish(ledger, 1, {"../../../etc/x": 61})
    publish(ledger, 2, {"../../../etc/x": 20})
    run(ledger, 2)
    preview = PreviewDestination("crm", tmp_path / "preview")
    for verb in ("create_task", "set_fields"):
        for row in promised(ledger, verb):
            path = tmp_path / "preview" / preview.deliver(outbox.effect_of(row))
            assert path.resolve().is_relative_to((tmp_path / "preview").resolve())
    ledger.dispose()


@given(st.text(max_size=400))
def test_any_text_becomes_one_visible_line_that_slack_accepts(text):
    header = blocks.plain(f"Critical · {text}")
    assert len(header["text"]) <= slack_limits.HEADER_MOST
    line = blocks.quoted(text)
    assert not set("<>\n\r*`~") & set(line)
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda m: m.update(blocks=m["blocks"] * 10), "blocks, at most 50"),
        (lambda m: m["blocks"][0]["text"].update(text="x" * 151), "151 characters, at most 150"),
        (lambda m: m["blocks"][1]["text"].update(text="<!here>"), "a raw < or >"),
        (lambda m: m["blocks"][1]["text"].pop("verbatim"), "not verbatim"),
        (lambda m: m["blocks"][1]["text"].update(text="\u202e"), "invisible"),
        (lambda m: m["blocks"].append({"type": "carousel"}), "unknown type carousel"),
        (lambda m: m.update(text=""), "text of 0 characters"),
    ],
)
def test_the_validator_finds_what_slack_would_refuse(alert_row, break_it, said):
    message = blocks.message(alert_row()["payload"])
    break_it(message)
    assert any(said in problem for problem in slack_limits.problems(message))


def test_amounts_and_file_names_are_short():
    assert [money(x) for x in (None, 950, 1_060, 240_000)] == ["unknown", "950", "1.06K", "240K"]
    assert [money(1_250_000, "EUR"), money(-3_000, "CHF")] == ["€1.25M", "−CHF 3K"]
    assert slug("Über & Söhne GmbH / ../") == "uber-sohne-gmbh"
