"""What customers write becomes sentiment, reasons and intents, before the signals are computed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from customer_health.pipeline.step_result import Result
from customer_health.progress import Progress, silent
from customer_health.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    from customer_health.settings import Settings
    from customer_health.texts.filling import Extracted


def read_texts(settings: Settings, *, as_of: date, progress: Progress = silent) -> Result:
    """Read every text that was not read before, offline, and fill in what the company did not bring.

    Readings are committed as they come: a run that is killed goes on where it stopped. A text is read once,
    however often it occurs.
    """
    from customer_health.texts import extraction, filling
    from customer_health.warehouse.raw import create_tables

    config = settings.config.texts
    progress(0, 0, "looking for new texts")
    with open_warehouse(settings.warehouse_url) as con:
        create_tables(con)
        extraction.prepare(con)
        read = extraction.read_offline(con, config, progress)
        found = filling.fill(con, config, [extraction.reader_id(config)], read)
    report = settings.reports / "texts" / f"{as_of}.md"
    report.parent.mkdir(parents=True, exist_ok=True)
    sentences = _sentences(found)
    report.write_text(
        f"# Texts as of {as_of}\n\n" + "".join(f"- {line}\n" for line in sentences), encoding="utf-8"
    )
    return Result(
        "Read texts",
        {
            "texts": found.texts,
            "distinct": found.distinct,
            "read": found.read,
            "from_cache": found.distinct - found.read,
            "topics": found.topics,
        },
        sentences,
        report=report,
    )


def _sentences(found: Extracted) -> tuple[str, ...]:
    if not found.texts:
        return ("No table holds customers' words: sentiment is what the company brings, if it brings any.",)
    known = {"en": "English", "unknown": "in a language that could not be told", "unread": "not read yet"}
    others = [
        f"{many:,} {known.get(language, 'in ' + language)}" for language, many in found.languages.items()
    ]
    return (
        f"{found.texts:,} texts, {found.distinct:,} of them different; {found.read:,} read now.",
        f"Languages: {', '.join(others)}. Offline only English is scored; the rest is unknown, not neutral.",
        f"{found.topics:,} reasons and intents found.",
    )
