"""The only shapes in which a model may answer: numbers, closed lists, and one line of words."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from customer_health.texts.offline import Reading
from customer_health.texts.topics import Intent, Reason


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReasonFound(_Closed):
    """A reason that the message gives."""

    name: Reason
    confidence: float = Field(ge=0, le=1)


class IntentFound(_Closed):
    """Something that the message asks for."""

    name: Intent
    confidence: float = Field(ge=0, le=1)


class ModelReading(_Closed):
    """How one message sounds, what it is about, and what it asks for."""

    sentiment: float = Field(ge=0, le=1, description="0 angry, 0.5 neutral, 1 happy")
    language: str = Field(pattern=r"^[a-z]{2}$", description="ISO 639-1 code")
    reasons: list[ReasonFound] = Field(max_length=8)
    intents: list[IntentFound] = Field(max_length=4)

    def reading(self) -> Reading:
        """The same as every reader's answer."""
        return Reading(
            round(self.sentiment, 4),
            self.language,
            {one.name: one.confidence for one in self.reasons},
            {one.name: one.confidence for one in self.intents},
        )


class WhyAnswer(_Closed):
    """At most ten words, made from the given facts alone."""

    why: str = Field(max_length=120)
    fact_ids: list[int] = Field(max_length=4)


class ExplanationAnswer(_Closed):
    """Three sentences, made from the given facts alone."""

    sentences: list[str] = Field(min_length=1, max_length=3)
