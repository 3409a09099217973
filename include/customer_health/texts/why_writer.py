"""The Why and the explanation in a model's words: facts in, checked words out, else the template stays.

What comes back is published only if it says nothing but the facts: every number is one of theirs, every
word of meaning is in their words, nothing is predicted, ordered or linked. It is asked for once per set of
facts; a wrong answer is sent back once with what was wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from customer_health.scoring.why import renewal_fact, validate_why
from customer_health.texts.facts import FactSheet
from customer_health.texts.models.agents import Question
from customer_health.texts.models.answers import ExplanationAnswer, WhyAnswer

MOST_SENTENCE_WORDS = 30
# Words that join facts and claim nothing themselves.
_GLUE = frozenset((
    "a", "about", "account", "after", "also", "although", "amid", "an", "and", "are", "as", "at", "but",
    "by", "customer", "despite", "due", "for", "has", "have", "healthy", "in", "is", "it", "its",
    "meanwhile", "now", "of", "on", "only", "or", "so", "still", "than", "that", "the", "their", "them",
    "there", "they", "this", "to", "too", "us", "was", "were", "where", "which", "while", "with", "yet",
    "days", "day", "renewal", "renews", "main", "mostly", "together", "beside", "besides", "plus",
    "other", "both", "we",
))  # fmt: skip
_RULES = """The input is JSON: a tier and up to four facts about one customer account of a software company.
Use nothing but these facts and their own words; every number as it stands there. Put the worst fact first.
Foretell nothing, advise nothing, promise nothing, no names, no links, no markup."""
WHY_INSTRUCTIONS = f"""You write the Why of a customer health score: one line of at most ten words.
{_RULES}
why: the line; join facts by a semicolon. fact_ids: ids of the facts used."""
EXPLAIN_INSTRUCTIONS = f"""You explain a customer health score to the person who looks after the account.
{_RULES}
sentences: one to three plain ones of at most {MOST_SENTENCE_WORDS} words each: what weighs most, what else,
and when the renewal is due if the input says so."""


def check_why(answer: WhyAnswer, sheet: FactSheet) -> str | None:
    """Say what is wrong with a Why for these facts, or None if it may be published."""
    ids = set(range(1, len(sheet.facts) + 1))
    problems = list(validate_why(answer.why, _with_renewal(sheet)))
    if not answer.fact_ids or not set(answer.fact_ids) <= ids:
        problems.append("fact_ids must name facts of the input.")
    if sheet.healthy and not answer.why.lower().startswith("healthy"):
        problems.append("A healthy account's line begins with 'Healthy'.")
    problems += _strange_words(answer.why, sheet)
    return " ".join(problems) or None


def check_explanation(answer: ExplanationAnswer, sheet: FactSheet) -> str | None:
    """Say what is wrong with an explanation of these facts, or None if it may be published."""
    problems = list[str]()
    for sentence in answer.sentences:
        many = len(sentence.split())
        if many > MOST_SENTENCE_WORDS or not many:
            problems.append(f"A sentence has {many} words; {MOST_SENTENCE_WORDS} are allowed.")
        found = validate_why(sentence.rstrip(". "), _with_renewal(sheet))
        problems += [one for one in found if "words;" not in one]
        problems += _strange_words(sentence, sheet)
    return " ".join(problems) or None


def _with_renewal(sheet: FactSheet) -> list[Mapping[str, Any]]:
    facts = list(sheet.facts)
    return [*facts, renewal_fact(sheet.renewal_days)] if sheet.renewal_days is not None else facts


def _strange_words(text: str, sheet: FactSheet) -> list[str]:
    """Words that no fact uses: a claim from somewhere else, however true it may be."""
    said = " ".join([*(str(fact["short"]) for fact in sheet.facts), sheet.tier])
    known = {_stem(word) for word in re.findall(r"[a-z]+", said.lower())} | {_stem(word) for word in _GLUE}
    strange = [word for word in re.findall(r"[a-z]+", text.lower()) if _stem(word) not in known]
    return [f"No fact says '{word}'." for word in dict.fromkeys(strange)]


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


WHY: Question[WhyAnswer] = Question(
    "why", "why-1", WHY_INSTRUCTIONS, WhyAnswer, check=check_why, most_tokens=120
)
EXPLAIN: Question[ExplanationAnswer] = Question(
    "explain", "explain-1", EXPLAIN_INSTRUCTIONS, ExplanationAnswer, check=check_explanation, most_tokens=300
)
