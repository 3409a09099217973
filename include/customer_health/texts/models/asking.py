"""Ask many questions: the cache first, then the model within the budget, and stop when it is no use.

Nothing here raises because a provider misbehaves. What could not be asked is left for the next run, which the
caller reports; until then the offline reading or the template stands.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel
from sqlalchemy import Engine

from customer_health.ledger import text_answers
from customer_health.progress import Progress, silent
from customer_health.texts.models.agents import Question

T = TypeVar("T", bound=BaseModel)
IN_A_ROW = 5  # failures after which a provider is left alone until the next run
_PATIENCE = 3  # how often a rate limit is waited for
_LONGEST_WAIT = 10.0


class AskedModel(Protocol[T]):
    """A model that can be asked one kind of question; `AgentModel` and `HttpModel` are."""

    kind: str
    name: str
    question: Question[T]

    def most(self, prompt: str) -> float: ...
    def agent(self) -> Any: ...
    async def ask(self, agent: Any, prompt: str, facts: Any = None) -> tuple[T, float]: ...
    async def close(self, agent: Any) -> None: ...


@dataclass(frozen=True)
class Asking:
    """One question.

    Attributes:
        content_hash: Of what is asked about; equal ones are asked once, for good.
        prompt: What is sent.
        facts: What the answer is checked against.
    """

    content_hash: str
    prompt: str
    facts: Any = None


@dataclass
class Asked(Generic[T]):
    """What came of it.

    Attributes:
        answers: Content hash -> answer, cached ones included.
        from_cache: How many of them were known.
        cost: What the others cost.
        failures: Why there was no answer -> how often.
        left: Questions that were not asked, or not answered: the next run's.
        stopped: Why the run stopped early; empty if it did not.
    """

    answers: dict[str, T] = field(default_factory=dict)
    from_cache: int = 0
    cost: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    left: int = 0
    stopped: str = ""


def ask_all(
    engine: Engine,
    model: AskedModel[T],
    askings: Sequence[Asking],
    *,
    budget: float,
    now: datetime,
    at_once: int = 4,
    seconds: float | None = None,
    progress: Progress = silent,
) -> Asked[T]:
    """Answer what can be answered.

    Args:
        engine: The ledger: cache and budget.
        model: Whom to ask.
        askings: In the order of their importance.
        budget: Most that this week may cost.
        now: Decides the week.
        at_once: Requests under way at the same time.
        seconds: When to stop whatever is under way; None for never.
        progress: Called after every answer.
    """
    question = model.question
    keys = {
        one.content_hash: text_answers.answer_key(
            question.purpose, model.kind, model.name, question.version, one.content_hash
        )
        for one in askings
    }
    known = text_answers.known_answers(engine, keys.values())
    asked: Asked[T] = Asked()
    for content_hash, key in keys.items():
        if key in known:
            asked.answers[content_hash] = question.answer.model_validate(known[key])
    asked.from_cache = len(asked.answers)
    waiting = list(
        {one.content_hash: one for one in askings if one.content_hash not in asked.answers}.values()
    )
    if waiting:
        run = _Run(engine, model, asked, waiting, budget, now, progress)
        asyncio.run(run.all(at_once, seconds))
    asked.left = len(keys) - len(asked.answers)
    return asked


@dataclass
class _Run(Generic[T]):
    engine: Engine
    model: AskedModel[T]
    asked: Asked[T]
    waiting: list[Asking]
    budget: float
    now: datetime
    progress: Progress
    in_a_row: int = 0
    patience: int = _PATIENCE

    async def all(self, at_once: int, seconds: float | None) -> None:
        agent, began = self.model.agent(), time.monotonic()
        todo = iter(self.waiting)

        async def work() -> None:
            for one in todo:
                if self.asked.stopped:
                    return
                await self._one(agent, one)
                done = len(self.asked.answers) - self.asked.from_cache
                self.progress(done, len(self.waiting), f"asking {self.model.kind}")

        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(work() for _ in range(at_once)))
        except TimeoutError:
            self.asked.stopped = f"{time.monotonic() - began:.0f} s were over"
        finally:
            await self.model.close(agent)

    async def _one(self, agent: Any, one: Asking) -> None:
        question, model = self.model.question, self.model
        reservation = text_answers.reserve(
            self.engine, provider=model.kind, model=model.name, purpose=question.purpose,
            most=model.most(one.prompt), budget=self.budget, now=self.now,
        )  # fmt: skip
        if reservation is None:
            self.asked.stopped = "the week's budget is spent"
            return
        try:
            answer, cost = await model.ask(agent, one.prompt, one.facts)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await self._failed(error, reservation)
            return
        self.in_a_row = 0
        text_answers.settle(self.engine, reservation, cost)
        text_answers.keep_answer(
            self.engine, purpose=question.purpose, provider=model.kind, model=model.name,
            prompt=question.version, content_hash=one.content_hash, answer=answer.model_dump(), now=self.now,
        )  # fmt: skip
        self.asked.answers[one.content_hash] = answer
        self.asked.cost += cost

    async def _failed(self, error: Exception, reservation: int) -> None:
        """Count a failure; a request that was refused at the door cost nothing."""
        kind = failure_of(error)
        self.asked.failures[kind] += 1
        self.in_a_row += 1
        if kind in ("rate limit", "refused at the door", "refused this text"):
            text_answers.settle(self.engine, reservation, 0.0)
        if kind == "refused at the door":
            self.asked.stopped = "the provider does not accept our key or request"
        elif kind == "rate limit" and self.patience:
            self.patience -= 1
            self.in_a_row -= 1
            await asyncio.sleep(min(_wait_of(error), _LONGEST_WAIT))
        elif self.in_a_row >= IN_A_ROW:
            self.asked.stopped = f"{IN_A_ROW} failures in a row ({kind})"


def failure_of(error: Exception) -> str:
    """Say in two words why there was no answer."""
    from pydantic_ai import exceptions as of

    status = getattr(error, "status_code", None)
    if status == 429 or isinstance(error, of.ModelRateLimitError):
        return "rate limit"
    if status in (401, 403, 404):
        return "refused at the door"
    if status is not None and 400 <= status < 500:
        return "refused this text"
    if status is not None and status >= 500:
        return "server error"
    if isinstance(error, TimeoutError | of.RunTimedOut | of.ModelTimeoutError):
        return "time-out"
    if isinstance(error, of.ContentFilterError):
        return "refused to answer"
    if isinstance(error, of.UnexpectedModelBehavior | of.UsageLimitExceeded | ValueError):
        return "broken answer"
    return "no connection"


def _wait_of(error: Exception) -> float:
    headers = getattr(error, "headers", None) or {}
    try:
        return float(headers.get("retry-after", 1.0))
    except (TypeError, ValueError):
        return 1.0
