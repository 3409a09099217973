"""Ask Claude, OpenAI or a compatible endpoint through pydantic-ai, for a typed answer at a known most.

The vendors' own SDKs carry the requests. They retry nothing here: a retry may cost twice. A broken answer is
sent back once with what was wrong; what is still broken then is not an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from customer_health.errors import ConfigurationError
from customer_health.text_config import Endpoint

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.models import Model

T = TypeVar("T")
Check = Callable[[T, Any], str | None]
ADDRESSES = {"claude": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}
REQUESTS = 2  # the question, and once more with what was wrong
_SCHEMA_TOKENS = 2_000  # what the answer's shape, roles and framing add at most to a request


@dataclass(frozen=True)
class Question(Generic[T]):
    """What every question of one kind shares.

    Attributes:
        purpose: read, why or explain.
        version: Of the instructions; another one is another question.
        instructions: The system prompt.
        answer: The answer's type.
        check: Says what is wrong with an answer to given facts, or None.
        most_tokens: Longest answer.
    """

    purpose: str
    version: str
    instructions: str
    answer: type[T]
    check: Check[T] | None = None
    most_tokens: int = 400


async def _listen(context: Any, pieces: AsyncIterable[Any]) -> None:
    """Take the pieces as they come; the answer is checked when it is whole."""
    async for _ in pieces:
        pass


class AgentModel(Generic[T]):
    """One model and one kind of question.

    Args:
        kind: claude, openai or compatible.
        endpoint: Model, address and price.
        secret: Holds `api_key`.
        question: What is asked.

    Raises:
        ConfigurationError: The key is missing.
    """

    def __init__(
        self, kind: str, endpoint: Endpoint, secret: Mapping[str, str], question: Question[T]
    ) -> None:
        self.kind, self.name, self.endpoint, self.question = kind, endpoint.model, endpoint, question
        self._client: Any = None
        self.key = secret.get("api_key", "")
        if not self.key and kind != "compatible":
            raise ConfigurationError(
                f"The text provider '{kind}' has no api_key.",
                hint=f"Add the connection customer_health_{kind} with the key as its password, or set "
                f'CUSTOMER_HEALTH_SECRET_{kind.upper()} to {{"api_key": "..."}}.',
            )

    def most(self, prompt: str) -> float:
        """What asking this can cost at most: a token is never shorter than a byte."""
        asked = len((self.question.instructions + prompt).encode()) + _SCHEMA_TOKENS
        again = asked + self.question.most_tokens + _SCHEMA_TOKENS
        price = self.endpoint.price
        return ((asked + again) * price.input + REQUESTS * self.question.most_tokens * price.output) / 1e6

    def agent(self) -> Agent[Any, T]:
        """Make the agent; its connections belong to the running event loop."""
        from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, RunContext, ToolOutput

        shape: Any = {"claude": ToolOutput, "openai": NativeOutput, "compatible": PromptedOutput}[self.kind]
        agent: Agent[Any, T] = Agent(
            self._model(), output_type=shape(self.question.answer), instructions=self.question.instructions,
            retries=1, deps_type=object,
        )  # fmt: skip
        check = self.question.check
        if check is not None:

            @agent.output_validator
            def hold(context: RunContext[Any], answer: T) -> T:
                if (wrong := check(answer, context.deps)) is not None:
                    raise ModelRetry(wrong)
                return answer

        return agent

    async def ask(self, agent: Agent[Any, T], prompt: str, facts: Any = None) -> tuple[T, float]:
        """Return the answer and what it cost.

        Raises:
            pydantic_ai.exceptions.AgentRunError: No usable answer came.
        """
        from pydantic_ai import UsageLimits

        result = await agent.run(
            prompt, deps=facts, timeout=self.endpoint.timeout_seconds,
            model_settings={"max_tokens": self.question.most_tokens},
            usage_limits=UsageLimits(request_limit=REQUESTS),
            event_stream_handler=_listen if self.endpoint.stream else None,
        )  # fmt: skip
        used = result.usage
        if not used.input_tokens:  # who does not say what an answer used is believed to have used the most
            return result.output, self.most(prompt)
        price = self.endpoint.price
        return result.output, (used.input_tokens * price.input + used.output_tokens * price.output) / 1e6

    async def close(self, agent: Agent[Any, T]) -> None:
        """Close the agent's connections."""
        await self._client.close()

    def _model(self) -> Model:
        address = self.endpoint.url or ADDRESSES.get(self.kind)
        if self.kind == "claude":
            from anthropic import AsyncAnthropic
            from pydantic_ai.models.anthropic import AnthropicModel
            from pydantic_ai.providers.anthropic import AnthropicProvider

            client = self._client = AsyncAnthropic(
                api_key=self.key, base_url=address, max_retries=0, timeout=self.endpoint.timeout_seconds
            )
            return AnthropicModel(self.name, provider=AnthropicProvider(anthropic_client=client))
        from openai import AsyncOpenAI
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        openai = self._client = AsyncOpenAI(
            api_key=self.key or "none", base_url=address, max_retries=0,
            timeout=self.endpoint.timeout_seconds,
        )  # fmt: skip
        return OpenAIChatModel(self.name, provider=OpenAIProvider(openai_client=openai))
