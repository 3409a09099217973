"""The generated half of docs/sources.md: what each vendor needs and brings, from the vendor files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from customer_health.signals.catalogue import CATALOGUE
from customer_health.sources.asking.vendor import Vendor
from customer_health.sources.asking.vendor_file import load_vendor, vendor_files

BEGIN, END = "<!-- generated: vendors -->", "<!-- end of generated: vendors -->"


def render() -> str:
    """Return the tables of all shipped vendor files as Markdown."""
    vendors = [load_vendor(path) for path in vendor_files().values()]
    return "\n".join([*_overview(vendors), *(line for vendor in vendors for line in _page(vendor))]) + "\n"


def write_sources_page(folder: Path) -> Path:
    """Replace the generated half of docs/sources.md, and return the file."""
    path = folder / "sources.md"
    text = path.read_text(encoding="utf-8")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{head}{BEGIN}\n{render()}{END}{tail}", encoding="utf-8")
    return path


def signals_from(vendor: Vendor) -> dict[str, list[str]]:
    """Return canonical table -> names of the signals that read it, for what a vendor brings."""
    return {
        table: [signal.name for signal in CATALOGUE.values() if signal.table == table]
        for table in vendor.means
    }


def _overview(vendors: list[Vendor]) -> Iterator[str]:
    yield "| Vendor | Canonical tables | Signals | How it is asked |"
    yield "|---|---|---|---|"
    for vendor in vendors:
        tables = signals_from(vendor)
        number = sum(map(len, tables.values()))
        named = ", ".join(f"`{table}`" for table in tables)
        yield f"| [{vendor.vendor}](#{vendor.vendor}) | {named} | {number} | {_ways(vendor)} |"
    yield ""


def _ways(vendor: Vendor) -> str:
    ways = []
    for one in vendor.resources:
        if one.endpoint.windows:
            ways.append("whole days")
        elif one.endpoint.incremental:
            ways.append("what is new")
        else:
            ways.append("everything, what changed lands")
    return ", ".join(dict.fromkeys(ways))


def _page(vendor: Vendor) -> Iterator[str]:
    yield from (f"### {vendor.vendor}", "", f"{vendor.about} Described at {vendor.documented_at}.", "")
    yield from ("| Connection | What it is | Secret |", "|---|---|---|")
    for name, need in vendor.connection.items():
        given = (
            f" (default `{need.default}`)"
            if need.default
            else " (may be empty)"
            if need.default == ""
            else ""
        )
        yield f"| `{name}` | {need.about}{given} | {'yes' if need.secret else 'no'} |"
    yield ""
    yield f"Rights: {', '.join(vendor.scopes)}. {_limits(vendor)}"
    yield ""
    for end in vendor.ends:
        unused = "" if end.used else " (not used here)"
        yield f"- Ends on {end.on}{unused}: {end.what}. Instead: {end.instead}."
    for table, signals in signals_from(vendor).items():
        yield f"- `{table}` feeds {', '.join(f'`{name}`' for name in signals) or 'no signal by itself'}."
    yield ""


def _limits(vendor: Vendor) -> str:
    limits = vendor.limits
    said = (
        (limits.per_second, "a second"),
        (limits.per_minute, "a minute"),
        (limits.per_hour, "an hour"),
    )
    kept = [f"{number:g} {span}" for number, span in said if number is not None]
    return f"Calls that we keep to: {', '.join(kept) or 'as many as the vendor allows'}."
