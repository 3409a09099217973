"""Tier schemes: the names of score ranges, read from YAML and checked when they are loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from customer_health.checked_yaml import read_yaml
from customer_health.errors import ConfigurationError, suggest
from customer_health.shipped_names import TIERS

LOWEST, HIGHEST = 0, 100


@dataclass(frozen=True)
class Tier:
    """One named range of whole scores, both ends included."""

    name: str
    lowest: int
    highest: int


@dataclass(frozen=True)
class Scheme:
    """Tiers from the worst to the best; together they cover every whole score from 0 to 100 once."""

    name: str
    about: str
    tiers: tuple[Tier, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Tier names, worst first."""
        return tuple(tier.name for tier in self.tiers)

    @property
    def best(self) -> str:
        """The name of the healthiest tier."""
        return self.tiers[-1].name

    def of(self, shown: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """Name the tier of each whole score.

        Raises:
            ValueError: A score lies outside 0 to 100.
        """
        if shown.size and (shown.min() < LOWEST or shown.max() > HIGHEST):
            raise ValueError(
                f"Scores lie between {LOWEST} and {HIGHEST}; got {shown.min()} to {shown.max()}."
            )
        starts = np.array([tier.lowest for tier in self.tiers])
        return np.array(self.names, dtype=object)[np.searchsorted(starts, shown, side="right") - 1]


def round_half_up(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round scores to the whole number that people see (40.5 -> 41; banker's rounding would say 40)."""
    return np.floor(values + 0.5).astype(np.int64)


def tier_of(score_shown: int, scheme: Scheme | str) -> str:
    """Name the tier of one whole score, by a scheme or the name of a shipped one."""
    chosen = scheme if isinstance(scheme, Scheme) else scheme_named(scheme)
    return str(chosen.of(np.array([score_shown]))[0])


def scheme_named(name: str, schemes: Mapping[str, Scheme] | None = None) -> Scheme:
    """Look a scheme up; a misspelt name is refused with a suggestion."""
    known = load_schemes() if schemes is None else schemes
    if name not in known:
        raise ConfigurationError(f"There is no tier scheme '{name}'.", hint=suggest(name, known))
    return known[name]


@lru_cache(maxsize=8)
def load_schemes(path: Path = TIERS) -> Mapping[str, Scheme]:
    """Read every tier scheme of a file.

    Raises:
        ConfigurationError: Unknown key, gap, overlap, or a bound that is not a whole score. The message
            names file, scheme and tier.
    """
    start = "Start from the shipped file."
    raw = read_yaml(path, absent=start, wrong="names no tier scheme", example=start).content
    where = str(path)
    schemes = _fields(raw, where, required={"schemes"})["schemes"]
    if not isinstance(schemes, dict) or not schemes:
        raise ConfigurationError(f"{where}: schemes: names no scheme.", hint="Start from the shipped file.")
    return {str(name): _scheme(str(name), body, f"{where}: {name}") for name, body in schemes.items()}


def _fields(
    raw: Any, where: str, *, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{where}: expected keys and values, found {type(raw).__name__}.")
    known = {*required, *optional}
    for key in raw:
        if key not in known:
            raise ConfigurationError(f"{where}: unknown key '{key}'.", hint=suggest(str(key), known))
    if missing := set(required) - set(raw):
        raise ConfigurationError(f"{where}: '{sorted(missing)[0]}' is missing.", hint="Add it.")
    return raw


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
        raise ConfigurationError(
            f"{where} is {value!r}.", hint=f"Tiers start at whole scores between {LOWEST} and {HIGHEST}."
        )
    return value


def _scheme(name: str, raw: Any, where: str) -> Scheme:
    body = _fields(raw, where, required={"tiers"}, optional={"about"})
    rows = body["tiers"]
    if not isinstance(rows, list) or not rows:
        raise ConfigurationError(f"{where}: tiers: is empty.", hint="List at least one tier.")
    rows = [
        _fields(row, f"{where}: tier {number}", required={"name", "from"}, optional={"to"})
        for number, row in enumerate(rows, 1)
    ]
    names = [str(row["name"]) for row in rows]
    if doubled := [tier for tier in names if names.count(tier) > 1]:
        raise ConfigurationError(f"{where}: two tiers are called '{doubled[0]}'.", hint="Rename one.")
    starts = [_whole(row["from"], f"{where}: {row['name']}: from") for row in rows]
    ends = [
        _whole(row["to"], f"{where}: {row['name']}: to") if "to" in row else following - 1
        for row, following in zip(rows, [*starts[1:], HIGHEST + 1], strict=True)
    ]
    tiers = tuple(Tier(*fields) for fields in zip(names, starts, ends, strict=True))
    _check_cover(tiers, where)
    return Scheme(name, str(body.get("about", "")), tiers)


def _check_cover(tiers: tuple[Tier, ...], where: str) -> None:
    """Refuse a list of tiers that names a score twice or not at all."""
    expected = LOWEST
    for tier in tiers:
        if tier.lowest != expected:
            fault = "leaves a gap below it" if tier.lowest > expected else "overlaps with the tier before it"
            raise ConfigurationError(
                f"{where}: {tier.name} starts at {tier.lowest} and {fault}.",
                hint=f"It must start at {expected}; list tiers from the worst to the best.",
            )
        if tier.highest < tier.lowest:
            raise ConfigurationError(
                f"{where}: {tier.name} runs from {tier.lowest} to {tier.highest}.",
                hint="List tiers from the worst to the best.",
            )
        expected = tier.highest + 1
    if expected != HIGHEST + 1:
        raise ConfigurationError(
            f"{where}: {tiers[-1].name} ends at {tiers[-1].highest} and leaves a gap above it.",
            hint=f"The best tier ends at {HIGHEST}.",
        )
