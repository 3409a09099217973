"""Which language a text is in. What cannot be told is unknown; that is not the same as neutral."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN = "unknown"
ENGLISH = "en"
_SURE, _LIKELY = 0.70, 0.30  # most of what arrives is English, so less is needed to believe that
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
# Words that English texts are full of and that other European languages do not share.
_FUNCTION = frozenset((
    "the", "and", "is", "are", "this", "that", "these", "we", "our", "us", "you", "your", "it", "its",
    "they", "them", "their", "with", "for", "have", "has", "had", "been", "be", "of", "to", "but", "not",
    "from", "would", "could", "should", "will", "can", "can't", "don't", "doesn't", "didn't", "isn't",
    "won't", "haven't", "i", "my", "what", "when", "which", "there", "here", "very", "too", "all", "any",
    "just", "more", "than", "who", "how", "why", "because", "since", "about", "after", "before", "still",
    "was", "were", "did", "does", "needs", "never", "every", "only", "came", "back", "got", "again", "into",
))  # fmt: skip
# Words of other languages that stand beside borrowed English ones: "Le support est excellent".
_FOREIGN = frozenset((
    "alt", "altfor", "avec", "bitte", "brak", "ça", "con", "danke", "das", "dla", "dem", "den", "der", "des",
    "det", "du", "ei", "een", "ein", "eine", "el", "en", "és", "est", "et", "foi", "für", "geen", "gracias",
    "grazie", "het", "hun", "ikke", "il", "inte", "ist", "je", "jest", "kein", "keine", "la", "las", "le",
    "les", "lo", "los", "mais", "merci", "mit", "mucho", "muy", "não", "nao", "nicht", "nie", "niet", "non",
    "nos", "nous", "nu", "obrigado", "och", "og", "para", "pas", "pero", "por", "pour", "que", "qui", "sehr",
    "sempre", "siempre", "sin", "sono", "sur", "tak", "tack", "très", "troppo", "und", "une", "va", "veel",
    "voor", "werkt", "yok", "zu", "zeer", "jest", "sangat", "dan", "tidak", "çok",
))  # fmt: skip
# Among them also words that Danish or Dutch has: they settle nothing alone.
_SHARED = frozenset(
    ("for", "is", "we", "of", "i", "be", "to", "had", "all", "any", "us", "my", "was", "her", "at")
)
# Among all languages of the world "ok thanks" is Acehnese; business software is written to in these.
_CANDIDATES = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "he", "hi", "hr", "hu", "id",
    "is", "it", "ja", "ko", "lt", "lv", "ms", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv",
    "th", "tr", "uk", "vi", "zh",
)  # fmt: skip


def recognise(text: str, known_words: frozenset[str] = frozenset()) -> str:
    """Return the ISO 639-1 code of the text's language, or `unknown`.

    Args:
        text: What was written; 2,000 characters are enough.
        known_words: English words (lower case) that settle texts of one or two words, such as "clunky".
    """
    text = text[:2_000].replace("’", "'")
    words = _WORD.findall(text.lower())
    if not words:
        return UNKNOWN
    function = [word for word in words if word in _FUNCTION]
    if len(set(function)) >= 2 and len(function) >= 0.2 * len(words):
        return ENGLISH
    foreign = any(word in _FOREIGN for word in words)
    settling = any(word in known_words or word in _FUNCTION - _SHARED for word in words)
    if len(words) <= 4 and settling and not foreign and text.isascii():
        return ENGLISH
    if len(words) == 1 and text.isascii():
        return UNKNOWN
    code, probability = _identifier().classify(text)
    needed = _LIKELY if code == ENGLISH and not foreign else _SURE
    return str(code) if probability >= needed else UNKNOWN


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_CANDIDATES))
    return identifier
