"""Files with a column per day, week or month, as a draft sees them: a row for each of their cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from customer_health.sources.date_formats import whole_month
from customer_health.sources.draft_look import DISTINCT, Look, fitting
from customer_health.sources.draft_match import table_for
from customer_health.sources.draft_words import plain, vocabulary
from customer_health.sources.rule_parts import Unpivot
from customer_health.sources.wide_files import HEADERS, periods

LEAST = 3  # columns named after days that make a file a wide one
_FOREIGN = re.compile(r"[^\W\d_]{3,10}\.?[ _-]'?(\d{2}|\d{4})|[qQ][1-4][ _-]?\d{2,4}|\d{4}[ _-]?[qQ][1-4]")
_CELLS = (
    ("mrr|revenue|umsatz", "mrr"),
    ("dau|users|nutzer", "active_users"),
    ("invoice|bill|rechnung", "amount"),
)


def widened(look: Look) -> Look:
    """Return the look at the rows that a wide file of usage becomes; any other look as it is.

    Money by month is left alone: an empty cell does not say when a contract ended. Names may begin with
    the same word: logins_2026_05.
    """
    found = _dated(list(look.samples))
    if look.trouble or found is None:
        return look
    format_, named = found
    header, cell = _free(_period(format_), look), _free(_cell(look), look)
    kept = [name for name in look.samples if name not in named]
    rows = len(next(iter(look.cells.values()), ()))
    told = [(row, name) for row in range(rows) for name in named if look.cells[name][row]]
    cells = {name: [look.cells[name][row] for row, _ in told] for name in kept}
    cells |= {header: [name.strip() for _, name in told], cell: [look.cells[name][row] for row, name in told]}
    samples = {
        n: [v for v, _ in Counter(v for v in values if v).most_common(DISTINCT)]
        for n, values in cells.items()
    }
    fits = fitting(samples)
    wide = replace(
        look,
        samples=samples,
        cells=cells,
        rows=len(told),
        native={name: look.native.get(name, "VARCHAR") for name in cells},
        unique=frozenset(),
        fitting={**fits, "moment": fits["moment"] | {header}},
        dates={
            **{n: look.dates.get(n) for n in kept},
            header: "" if format_ == "iso" else format_,
            cell: None,
        },
        unpivot=Unpivot(format=format_, header=header, cell=cell),
    )
    return wide if table_for(wide) in ("usage", "daily_users") else look


def unread_periods(look: Look) -> str:
    """Return what to do about a file with a column per period that is not read as one; "" for any other."""
    found = None if look.unpivot else _dated(list(look.samples))
    if found is not None:
        line = written(Unpivot(format=found[0], header=_period(found[0]), cell="value"))
        return (
            f"a column per {_period(found[0])} ({found[1][0]} ...): `unpivot: {line}` makes each cell a row; "
            "an empty cell is none"
        )
    names = [name for name in look.samples if _FOREIGN.fullmatch(name.strip())]
    if look.unpivot or len(names) < LEAST:
        return ""
    return (
        f"a column per period ({', '.join(names[:3])}) by words that no format reads: name the columns "
        "2026-05 or 2026-05-31 in the export, and draft again"
    )


def written(unpivot: Unpivot) -> str:
    """Return the line of a mapping."""
    return f'{{format: "{unpivot.format}", header: {unpivot.header}, cell: {unpivot.cell}}}'


def _dated(names: Sequence[str]) -> tuple[str, list[str]] | None:
    """The format that reads the most names, and those names; a common beginning is part of it."""
    names = [name for name in names if any(sign.isdigit() for sign in name)]
    if len(names) < LEAST:
        return None
    best: tuple[str, list[str]] = ("", [])
    for begin in dict.fromkeys(("", *_beginnings(names))):
        rest = {name: name.strip()[len(begin) :] for name in names if name.strip().startswith(begin)}
        for format_ in HEADERS:
            if begin and "%" not in format_:
                continue
            found = [name for name, text in rest.items() if periods([text], [format_])]
            if len(found) > len(best[1]):
                best = (begin + format_, found)
    return best if len(best[1]) >= LEAST else None


def _beginnings(names: Sequence[str]) -> list[str]:
    ended = [name.strip() for name in names if re.search(r"\d{2}$", name.strip())]
    if len(ended) < LEAST:
        return []
    first, last = min(ended), max(ended)
    alike = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    begins = re.sub(r"\d.*$", "", first[:alike])
    return [begins] if begins and "%" not in begins else []


def _period(format_: str) -> str:
    return "month" if whole_month(format_) else "week" if format_ == "iso_week" else "day"


def _cell(look: Look) -> str:
    stem = plain(look.name.rsplit("/", 1)[-1])
    named = next((cell for words, cell in _CELLS if re.search(words, stem)), "")
    return named or ("events" if any(word in stem for word in vocabulary().tables["usage"]) else "value")


def _free(name: str, look: Look) -> str:
    return name if name not in {plain(column) for column in look.samples} else f"{name}_of_column"
