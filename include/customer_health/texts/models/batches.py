"""Jobs at the vendors' batch price: submitted today, fetched by a later run, never submitted twice.

What goes out is written down before it goes, with its reservation. A run killed between the two leaves a
job that may or may not be at the vendor: its texts are not sent again until a day has passed, and what it
may have cost stays reserved.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Engine

from customer_health.ledger import text_answers, text_batches
from customer_health.texts.models.agents import ADDRESSES, AgentModel
from customer_health.texts.models.answers import ModelReading
from customer_health.texts.models.asking import Asked, Asking

MOST_AT_ONCE = 10_000
GIVEN_UP_AFTER = timedelta(days=2)
Line = tuple[str, str | None, int, int]  # custom id, answer's JSON, tokens in, tokens out


class BatchVendor(Protocol):
    """What a vendor's batch interface must be able to do."""

    def submit(self, model: AgentModel[ModelReading], askings: Sequence[Asking]) -> str: ...
    def results(self, remote_id: str) -> Iterator[Line] | None: ...


def read_in_batches(
    engine: Engine,
    model: AgentModel[ModelReading],
    askings: Sequence[Asking],
    *,
    budget: float,
    now: datetime,
    vendor: BatchVendor | None = None,
) -> Asked[ModelReading]:
    """Fetch what is done, and submit what was not asked yet.

    Raises:
        Exception: Whatever the vendor's SDK raises; what was fetched before is kept.
    """
    vendor = vendor or vendor_of(model)
    asked: Asked[ModelReading] = Asked()
    _fetch(engine, model, vendor, asked, now)
    question = model.question
    keys = {
        text_answers.answer_key(
            question.purpose, model.kind, model.name, question.version, one.content_hash
        ): one
        for one in askings
    }
    known = text_answers.known_answers(engine, keys)
    asked.from_cache = len(known)
    under_way = text_batches.texts_under_way(engine, model.kind, now)
    new = [one for key, one in keys.items() if key not in known and one.content_hash not in under_way]
    asked.left = len([key for key in keys if key not in known])
    if new:
        _submit(engine, model, vendor, new[:MOST_AT_ONCE], asked, budget, now)
    return asked


def _submit(
    engine: Engine,
    model: AgentModel[ModelReading],
    vendor: BatchVendor,
    askings: Sequence[Asking],
    asked: Asked[ModelReading],
    budget: float,
    now: datetime,
) -> None:
    share = 1 - model.endpoint.batch_discount
    left = budget - text_answers.spent_in_week(engine, now)
    chosen, most = list[Asking](), 0.0
    for one in askings:
        price = model.most(one.prompt) * share
        if most + price > left:
            asked.stopped = "the week's budget is spent"
            break
        chosen.append(one)
        most += price
    reservation = (
        text_answers.reserve(
            engine, provider=model.kind, model=model.name, purpose=model.question.purpose, most=most,
            budget=budget, now=now,
        )
        if chosen
        else None
    )  # fmt: skip
    if reservation is None:
        return
    number = text_batches.announce(
        engine,
        provider=model.kind,
        hashes=[one.content_hash for one in chosen],
        spending_id=reservation,
        now=now,
    )
    remote_id = vendor.submit(model, chosen)
    text_batches.mark(engine, number, state="running", remote_id=remote_id)


def _fetch(
    engine: Engine,
    model: AgentModel[ModelReading],
    vendor: BatchVendor,
    asked: Asked[ModelReading],
    now: datetime,
) -> None:
    share, price, question = 1 - model.endpoint.batch_discount, model.endpoint.price, model.question
    for batch in text_batches.running(engine, model.kind):
        lines = vendor.results(batch.remote_id)
        if lines is None:
            if now - batch.submitted_at > GIVEN_UP_AFTER:
                text_batches.mark(engine, batch.id, state="lost")
            continue
        cost, wanted = 0.0, set(batch.hashes)
        for content_hash, raw, tokens_in, tokens_out in lines:
            cost += (tokens_in * price.input + tokens_out * price.output) / 1e6 * share
            try:
                if raw is None or content_hash not in wanted:
                    raise ValueError("no answer")
                answer = ModelReading.model_validate_json(raw)
            except ValueError:
                asked.failures["broken answer"] += 1
                continue
            text_answers.keep_answer(
                engine, purpose=question.purpose, provider=model.kind, model=model.name,
                prompt=question.version, content_hash=content_hash, answer=answer.model_dump(), now=now,
            )  # fmt: skip
            asked.answers[content_hash] = answer
        text_answers.settle(engine, batch.spending_id, cost)
        asked.cost += cost
        text_batches.mark(engine, batch.id, state="done")


def vendor_of(model: AgentModel[ModelReading]) -> BatchVendor:
    """Return the vendor's batch interface."""
    return _Claude(model) if model.kind == "claude" else _OpenAI(model)


def _schema() -> dict[str, Any]:
    """The answer's JSON schema, closed at every level, as both vendors demand."""
    return ModelReading.model_json_schema()


@dataclass
class _Claude:
    model: AgentModel[ModelReading]

    def _client(self) -> Any:
        from anthropic import Anthropic

        endpoint = self.model.endpoint
        return Anthropic(
            api_key=self.model.key, base_url=endpoint.url or ADDRESSES["claude"], max_retries=0,
            timeout=endpoint.timeout_seconds,
        )  # fmt: skip

    def submit(self, model: AgentModel[ModelReading], askings: Sequence[Asking]) -> str:
        question = model.question
        requests = [
            {
                "custom_id": one.content_hash[:64],
                "params": {
                    "model": model.name,
                    "max_tokens": question.most_tokens,
                    "system": question.instructions,
                    "messages": [{"role": "user", "content": one.prompt}],
                    "output_config": {"format": {"type": "json_schema", "schema": _schema()}},
                },
            }
            for one in askings
        ]
        with self._client() as client:
            return str(client.messages.batches.create(requests=requests).id)

    def results(self, remote_id: str) -> Iterator[Line] | None:
        with self._client() as client:
            if client.messages.batches.retrieve(remote_id).processing_status != "ended":
                return None
            return iter([self._line(one) for one in client.messages.batches.results(remote_id)])

    def _line(self, one: Any) -> Line:
        if one.result.type != "succeeded":
            return one.custom_id, None, 0, 0
        message = one.result.message
        words = "".join(block.text for block in message.content if block.type == "text")
        return one.custom_id, words, message.usage.input_tokens, message.usage.output_tokens


@dataclass
class _OpenAI:
    model: AgentModel[ModelReading]

    def _client(self) -> Any:
        from openai import OpenAI

        endpoint = self.model.endpoint
        return OpenAI(
            api_key=self.model.key or "none", base_url=endpoint.url or ADDRESSES["openai"], max_retries=0,
            timeout=endpoint.timeout_seconds,
        )  # fmt: skip

    def submit(self, model: AgentModel[ModelReading], askings: Sequence[Asking]) -> str:
        lines = "".join(json.dumps(self._request(model, one)) + "\n" for one in askings)
        with self._client() as client:
            file = client.files.create(
                file=("texts.jsonl", io.BytesIO(lines.encode()), "application/jsonl"), purpose="batch"
            )
            made = client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            return str(made.id)

    def _request(self, model: AgentModel[ModelReading], one: Asking) -> Mapping[str, Any]:
        shape = {"name": "reading", "schema": _schema(), "strict": False}
        body = {
            "model": model.name,
            "max_completion_tokens": model.question.most_tokens,
            "messages": [
                {"role": "system", "content": model.question.instructions},
                {"role": "user", "content": one.prompt},
            ],
            "response_format": {"type": "json_schema", "json_schema": shape},
        }
        return {"custom_id": one.content_hash, "method": "POST", "url": "/v1/chat/completions", "body": body}

    def results(self, remote_id: str) -> Iterator[Line] | None:
        with self._client() as client:
            batch = client.batches.retrieve(remote_id)
            if batch.status not in ("completed", "failed", "expired", "cancelled"):
                return None
            if batch.output_file_id is None:
                return iter(())
            content = client.files.content(batch.output_file_id).text
        return iter([self._line(json.loads(line)) for line in content.splitlines() if line])

    def _line(self, one: Mapping[str, Any]) -> Line:
        body = (one.get("response") or {}).get("body") or {}
        used = body.get("usage") or {}
        choices = body.get("choices") or [{}]
        words = (choices[0].get("message") or {}).get("content")
        return one["custom_id"], words, used.get("prompt_tokens", 0), used.get("completion_tokens", 0)
