"""Many expressions over one text, each tried only at the words it can begin with.

One large alternation tries every branch at every word; most fail at the first letter. `regex` can say whether
an expression may still match when only the next few letters are known; what it says is kept per beginning, so
that a word is compared with the handful of expressions that can start there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

_BEGINNING = 4  # letters that decide which expressions are tried
_KEPT = 20_000  # beginnings remembered: English has some 5,000 of four letters
_WORD_START = re.compile(r"\b(?=\w)")


class WordRules:
    """Expressions that begin at a word and end at one.

    Args:
        patterns: Regular expressions over lower-case text, the most specific first.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        ending = [f"(?:{pattern})(?!\\w)" for pattern in patterns]
        self._patterns = [re.compile(pattern) for pattern in ending]
        self._partial = [regex.compile(pattern) for pattern in ending]
        self._candidates = lru_cache(maxsize=_KEPT)(self._find_candidates)

    def _find_candidates(self, beginning: str) -> tuple[tuple[int, re.Pattern[str]], ...]:
        return tuple(
            (number, self._patterns[number])
            for number, pattern in enumerate(self._partial)
            if pattern.match(beginning, partial=True)
        )

    def matches(self, text: str) -> Iterator[tuple[int, int, int]]:
        """Yield number, start and end of the first expression that matches at each word, without overlaps."""
        done = 0
        for word in _WORD_START.finditer(text):
            start = word.start()
            if start < done:
                continue
            for number, pattern in self._candidates(text[start : start + _BEGINNING]):
                if found := pattern.match(text, start):
                    done = found.end()
                    yield number, start, done
                    break
