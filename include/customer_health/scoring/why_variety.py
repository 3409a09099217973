"""Whys that differ where customers differ, and that say what changed before what has long been so.

Each Why is right on its own; in a list a third of them read alike, because the same constant ("feature
adoption only 31%") costs many accounts most. Where a line's shape (numbers aside) is shared and an account
has something of its own to tell, that is told beside the worst fragment, which stays first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from customer_health.scoring.track_words import fragment_of
from customer_health.scoring.why import MAX_WORDS, cost_of, renewal_fact, validate_why

# What these codes speak of has happened, or moved; the others describe how things have been.
CHANGES = frozenset((
    "arr_contraction", "asks_for_discount", "asks_for_export", "asks_to_cancel", "contacts_left",
    "contract_modification", "critical_tickets", "escalation", "names_competitor", "overdue_invoices",
    "past_contraction", "price_increase", "revenue_drop", "seat_contraction", "sentiment_falling",
    "silent_account", "sponsor_left", "unanswered_tickets", "usage_decline", "core_action_drop",
))  # fmt: skip
GIVES_WAY = 2.0  # what is told instead costs at least the half of what it replaces
SHARED_BY = 2  # lines of one shape from which they are told apart
_RENEWAL = re.compile(r"^renew", re.IGNORECASE)
_OPENINGS = ("Healthy despite ", "Healthy: ")
_NUMBER = re.compile(r"[$€£]?\d[\d.,]*[%kM]?")


@dataclass(frozen=True)
class _Line:
    """One Why in its parts.

    Attributes:
        opening: "Healthy: " or the like.
        parts: Fragments as told.
        pool: Every fragment that could be told, in order of weight; with whether it is a change.
        costs: Points that each fragment of the pool costs or, of a healthy account, brings.
        decisive: Fragments of decisive headline facts; they come first.
        heaviest: The reason that costs more than all others together, if one does; no variety replaces it.
        facts: What the line is checked against.
    """

    opening: str
    parts: tuple[str, ...]
    pool: Mapping[str, bool]
    costs: Mapping[str, float]
    decisive: frozenset[str]
    heaviest: str
    facts: tuple[Mapping[str, Any], ...]

    def text(self, parts: Sequence[str]) -> str:
        line = self.opening + "; ".join(parts)
        return line[0].upper() + line[1:]


def vary(rows: Sequence[Mapping[str, Any]], days_to_renewal: Sequence[float | None]) -> list[str | None]:
    """Return the Whys of a day's rows, told apart where they can be.

    Args:
        rows: With `why`, `reasons`, and `facts` if headline facts are known. A Why that is not made of their
            fragments stays as it is.
        days_to_renewal: Days per row, if there is a renewal ahead.
    """
    lines = [_line(row, days) for row, days in zip(rows, days_to_renewal, strict=True)]
    chosen = [_changes_first(line) if line else () for line in lines]
    shapes = Counter(_shape(parts) for line, parts in zip(lines, chosen, strict=True) if line)
    common = Counter(
        _masked(fragment)
        for line, parts in zip(lines, chosen, strict=True)
        if line and shapes[_shape(parts)] >= SHARED_BY
        for fragment in line.pool
    )
    ways = [
        _ways(line, parts, common) if line and shapes[_shape(parts)] >= SHARED_BY else [parts]
        for line, parts in zip(lines, chosen, strict=True)
    ]
    found = list[str | None]()
    for row, line, parts in zip(rows, lines, _spread(ways), strict=True):
        better = line.text(parts) if line else None
        told_apart = line and better and better != row["why"] and not validate_why(better, line.facts)
        found.append(better if told_apart else row["why"])
    return found


def _spread(ways: Sequence[Sequence[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Choose a way for each line, so that few lines have the same shape; the first way where nothing is won.

    What is rare at first is told by many in the end: "contract reduced" beside every fall of usage. Each line
    still shared moves in turn to its own way that the fewest others took.
    """
    chosen = [one[0] for one in ways]
    taken = Counter(map(_shape, chosen))
    for place, own in enumerate(ways):
        now = _shape(chosen[place])
        if taken[now] < SHARED_BY or len(own) == 1:
            continue
        best = min(own, key=lambda parts: taken[_shape(parts)])
        if taken[_shape(best)] < taken[now] - 1:
            taken[now] -= 1
            taken[_shape(best)] += 1
            chosen[place] = best
    return chosen


def _line(row: Mapping[str, Any], days: float | None) -> _Line | None:
    reasons, headlines = row["reasons"] or (), row.get("facts") or ()
    why = row.get("why")
    if not isinstance(why, str) or not (reasons or headlines):
        return None
    opening = next((one for one in _OPENINGS if why.startswith(one)), "")
    risky = opening != "Healthy: "
    wanted = [one for one in reasons if (float(one.get("points") or 0) < 0) == risky and one.get("points")]
    happened = {one[name] for one in headlines for name in ("signal", "code")} if risky else set()
    wanted = [one for one in wanted if not {one["signal"], one["code"]} & happened]  # said by the fact
    pool = {
        fragment_of(one): str(one["code"]) in CHANGES
        for one in [*(headlines if risky else ()), *wanted]
        if one.get("short")
    }
    by_case = {fragment.casefold(): fragment for fragment in pool}
    parts = why[len(opening) :].split("; ")
    known = [by_case.get(part.casefold(), part if _RENEWAL.match(part) else None) for part in parts]
    if None in known:
        return None
    facts = [*headlines, *reasons]
    if days is not None:
        facts.append(renewal_fact(days))
    decisive = frozenset(fragment_of(one) for one in headlines if one.get("decisive"))
    costs = {
        fragment_of(one): abs(cost_of(one, reasons) if risky else float(one["points"]))
        for one in [*(headlines if risky else ()), *wanted]
        if one.get("short")
    }
    worst = max(costs, key=lambda fragment: costs[fragment], default="")
    heaviest = worst if risky and costs and 2 * costs[worst] > sum(costs.values()) else ""
    told = tuple(part for part in known if part)
    return _Line(opening, told, pool, costs, decisive, heaviest, tuple(facts))


def _changes_first(line: _Line) -> tuple[str, ...]:
    """Decisive facts first, then what changed, then what is constant; the renewal keeps its place."""
    if line.opening == "Healthy: ":
        return line.parts
    told = [part for part in line.parts if part in line.pool]
    told.sort(key=lambda part: (part not in line.decisive, not line.pool[part]))
    ordered = iter(told)
    return tuple(next(ordered) if part in line.pool else part for part in line.parts)


def _ways(line: _Line, parts: tuple[str, ...], common: Counter[str]) -> list[tuple[str, ...]]:
    """Lines with something rare beside the worst fragment, the rarest first; the line itself if none fits."""
    spare = [fragment for fragment in line.pool if fragment not in parts]
    kept = [part for part in parts if not _RENEWAL.match(part)]
    if not spare or not kept or parts[0] != kept[0]:  # the renewal moved the score, and is told first
        return [parts]
    order = {fragment: place for place, fragment in enumerate(line.pool)}
    spare.sort(
        key=lambda one: (one not in line.decisive, not line.pool[one], common[_masked(one)], order[one])
    )
    kept_renewal = [part for part in parts if _RENEWAL.match(part)]
    held = [part for part in kept[1:] if part in line.decisive or part == line.heaviest]
    firm = 1 + len(held)  # these are never given up for variety
    kept = [kept[0], *held, *(part for part in kept[1:] if part not in held)]
    rests = [[*kept[firm:], *kept_renewal], kept[firm:], kept_renewal, *([one] for one in spare), []]
    found = dict[tuple[str, ...], None]()
    for rest in rests:
        for one in spare:
            new = tuple(dict.fromkeys([*kept[:firm], one, *rest]))[: max(3, firm)]
            if len(new) > firm and len(line.text(new).split()) <= MAX_WORDS and _weighs(line, parts, new):
                found[new] = None
    return list(found) or [parts]


def _weighs(line: _Line, parts: Sequence[str], new: Sequence[str]) -> bool:
    """Whether what a new line leaves out is not much heavier than what it tells instead.

    "No expansion in a year", at 4 points, is rare beside "feature adoption only 27%", at 30, and no news to
    anybody who has to act on the account.
    """
    gone = [line.costs.get(part, 0.0) for part in parts if part not in new]
    instead = [line.costs.get(part, 0.0) for part in new if part not in parts]
    return max(gone, default=0.0) <= GIVES_WAY * max(instead, default=0.0)


def _masked(fragment: str) -> str:
    return _NUMBER.sub("#", fragment)


def _shape(parts: Sequence[str]) -> str:
    return "; ".join(_masked(part) for part in parts if not _RENEWAL.match(part))
