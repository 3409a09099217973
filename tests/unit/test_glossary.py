"""The glossary holds every word that a newcomer meets in a module or config name and cannot know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from customer_health.company_docs import render

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
PLAIN = ROOT / "tests" / "data" / "plain_words.txt"


def names() -> Iterator[str]:
    """Yield the name of every module, and every section and key of the company file."""
    for room in ("include", "plugins", "dags"):
        yield from (path.stem for path in (ROOT / room).rglob("*.py"))
    yield from re.findall(r"^\| `(\w+)` \|", render(), re.M)
    yield from re.findall(r"^## ([\w.]+)", render(), re.M)


def words() -> set[str]:
    return {
        word.lower() for name in names() for word in re.split(r"[_.]", name) if word and not word.isdigit()
    }


def explained() -> set[str]:
    """Words that a row is about, or that it names in code."""
    about = re.findall(r"^\| \*\*(.+?)\*\*", GLOSSARY, re.M) + re.findall(r"`([^`]+)`", GLOSSARY)
    found = set(re.findall(r"[a-z0-9]+", " ".join(about).lower()))
    return found | {f"{word}s" for word in found} | {word.rstrip("s") for word in found}


def plain() -> set[str]:
    lines = PLAIN.read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def test_every_word_of_a_name_is_plain_or_in_the_glossary():
    """What fails here needs a row in docs/glossary.md, or is a plain word: tests/data/plain_words.txt."""
    assert sorted(words() - explained() - plain()) == []


def test_no_word_is_called_plain_that_no_name_uses_any_more():
    assert sorted(plain() - words()) == []


def test_a_word_has_one_row():
    found = re.findall(r"^\| \*\*(.+?)\*\*", GLOSSARY, re.M)
    assert sorted({word for word in found if found.count(word) > 1} - {"decision"}) == []
