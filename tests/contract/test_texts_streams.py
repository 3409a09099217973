"""Answers that arrive piece by piece, through the vendors' own SDKs: whole ones count, broken ones do not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.lib.servers.base import Answer
from tests.lib.servers.language_models import AnthropicServer, LanguageModel, OpenAIServer, Reply

from customer_health.ledger.engine import open_ledger
from customer_health.ledger.text_answers import spent_in_week
from customer_health.text_config import Endpoint, ModelPrice
from customer_health.texts.models.agents import AgentModel
from customer_health.texts.models.answers import ModelReading
from customer_health.texts.models.asking import Asked, Asking, ask_all
from customer_health.texts.models.model_reader import QUESTION, prompt_of

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
ONE = (350 * 1.0 + 40 * 5.0) / 1e6
GOOD: Reply = {"sentiment": 0.2, "language": "en", "reasons": [], "intents": []}
SERVERS = {"claude": AnthropicServer, "openai": OpenAIServer, "compatible": OpenAIServer}
EVENTS = {"Content-Type": "text/event-stream"}


class Vendor:
    """One vendor's server, and our model that listens to its pieces."""

    def __init__(self, kind: str) -> None:
        self.says: Any = lambda prompt: GOOD
        self.server: LanguageModel = SERVERS[kind](lambda prompt: self.says(prompt))
        endpoint = Endpoint(
            model="m-1", url=self.server.url, price=ModelPrice(input=1.0, output=5.0), timeout_seconds=60,
            stream=True,
        )  # fmt: skip
        self.model: AgentModel[ModelReading] = AgentModel(kind, endpoint, {"api_key": "key-1"}, QUESTION)
        self.engine: Engine = open_ledger("sqlite://")

    def ask(self, *texts: str) -> Asked[ModelReading]:
        askings = [Asking(f"hash of {text}", prompt_of(text)) for text in texts]
        return ask_all(self.engine, self.model, askings, budget=5.0, now=NOW, at_once=1)


@pytest.fixture(params=sorted(SERVERS))
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    one = Vendor(request.param)
    yield one
    one.server.close()
    assert one.server.violations == []


def test_an_answer_in_pieces_is_put_together_and_paid_as_said(vendor: Vendor) -> None:
    found = vendor.ask("Nobody answers")
    assert found.answers["hash of Nobody answers"].sentiment == 0.2
    assert all(request.json.get("stream") for request in vendor.server.requests)
    assert spent_in_week(vendor.engine, NOW) == pytest.approx(ONE)


@pytest.mark.parametrize(
    "pieces",
    [
        "",
        "data: {\n\n",
        'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}\n\n',
        'data: {"error": {"message": "internal", "type": "server_error"}}\n\n',
        "data: [DONE]\n\n",
        "<html>maintenance",
    ],
)
def test_a_stream_that_breaks_off_is_no_answer_and_keeps_its_reservation(vendor: Vendor, pieces: str) -> None:
    vendor.says = lambda prompt: Answer(200, pieces, EVENTS)
    found = vendor.ask("Nobody answers")
    assert (found.answers, found.left, sum(found.failures.values())) == ({}, 1, 1)
    assert spent_in_week(vendor.engine, NOW) == pytest.approx(vendor.model.most(prompt_of("Nobody answers")))


def test_a_stream_of_nonsense_is_sent_back_once(vendor: Vendor) -> None:
    replies = iter([{"mood": "fine"}, GOOD])
    vendor.says = lambda prompt: next(replies)
    assert vendor.ask("Nobody answers").answers["hash of Nobody answers"].sentiment == 0.2
    assert len(vendor.server.asked) == 2


@pytest.mark.parametrize("vendor", ["openai", "compatible"], indirect=True)
def test_who_does_not_say_what_an_answer_used_is_paid_the_most(vendor: Vendor) -> None:
    vendor.server.counts_tokens = False
    vendor.ask("Nobody answers")
    assert spent_in_week(vendor.engine, NOW) == pytest.approx(vendor.model.most(prompt_of("Nobody answers")))
