"""How often accounts of a company read alike: the Whys of its last scored day, held against their facts.

    python -m benchmarks.why_sharing --home .customer_health

Of the accounts outside the best tier: how many share their Why with another, to the letter and numbers
aside, and how many share it though they have a fact that the other has not. Then every line's claims are
checked against the facts of its own account. The floor is the Why without variety: the first reason.
`--again` varies the kept lines once more by today's code, which needs no new scoring.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from customer_health.scoring.why import MAX_WORDS, renewal_fact, validate_why
from customer_health.scoring.why_variety import vary

_NUMBER = re.compile(r"\d[\d.,]*")
_RENEWAL = re.compile(r"renewal (?:in (\d+) days|(tomorrow|today))", re.IGNORECASE)


def last_day(home: Path) -> list[dict[str, Any]]:
    """Return the scored accounts of the ledger's last day, outside the best tier."""
    con = sqlite3.connect(f"file:{home / 'ledger.db'}?mode=ro", uri=True)
    con.row_factory = sqlite3.Row
    rows = con.execute(
        "SELECT account_id, tier, why, explanation, reasons, facts FROM scores WHERE state = 'scored' "
        "AND tier <> 'Healthy' AND as_of = (SELECT max(as_of) FROM scores)"
    ).fetchall()
    return [
        {
            **dict(row),
            "reasons": json.loads(row["reasons"] or "[]"),
            "facts": json.loads(row["facts"] or "[]"),
        }
        for row in rows
    ]


def shape(text: str) -> str:
    """A line without its numbers and without the renewal's date, which is nobody's trouble."""
    parts = [part for part in text.lower().split("; ") if not part.startswith("renew")]
    return _NUMBER.sub("#", "; ".join(parts))


def troubles(row: dict[str, Any]) -> frozenset[str]:
    """What could be told of an account: codes of what costs it points and of its headline facts."""
    charged = [one for one in row["reasons"] if float(one.get("points") or 0) < 0]
    return frozenset(str(one["code"]) for one in [*charged, *row["facts"]])


def alike(rows: list[dict[str, Any]], line: str) -> tuple[int, int]:
    """Return how many accounts share a line, and how many of them with an account of other troubles."""
    by_shape = defaultdict(list)
    for row in rows:
        by_shape[shape(str(row[line]))].append(row)
    shared = [group for group in by_shape.values() if len(group) > 1]
    different = sum(len({troubles(row) for row in group}) > 1 for group in shared for _ in group)
    return sum(map(len, shared)), different


def renewal_of(text: str) -> float | None:
    """Days to the renewal that a line speaks of."""
    found = _RENEWAL.search(text)
    return float(found.group(1) or 1) if found else None


def wrong_claims(row: dict[str, Any], text: str) -> tuple[str, ...]:
    """What a text says that its account's facts do not."""
    days = renewal_of(text)
    facts = [*row["facts"], *row["reasons"], *([renewal_fact(days)] if days is not None else [])]
    return validate_why(text, facts)


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--home", type=Path, default=Path(".customer_health"))
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    rows = last_day(arguments.home)
    days = [renewal_of(str(row["why"])) for row in rows]
    if arguments.again:
        for row, why in zip(rows, vary(rows, days), strict=True):
            row["why"] = why
    for row in rows:
        charged = [one for one in row["reasons"] if float(one.get("points") or 0) < 0]
        row["first"] = str(charged[0]["short"]) if charged else "-"
    exact = Counter(str(row["why"]) for row in rows)
    print(f"{len(rows):,} accounts outside the best tier.")
    for name, line in (("The Why", "why"), ("The first reason alone", "first")):
        shared, different = alike(rows, line)
        lines = len({shape(str(row[line])) for row in rows})
        print(
            f"{name}, numbers aside: {lines:,} different lines; {shared:,} accounts "
            f"({shared / len(rows):.0%}) share theirs, {different:,} with an account of other facts."
        )
    print(f"To the letter: {sum(many for many in exact.values() if many > 1):,} accounts share a Why.")
    wrong = [(row["why"], found) for row in rows if (found := wrong_claims(row, str(row["why"])))]
    long = sum(len(str(row["why"]).split()) > MAX_WORDS for row in rows)
    print(f"{len(rows) - len(wrong):,} of {len(rows):,} Whys say nothing but facts; {long} are too long.")
    for text, found in wrong[:5]:
        print(f"  {text}: {' '.join(found)}")


if __name__ == "__main__":
    main()
