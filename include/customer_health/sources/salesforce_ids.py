"""Salesforce writes one id in two ways: with 15 characters whose case counts, and with three more."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
LOOKS = "[A-Za-z0-9]{15}([A-Za-z0-5]{3})?"
_LOOKS = re.compile(LOOKS)


def twins(known: Collection[str]) -> Mapping[str, set[str]]:
    """Return the known ids by every key under which another form of them may be looked for.

    An id of 18 characters says in the last three which of its letters are capitals, so that it is found again
    when a spreadsheet or a lookup has lost its case.
    """
    out: dict[str, set[str]] = {}
    for name in known:
        for key in _keys(name):
            out.setdefault(key, set()).add(name)
    return out


def candidates(text: str, known: Mapping[str, set[str]]) -> set[str]:
    """Return the known ids that are the same Salesforce id in another form; usually none or one.

    Args:
        text: An id that is not known as it stands.
        known: As `twins` returns it.
    """
    found = [known[key] for key in _keys(text) if key in known]
    return {name for name in (found[0] if found else set()) if name != text}


def _keys(name: str) -> list[str]:
    """The first 15 characters as they stand; of 18 whose case is told, all of them without regard to it."""
    if not _LOOKS.fullmatch(name):
        return []
    restored = _restored(name) if len(name) == 18 else None
    return [name[:15]] + ([f"{restored} restored"] if restored else [])


def _restored(name: str) -> str | None:
    """An id of 18 characters with the case that its last three tell; None if they cannot tell that."""
    ends = name[15:].upper()
    capital = [bool(_ALPHABET.index(ends[place // 5]) >> (place % 5) & 1) for place in range(15)]
    if any(upper and not letter.isalpha() for letter, upper in zip(name, capital, strict=False)):
        return None
    body = (letter.upper() if upper else letter.lower() for letter, upper in zip(name, capital, strict=False))
    return "".join(body) + ends
