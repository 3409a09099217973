"""Whose data are handed out or erased: a customer account, or a person at one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

ERASED = "[erased]"
_SHORT = 5  # an id with fewer characters is looked for as a whole value only: "7" stands in many sentences
_SHORT_NUMBER = 7


@dataclass(frozen=True)
class Subject:
    """An account or a person, by everything that the stores know it by.

    Attributes:
        kind: "account" or "person".
        ids: Account ids (merged ones included), or contact ids, user ids and e-mail addresses.
        names: Display names; words of a sentence that are one of them count as a mention.
        called: Names of a person. Others bear them, too: they count only beside an id of the subject, in the
            entry of a contact (`contact_id`) or a letter to one (`recipient`).
        pseudonym: What stands in a person's place where a row must stay countable.
    """

    kind: Literal["account", "person"]
    ids: tuple[str, ...]
    names: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    pseudonym: str = ERASED

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """What a text that concerns the subject contains, also as JSON and HTML spell it."""
        plain = {*self.ids, *self.names}
        return tuple(sorted(plain | {json.dumps(word)[1:-1] for word in plain} | set(map(_html, plain))))

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        telling = [one for one in self.ids if len(one) >= (_SHORT_NUMBER if one.isdigit() else _SHORT)]
        words = sorted({*telling, *self.names, *map(_html, self.names)}, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)") if words else None

    def mentioned(self, value: Any) -> bool:
        """Whether a value, or anything inside it, concerns the subject."""
        return bool(self.scrubbed(value) != value)

    def scrubbed(self, value: Any) -> Any:
        """Return the value without the subject; keys, list items and words in sentences included."""
        if isinstance(value, str):
            if value in self.ids:
                return self.pseudonym
            return self._words.sub(self.pseudonym, value) if self._words else value
        if isinstance(value, dict):
            clean = {self.scrubbed(key): self.scrubbed(inner) for key, inner in value.items()}
            return {key: self._unnamed(one) for key, one in clean.items()} if self._about(value) else clean
        if isinstance(value, list | tuple):
            return [self.scrubbed(inner) for inner in value]
        return value

    def _about(self, value: Mapping[str, Any]) -> bool:
        """Whether a dictionary is the person's entry, or a letter to them."""
        reader = value.get("recipient")
        entries = (value, reader) if isinstance(reader, Mapping) else (value,)
        return bool(self.called) and any(entry.get("contact_id") in self.ids for entry in entries)

    def _unnamed(self, value: Any) -> Any:
        """Return a text without the person's names; a list inside may be about others who bear them."""
        if not isinstance(value, str):
            return value
        names = "|".join(map(re.escape, sorted(self.called, key=len, reverse=True)))
        return re.sub(rf"(?<!\w)(?:{names})(?!\w)", self.pseudonym, value)


def distinct(values: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts among the values that say something, sorted, each once."""
    return tuple(sorted({str(value) for value in values if value is not None and str(value).strip()}))


def _html(word: str) -> str:
    import html

    return html.escape(word)
