"""States of today, by the words that companies use: which column holds them, and what to write."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.sources.draft_codes import codes_of, question
from customer_health.sources.draft_look import Look
from customer_health.sources.draft_words import plain, vocabulary
from customer_health.warehouse.table import Table

_NAMES = (
    "status",
    "state",
    "stage",
    "phase",
    "lifecycle_stage",
    "zustand",
    "statut",
    "etat",
    "estado",
    "situacao",
    "situacion",
    "stato",
    "状態",
    "ステータス",
    "状況",
    "契約状態",
    "契約ステータス",
    "対応状況",
    "入金状況",
    "支払状況",
    *(
        f"{what}_{word}"
        for what in (
            "invoice",
            "subscription",
            "contract",
            "ticket",
            "case",
            "account",
            "customer",
            "payment",
        )
        for word in ("status", "state")
    ),
)
_OWN = {
    "tickets": ("status", "state", "ticket_status", "case_status"),
    "invoices": ("status", "state", "invoice_status", "payment_status"),
    "contracts": ("status", "subscription_status", "contract_status"),
}
"""Names that say so much that words which nobody knows, such as Freshdesk's numbers, are asked about."""
_MOST = 20  # a state has few words


def state_line(table: Table, look: Look) -> tuple[str, str] | None:
    """Return the column with the state of today, and its rule; None if the file has none."""
    known = vocabulary().states.get(table.name)
    if known is None:
        return None
    meaning = {word: state for state, words in known.items() for word in words}
    meaning |= codes_of("status", look) if table.name == "tickets" else {}
    for name, samples in look.samples.items():
        heard = [value for value in samples if plain(value) in meaning]
        told = heard or plain(name) in _OWN.get(table.name, ())
        if plain(name) in _NAMES and 0 < len(samples) <= _MOST and told:
            return name, _rule(table, name, {value: meaning.get(plain(value)) for value in samples})
    return None


def _rule(table: Table, name: str, pairs: Mapping[str, str | None]) -> str:
    from customer_health.sources.draft_rules import quoted

    listed = ", ".join(
        f"{quoted(old)}: {new or 'TODO'}" for old, new in pairs.items() if new is None or old.lower() != new
    )
    unknown = [old for old, new in pairs.items() if new is None]
    asked = question("status", unknown) if table.name == "tickets" else ""
    unsure = f"  # TODO one of {', '.join(vocabulary().states[table.name])}{asked}" if unknown else ""
    return f"{{column: {quoted(name)}, values: {{{listed}}}}}{unsure}" if listed else quoted(name)


def won_deals(look: Look) -> tuple[str, list[str]] | None:
    """Return the column with the stage of a deal and the stages that mean it was won, if a file holds deals.

    Deals that were lost, or are still open, are not contracts.
    """
    for name, samples in look.samples.items():
        if not 2 <= len(samples) <= _MOST:
            continue
        won = [value for value in samples if _plain_stage(value) in _WON]
        if won and len(won) < len(samples) and any("lost" in value.lower() for value in samples):
            return name, won
    return None


_WON = frozenset({"closedwon", "won", "dealwon", "contractsigned", "gewonnen"})


def _plain_stage(value: str) -> str:
    return "".join(letter for letter in value.lower() if letter.isalpha())
