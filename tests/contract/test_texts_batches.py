"""Texts as one job at the vendor's batch price: submitted once, fetched later, never paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
from customer_health.texts.models.asking import Asked, Asking
from customer_health.texts.models.batches import read_in_batches, vendor_of
from customer_health.texts.models.model_reader import QUESTION, prompt_of

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
GOOD: Reply = {"sentiment": 0.2, "language": "en", "reasons": [], "intents": []}
HALF = (350 * 1.0 + 40 * 5.0) / 1e6 / 2
SERVERS = {"claude": AnthropicServer, "openai": OpenAIServer}


class Vendor:
    def __init__(self, kind: str) -> None:
        self.says: Any = lambda prompt: GOOD
        self.server: LanguageModel = SERVERS[kind](lambda prompt: self.says(prompt))
        endpoint = Endpoint(
            model="m-1", url=self.server.url, price=ModelPrice(input=1.0, output=5.0), batch=True
        )
        self.model: AgentModel[ModelReading] = AgentModel(kind, endpoint, {"api_key": "key-1"}, QUESTION)
        self.engine: Engine = open_ledger("sqlite://")

    def run(self, *texts: str, now: datetime = NOW, budget: float = 5.0, **given: Any) -> Asked[ModelReading]:
        askings = [Asking(f"hash-{text}", prompt_of(text)) for text in texts]
        return read_in_batches(self.engine, self.model, askings, budget=budget, now=now, **given)


@pytest.fixture(params=sorted(SERVERS))
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    one = Vendor(request.param)
    yield one
    one.server.close()


def test_a_job_is_submitted_once_and_fetched_when_it_is_done(vendor: Vendor) -> None:
    assert vendor.run("a", "b").left == 2
    assert vendor.run("a", "b").left == 2  # still under way: nothing is sent again
    assert len(vendor.server.batches) == 1
    vendor.server.finish_batches()
    found = vendor.run("a", "b")
    assert {name: one.sentiment for name, one in found.answers.items()} == {"hash-a": 0.2, "hash-b": 0.2}
    assert found.left == 0
    assert found.cost == pytest.approx(2 * HALF)
    assert spent_in_week(vendor.engine, NOW) == pytest.approx(2 * HALF)
    assert len(vendor.server.batches) == 1


def test_an_answer_that_is_broken_is_asked_for_again_and_the_others_are_kept(vendor: Vendor) -> None:
    vendor.says = lambda prompt: {"sentiment": 9} if "odd" in prompt else GOOD
    vendor.run("odd", "fine")
    vendor.server.finish_batches()
    found = vendor.run("odd", "fine")
    assert set(found.answers) == {"hash-fine"}
    assert (found.failures["broken answer"], found.left) == (1, 1)
    assert len(vendor.server.batches) == 2


def test_a_request_of_the_job_that_failed_has_no_answer(vendor: Vendor) -> None:
    vendor.says = lambda prompt: Answer(500, {"error": {"message": "internal"}})
    vendor.run("a")
    vendor.server.finish_batches()
    assert vendor.run("a").answers == {}


def test_a_run_killed_while_submitting_does_not_submit_twice(vendor: Vendor) -> None:
    class Killed(BaseException):
        pass

    class Dies:
        def submit(self, model: Any, askings: Any) -> str:
            vendor_of(vendor.model).submit(model, askings)
            raise Killed

        def results(self, remote_id: str) -> None:
            return None

    with pytest.raises(Killed):
        vendor.run("a", vendor=Dies())
    vendor.run("a")
    assert len(vendor.server.batches) == 1
    assert spent_in_week(vendor.engine, NOW) > 0  # the vendor may have counted it
    vendor.run("a", now=NOW + timedelta(days=1, hours=1))
    assert len(vendor.server.batches) == 2


def test_a_job_holds_only_what_the_budget_allows(vendor: Vendor) -> None:
    one = vendor.model.most(prompt_of("text 10")) / 2
    texts = [f"text {number}" for number in range(10, 30)]
    found = vendor.run(*texts, budget=4.5 * one)
    assert found.stopped == "the week's budget is spent"
    assert spent_in_week(vendor.engine, NOW) == pytest.approx(4 * one)
    vendor.server.finish_batches()
    assert len(vendor.run(*texts, budget=0.0).answers) == 4
