"""What customers write becomes sentiment, reasons and intents, before the signals are computed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from customer_health import storage
from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    import duckdb

    from customer_health.settings import Settings
    from customer_health.texts.filling import Extracted


def read_texts(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Read every text that was not read before, offline, and fill in what the company did not bring.

    Readings are committed as they come: a run that is killed goes on where it stopped. A text is read once,
    however often it occurs. Where a provider reads too, the recent texts that it has not seen wait for
    `ask_text_provider`.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.texts import extraction, provider_reading
    from customer_health.warehouse.raw import create_tables

    config = settings.config.texts
    progress(0, 0, "looking for new texts")
    waiting = 0
    with open_warehouse(settings.warehouse_url) as con:
        create_tables(con)
        extraction.prepare(con)
        read = extraction.read_offline(con, config, progress)
        if config.reader != "offline":
            waiting = provider_reading.write_waiting(con, settings, open_ledger(settings.ledger_url), as_of)
        found = fill_texts(settings, con, read=read)
    sentences = _sentences(found)
    if waiting:
        sentences = (*sentences, f"{waiting:,} recent texts wait for {config.reader}.")
    return Result(
        "Read texts",
        {
            "texts": found.texts,
            "distinct": found.distinct,
            "read": found.read,
            "from_cache": found.distinct - found.read,
            "waiting": waiting,
            "topics": found.topics,
            "topics_changed": found.changed,
        },
        sentences,
        report=_report(settings, as_of, "offline", sentences),
    )


def fill_texts(settings: Settings, con: duckdb.DuckDBPyConnection, *, read: int = 0) -> Extracted:
    """Write the best readings where signals find them, a provider's new answers included."""
    from customer_health.ledger.engine import open_ledger
    from customer_health.texts import extraction, filling, provider_reading

    config = settings.config.texts
    extraction.prepare(con)
    if config.reader != "offline":
        provider_reading.take_answers(con, config, open_ledger(settings.ledger_url))
    return filling.fill(con, config, provider_reading.readers(config), read)


def ask_text_provider(
    settings: Settings, *, as_of: date, now: datetime, progress: Progress = silent
) -> Result:
    """Let the configured provider read what waits, within the week's budget; nobody waits for it in vain.

    Without a provider there is nothing to do. What could not be asked is left for the next run, and the
    offline reading stands until then.
    """
    from customer_health.ledger.engine import open_ledger
    from customer_health.ledger.text_answers import spent_in_week
    from customer_health.texts.provider_reading import ask_provider

    config = settings.config.texts
    if config.reader == "offline":
        return Result(
            "Ask text provider", {"asked": 0}, ("No provider is configured; texts are read offline.",)
        )
    ledger = open_ledger(settings.ledger_url)
    asked = ask_provider(settings, ledger, now=now, progress=progress)
    spent = spent_in_week(ledger, now)
    sentences = [
        f"{len(asked.answers):,} texts read by {config.reader}, {asked.from_cache:,} of them known before; "
        f"{asked.left:,} left for the next run.",
        f"This run cost {asked.cost:.4f}; the week so far {spent:.4f} of {config.weekly_budget:g}.",
    ]
    if asked.failures:
        kinds = ", ".join(f"{many:,} x {kind}" for kind, many in asked.failures.most_common())
        sentences.append(f"Without an answer: {kinds}.")
    if asked.stopped:
        sentences.append(f"Stopped early: {asked.stopped}.")
    return Result(
        "Ask text provider",
        {
            "asked": len(asked.answers) - asked.from_cache + sum(asked.failures.values()),
            "answered": len(asked.answers),
            "from_cache": asked.from_cache,
            "left": asked.left,
            "failed": sum(asked.failures.values()),
            "cost": round(asked.cost, 6),
        },
        tuple(sentences),
        report=_report(settings, as_of, "provider", sentences),
    )


def _report(settings: Settings, as_of: date, name: str, sentences: Iterable[str]) -> Path:
    path = settings.reports / "texts" / f"{as_of}_{name}.md"
    lines = "".join(f"- {line}\n" for line in sentences)
    return storage.write(path, f"# Texts as of {as_of}: {name}\n\n{lines}")


def _sentences(found: Extracted) -> tuple[str, ...]:
    if not found.texts:
        return ("No table holds customers' words: sentiment is what the company brings, if it brings any.",)
    known = {"en": "English", "unknown": "in a language that could not be told", "unread": "not read yet"}
    others = [
        f"{many:,} {known.get(language, 'in ' + language)}" for language, many in found.languages.items()
    ]
    return (
        f"{found.texts:,} texts, {found.distinct:,} of them different; {found.read:,} read now, "
        f"{found.distinct - found.read:,} known before.",
        f"Languages: {', '.join(others)}. Offline only English is scored; the rest is unknown, not neutral.",
        f"{found.topics:,} reasons and intents found, {found.changed:,} of them new, changed or gone.",
    )
