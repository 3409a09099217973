"""SQL that undoes what spreadsheets do to ids, and reads an address in one case."""

from __future__ import annotations

from customer_health.sources.magnitudes import folded
from customer_health.sources.mapping import Rule

# Columns that hold a person's id: where that is an address, Kim@acme.com and kim@acme.com are one person.
PEOPLE = frozenset({"user_id", "contact_id", "owner_email", "manager_email"})
LISTS = frozenset({"merged_ids"})  # columns that hold several ids
SCIENTIFIC = "[0-9]([.][0-9]*)?[eE][+]?[0-9]{1,2}"


def id_text(text: str, rule: Rule) -> str:
    """Return SQL of an id with its digits as they were: by `integer_text`, then by `pad`.

    An id in scientific notation that has lost digits is NULL: nobody can know which one it was.
    """
    if rule.integer_text or rule.pad:
        text = folded(text)
    if rule.integer_text:
        power = f"TRY_CAST(regexp_extract({text}, '[eE][+]?([0-9]+)$', 1) AS INTEGER)"
        digits = f"regexp_replace({text}, '[.]|[eE].*$', '', 'g')"
        whole = f"length(rtrim({digits}, '0')) <= {power} + 1"
        text = (
            f"CASE WHEN regexp_full_match({text}, '[0-9]+[.]0*') THEN regexp_extract({text}, '^[0-9]+') "
            f"WHEN regexp_full_match({text}, '{SCIENTIFIC}') "
            f"THEN CASE WHEN length({digits}) > {power} AND {whole} THEN left({digits}, {power} + 1) END "
            f"ELSE {text} END"
        )
    if rule.pad:
        digits_only = f"regexp_full_match({text}, '[0-9]{{1,{rule.pad}}}')"
        text = f"CASE WHEN {digits_only} THEN lpad({text}, {rule.pad}, '0') ELSE {text} END"
    return text


def one_case(text: str) -> str:
    """Return SQL of a person's id, lower-case if it is an address: if there is an @ in it."""
    return f"CASE WHEN contains({text}, '@') THEN lower({text}) ELSE {text} END"


def each_id(text: str, rule: Rule, prefix: str) -> str:
    """Return SQL of a list of ids with the rule applied to every one of them.

    Args:
        text: SQL of the list as a tool writes it: `A2;A9`, `["A2", "A9"]`.
        rule: Its `pad`, `integer_text` and `lower`.
        prefix: SQL of a text to put before each.
    """
    one = id_text("lower(x)" if rule.lower else "x", rule)
    kept = f"list_filter(regexp_extract_all({text}, '[^\\s;,|\\[\\]\\{{\\}}\"'']+'), lambda x: x <> '')"
    return f"nullif(array_to_string(list_transform({kept}, lambda x: {prefix} || {one}), ';'), '')"
