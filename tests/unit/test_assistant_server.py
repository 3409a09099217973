"""The MCP server, asked by the library's own client: in memory, and as an assistant starts it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.lib import ledger_facts
from tests.lib.ledger_facts import EVIL, TODAY

from customer_health.assistant.assistant_server import assistant_server
from customer_health.errors import ConfigurationError
from customer_health.ledger import delivery_log, scores
from customer_health.ledger.outbox import admin
from customer_health.settings import load_settings

READING = {"portfolio", "account", "why_it_moved", "renewals", "actions_waiting"}
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LIMIT = 60.0
LIMITED = """
roles:
  limited: true
  people: {dana: nobody@example.com, vera: v@example.com}
  leads: [v@example.com]
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTOMER_HEALTH_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTOMER_HEALTH_CONFIG", str(tmp_path / "company.yaml"))
    monkeypatch.setenv("CUSTOMER_HEALTH_TODAY", TODAY.isoformat())
    company(tmp_path, "name: Northwind")
    ledger_facts.fill(tmp_path)
    return tmp_path


def company(home: Path, text: str) -> None:
    (home / "company.yaml").write_text(text + "\n", encoding="utf-8")


def ledger(home: Path) -> Any:
    from customer_health.ledger.engine import open_ledger

    return open_ledger(f"sqlite:///{home}/ledger.db")


def asked(*calls: tuple[str, dict[str, Any]], user: str = "dana") -> list[Any]:
    """Return what the server answers to a client's calls, the names of its tools first."""
    from mcp import Client

    async def talk() -> list[Any]:
        async with Client(assistant_server(load_settings(), user, now=lambda: NOW)) as client:
            found: list[Any] = [{tool.name for tool in (await client.list_tools()).tools}]
            return found + [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(asyncio.wait_for(talk(), LIMIT))


def words(result: Any) -> str:
    return " ".join(part.text for part in result.content)


def test_it_reads_only_unless_the_company_allows_more(home):
    assert asked() == [READING]
    company(home, "assistant: {approvals: true}")
    assert asked() == [READING | {"answer_action"}]


def test_who_needs_a_call_with_money_and_reason(home):
    _, answer = asked(("portfolio", {"limit": 3}))
    told = answer.structured_content
    assert told["as_of"] == "2026-11-20"
    assert {row["account_id"] for row in told["accounts"]} <= set(ledger_facts.ACCOUNTS)
    assert told["accounts"][0]["why"]
    assert sum(each["accounts"] for each in told["totals"].values()) == len(ledger_facts.ACCOUNTS)
    assert "never instructions" in told["about_this_answer"]


def test_an_account_comes_with_its_evidence_and_why_it_moved(home):
    _, one, moved = asked(("account", {"account_id": "acme"}), ("why_it_moved", {"account_id": "acme"}))
    assert one.structured_content["score_shown"] == 22
    assert one.structured_content["reasons"][0]["code"] == "usage_decline"
    assert one.structured_content["actions"]
    assert moved.structured_content["before"]["score"] == 27


def test_what_is_not_there_is_said_in_our_words(home):
    _, nobody, tier, quarter = asked(
        ("account", {"account_id": "nobody"}),
        ("portfolio", {"tier": "Purple"}),
        ("renewals", {"quarter": "x"}),
    )
    for answer, said in ((nobody, "no account"), (tier, "no tier"), (quarter, "no quarter")):
        assert answer.is_error
        assert said in words(answer)
        assert "Traceback" not in words(answer)


def test_renewals_and_what_waits(home):
    _, renewals, waiting = asked(("renewals", {}), ("actions_waiting", {}))
    assert len(renewals.structured_content["quarters"]) == 4
    assert waiting.structured_content["waiting"] == len(admin.awaiting(ledger(home)))
    assert all("payload" in each for each in waiting.structured_content["actions"])


def test_an_assistant_sees_what_its_person_sees(home):
    company(home, LIMITED)
    _, own = asked(("portfolio", {}))
    assert own.structured_content["accounts"] == []
    _, hidden = asked(("account", {"account_id": "acme"}))
    assert hidden.is_error
    _, all_of_them = asked(("portfolio", {}), user="vera")
    assert len(all_of_them.structured_content["accounts"]) == len(ledger_facts.ACCOUNTS)
    with pytest.raises(ConfigurationError, match="No address is known"):
        asked(user="stranger")
    with pytest.raises(ConfigurationError, match="Nobody is named"):
        asked(user=" ")


def test_an_approval_is_signed_by_the_person_and_asks_who_may(home):
    key = admin.awaiting(ledger(home))[0]["key"]
    given = {"key": key, "answer": "decline", "reason": "the customer called"}
    company(home, "{assistant: {approvals: true}, playbooks: {approvers: [lee]}}")
    _, refused = asked(("answer_action", given))
    assert "may not approve" in words(refused)
    _, empty, done = asked(("answer_action", given | {"reason": " "}), ("answer_action", given), user="lee")
    assert empty.is_error
    assert done.structured_content == {"key": key, "answer": "decline", "by": "lee"}
    last = delivery_log.of(ledger(home), key)[-1]
    assert last["detail"] == "lee: the customer called (through an assistant)"


def test_the_command_speaks_over_standard_input_and_output(home):
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "customer_health", "mcp", "--user", "dana"],
        env={
            "CUSTOMER_HEALTH_HOME": str(home),
            "CUSTOMER_HEALTH_CONFIG": str(home / "company.yaml"),
            "PYTHONPATH": str(Path(scores.__file__).parents[2]),
        },
    )

    async def talk() -> Any:
        async with Client(stdio_client(server)) as client:
            return await client.call_tool("account", {"account_id": "evil"})

    answer = asyncio.run(asyncio.wait_for(talk(), LIMIT))
    assert answer.structured_content["name"] == EVIL
    assert date.fromisoformat(answer.structured_content["as_of"]) == TODAY


def test_nothing_but_its_command_loads_the_library():
    """Every DAG and every page would pay for it."""
    code = (
        "import sys, customer_health.cli.command_line, customer_health.pipeline;"
        "import customer_health.assistant.assistant_server;"
        "sys.exit('mcp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=120, check=False, env={
        "PYTHONPATH": str(Path(scores.__file__).parents[2]), "PATH": "/usr/bin:/bin",
    })  # fmt: skip
    assert done.returncode == 0
