"""States of today, by the words that companies use: which column holds them, and what to write."""

from __future__ import annotations

from collections.abc import Mapping

from customer_health.sources.draft_look import Look, plain
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

WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "contracts": {
        "active": (
            "active", "live", "current", "aktiv", "past_due", "past due", "non_renewing", "renewed",
            "customer", "actif", "ativo", "activo",
        ),
        "trial": ("trial", "trialing", "in_trial", "free trial", "evaluation", "testphase"),
        "incomplete": ("incomplete", "incomplete_expired", "pending", "draft", "prospect", "lead"),
        "paused": ("paused", "on hold", "on_hold", "suspended", "pausiert"),
        "unpaid": ("unpaid",),
        "ended": (
            "ended", "canceled", "cancelled", "expired", "churned", "terminated", "inactive", "closed",
            "gekündigt", "beendet", "lost", "churn", "résilié", "cancelado", "annulé",
        ),
    },
    "invoices": {
        "open": (
            "open", "sent", "unpaid", "overdue", "past_due", "past due", "outstanding", "pending", "due",
            "posted", "payment_due", "partial", "partially_paid", "partially paid", "offen",
            "em aberto", "pendente", "impayée", "en attente", "pendiente",
        ),
        "paid": ("paid", "settled", "closed", "bezahlt", "paga", "pago", "payée", "pagada"),
        "void": (
            "void", "voided", "canceled", "cancelled", "deleted", "storniert", "cancelada",
            "annulée", "anulada",
        ),
        "draft": ("draft", "entwurf"),
        "uncollectible": ("uncollectible", "bad debt", "written off", "written_off", "not_paid"),
    },
    "tickets": {
        "open": ("open", "new", "reopened", "in progress", "in_progress", "offen", "active"),
        "pending": ("pending", "hold", "on-hold", "on hold", "waiting", "waiting on customer"),
        "solved": ("solved", "resolved", "done", "fixed", "gelöst"),
        "closed": ("closed", "geschlossen", "complete", "completed"),
        "deleted": ("deleted", "spam"),
    },
}  # fmt: skip


def state_line(table: Table, look: Look) -> tuple[str, str] | None:
    """Return the column with the state of today, and its rule; None if the file has none."""
    known = WORDS.get(table.name)
    if known is None:
        return None
    meaning = {word: state for state, words in known.items() for word in words}
    for name, samples in look.samples.items():
        heard = [value for value in samples if value.lower() in meaning]
        told = heard or plain(name) in _OWN.get(table.name, ())
        if plain(name) in _NAMES and 0 < len(samples) <= _MOST and told:
            return name, _rule(table, name, {value: meaning.get(value.lower()) for value in samples})
    return None


def _rule(table: Table, name: str, pairs: Mapping[str, str | None]) -> str:
    from customer_health.sources.draft_rules import quoted

    listed = ", ".join(
        f"{quoted(old)}: {new or 'TODO'}" for old, new in pairs.items() if new is None or old.lower() != new
    )
    unsure = f"  # TODO one of {', '.join(WORDS[table.name])}" if None in pairs.values() else ""
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
