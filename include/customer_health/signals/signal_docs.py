"""Write docs/signals.md from the declarations, so that the page cannot disagree with the code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from customer_health.fact_thresholds import FactThresholds
from customer_health.signals.aggregations import Aggregation
from customer_health.signals.catalogue import CATALOGUE, PROFILES
from customer_health.signals.derived import DERIVED
from customer_health.signals.headline_facts import FACTS, HeadlineFact
from customer_health.signals.signal import Absent, Concept, Condition, Direction, FromConfig, Signal

HEADER = """# Signals

Generated from `include/customer_health/signals/catalogue/` by `python -m
customer_health.signals.signal_docs`; do not edit.

A signal is one number per account and as-of date. A fact counts for as-of date D only if it
happened and was known before D 00:00 UTC; a window of n days is [D - n, D - 1]. **Unknown is not
zero:** where the column "when there is none" says unknown, the value stays empty and the account's
coverage falls. An evergreen customer has no renewal, no notice deadline and no term, and that is known:
its coverage does not fall for want of them. A source that has not delivered anything yet makes all of
its signals unknown, for everybody; so does a source that used to tell of at least 20 accounts and has
been silent for over a week and three times its longest pause, and the days that its vendor is late by its own
account (`late:` in the vendor file, `signals.late_days`); or for as long as `signals.stale_after_days` says.

Usage: a day without rows counts 0 users from the account's first usage on; an account that never
sent usage is unknown; a change against the window before needs telemetry for both windows; users
without an id are not counted as users. Lists of core actions, key and advanced features come from
the company file, per plan; without them, all features seen so far count as core and key, and the
share of advanced usage is unknown. Bulk exports are known once `usage.export_features` lists them.

A day on which usage delivered nothing for anybody is lost, not quiet: no row of it is visible to D,
although most of the same weekdays of the eight weeks before it told of at least 20 accounts at that
age. Lost days do not count into trends, means per day and days since the last usage; changes compare
delivered days, and those of distinct users are unknown if over a tenth of either window was lost. A
window of which more than half was lost is unknown. Rows that arrive later are used from then on.

Money: a change against the window before needs facts at least as old as both windows, or else every
new customer would seem to grow.

First responses are measured in working hours: `signals.business_hours` of the company file. A
business review is due as often as `people.ebr_every_days` says for the segment; where none is due, 0 days
are overdue.

Executives are recognised by the title patterns of the company file. "No executive activity" is said
only where we would have noticed: we know an executive, or we know the titles of all contacts.
"""

TITLES = "| signal | value | facts | window | unit | healthier | when there is none | reason | phrase |"
FACT_TITLES = "| headline fact | code | signal | holds if | compared with | decisive |"
FACT_HEADER = """What happened at an account, whatever the model makes of it. Facts are listed worst first,
stored with the score, shown on the page, in alerts and tasks, and playbooks may ask for them
(`fact: sponsor_left`). A decisive one takes precedence in the Why over reasons that leave it out. The
numbers are the defaults of the section `facts` of the company file; null switches a fact off, and
`ceilings` says how high the score of an account with it can be."""
DIRECTIONS = {
    Direction.LOWER_IS_HEALTHIER: "lower",
    Direction.HIGHER_IS_HEALTHIER: "higher",
    Direction.NEUTRAL: "neither",
}


def _condition(where: Mapping[str, Condition]) -> str:
    def said(value: Condition) -> str:
        if isinstance(value, FromConfig):
            return f"listed in `{value.path}`"
        return " or ".join(map(str, value)) if isinstance(value, tuple) else str(value)

    return ", ".join(f"{column}: {said(value)}" for column, value in where.items())


def _how(aggregation: Aggregation) -> str:
    options = [
        f"{f.name}={getattr(aggregation, f.name)}"
        for f in fields(aggregation)
        if getattr(aggregation, f.name) != f.default
    ]
    summary = (type(aggregation).__doc__ or "").split("\n\n")[0].split(":")[0].strip().rstrip(".")
    return " ".join(summary.split()) + (f" ({', '.join(options)})" if options else "")


def _absent(signal: Signal) -> str:
    if signal.when_absent == Absent.UNKNOWN:
        return "unknown"
    if signal.when_absent == Absent.SINCE_START:
        return "days since we watch"
    return f"{float(signal.when_absent):g}"


def _reason(signal: Signal) -> str:
    said = f"`{signal.reason_code}`" if signal.reason_code else ""
    return said + (f", `{signal.grave.reason_code}` from {signal.grave.beyond:g}" if signal.grave else "")


def _row(signal: Signal) -> str:
    cells = (
        f"`{signal.name}`",
        _how(signal.aggregation),
        signal.table + (f" ({_condition(signal.where)})" if signal.where else ""),
        f"{signal.window} d" if signal.window else "",
        signal.unit,
        DIRECTIONS[signal.direction],
        _absent(signal),
        _reason(signal),
        signal.phrase.replace("{value", "{v"),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _fact_row(fact: HeadlineFact, thresholds: FactThresholds) -> str:
    limit = f"{getattr(thresholds, fact.code):g}"
    cells = (
        fact.title,
        f"`{fact.code}`",
        f"`{fact.signal}`",
        f"{fact.compare} {limit}",
        fact.baseline.format(limit=limit),
        "yes" if fact.decisive else "",
    )
    return "| " + " | ".join(cells) + " |"


def render(signals: Iterable[Signal] | None = None) -> str:
    """Return the page for these signals, by default for the whole catalogue."""
    chosen = list(CATALOGUE.values() if signals is None else signals)
    lines = [HEADER]
    lines += ["## Profiles", ""]
    for profile in PROFILES:
        members = [signal.name for signal in chosen if profile in signal.profiles]
        names = ", ".join(f"`{name}`" for name in members) if len(members) < 10 else "the whole catalogue"
        lines.append(f"- `{profile}` ({len(members)}): {names}")
    for concept in Concept:
        mine = [signal for signal in chosen if signal.concept == concept]
        if mine:
            lines += ["", f"## {concept.value.capitalize()}", ""]
            lines += [TITLES, "|---" * TITLES.count(" | ") + "|---|"]
            lines += [_row(signal) for signal in mine]
    if signals is None:
        lines += ["", "## Headline facts", "", FACT_HEADER, ""]
        lines += [FACT_TITLES, "|---" * FACT_TITLES.count(" | ") + "|---|"]
        lines += [_fact_row(fact, FactThresholds()) for fact in FACTS]
    lines += ["", "## Derived tables", ""]
    lines += [f"- `{table.name}`: {table.doc}" for table in DERIVED.values()]
    return "\n".join(lines) + "\n"


def page() -> Path:
    """Where the page lives in a checkout."""
    return Path(__file__).parents[3] / "docs" / "signals.md"


if __name__ == "__main__":
    page().write_text(render(), encoding="utf-8")
