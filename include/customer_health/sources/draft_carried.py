"""Drafts of what files carry along: losses and notices in lists of contracts, scores in lists of tickets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from customer_health.sources import draft_words as words
from customer_health.sources.draft_look import Look
from customer_health.sources.draft_match import match
from customer_health.sources.draft_rules import quoted, rule
from customer_health.sources.draft_words import plain
from customer_health.warehouse.tables import TABLES


def notices(look: Look) -> list[str]:
    """Draft the notice of customers who have said that they leave at the end of their term."""
    table = TABLES["contracts"]
    ends = end_column(look)
    spoken = _spoken(look, ends) if ends else None
    identity, account = match(table, "contract_id", look), match(table, "account_id", look)
    if not (spoken and identity and account):
        return []
    return [
        f"    - files: {quoted(look.name)}  # TODO is {spoken} the day on which they said so?",
        f"      where: {{{quoted(spoken)}: {{present: true}}}}",
        "      columns:",
        f"        event_id: {{column: {quoted(identity)}, prefix: 'notice-'}}",
        f"        account_id: {quoted(account)}",
        f"        contract_id: {quoted(identity)}",
        "        kind: {constant: notice_given}",
        f"        occurred_at: {rule(table.columns['occurred_at'], spoken, look)}",
        "",
    ]


def losses(look: Look, looks: Sequence[Look], *, followed: bool) -> list[str]:
    ends = end_column(look)
    assert ends is not None
    account = match(TABLES["contracts"], "account_id", look) or match(TABLES["accounts"], "account_id", look)
    begins = match(TABLES["contracts"], "occurred_at", look)
    spoken = _spoken(look, ends)
    moment = TABLES["contracts"].columns["occurred_at"]
    lines = [f"    - files: {quoted(look.name)}  # TODO losses are read from ended contracts: is that right?"]
    if followed and begins:
        lines += [
            "      unless_followed:  # an end after which the account has another contract is not a loss",
            f"        begins: {rule(moment, begins, look).partition('  # ')[0]}",
            "        within_days: 30",
        ]
    else:
        lines.append(f"      where: {{{quoted(ends)}: {{present: true}}}}")
    lines += [
        "      columns:",
        f"        account_id: {quoted(account) if account else 'TODO'}",
        f"        occurred_at: {rule(moment, ends, look)}",
    ]
    lines += [f"        notice_at: {rule(moment, spoken, look)}"] if spoken else []
    return [*lines, ""]


def scores_of_tickets(tickets: Sequence[Look], first: bool) -> list[str]:
    """Draft a feed for satisfaction scores that a ticket file carries along."""
    lines: list[str] = []
    for look in tickets:
        score = next(
            (c for c in look.samples if plain(c) in ("satisfaction_score", "csat", "csat_score", "rating")),
            None,
        )
        table = TABLES["tickets"]
        when = match(table, "resolved_at", look) or match(table, "occurred_at", look)
        identity, account = match(table, "ticket_id", look), match(table, "account_id", look)
        if score and when and identity and account:
            lines += ["  surveys:"] if first and not lines else []
            lines += [
                f"    - files: {quoted(look.name)}  # the ticket's satisfaction score is a CSAT answer",
                f"      where: {{{quoted(score)}: {{present: true}}}}",
                "      columns:",
                f"        survey_id: {{column: {quoted(identity)}, prefix: 'csat-'}}",
                f"        account_id: {quoted(account)}",
                "        kind: {constant: csat}",
                f"        score: {quoted(score)}",
                f"        occurred_at: {rule(table.columns['occurred_at'], when, look)}",
                "",
            ]
    return lines


def end_column(look: Look) -> str | None:
    """Return the column with the day a contract or customer ended; a day of notice only for want of it."""
    moment = TABLES["contracts"].columns["occurred_at"]
    gaps = [c for c in look.samples if c in look.gaps and look.fits(moment, c)]
    ends = [c for c in gaps if re.fullmatch(words.ENDED, plain(c))]
    if all(re.fullmatch(words.SPOKEN, plain(c)) for c in ends):
        last = [c for c in gaps if re.fullmatch(words.EXPIRES, plain(c)) and look.samples[c]]
        ends += [c for c in last if ends and renewal_column(look, c)]
    return min(ends, key=lambda c: (bool(re.fullmatch(words.SPOKEN, plain(c))), "cancel" in c), default=None)


def renewal_column(look: Look, besides: str) -> str | None:
    """Return the column with the renewal date, where another than `besides` holds it."""
    rest = {name: values for name, values in look.samples.items() if name != besides}
    return match(TABLES["contracts"], "term_end", replace(look, samples=rest))


def _spoken(look: Look, ends: str) -> str | None:
    """Return the column with the day on which a customer said that they leave."""
    moment = TABLES["contracts"].columns["occurred_at"]
    said = [c for c, values in look.samples.items() if re.fullmatch(words.SPOKEN, plain(c)) and values]
    return next((c for c in said if c != ends and look.fits(moment, c)), None)
