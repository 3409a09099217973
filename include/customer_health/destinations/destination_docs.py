"""The tables of docs/destinations.md, from what each kind declares; the prose around them is kept."""

from __future__ import annotations

import re
from pathlib import Path

from customer_health.connections.kinds import KINDS


def write_destinations_page(folder: Path) -> Path:
    """Rewrite the tables of `destinations.md` in a folder of documents, and return its path."""
    path = folder / "destinations.md"
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
    return path


def with_tables(page: str) -> str:
    """Return the page with its tables anew; each stands between `<!-- NAME ... -->` and `<!-- end -->`."""
    for name, table in (("kinds", _kinds()), ("credentials", _credentials())):
        page = re.sub(
            rf"(<!-- {name}[^>]*-->\n).*?(<!-- end -->)",
            lambda found, table=table: found[1] + table + found[2],  # type: ignore[misc]
            page,
            flags=re.S,
        )
    return page


def _kinds() -> str:
    rows = ["| Kind | System | Verbs | After a lost answer | Needs |", "|---|---|---|---|---|"]
    for kind in KINDS.values():
        cells = (f"`{kind.name}`", kind.title, ", ".join(kind.verbs), kind.after_lost_answer, kind.needs)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _credentials() -> str:
    rows = ["| Kind | Keys | Airflow's form |", "|---|---|---|"]
    for kind in KINDS.values():
        if kind.keys == ((),):
            continue
        keys = "; or ".join(", ".join(names) or "nothing" for names in kind.keys)
        more = f"; optional: {', '.join(kind.more_keys)}" if kind.more_keys else ""
        places = ", ".join(f"{theirs}: {ours}" for theirs, ours in kind.places.items())
        rows.append(f"| `{kind.name}` | {keys}{more} | {places} |")
    return "\n".join(rows) + "\n"
