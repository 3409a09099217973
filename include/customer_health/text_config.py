"""Who reads texts and who words the Why, at what price. Off by default; without a key everything works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from customer_health.sections import Section, shaped, wrong

ReaderKind = Literal["offline", "claude", "openai", "compatible", "http"]
WriterKind = Literal["template", "claude", "openai", "compatible"]
ENDPOINTS = ("claude", "openai", "compatible", "http")
Valence = Annotated[float, Field(ge=-4, le=4)]
Address = Annotated[
    str,
    shaped(
        r"https://[^\s@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s@]*)?",
        "an https address, or an http one on this machine",
    ),
]


class ModelPrice(Section):
    """What a million tokens cost, in the currency of the weekly budget. Prices change: look them up."""

    input: float = Field(ge=0, description="a million tokens that are sent")
    output: float = Field(ge=0, description="a million tokens that come back")


class Endpoint(Section):
    """One vendor's model. The key is in the connection `customer_health_<kind>`, never here.

    Attributes:
        model: As the vendor names it.
        url: Only for `compatible` and `http`, or a gateway of your own in front of a vendor.
        timeout_seconds: Of one request.
        at_once: Requests under way at the same time.
        stream: Let answers arrive piece by piece, for gateways that cut silent connections.
        batch: Send texts as one job at the vendor's batch price; answers come hours later.
        batch_discount: Share of the price that a batch saves.
        answer_field: `http` only: where the score stands in its answer.
        lowest: `http` only: its angriest score.
        highest: `http` only: its happiest score.
    """

    model: str = ""
    url: Address | None = None
    price: ModelPrice = ModelPrice(input=0, output=0)
    timeout_seconds: float = Field(20.0, gt=0, le=300)
    at_once: int = Field(4, ge=1, le=32)
    stream: bool = False
    batch: bool = False
    batch_discount: float = Field(0.5, ge=0, lt=1)
    answer_field: str = "sentiment"
    lowest: float = 0.0
    highest: float = 1.0


class TextsConfig(Section):
    """Sentiment, reasons and intents from texts; the Why and the explanation.

    A company that writes nothing here gets the offline reader and the template: nothing leaves the system.
    """

    reader: ReaderKind = Field("offline", description="who reads; `offline` reads whatever nobody else did")
    writer: WriterKind = Field("template", description="who words the Why and the explanation")
    endpoints: Mapping[Literal["claude", "openai", "compatible", "http"], Endpoint] = Field(
        default_factory=dict, description="model, address and price by kind"
    )
    weekly_budget: float = Field(5.0, ge=0, description="no request may be sent that could exceed it")
    read_newest_days: int = Field(90, ge=1, description="older texts are read offline only")
    write_seconds: float = Field(
        60.0, ge=0, description="how long scoring waits for words; then the template"
    )
    keep_words: bool = Field(
        True, description="false: texts are emptied in the warehouse once they have been read"
    )
    words: Mapping[str, Valence] = Field(
        default_factory=dict, description="your own words and how they sound, -4 angry to 4 happy"
    )
    competitors: tuple[str, ...] = Field((), description="names that count as naming a competitor")
    min_confidence: float = Field(0.6, ge=0, le=1, description="reasons and intents below it are not kept")

    @model_validator(mode="after")
    def _check(self) -> TextsConfig:
        endpoints: dict[str, Endpoint] = {str(kind): found for kind, found in self.endpoints.items()}
        for kind in sorted({self.reader, self.writer} - {"offline", "template"}):
            found = endpoints.get(kind)
            if found is None:
                raise wrong(f"'{kind}' needs texts.endpoints.{kind}: its model and price", "endpoints")
            if kind in ("compatible", "http") and found.url is None:
                raise wrong("needs a url", "endpoints", kind)
            if kind != "http" and not found.model:
                raise wrong("needs a model", "endpoints", kind)
        return self
