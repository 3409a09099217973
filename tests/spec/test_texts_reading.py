"""What customers write, read offline: how it sounds, what it is about, what it asks for."""

from __future__ import annotations

import pytest

from customer_health.texts.language import recognise
from customer_health.texts.offline import OfflineReader

READER = OfflineReader(words={"zorkly": -3.0}, competitors=("Rivalsoft",))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("The export works fine", "The export does not work"),
        ("Could you explain how to set up the import?", "Why does the import fail so often?"),
        ("Can't live without it", "Can't log in to it"),
        ("Not a single outage this year", "Another outage this year"),
        ("Good, but the reports could be faster", "Slow reports, and nobody answers"),
        ("Support answered within minutes", "Support answered after three weeks of chasing"),
        ("Worth every penny", "Not worth the money"),
        ("Easy to use", "Hard to use"),
        ("Our critical tickets are about single sign-on", "Single sign-on has been broken for a week"),
        ("Would recommend it to anybody", "Would not recommend it to anybody"),
        ("It used to be slow and is fast now", "It used to be fast and is slow now"),
        (
            "Although the interface looks dated, we love it",
            "Although we loved it, the product is now unusable",
        ),
    ],
)
def test_a_complaint_sounds_worse_than_praise_in_nearly_the_same_words(better: str, worse: str) -> None:
    assert READER.read(better).sentiment > READER.read(worse).sentiment


@pytest.mark.parametrize("text", ["How do I add a user?", "Please change the owner.", "Screenshot attached."])
def test_a_plain_request_is_neither_angry_nor_happy(text: str) -> None:
    assert READER.read(text).sentiment == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Das Produkt ist viel zu langsam und niemand antwortet", "de"),
        ("Le produit est trop lent et personne ne répond", "fr"),
        ("El producto es demasiado lento y nadie responde", "es"),
        ("製品が遅すぎます", "ja"),
        ("The product is too slow and nobody answers", "en"),
        ("clunky", "en"),
    ],
)
def test_the_language_is_recognised_and_one_that_we_cannot_score_is_unknown(text: str, language: str) -> None:
    reading = READER.read(text)
    assert reading.language == language
    assert (reading.sentiment is None) == (language != "en")


@pytest.mark.parametrize("text", ["", "   ", "…", "12345", "wibblefrot", "-- \n --"])
def test_what_cannot_be_read_is_unknown_and_not_neutral(text: str) -> None:
    reading = READER.read(text)
    assert (reading.language, reading.sentiment) == ("unknown", None)
    assert recognise(text) == "unknown"


def test_a_sign_needs_no_language() -> None:
    assert READER.read("👍").sentiment > 0.5 > READER.read("😡").sentiment


def test_a_company_adds_its_own_words() -> None:
    assert READER.read("The dashboard is zorkly").sentiment < 0.3
    assert OfflineReader().read("The dashboard is zorkly").sentiment == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("We want to cancel our subscription.", "asks_to_cancel"),
        ("This is our formal notice of non-renewal.", "asks_to_cancel"),
        ("We will not be renewing in March.", "asks_to_cancel"),
        ("Please send us a full export of all our data.", "asks_for_export"),
        ("Could we get a discount for two years?", "asks_for_discount"),
        ("We are evaluating alternatives.", "names_competitor"),
        ("Rivalsoft does this in one click.", "names_competitor"),
    ],
)
def test_an_intent_that_is_stated_plainly_is_found(text: str, intent: str) -> None:
    assert READER.read(text).intents.get(intent, 0) >= 0.7


@pytest.mark.parametrize(
    "text",
    [
        "Please cancel the meeting on Friday.",
        "We do not want to cancel, we want it fixed.",
        "How do I cancel an import job?",
        "Our customers cancel orders in the app.",
        "How do I export a report to PDF?",
        "Thanks for the discount!",
        "What does the discount field mean?",
        "The cancellation policy page is hard to find.",
    ],
)
def test_words_of_an_intent_that_mean_something_else_are_no_intent(text: str) -> None:
    assert READER.read(text).intents == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("There is no integration with our CRM.", "missing_feature"),
        ("The price increase is hard to justify.", "price"),
        ("It has been down twice this week.", "reliability"),
        ("Nobody answers our tickets.", "support"),
        ("Our champion left the company in May.", "champion_change"),
        ("We are looking at other vendors.", "competitor"),
        ("We no longer use it.", "no_longer_needed"),
        ("We were acquired by a larger group.", "merger"),
    ],
)
def test_each_reason_category_is_found_in_its_plain_case(text: str, reason: str) -> None:
    assert READER.read(text).reasons.get(reason, 0) >= 0.7


def test_a_question_about_the_price_is_no_complaint_about_it() -> None:
    assert "price" not in READER.read("What is the price of ten more seats?").reasons
    assert "price" in READER.read("The price is awful.").reasons
