"""The MCP server over HTTP, asked by the library's own client: the token says who asks."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.lib import ledger_facts
from tests.lib.ledger_facts import TODAY

from customer_health.assistant.assistant_http import digest, new_token
from customer_health.cli.command_line import main
from customer_health.ledger import scores

LIMIT = 60.0
DANA, VERA = "dana-token-" + "d" * 30, "vera-token-" + "v" * 30
COMPANY = f"""
roles:
  limited: true
  people: {{dana: nobody@example.com, vera: v@example.com}}
  leads: [v@example.com]
assistant: {{tokens: {{dana: {digest(DANA)}, vera: {digest(VERA)}}}}}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assistant")
    (folder / "company.yaml").write_text(COMPANY, encoding="utf-8")
    ledger_facts.fill(folder)
    return folder


def environment(home: Path) -> dict[str, str]:
    return {
        "CUSTOMER_HEALTH_HOME": str(home),
        "CUSTOMER_HEALTH_CONFIG": str(home / "company.yaml"),
        "CUSTOMER_HEALTH_TODAY": TODAY.isoformat(),
        "PYTHONPATH": str(Path(scores.__file__).parents[2]),
        "PATH": "/usr/bin:/bin",
    }


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """The command, as somebody would start it, on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "customer_health", "mcp", "--http", "--port", str(port)]
    command += ["--public-url", "https://ask.example.com"]
    server = subprocess.Popen(command, env=environment(home), stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + LIMIT
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/mcp", timeout=5)
            break
        except httpx.TransportError:
            assert server.poll() is None, server.communicate(timeout=LIMIT)[1]
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}/mcp"
    server.terminate()
    server.wait(timeout=LIMIT)


def asked(address: str, token: str, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def talk() -> list[Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=LIMIT) as web,
            Client(streamable_http_client(address, http_client=web)) as client,
        ):
            return [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(asyncio.wait_for(talk(), LIMIT))


def test_each_token_shows_what_its_person_sees(address: str) -> None:
    (own,) = asked(address, DANA, ("portfolio", {}))
    (everything,) = asked(address, VERA, ("portfolio", {}))
    (hidden,) = asked(address, DANA, ("account", {"account_id": "acme"}))
    assert own.structured_content["accounts"] == []
    assert len(everything.structured_content["accounts"]) == len(ledger_facts.ACCOUNTS)
    assert hidden.is_error


def test_two_people_at_the_same_time_get_their_own_answers(address: str) -> None:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def count(token: str) -> set[int]:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=LIMIT) as web,
            Client(streamable_http_client(address, http_client=web)) as client,
        ):
            answers = [await client.call_tool("portfolio", {}) for _ in range(8)]
        return {len(each.structured_content["accounts"]) for each in answers}

    async def both() -> list[set[int]]:
        return list(await asyncio.gather(count(DANA), count(VERA), count(DANA), count(VERA)))

    seen = asyncio.run(asyncio.wait_for(both(), LIMIT))
    assert seen == [{0}, {len(ledger_facts.ACCOUNTS)}] * 2


ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
TYPES = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.mark.parametrize("how", [{}, {"Authorization": "Bearer guessed"}, {"Authorization": f"Basic {DANA}"}])
def test_nobody_without_a_token_is_answered(address: str, how: dict[str, str]) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = httpx.request(method, address, json=ASK, headers=TYPES | how, timeout=LIMIT)
        assert answer.status_code == 401, method
        assert "tools" not in answer.text


def test_a_page_of_another_site_cannot_make_a_browser_ask(address: str) -> None:
    own = TYPES | {"Authorization": f"Bearer {VERA}"}
    for wrong in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        answer = httpx.post(address, json=ASK, headers=own | wrong, timeout=LIMIT)
        assert answer.status_code in (403, 421), wrong
    through_the_proxy = own | {"Host": "ask.example.com", "Origin": "https://ask.example.com"}
    assert httpx.post(address, json=ASK, headers=through_the_proxy, timeout=LIMIT).status_code not in (
        403,
        421,
    )


def test_a_token_ends_at_once_when_its_line_is_taken_out(address: str, home: Path) -> None:
    kept = (home / "company.yaml").read_text(encoding="utf-8")
    (home / "company.yaml").write_text(kept.replace(f"dana: {digest(DANA)}, ", ""), encoding="utf-8")
    try:
        answer = httpx.post(
            address, json=ASK, headers=TYPES | {"Authorization": f"Bearer {DANA}"}, timeout=LIMIT
        )
        assert answer.status_code == 401
        assert asked(address, VERA, ("portfolio", {}))
    finally:
        (home / "company.yaml").write_text(kept, encoding="utf-8")


def test_a_token_is_made_with_its_line_for_the_company_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment(home).items():
        if name.startswith("CUSTOMER_HEALTH"):
            monkeypatch.setenv(name, value)
    assert main(["mcp-token", "dana"]) == 0
    said = capsys.readouterr().out
    token = said.split("shown this once: ")[1].split()[0]
    assert digest(token) in said.replace("\n", "")
    assert len({new_token()[0] for _ in range(50)}) == 50
    assert main(["mcp-token", "stranger"]) != 0


def test_a_server_that_would_answer_nobody_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "company.yaml").write_text("name: Northwind\n", encoding="utf-8")
    for name, value in environment(tmp_path).items():
        if name.startswith("CUSTOMER_HEALTH"):
            monkeypatch.setenv(name, value)
    assert main(["mcp", "--http", "--port", "1"]) != 0
    assert "Nobody has a token" in "".join(capsys.readouterr())
    assert main(["mcp", "--http", "--user", "dana"]) != 0
