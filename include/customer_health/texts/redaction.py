"""Take out of a text what identifies somebody, before it leaves the house.

Better too much than too little: what a text sounds like does not hang on whose number it holds. The names
that the warehouse knows (the account, its owner) are taken out wherever they stand, other names where people
greet, sign and introduce themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’-]*"
_NAME = rf"{_CAPITAL}\.?(?:[ \t]+(?:(?:van|von|de|der|den|la|le|di|da|del|bin|al)[ \t]+)*{_CAPITAL}){{0,3}}"
_ENDINGS = "com|net|org|io|co|de|uk|eu|fr|app|dev|ai|cloud|info|biz"
_STREET = "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Boulevard|Blvd|Drive|Dr|Way|Square|Court|Place"
_INTRODUCTION = r"\b(?:my name is|i am|i'm|this is|it's|speaking is|ask for|cc|attn:?|contact)\b"
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("[link]", re.compile(r"https?://\S+|www\.\S+", re.I)),
    ("[link]", re.compile(rf"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{_ENDINGS})\b(?:/\S*)?", re.I)),
    ("[address]", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b", re.I)),
    ("[id]", re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.I)),
    ("[id]", re.compile(r"\b(?=[a-z0-9_-]*\d)(?=[a-z0-9_-]*[a-z])[a-z0-9_-]{10,}\b", re.I)),
    ("[number]", re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,4})?\b")),
    ("[address]", re.compile(rf"\b\d{{1,5}}[a-z]?,?\s+(?:[A-Z][\w'-]+\s+){{1,4}}(?:{_STREET})\b\.?")),
    (
        "[address]",
        re.compile(r"\b[A-ZÄÖÜ][\wäöüß-]+(?:straße|strasse|weg|platz|allee|gasse)\s+\d{1,4}[a-z]?\b"),
    ),
    ("[number]", re.compile(r"(?<![\w.])\+?\(?\d[\d ()./-]{3,}\d(?![\w])")),
    ("[name]", re.compile(r"(?<!\w)[@#][\w-]{2,}")),
    ("[name]", re.compile(rf"(?i:\b(?:mr|mrs|ms|dr|prof|herr|frau|monsieur|madame)\b\.?)\s+{_NAME}")),
    ("[name]", re.compile(rf"(?i:{_INTRODUCTION})\s+(?=[A-Z]){_NAME}")),
)
_EMAIL = re.compile(r"[\w.+'-]+\s?@\s?[\w-]+(?:\.[\w-]+)+", re.I)
_HELLO = "hi|hello|hey|dear|good morning|good afternoon|thanks|thank you|cheers|hallo|bonjour|hola"
_GREETING = re.compile(rf"(?i:\b({_HELLO}))([ ,]+){_NAME}(?=\s*[,!.:;\n]|\s*$)")
_GOODBYE = "(?:kind |best |warm )?regards|sincerely|cheers|thanks|thank you|best|yours|br"
_SIGNED = re.compile(rf"(?i:((?:{_GOODBYE})[,.!]?\s*[\n,]\s*)){_NAME}")
_LAST_LINE = re.compile(rf"\n\s*[-–—]*\s*{_NAME}\s*$")
_LEGAL_FORM = "inc|ltd|llc|gmbh|corp|corporation|company|co|ag|sa|plc|group|bv|ab|limited"
_CORPORATE = re.compile(rf"[,.]?\s+(?:{_LEGAL_FORM})\.?$", re.I)


def redact(text: str, names: Iterable[str] = ()) -> str:
    """Return the text without e-mail addresses, links, long numbers, ids, postal addresses and names.

    Args:
        text: What was written.
        names: Names that must not go out wherever they stand: the account's, its owner's.
    """
    text = _EMAIL.sub("[e-mail]", text)
    for name in sorted(_spellings(names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", text, flags=re.I)
    text = _SIGNED.sub(lambda found: f"{found.group(1)}[name]", text)
    text = _LAST_LINE.sub("\n[name]", text)
    text = _GREETING.sub(lambda found: f"{found.group(1)}{found.group(2)}[name]", text)
    for word, pattern in _RULES:
        text = pattern.sub(word, text)
    return text


def _spellings(names: Iterable[str]) -> set[str]:
    """A name as it stands, and without its legal form."""
    found = {" ".join(str(name).split()) for name in names if name}
    found |= {_CORPORATE.sub("", name) for name in found}
    return {name for name in found if len(name) >= 3}
