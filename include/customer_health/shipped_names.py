"""Names that the company file may use of things that are declared in files: playbooks and tiers.

Their owners (`playbooks`, `scoring`) read and check those files. Here their names alone are read, so that a
misspelt one is refused when the company file is loaded, and not the first time that it would have mattered.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from customer_health.checked_yaml import read_yaml

TIERS = Path(__file__).parent / "scoring" / "tiers.yaml"
LIBRARY = Path(__file__).parent / "playbooks" / "library"


@lru_cache(maxsize=1)
def tiers_by_scheme() -> Mapping[str, tuple[str, ...]]:
    """Return the names of the tiers of every scheme, worst first."""
    schemes = read_yaml(
        TIERS, absent="It ships with the package.", wrong="holds no schemes", example=""
    ).content
    return {name: tuple(tier["name"] for tier in body["tiers"]) for name, body in schemes["schemes"].items()}


def tier_words() -> set[str]:
    """Return every tier of every scheme as YAML writes it: "At Risk" is at_risk."""
    return {tier_word(tier) for tiers in tiers_by_scheme().values() for tier in tiers}


def playbook_names(own: Path | None = None) -> set[str]:
    """Return the playbooks that ship and those of the company's own folder; each is called as its file."""
    return {path.stem for folder in (LIBRARY, own) if folder for path in folder.glob("*.yaml")}


def tier_word(name: str | None) -> str:
    """Return how a tier is written in YAML: "At Risk" is at_risk."""
    return (name or "").strip().lower().replace(" ", "_").replace("-", "_")
