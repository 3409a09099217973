"""Doctor for sources: are we let in, do the fields exist, what ends soon; nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from customer_health.errors import CustomerHealthError
from customer_health.settings import Settings
from customer_health.sources.asking.trial import Trial, try_vendor
from customer_health.sources.asking.vendor import Vendor
from customer_health.sources.vendor_source import VendorSource
from customer_health.wording import plural

SOON = timedelta(days=180)


@dataclass(frozen=True)
class SourceCheck:
    """What doctor says of one source.

    Attributes:
        source: Its name.
        problems: (what is wrong, what to do).
        remarks: What a trial page showed; nothing to do.
    """

    source: str
    problems: list[tuple[str, str]]
    remarks: list[str]

    def lines(self) -> list[str]:
        """Sentences for people."""
        found = [f"{self.source}: {remark}" for remark in self.remarks]
        for what, fix in self.problems:
            found += [f"{self.source}: {what}", f"  -> {fix}"]
        return found


def examine_sources(
    settings: Settings, as_of: date, *, sleep: Callable[[float], None] | None = None
) -> list[SourceCheck]:
    """Try every vendor that the company file names, with one page of each of its resources."""
    return [_check(settings, name, as_of, sleep) for name in sorted(settings.config.sources)]


def _check(settings: Settings, name: str, as_of: date, sleep: Callable[[float], None] | None) -> SourceCheck:
    check = SourceCheck(name, [], [])
    try:
        source = VendorSource(settings, name)
        for end in source.vendor.ends:
            if end.used and end.on <= as_of + SOON:
                tense = "has ended" if end.on <= as_of else f"ends on {end.on}"
                check.problems.append((f"{end.what} {tense}.", f"Use {end.instead}."))
        with try_vendor(
            source.vendor,
            source.connection,
            as_of=as_of,
            through=settings.config.sources[name].through,
            sleep=sleep,
        ) as trial:
            check.problems.extend(_too_old(source.vendor, source.connection))
            check.problems.extend(_problems(trial, source.vendor.scopes))
            check.remarks.append(_remark(trial))
            if source.vendor.scopes:
                told = ", ".join(sorted(trial.granted)) or "not told by the vendor"
                check.remarks.append(f"rights needed: {', '.join(source.vendor.scopes)}; granted: {told}")
    except CustomerHealthError as error:
        check.problems.append((error.message, error.hint or "See docs/sources.md."))
    return check


def _too_old(vendor: Vendor, connection: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield versions of an API that are older than what is asked here."""
    for name, need in vendor.connection.items():
        given = connection.get(name, "")
        if need.at_least and _version(given) < _version(need.at_least):
            yield (
                f"{name} is {given!r}; what is asked here needs {need.at_least} or later.",
                f"Set {name} to {need.default or need.at_least} in the connection, or leave it out.",
            )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def _problems(trial: Trial, scopes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    same: dict[tuple[str, str], list[str]] = {}
    for resource, error in trial.refused.items():
        wanted = f" Rights that are needed: {', '.join(scopes)}." if " 403" in error.message else ""
        same.setdefault((error.message, f"{error.hint}{wanted}"), []).append(resource)
    for (message, hint), resources in same.items():
        yield f"{', '.join(resources)}: {message}", hint
    # What a vendor calls a right is one word; the rest of `scopes:` is for people.
    lacking = [one for one in scopes if " " not in one and one not in trial.granted]
    if trial.granted and lacking and not trial.granted & {"full", "read"}:
        yield (
            f"it has granted {', '.join(sorted(trial.granted))}, and not {', '.join(lacking)}.",
            "Grant the rights listed under `scopes:` in its file, then run doctor again.",
        )
    skew = trial.clock_skew
    if skew is not None and abs(skew) > 120:
        yield (
            f"its clock and ours differ by {abs(skew):.0f} s, so that signed tokens may be refused.",
            "Set this machine's clock by NTP.",
        )
    for place, column in trial.absent:
        yield (
            f"{place} reads '{column}', which none of the records has.",
            "Correct the name in your vendor file (`extends:`), or let the credentials read the field.",
        )
    for sentence in trial.quarantined:
        if "is not among the" not in sentence:  # one page has not all parents
            yield f"not understood: {sentence}", "Correct the rule in your vendor file (`extends:`)."


def _remark(trial: Trial) -> str:
    rows = ", ".join(
        f"{name} {one.skipped or plural(one.read, 'row')}" for name, one in trial.reading.resources.items()
    )
    left = trial.reading.calls_left
    return f"a trial page: {rows}" + (
        f"; {plural(left, 'call')} left by its count" if left is not None else ""
    )
