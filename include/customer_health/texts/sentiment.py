"""How a text sounds, offline: VADER's rules with the words and turns of phrase of business software.

VADER (Hutto and Gilbert, 2014) adds up the valence of words, flips it after a negation, and lets what
follows "but" weigh more. It was made for tweets, where "support" is praise and "the export fails" is
nothing. Two files beside this one say what such words mean in tickets and surveys: `lexicon.yaml` for
words, `phrases.yaml` for turns of phrase, which are replaced by one made-up word before VADER counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from customer_health.texts.word_rules import WordRules

if TYPE_CHECKING:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

LONGEST = 4_000  # characters that are read; what follows in a longer text is mostly quoted history
_TOKEN = "zq{}x"
_BEFORE, _AFTER = 0.9, 1.1
_CONCEDED = re.compile(
    r"(?:^|(?<=[.!?;] ))(?:al|even )?though (.{3,120}?), |(?:^|(?<=[.!?;] ))while (.{3,120}?), "
)
_CONTRAST = re.compile(
    r"[,;] yet\b|[,;.(]?\s*\b(?:however|although|though|except(?: that| for)?|that said|on the other hand|"
    r"only (?:downside|drawback|issue|problem|complaint|gripe)(?: is| being)?|with the exception of)\b,?"
)
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")  # "sloooow"
_APOSTROPHE = re.compile(r"\b(ca|wo|do|does|did|is|are|was|were|has|have|had|would|could|should)nt\b")
_WORDS = re.compile(r"[a-z']+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]*")
_REQUEST = re.compile(
    r"\?|^\W*(?:hi|hello|thanks|thank you|please|kindly|can|could|may|would|do|does|is|are|how|what|when"
    r"|where|which|who|let (?:me|us)|attached|(?:i|we) (?:need|want|would like|'d like)|screenshot)\b"
)
_MOST_LEANING = 0.6  # log-odds: words without feeling of their own never outweigh a plain one
_SIGNATURE = re.compile(
    r"(?:^|\n|(?<=[.!?] ))\s*(?:best|kind|warm|many)?"
    r"\s*(?:regards|wishes|cheers|sincerely|yours truly)\b.{0,80}$",
    re.DOTALL,
)


class OfflineSentiment:
    """Scores English text.

    Args:
        words: A company's own words (lower case) and their valence, -4 to 4.
    """

    def __init__(self, words: Mapping[str, float] | None = None) -> None:
        self._vader = _analyzer()
        self._vader.lexicon.update(_lexicon()["words"])
        self._phrases, values = _phrases()
        self._vader.lexicon.update(values)
        self._vader.lexicon.update(words or {})
        self._leanings: Mapping[str, float] = _leanings()
        self._rewrites: Mapping[str, str] = _lexicon()["rewrites"]
        known = [*self._vader.lexicon, *self._rewrites]
        self._words = frozenset(word for word in known if word.isalpha() and word.isascii())
        self._rewritten = re.compile(rf"\b(?:{'|'.join(self._rewrites)})\b")

    @property
    def words(self) -> frozenset[str]:
        """Every word that has a valence of its own, as people spell it."""
        return self._words

    def score(self, text: str) -> float:
        """Return how the writer feels, 0 angry to 1 happy; 0.5 where nothing says either."""
        plain = plain_text(text)
        feeling = self._feeling(plain)
        leaning = sum(self._leanings.get(word, 0.0) for word in telling_words(plain))
        leaning = _MOST_LEANING * math.tanh(leaning / _MOST_LEANING) * (1 - abs(2 * feeling - 1))
        return round(1 / (1 + math.exp(-leaning) * (1 - feeling) / feeling), 4)

    def _feeling(self, plain: str) -> float:
        """What words of feeling and turns of phrase say, by VADER's rules: above 0 and below 1."""
        plain = _CONCEDED.sub(lambda found: f"{found.group(1) or found.group(2)} but ", plain)
        plain = _CONTRAST.sub(" but ", plain)
        plain = self._replace_phrases(plain)
        plain = self._rewritten.sub(lambda found: self._rewrites[found.group()], plain)
        compound = float(self._vader.polarity_scores(plain)["compound"])
        return min(0.99, max(0.01, (compound + 1) / 2))

    def _replace_phrases(self, plain: str) -> str:
        parts, done = list[str](), 0
        for number, start, end in self._phrases.matches(plain):
            parts += [plain[done:start], f" {_TOKEN.format(number)} "]
            done = end
        return "".join([*parts, plain[done:]])


def plain_text(text: str) -> str:
    """Return a text as it is read: lower case, signs as words, without drawn-out letters and signature."""
    plain = _SIGNATURE.sub("", text[:LONGEST].translate(_signs())).lower()
    return _APOSTROPHE.sub(r"\1n't", _DRAWN_OUT.sub(r"\1", plain))


def telling_words(plain: str) -> set[str]:
    """The words of the sentences that tell something; a question or a request leans nowhere."""
    sentences = _SENTENCE.findall(plain)
    return {word for one in sentences if not _REQUEST.search(one) for word in _WORDS.findall(one)}


def _analyzer() -> SentimentIntensityAnalyzer:
    from vaderSentiment import vaderSentiment

    class Balanced(vaderSentiment.SentimentIntensityAnalyzer):  # type: ignore[misc]
        @staticmethod
        def _but_check(words_and_emoticons: list[str], sentiments: list[float]) -> list[float]:
            return _weigh_contrast(words_and_emoticons, sentiments)

    analyzer = Balanced()
    for word in _lexicon()["neutral"].split():
        analyzer.lexicon.pop(word, None)
    return analyzer


def _weigh_contrast(words: list[str], valences: list[float]) -> list[float]:
    """Let what follows the first "but" weigh a little more.

    VADER triples it against what comes before. "Good, but the reports are slow" is what content customers
    write (an NPS of 7 or 8); angry ones do not begin with praise.
    """
    lower = [word.lower() for word in words]
    if "but" not in lower:
        return valences
    turn = lower.index("but")
    return [value * (_BEFORE if place < turn else _AFTER) for place, value in enumerate(valences)]


def _read(name: str) -> Any:
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _lexicon() -> Any:
    return _read("lexicon.yaml")


@lru_cache(maxsize=1)
def _signs() -> dict[int, str]:
    return {ord("’"): "'"} | {ord(sign): f" {word} " for sign, word in _lexicon()["signs"].items()}


@lru_cache(maxsize=1)
def _leanings() -> Mapping[str, float]:
    return dict(_read("leanings.yaml"))


@lru_cache(maxsize=1)
def _phrases() -> tuple[WordRules, dict[str, float]]:
    """The turns of phrase, and the valence of the word that each becomes."""
    content = _read("phrases.yaml")
    lists = {
        name: "".join(content[name].split("\n")).replace("| ", "|") for name in ("verb", "thing", "praise")
    }
    patterns, values = list[str](), dict[str, float]()
    for line in content["phrases"].splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        value, _, pattern = line.strip().partition("  ")
        for name, words in lists.items():
            pattern = pattern.replace(f"{{{name}}}", words)
        if float(value):
            values[_TOKEN.format(len(patterns))] = float(value)
        patterns.append(pattern.strip())
    return WordRules(patterns), values
