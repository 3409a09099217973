"""S1 to S10: what the score must mean, measured on companies whose truth is known.

    python -m benchmarks.score_goals --quick      small, in a few minutes: the shape, not the numbers
    python -m benchmarks.score_goals              eight companies of four kinds, 2,000 accounts, 40 weeks each
    python -m benchmarks.score_goals --companies standard:11 standard:12 --accounts 5000

Every company is simulated, loaded, trained on every month and scored week by week through the pipeline's own
steps and a ledger of its own; what is measured is what was published. The feature oracle of an account
learned from other accounts of its company, and of others of its kind. What was done is kept in `--folder`,
so the same command goes on after a kill; `--again` trains and scores anew after a change of the product.
Goals stand in docs/goals.md; a verdict stands beside every number.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from benchmarks import score_facts, score_measures, score_prior, score_reasons, score_truth
from benchmarks.score_company import Lived, live
from benchmarks.score_lines import Line

COMPANIES = (
    "standard:11",
    "standard:12",
    "standard:13",
    "enterprise:21",
    "enterprise:22",
    "self_service:31",
    "self_service:32",
    "calendar:41",
)
QUICK = ("standard:11", "standard:12")
TODAY = date(2026, 11, 29)
BEGIN = time.monotonic()


def say(text: str) -> None:
    """Tell where we are, with the seconds since the start."""
    print(f"[{time.monotonic() - BEGIN:6.0f} s] {text}", flush=True)


def without_truth(lived: Lived, rows: pd.DataFrame) -> list[Line]:
    """Measure what needs no true probability: stability, facts, silent accounts, reasons, flaps."""
    happened = score_facts.true_facts(lived)
    return [
        *score_measures.stability(lived, rows),
        *score_facts.facts(rows, happened),
        *score_facts.silent(lived, rows, happened),
        *score_reasons.reasons(lived, rows),
        *score_reasons.flaps(rows),
    ]


def against_truth(
    lived: Lived, rows: pd.DataFrame, known: pd.DataFrame, others: Sequence[pd.DataFrame]
) -> tuple[list[Line], pd.DataFrame]:
    """Measure ranking, early warning, urgency and calibration.

    Args:
        lived: The company.
        rows: Its readings.
        known: The monthly ones, with their truth.
        others: Likewise of the other companies of its kind.

    Returns:
        The lines, and the monthly readings with all oracles.
    """
    rows = score_truth.with_oracle(rows, known, others, score_truth.features_of(lived, rows))
    rows = rows.assign(
        naive_decision=score_truth.naive(lived, rows),
        naive_90=score_truth.naive(lived, rows, 90),
        naive_180=score_truth.naive(lived, rows, 180),
    )
    true = [name for name in known if name.startswith("true_")]
    known = rows.merge(known[[*score_truth.KEYS, *true]], on=score_truth.KEYS)
    lines = [
        *score_measures.ranking(known),
        *score_measures.early_warning(rows),
        *score_measures.urgency(known, rows),
        *score_measures.calibration(known),
        *score_measures.heads(known),
        *score_facts.choice(lived, known),
    ]
    return lines, known


def report(title: str, lines: Sequence[Line]) -> None:
    """Print a table."""
    print(f"\n{title}")
    for line in lines:
        print(f"  {line.row()}", flush=True)


def together(found: dict[str, list[Line]]) -> list[str]:
    """Return one row per measure: the value of every company, and how many met the goal."""
    names = list(found)
    table: dict[tuple[str, str], dict[str, Line]] = {}
    for name, lines in found.items():
        for line in lines:
            table.setdefault((line.goal, line.what), {})[name] = line
    rows = [f"{'':74}" + "".join(f"{name:>16}" for name in names) + "   met"]
    for (goal, what), own in table.items():
        cells = [_cell(own.get(name)) for name in names]
        judged = [line.met for line in own.values() if line.met is not None]
        met = f"{sum(judged)} of {len(judged)}" if judged else ""
        rows.append(f"{goal:10}{what:64}" + "".join(f"{cell:>16}" for cell in cells) + f"   {met}")
    return rows


def _cell(line: Line | None) -> str:
    if line is None or np.isnan(line.value):
        return "-"
    return f"{line.value:.3f}{'' if line.met is not False else ' !'}"


def run(arguments: argparse.Namespace) -> dict[str, list[Line]]:
    """Live through every company, measure, print; return the lines by company."""
    companies: dict[str, Lived] = {}
    readings: dict[str, pd.DataFrame] = {}
    known: dict[str, pd.DataFrame] = {}
    found: dict[str, list[Line]] = {}
    for asked in arguments.companies:
        kind, _, seed = asked.partition(":")
        lived = live(
            arguments.folder,
            kind,
            int(seed),
            accounts=arguments.accounts,
            today=TODAY,
            weeks=arguments.weeks,
            effort=arguments.effort,
            say=say,
            retrain=arguments.retrain,
            again=arguments.again,
        )
        name = lived.name
        companies[name] = lived
        rows = score_truth.readings(lived)
        readings[name] = rows.assign(risk=-rows["score"].astype(float))
        say(f"{name}: measuring what needs no truth")
        found[name] = without_truth(lived, readings[name])
        report(f"{name}: {lived.record.why}", found[name])
        known[name] = score_truth.truth(lived, readings[name], paths=arguments.paths, say=say)
    trials: dict[str, list[pd.DataFrame]] = {}
    for name, lived in companies.items():
        say(f"{name}: measuring against the truth")
        others = [known[other] for other in known if other != name and companies[other].kind == lived.kind]
        lines, own = against_truth(lived, readings[name], known[name], others)
        found[name] += lines
        report(name, lines)
        trials.setdefault(lived.kind, []).append(score_prior.trials(lived, own, arguments.draws))
    for kind, tables in trials.items():
        lines = score_prior.prior_line(tables) if any(map(len, tables)) else []
        report(f"{kind}: all companies, {arguments.draws} draws each", lines)
        found[kind] = lines
    print("\nAll companies; ! marks a goal that is missed\n" + "\n".join(together(found)))
    return found


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--companies", nargs="+", default=list(COMPANIES), help="kind:seed")
    made.add_argument("--accounts", type=int, default=2000, help="of each company (%(default)s)")
    made.add_argument("--weeks", type=int, default=40, help="of readings after the training (%(default)s)")
    made.add_argument("--retrain", type=int, default=4, help="weeks at least between trainings; 0: never")
    made.add_argument("--paths", type=int, default=32, help="futures per account of the truth (%(default)s)")
    made.add_argument("--draws", type=int, default=8, help="of few losses, for S8 (%(default)s)")
    made.add_argument("--effort", choices=["quick", "thorough"], default="quick", help="of the training")
    made.add_argument("--folder", type=Path, default=Path(".benchmarks/score"), help="what is kept")
    made.add_argument("--again", action="store_true", help="train and score anew")
    made.add_argument("--quick", action="store_true", help="two companies of 240 accounts over 8 weeks")
    return made


def main(given: Sequence[str] | None = None) -> dict[str, list[Line]]:
    """Run from the command line."""
    arguments = parser().parse_args(given)
    if arguments.quick:
        arguments.companies, arguments.accounts, arguments.weeks = list(QUICK), 240, 8
        arguments.paths, arguments.draws = 4, 1
    logging.disable(logging.INFO)
    return run(arguments)


if __name__ == "__main__":
    main()
