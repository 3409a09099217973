"""Any HTTP provider of a score: its number on its own scale, and nothing else of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.lib.servers.base import Answer, Request, Server

from customer_health.ledger.engine import open_ledger
from customer_health.text_config import Endpoint
from customer_health.texts.models.answers import ModelReading
from customer_health.texts.models.asking import Asked, Asking, ask_all
from customer_health.texts.models.http_provider import HttpModel
from customer_health.texts.models.model_reader import QUESTION

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)


class ScoreServer(Server):
    """POST {"text": ...} -> {"score": -1 .. 1}."""

    says: Any = None

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer key-1":
            return Answer(401, {"error": "who are you?"})
        return Answer(body=self.says if self.says is not None else {"score": -0.5})


@pytest.fixture
def server() -> Iterator[ScoreServer]:
    one = ScoreServer()
    yield one
    one.close()


def ask(server: ScoreServer, key: str = "key-1") -> Asked[ModelReading]:
    endpoint = Endpoint(url=server.url, answer_field="score", lowest=-1, highest=1, timeout_seconds=1)
    model = HttpModel(endpoint, {"api_key": key}, QUESTION)
    return ask_all(open_ledger("sqlite://"), model, [Asking("h", "The export fails")], budget=1, now=NOW)


def test_a_vendors_own_scale_becomes_0_to_1(server: ScoreServer) -> None:
    assert ask(server).answers["h"].sentiment == 0.25
    assert server.requests[0].json == {"text": "The export fails"}


@pytest.mark.parametrize(
    "nonsense", [{"score": 7}, {"score": "fine"}, {"mood": 0.5}, [], "<html>", {"score": None}]
)
def test_nonsense_is_no_answer(server: ScoreServer, nonsense: Any) -> None:
    server.says = nonsense
    found = ask(server)
    assert (found.answers, found.left, sum(found.failures.values())) == ({}, 1, 1)


def test_a_key_that_is_not_accepted_is_said_so(server: ScoreServer) -> None:
    assert ask(server, key="other").stopped == "the provider does not accept our key or request"


@pytest.mark.parametrize("fault", ["500_before", "429", "reset_before", "garbage_after"])
def test_a_provider_in_trouble_leaves_the_text_for_the_next_run(server: ScoreServer, fault: str) -> None:
    server.next.extend([fault])
    found = ask(server)
    assert (found.answers, found.left) == ({}, 1)
