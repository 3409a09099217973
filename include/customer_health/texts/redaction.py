"""Take out of a text what identifies somebody, before it leaves the system.

Better too much than too little: what a text sounds like does not hang on whose number it holds. The names
that the warehouse knows (the account, its owner) are taken out wherever they stand, other names where people
greet, sign and introduce themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’-]*"
_SENTENCE = (  # capitals that begin a sentence or shout, and name nobody
    "A|An|And|Are|As|Before|But|Can|Could|Do|Does|Every|Extremely|For|How|I|If|In|Is|It|My|Never|No|Not|Now|Nothing"
    "|Our|Please|Really|So|Still|Thanks|That|The|There|This|Too|Totally|Very|We|What|When|Where|Who|Why"
    "|Will|You|Your"
)
_OF = "(?:van|von|de|der|den|la|le|di|da|del|el|bin|al)"
_NAME = rf"(?!(?:{_SENTENCE})\b){_CAPITAL}\.?(?:[ \t]+(?:{_OF}[ \t]+)*{_CAPITAL}){{0,3}}"
_ENDINGS = "com|net|org|io|co|de|uk|eu|fr|app|dev|ai|cloud|info|biz"
_STREET = "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Boulevard|Blvd|Drive|Dr|Way|Square|Court|Place"
_INTRODUCTION = r"\b(?:my name is|i am|i'm|this is|it's|speaking is|ask for|cc|attn:?|contact)\b"
_ROUTE = (
    "rue|avenue|av\\.|boulevard|bd|chemin|allée|impasse|quai|viale|piazza|calle|plaza|paseo|avenida|rua|ul\\."
)
_ROLE = (
    "colleague|admin|administrator|manager|boss|agent|rep|csm|consultant|engineer|director|owner|lead|assistant"
    "|cto|ceo|cfo|cio|coo|sponsor|champion|successor|predecessor|user"
)
_SPOKE = (
    r"(?:spoken?|talked|speak|talk|met|chatted|meeting|call|asked|told|thank|wrote)(?:[ \t]+(?:to|with))?"
)
_DOES = (
    "of|from|at|who|says|said|told|left|promised|asked|wrote|called|resigned|quit|is|was|has|will|and i|never"
)
_SECRET = r"(?:password|passwort|pwd?|passcode|passphrase|secret|otp|token|api[ _-]?key|pin|cvv|cvc)"
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("[secret]", re.compile(r"-----BEGIN [\w ]+-----.*?(?:-----END [\w ]+-----|\Z)", re.S)),
    ("[secret]", re.compile(r"\bauthorization\s*:\s*\S+(?:[ \t]+\S+)?|\bbearer\s+\S{8,}", re.I)),
    ("[secret]", re.compile(rf"\b{_SECRET}\s*[:=]\s*\S+", re.I)),
    ("[secret]", re.compile(rf"\b(?i:{_SECRET})\s+(?:is\s+)?(?=\S*(?:\d|[!@#$%^&*_]|\w-\w|[a-z][A-Z]))\S+")),
    ("[link]", re.compile(r"https?://\S+|www\.\S+", re.I)),
    ("[link]", re.compile(rf"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:{_ENDINGS})\b(?:/\S*)?", re.I)),
    ("[path]", re.compile(r"\b[A-Z]:\\\S+|\\\\\w\S+|(?<![\w/])~?/(?:[\w.-]+/)+[\w.-]*")),
    ("[address]", re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b", re.I)),
    ("[address]", re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![\w:])", re.I)),
    ("[id]", re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.I)),
    ("[id]", re.compile(r"\b(?=[a-z0-9_-]*\d)(?=[a-z0-9_-]*[a-z])[a-z0-9_-]{10,}\b", re.I)),
    ("[number]", re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,4})?\b")),
    ("[address]", re.compile(rf"\b\d{{1,5}}[a-z]?,?\s+(?:[A-Z][\w'-]+\s+){{1,4}}(?:{_STREET})\b\.?")),
    (
        "[address]",
        re.compile(r"\b[A-ZÄÖÜ][\wäöüß-]+(?:straße|strasse|weg|platz|allee|gasse)\s+\d{1,4}[a-z]?\b"),
    ),
    (
        "[address]",
        re.compile(
            rf"\b(?:\d{{1,4}},?\s+)?(?i:{_ROUTE})\s+(?:(?:de|la|del|des|di|du|da)\s+)*{_NAME}(?:\s+\d{{1,4}})?"
        ),
    ),
    ("[address]", re.compile(rf"\bVia\s+{_NAME},?\s+\d{{1,4}}\b")),
    ("[address]", re.compile(r"\b(?:P\.?\s?O\.?\s?Box|Postfach)\s+[\d ]+\d", re.I)),
    ("[number]", re.compile(r"(?<![\w.])\+?\(?\d[\d ()./-]{3,}\d(?![\w])")),
    ("[name]", re.compile(r"(?<!\w)[@#][\w-]{2,}")),
    ("[name]", re.compile(rf"(?i:\b(?:herr|frau|monsieur|madame)\b\.?)\s+(?:(?i:dr)\.?\s+)?{_NAME}")),
    (
        "[name]",
        re.compile(rf"(?i:\b(?:mr|mrs|ms|dr|prof)\b\.?)\s+(?:{_OF}\s+)*(?:{_NAME}|\w+)"),
    ),
    (
        "[name]",
        re.compile(rf"(?i:{_INTRODUCTION})\s+(?=[A-Z]){_NAME}|(?i:\bmy name is)(?:\s+[\w'-]+){{1,2}}"),
    ),
)
_AFTER_WORDS = re.compile(rf"(?i:\b({_SPOKE}|(?:{_ROLE})s?))([ \t]+,?){_NAME}")
_DOING = re.compile(rf"(?<!\w){_CAPITAL}[ \t]+(?:{_OF}[ \t]+)*{_CAPITAL}(?=,?[ \t]+(?:{_DOES})\b)")
_HEADER = re.compile(r"^[ \t>]*(?:from|to|cc|bcc|von|an|de|sent by|signed)[ \t]*:.*$", re.I | re.M)
_SPELT_OUT = re.compile(
    r"[\w.+-]+\s*[\[(]\s*at\s*[\])]\s*[\w-]+(?:\s*(?:[\[(]\s*dot\s*[\])]|\.)\s*[\w-]+)+", re.I
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
    text = _HEADER.sub("[name]", text)
    text = _EMAIL.sub("[e-mail]", _SPELT_OUT.sub("[e-mail]", text))
    for name in sorted(_spellings(names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "[name]", text, flags=re.I)
    text = _SIGNED.sub(lambda found: f"{found.group(1)}[name]", text)
    text = _LAST_LINE.sub("\n[name]", text)
    text = _GREETING.sub(lambda found: f"{found.group(1)}{found.group(2)}[name]", text)
    for word, pattern in _RULES:
        text = pattern.sub(word, text)
    text = _AFTER_WORDS.sub(lambda found: f"{found.group(1)}{found.group(2)}[name]", text)
    return _DOING.sub("[name]", text)


def _spellings(names: Iterable[str]) -> set[str]:
    """A name as it stands, and without its legal form."""
    found = {" ".join(str(name).split()) for name in names if name}
    found |= {_CORPORATE.sub("", name) for name in found}
    return {name for name in found if len(name) >= 3}
