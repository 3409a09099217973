"""Files of one export that comes again and again: usage_2026-10.csv and usage_2026-11.csv are one feed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from customer_health.sources.draft_look import DISTINCT, Look


def series_of(looks: Sequence[Look]) -> list[Look]:
    """Return the looks, with files that differ in the numbers of their names only as one, in their order.

    Such files have the same columns. A feed for each of them would not read the next month's.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[Look]] = {}
    for look in looks:
        groups.setdefault((_pattern(look), tuple(look.samples)), []).append(look)
    return [_together(pattern, found) for (pattern, _), found in groups.items()]


def _pattern(look: Look) -> str:
    folder, slash, name = look.name.rpartition("/")
    dated = re.sub(r"\d+([-_.]?\d+)*", "*", name)
    return look.name if look.trouble else f"{folder}{slash}{dated}"


def _together(pattern: str, looks: Sequence[Look]) -> Look:
    last = looks[-1]
    if len(looks) == 1:
        return last
    samples = {
        name: list(dict.fromkeys(value for look in looks for value in look.samples[name]))[:DISTINCT]
        for name in last.samples
    }
    written = {name: {look.dates.get(name) for look in looks if look.samples[name]} for name in samples}
    return replace(
        last,
        name=pattern,
        samples=samples,
        gaps=frozenset().union(*(look.gaps for look in looks)),
        unique=frozenset.intersection(*(look.unique for look in looks)),
        fitting={
            kind: frozenset.intersection(*(look.fitting.get(kind, frozenset()) for look in looks))
            for kind in last.fitting
        },
        dates={name: formats.pop() if len(formats) == 1 else None for name, formats in written.items()},
    )
