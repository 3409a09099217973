"""Short texts in other languages are unknown, not neutral and never scored; short English ones are read."""

from __future__ import annotations

import pytest

from customer_health.texts.offline import OfflineReader

READER = OfflineReader()
OTHERS = {
    "de": (
        "Das funktioniert leider nicht",
        "Super Support, danke",
        "Viel zu teuer geworden",
        "Seit Tagen keine Antwort",
        "Alles bestens",
        "Der Export bricht immer ab",
        "Login geht nicht",
        "Bitte kündigen Sie unseren Vertrag",
    ),
    "fr": (
        "Le support est excellent",
        "Trop cher pour nous",
        "Rien ne marche depuis lundi",
        "Merci beaucoup",
        "Très bon produit",
        "Application lente et instable",
        "Pas de réponse du support",
    ),
    "es": (
        "Muy buen producto",
        "No funciona nada",
        "El soporte es excelente",
        "Demasiado caro",
        "Gracias por la ayuda",
        "La aplicación es lenta",
        "Sin respuesta desde hace semanas",
    ),
    "it": (
        "Il prodotto è ottimo",
        "Non funziona niente",
        "Troppo caro per noi",
        "Grazie mille",
        "Assistenza pessima",
        "Va sempre in crash",
    ),
    "pt": (
        "O suporte é excelente",
        "Não funciona desde ontem",
        "Muito caro",
        "Obrigado pela ajuda",
        "Sistema lento e instável",
    ),
    "nl": (
        "Werkt niet meer sinds gisteren",
        "Veel te duur",
        "Prima product",
        "Geen antwoord van support",
        "Bedankt voor de hulp",
    ),
    "pl": (
        "Nic nie działa od wczoraj",
        "Za drogo",
        "Świetny produkt",
        "Brak odpowiedzi z supportu",
        "Dziękuję za pomoc",
    ),
    "sv": (
        "Fungerar inte alls",
        "Alldeles för dyrt",
        "Bra produkt",
        "Inget svar från supporten",
        "Tack för hjälpen",
    ),
    "da": (
        "Det virker ikke",
        "Alt for dyrt",
        "Godt produkt",
        "Intet svar fra support",
    ),
    "no": (
        "Det fungerer ikke",
        "Altfor dyrt",
        "Bra produkt",
        "Ikke noe svar fra support",
    ),
    "fi": (
        "Ei toimi ollenkaan",
        "Liian kallis",
        "Hyvä tuote",
        "Ei vastausta tuesta",
    ),
    "tr": (
        "Hiçbir şey çalışmıyor",
        "Çok pahalı",
        "Harika ürün",
        "Destek cevap vermiyor",
    ),
    "ru": (
        "Ничего не работает",
        "Слишком дорого",
        "Отличный продукт",
        "Нет ответа от поддержки",
    ),
    "ja": (
        "動作が遅すぎます",
        "サポートが素晴らしい",
        "高すぎる",
    ),
    "zh": (
        "系统太慢了",
        "支持团队非常好",
        "价格太贵",
    ),
    "ko": (
        "너무 느려요",
        "지원이 훌륭합니다",
    ),
    "ar": (
        "النظام بطيء جدا",
        "الدعم ممتاز",
    ),
    "cs": (
        "Nic nefunguje",
        "Příliš drahé",
        "Skvělý produkt",
    ),
    "id": (
        "Sangat lambat dan mahal",
        "Aplikasi tidak bisa dibuka",
        "Bagus sekali",
    ),
    "ro": (
        "Nu functioneaza nimic",
        "Prea scump pentru noi",
        "Produs excelent",
    ),
    "hu": (
        "Nem működik semmi",
        "Túl drága",
        "Kiváló termék",
    ),
}
ENGLISH = (
    "Support is terrible",
    "Too slow",
    "No answer for weeks",
    "Great tool",
    "Login fails again",
    "Price too high",
    "Best support ever",
    "Crashes daily",
    "App crashes on export",
    "Super slow today",
    "Nice",
    "Works fine",
    "Not working",
    "Poor documentation",
    "Export broken",
    "Very good",
    "Excellent support team",
    "Invoices wrong again",
    "Good value",
    "no complaints",
    "It sucks",
    "Meh",
    "Fantastic",
    "hard pass",
    "glitchy af",
    "Slow. Buggy. Expensive.",
    "Missing SSO",
    "Reports timeout",
    "Five outages since March",
    "Dashboard stopped loading",
    "Needs dark mode",
)


@pytest.mark.parametrize(
    ("language", "text"), [(one, text) for one, texts in OTHERS.items() for text in texts]
)
def test_a_short_text_in_another_language_is_unknown(language: str, text: str) -> None:
    reading = READER.read(text)
    assert (reading.sentiment, reading.reasons, reading.intents) == (None, {}, {})
    assert reading.language != "en", language


@pytest.mark.parametrize("text", ENGLISH)
def test_a_short_english_text_is_read(text: str) -> None:
    assert READER.read(text).sentiment is not None


@pytest.mark.parametrize(
    "text",
    [
        "Hallo, the export does not work since Monday",
        "Guten Tag, we want to cancel our contract",
        "Le dashboard is broken again since the update",
        "Der Kunde schrieb: the product is terrible",
    ],
)
def test_english_after_a_foreign_greeting_is_read_as_english(text: str) -> None:
    assert (READER.read(text).sentiment or 1.0) < 0.45


@pytest.mark.parametrize("text", ["Danke! Works now", "Hola team, great support, gracias"])
def test_where_two_languages_share_a_short_text_nobody_guesses(text: str) -> None:
    assert READER.read(text).sentiment is None
