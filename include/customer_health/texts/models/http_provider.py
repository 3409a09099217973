"""Any HTTP provider: one address that takes a text and gives a number.

It serves another vendor's own score (of a call recorder, a survey tool): `POST {"text": "..."}` with a bearer
token, answered by JSON with the score under `answer_field`, on the vendor's own scale.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from customer_health.errors import ConfigurationError
from customer_health.text_config import Endpoint
from customer_health.texts.language import UNKNOWN
from customer_health.texts.models.agents import Question
from customer_health.texts.models.answers import ModelReading


class HttpModel:
    """One address; see `AskedModel`."""

    def __init__(
        self, endpoint: Endpoint, secret: Mapping[str, str], question: Question[ModelReading]
    ) -> None:
        self.kind, self.name, self.endpoint, self.question = (
            "http",
            endpoint.model or "http",
            endpoint,
            question,
        )
        if endpoint.url is None:
            raise ConfigurationError(
                "The text provider 'http' has no url.", hint="Set texts.endpoints.http.url."
            )
        self._address, self._token = endpoint.url, secret.get("api_key", "")

    def most(self, prompt: str) -> float:
        """Price of one text: what the company file says a million of them cost."""
        return self.endpoint.price.input / 1e6

    def agent(self) -> Any:
        """The client; its connections belong to the running event loop."""
        import httpx

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return httpx.AsyncClient(timeout=self.endpoint.timeout_seconds, headers=headers, trust_env=False)

    async def ask(self, agent: Any, prompt: str, facts: Any = None) -> tuple[ModelReading, float]:
        """Return the reading; language, reasons and intents stay the offline reader's."""
        answer = await agent.post(self._address, json={"text": prompt})
        if answer.status_code >= 400:
            raise HttpProviderError(answer.status_code, dict(answer.headers))
        value = float(json.loads(answer.content)[self.endpoint.answer_field])
        share = (value - self.endpoint.lowest) / (self.endpoint.highest - self.endpoint.lowest)
        return ModelReading(sentiment=share, language="xx", reasons=[], intents=[]), self.most(prompt)

    async def close(self, agent: Any) -> None:
        """Close its connections."""
        await agent.aclose()


class HttpProviderError(Exception):
    """The provider refused; `status_code` and `headers` say how."""

    def __init__(self, status_code: int, headers: Mapping[str, str]) -> None:
        super().__init__(f"the HTTP provider answered {status_code}")
        self.status_code, self.headers = status_code, headers


NO_LANGUAGE = {"xx": UNKNOWN}
