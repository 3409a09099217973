"""Read a text without asking anybody: language, sentiment, reasons and intents."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from customer_health.texts.language import ENGLISH, UNKNOWN, recognise
from customer_health.texts.sentiment import OfflineSentiment
from customer_health.texts.topics import find_topics

VERSION = "offline-5"  # of words and rules together: raise it, and every text is read again


@dataclass(frozen=True)
class Reading:
    """What a text says.

    Attributes:
        sentiment: 0 angry to 1 happy; None if nobody could tell.
        language: ISO 639-1, or `unknown`.
        reasons: Reason category -> confidence 0 to 1.
        intents: Intent -> confidence 0 to 1.
    """

    sentiment: float | None
    language: str = UNKNOWN
    reasons: Mapping[str, float] = field(default_factory=dict)
    intents: Mapping[str, float] = field(default_factory=dict)


def _is_emoji(text: str) -> bool:
    """Whether a text is signs alone, such as a thumb or a broken heart: they need no language."""
    letters = any(character.isalpha() for character in text)
    return not letters and any(unicodedata.category(character) == "So" for character in text)


class OfflineReader:
    """Reads English; of any other language it says which one it is, and nothing more.

    Args:
        words: A company's own words and their valence.
        competitors: Names that count as competitors.
    """

    def __init__(self, words: Mapping[str, float] | None = None, competitors: Sequence[str] = ()) -> None:
        self._sentiment = OfflineSentiment(words)
        self._competitors = tuple(competitors)

    def read(self, text: str) -> Reading:
        """Return the reading of one text."""
        language = recognise(text, self._sentiment.words)
        if language != ENGLISH and not _is_emoji(text):
            return Reading(None, language)
        sentiment = self._sentiment.score(text)
        reasons, intents = find_topics(text, sentiment, self._competitors)
        return Reading(sentiment, language, reasons, intents)
