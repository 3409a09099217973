"""SQL of what a cell means beyond its text: minor units of money, lists in a cell, domains of addresses."""

from __future__ import annotations

from customer_health.sources.files import ROW
from customer_health.warehouse.contracts import literal

# ISO 4217: currencies whose smallest unit is the whole, or a thousandth; every other one has cents.
_WHOLE = [
    *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
]
_THOUSANDTHS = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]


def digest(text: str) -> str:
    """Return SQL of half a SHA-256 of a text, whatever its case and the blanks around it."""
    return f"left(sha256(lower(trim({text}))), 32)"


def in_major_units(amount: str, currency: str) -> str:
    """Return SQL of an amount that was given in the smallest unit of its currency.

    Args:
        amount: SQL of the number.
        currency: SQL of the ISO code.
    """
    code = f"upper(trim({currency}))"
    whole, thousandths = (", ".join(map(literal, codes)) for codes in (_WHOLE, _THOUSANDTHS))
    factor = f"CASE WHEN {code} IN ({whole}) THEN 1 WHEN {code} IN ({thousandths}) THEN 1000 ELSE 100 END"
    return f"({amount} / {factor})"


def items(cell: str, sign: str | None) -> str:
    """Return SQL of the parts of a cell, without blanks and empty parts; the cell alone without a sign."""
    parts = f"string_split({cell}, {literal(sign)})" if sign else f"[{cell}]"
    return f"list_filter(list_transform({parts}, lambda one: trim(one)), lambda one: one <> '')"


def domain(address: str) -> str:
    """Return SQL of an e-mail address' domain, in lower case: "Ann <ann@Acme.com>" is of acme.com."""
    return f"lower(nullif(regexp_extract({address}, '@([A-Za-z0-9.-]+)', 1), ''))"


def site(address: str) -> str:
    """Return SQL of the domain of a web address, as the addresses of its people end."""
    return f"regexp_extract({address}, '^(?:https?://)?(?:www\\.)?([a-z0-9.-]+)', 1)"


def first_answer(relation: str, cell: str, lookup: str, sign: str | None, *, by_domain: bool) -> str:
    """Return SQL of (__row, __value): what a lookup answers to the parts of a cell.

    Of several parts with an answer, that of the first counts: who stands first in a list of guests or
    addressees is whom it is about.

    Args:
        relation: The file.
        cell: SQL of the cell in terms of the file.
        lookup: Temporary table with `__key` and `__value`.
        sign: What stands between the parts.
        by_domain: Whether the parts are e-mail addresses whose domain is looked for.
    """
    part = domain("part") if by_domain else "part"
    listed = items(cell, sign)
    return (
        f"(SELECT p.{ROW}, arg_min(l.__value, p.place) AS __value FROM "
        f"(SELECT {ROW}, unnest({listed}) AS part, unnest(range(len({listed}))) AS place FROM {relation}) p "
        f"JOIN {lookup} l ON l.__key = {part} GROUP BY 1)"
    )


def any_of(cell: str, sign: str, cases: dict[str, str], rest: str) -> str:
    """Return SQL of the first case that one of the parts of a cell meets.

    Args:
        cell: SQL of the cell.
        sign: What stands between the parts.
        cases: Lower-case part -> SQL of the result, in order of weight.
        rest: SQL of the result where none is met.
    """
    parts = f"list_transform({items(cell, sign)}, lambda one: lower(one))"
    whens = " ".join(f"WHEN list_contains({parts}, {literal(old)}) THEN {new}" for old, new in cases.items())
    return f"CASE WHEN {cell} IS NULL THEN NULL {whens} ELSE {rest} END"
