"""Keep out what was erased: a source that still has it brings it back every night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import duckdb

    from customer_health.settings import Settings

_KINDS: tuple[Literal["account", "person"], ...] = ("account", "person")


def keep_erased_out(settings: Settings, con: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Erase again whatever has a receipt, in loads that no gate has seen; return what to say about it."""
    from customer_health.ledger import erasures
    from customer_health.ledger.engine import open_ledger
    from customer_health.subject import Subject
    from customer_health.warehouse import subject_rows

    ledger = open_ledger(settings.ledger_url)
    if not erasures.receipts(ledger):
        return ()
    count = 0
    for kind in _KINDS:
        back = erasures.returned(ledger, kind, subject_rows.candidates(con, kind))
        receipts = {receipt["receipt_id"]: receipt for receipt in back.values()}
        for name, receipt in receipts.items():
            ids = tuple(sorted(one for one, of in back.items() if of["receipt_id"] == name))
            if kind == "person":  # a contact may bring ids that the receipt does not know yet
                ids = tuple(sorted({more for one in ids for more in subject_rows.ids_of_person(con, one)}))
                given = {name: receipt[name] for name in ("by", "reason")}
                receipt = erasures.begin(ledger, kind, ids, now=receipt["started_at"], **given)
            subject = Subject(kind, ids, pseudonym=erasures.pseudonym(receipt))
            subject_rows.erase_rows(con, subject, subject_rows.text_hashes(con, subject))
            count += 1
    return (f"{count:,} erased before came with new files, and were kept out.",) if count else ()
