"""Find, read and check vendor files: those that come with the project, and a company's own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from customer_health.errors import ConfigurationError, suggest
from customer_health.sources.asking.batch import GONE
from customer_health.sources.asking.binding import secrets_in
from customer_health.sources.asking.vendor import Vendor
from customer_health.sources.mapping import Feed, MappingFile
from customer_health.sources.mapping_check import identity, problems
from customer_health.sources.mapping_file import read_mapping
from customer_health.sources.rule_parts import Condition, Where
from customer_health.warehouse.tables import TABLES
from customer_health.yaml_refusals import refusal

_GONE: Mapping[str, Any] = {GONE: Condition.model_validate({"in": [True]})}
SHIPPED = Path(__file__).parents[1] / "vendors"


def vendor_files(own: Path | None = None) -> dict[str, Path]:
    """Return name -> file of every vendor; a company's own file takes the place of a shipped one.

    Raises:
        ConfigurationError: The company's folder does not exist.
    """
    if own is not None and not own.is_dir():
        raise ConfigurationError(
            f"The folder of vendor files {own} does not exist.", hint="Correct CUSTOMER_HEALTH_VENDORS."
        )
    folders = [SHIPPED, *([own] if own else [])]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def vendor_called(name: str, own: Path | None = None) -> Vendor:
    """Return the vendor of this name.

    Raises:
        ConfigurationError: There is none, or its file is wrong.
    """
    found = vendor_files(own)
    if name not in found:
        raise ConfigurationError(f"There is no vendor file '{name}'.", hint=suggest(name, found))
    return load_vendor(found[name], own)


def load_vendor(path: Path, own: Path | None = None) -> Vendor:
    """Read and check one vendor file.

    Raises:
        ConfigurationError: It cannot be read, or a key, a value, a placeholder or a column is wrong. The
            message lists every problem with its place.
    """
    file = read_mapping(path, "expected `vendor:`, `client:`, `resources:` and `means:` at the top")
    raw = file.content
    if isinstance(base := raw.get("extends"), str):
        shipped = SHIPPED / f"{base}.yaml"
        beside = (own or path.parent) / f"{base}.yaml"
        parent = beside if beside.exists() and beside != path else shipped
        if not parent.exists() or parent == path:
            raise ConfigurationError(
                f"{path}: extends: there is no vendor file '{base}'.", hint=suggest(base, vendor_files(own))
            )
        raw = _merged(read_mapping(parent, "expected a vendor file").content, raw)
        file = replace(file, lines={})  # what stands where in two files at once has no line
    try:
        vendor = Vendor.model_validate(raw)
    except ValidationError as error:
        raise refusal(file, error, Vendor, hint="See docs/sources.md.") from None
    _check(path, vendor)
    return vendor


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one file over another: mappings part by part, resources by name, the rest as a whole."""
    merged = dict(below)
    for key, value in above.items():
        old = below.get(key)
        if key == "resources" and isinstance(old, list) and isinstance(value, list):
            named = {one["name"]: one for one in old}
            for one in value:
                named[one["name"]] = _merged(named.get(one["name"], {}), one)
            merged[key] = list(named.values())
        elif key == "columns" and isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = {**old, **value}  # a rule is replaced as a whole
        elif isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(old, value)
        else:
            merged[key] = value
    return merged


def _check(path: Path, vendor: Vendor) -> None:
    lines, hints = [], []
    places = {name for one in vendor.resources for name in (one.name, *one.also)}
    for name, feeds in vendor.means.items():
        for feed in feeds:
            lookups = feed.lookups()
            for pattern in (feed.files, *(lookup.file for lookup in lookups if lookup.file)):
                if pattern and (folder := pattern.split("/")[0]) not in places:
                    lines.append(f"{path}: means.{name}: no resource '{folder}' lands files for '{pattern}'")
                    hints.append(suggest(folder, places))
    needed = secrets_in(vendor.model_dump(mode="python", exclude={"means", "connection"}))
    for missing in sorted(needed - set(vendor.connection)):
        lines.append(f"{path}: ${{{missing}}} is not among `connection:`")
        hints.append(suggest(missing, vendor.connection))
    for place, message, known in problems(as_mapping(vendor, "any"), whole=False):
        lines.append(f"{path}: {place.replace('tables.', 'means.', 1)}: {message}")
        hints += [suggest(place.rsplit(".", 1)[-1], known)] if known else []
    kept = {one.name: one.keep for one in vendor.resources if one.keep}
    for name, feeds in vendor.means.items():
        for feed in feeds:
            keep = kept.get(feed.files.split("/")[0], ())
            for column, rule in feed.columns.items():
                if keep and rule.column and rule.column not in keep:
                    lines.append(
                        f"{path}: means.{name}.columns.{column}: '{rule.column}' is not among `keep:`"
                    )
                    hints.append(suggest(rule.column, keep))
    if lines:
        raise ConfigurationError(
            "\n".join(lines), hint=" ".join(dict.fromkeys(hints)) or "See docs/sources.md."
        )


def as_mapping(vendor: Vendor, company: str, tables: tuple[str, ...] = ()) -> MappingFile:
    """Return what the vendor's files mean as an ordinary mapping; `tables` chooses some of it.

    Fields that a vendor leaves out where they are empty are empty, and nothing having come is not a mistake.
    """

    def ready(name: str, feed: Feed) -> Feed:
        # Rows without an id of their own cannot go one by one; what they count lies in whole files.
        gone = (*feed.gone, _GONE) if name in TABLES and identity(TABLES[name]) else feed.gone
        alone = sum(feed.files == other.files for other in vendor.means[name]) == 1
        if gone != feed.gone and alone and _is_record(vendor, name, feed):
            gone += _unless(feed.where)
        return feed.model_copy(update={"optional": True, "sparse": True, "gone": gone})

    means = {
        name: tuple(ready(name, feed) for feed in feeds)
        for name, feeds in vendor.means.items()
        if not tables or name in tables
    }
    return MappingFile(company=company, tables=means)


def _is_record(vendor: Vendor, name: str, feed: Feed) -> bool:
    """Whether canonical records are the vendor's: a contract may have a record for each of its terms."""
    known_by = identity(TABLES[name]) or ""
    keys = {one.name: one.key for one in vendor.resources}
    rule = feed.columns.get(known_by)
    own = rule is not None and rule.column == keys.get(feed.files.split("/")[0])
    return own and not feed.rows and feed.repeats in ("newest_wins", "latest_file")


def _unless(where: Where) -> tuple[Where, ...]:
    """Return when a record does not meet the conditions any more: a deal that was won and is open again.

    Its newest state decides; without this, `where:` would pass it by and leave its earlier state. Two feeds
    of one folder share its records out, so that each must stay silent about those of the other.
    """
    found: list[Where] = []
    for name, condition in where.items():
        if condition.present is not None:
            found.append({name: Condition(present=not condition.present)})
        if condition.one_of is not None:
            found.append({name: Condition(none_of=condition.one_of)})
        if condition.none_of is not None:
            found.append({name: Condition(one_of=condition.none_of)})
    return tuple(found)
