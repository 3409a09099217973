"""Trying an expression only where it can begin finds what trying all of them everywhere finds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.texts.word_rules import WordRules

PATTERNS = (
    r"not (\w+ )?worth", r"no(body| one) (answers|helps)", r"(very |so )*slow", r"\d+ (days|weeks) late",
    r"[0-4]/10", r"(can't|cannot) live without", r"\w+ly broken", r"no",
)  # fmt: skip
SAID = (
    "not", "worth", "no", "nobody", "one", "answers", "helps", "very", "so", "slow", "slower", "12", "days",
    "weeks", "late", "3/10", "can't", "cannot", "live", "without", "badly", "broken,", ".", "it", "-", "é",
)  # fmt: skip
WORDS = st.lists(st.sampled_from(SAID), max_size=12).map(" ".join)


def one_large_alternation(text: str) -> list[tuple[int, int, int]]:
    """The definition: at each word the first expression that matches, leftmost first, without overlaps."""
    groups = "|".join(
        f"(?P<p{number}>{re.sub(r'[(](?![?])', '(?:', one)})" for number, one in enumerate(PATTERNS)
    )
    whole = re.compile(rf"\b(?=\w)(?:{groups})(?!\w)")
    return [(int(str(found.lastgroup)[1:]), *found.span()) for found in whole.finditer(text)]


@given(WORDS)
def test_a_text_is_matched_as_by_one_large_alternation(text: str) -> None:
    assert list(WordRules(PATTERNS).matches(text)) == one_large_alternation(text)


@pytest.mark.parametrize(("text", "number"), [("slow", 2), ("so slow", 2), ("no", 7), ("nobody helps", 1)])
def test_the_first_expression_wins_at_a_word(text: str, number: int) -> None:
    assert list(WordRules(PATTERNS).matches(text)) == [(number, 0, len(text))]


def test_an_expression_ends_where_a_word_ends() -> None:
    assert list(WordRules(PATTERNS).matches("slowness, slowly")) == []
