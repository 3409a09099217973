"""Texts on their way to a provider and back: redacted, kept in one file until they are answered.

The warehouse is not held while anybody is asked: `read_texts` writes the recent texts without an answer,
redacted, to a file; asking reads that file and keeps answers in the ledger; the next step that has the
warehouse takes them over. The file is private to the project's folder and goes when it has been asked about.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from customer_health.ledger import text_answers
from customer_health.progress import Progress, silent
from customer_health.settings import Settings
from customer_health.text_config import TextsConfig
from customer_health.texts import extraction
from customer_health.texts.models.agents import AgentModel
from customer_health.texts.models.answers import ModelReading
from customer_health.texts.models.asking import Asked, Asking, ask_all, failure_of
from customer_health.texts.models.batches import read_in_batches
from customer_health.texts.models.model_reader import VERSION, as_prompt, reader_model
from customer_health.texts.offline import Reading
from customer_health.texts.redaction import redact

if TYPE_CHECKING:
    import duckdb


def provider_id(config: TextsConfig) -> str | None:
    """Name of the provider's readings in the warehouse; None where nobody is asked."""
    if config.reader == "offline":
        return None
    return f"{config.reader}/{config.endpoints[config.reader].model or 'http'}/{VERSION}"


def readers(config: TextsConfig) -> list[str]:
    """Readers to believe, the best first."""
    provider = provider_id(config)
    return [*([provider] if provider else []), extraction.reader_id(config)]


def _answered(engine: Engine, config: TextsConfig) -> Mapping[str, ModelReading]:
    model = config.endpoints[config.reader].model or "http"  # type: ignore[index]
    found = text_answers.answers_of(engine, "read", config.reader, model, VERSION)
    return {content_hash: ModelReading.model_validate(answer) for content_hash, answer in found.items()}


def waiting_file(settings: Settings) -> Path:
    """Where redacted texts wait for a provider."""
    return settings.home / "texts" / "waiting.jsonl"


def write_waiting(con: duckdb.DuckDBPyConnection, settings: Settings, engine: Engine, as_of: date) -> int:
    """Write the recent texts that no provider has answered about, redacted, newest first."""
    config = settings.config.texts
    known = _answered(engine, config)
    since = as_of - timedelta(days=config.read_newest_days)
    path = waiting_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, many = path.with_suffix(".partial"), 0
    with open(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        for content_hash, words, names in extraction.recent_texts(con, since):
            if content_hash not in known:
                out.write(json.dumps({"hash": content_hash, "text": redact(words, names)}) + "\n")
                many += 1
    os.replace(partial, path)
    return many


def ask_provider(
    settings: Settings, engine: Engine, *, now: datetime, progress: Progress = silent
) -> Asked[ModelReading]:
    """Ask about the texts that wait; whatever the provider does, this does not fail because of it.

    Raises:
        ConfigurationError: The provider's key is missing.
    """
    model, path = reader_model(settings), waiting_file(settings)
    if model is None or not path.exists():
        return Asked()
    config = settings.config.texts
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    askings = [Asking(row["hash"], as_prompt(model.kind, row["text"])) for row in rows]
    if isinstance(model, AgentModel) and model.endpoint.batch and model.kind != "compatible":
        try:
            asked = read_in_batches(engine, model, askings, budget=config.weekly_budget, now=now)
        except Exception as error:  # the SDKs' own kinds; the texts wait for the next run
            asked = Asked(left=len(askings), stopped=f"the batch failed ({failure_of(error)})")
            asked.failures[failure_of(error)] += 1
    else:
        asked = ask_all(
            engine, model, askings, budget=config.weekly_budget, now=now, at_once=model.endpoint.at_once,
            progress=progress,
        )  # fmt: skip
    path.unlink()
    return asked


def take_answers(con: duckdb.DuckDBPyConnection, config: TextsConfig, engine: Engine) -> int:
    """Keep new answers beside the offline readings; a provider of a number alone leaves it the rest."""
    name = provider_id(config)
    if name is None:
        return 0
    rows = con.execute("SELECT hash, language, topics FROM ops.text_readings WHERE reader = ?",
                       [extraction.reader_id(config)]).fetchall()  # fmt: skip
    offline = {row[0]: (row[1], json.loads(row[2])) for row in rows}
    kept = {
        row[0]
        for row in con.execute("SELECT hash FROM ops.text_readings WHERE reader = ?", [name]).fetchall()
    }
    new = dict[str, Reading]()
    for content_hash, answer in _answered(engine, config).items():
        if content_hash in kept or content_hash not in offline:
            continue
        reading = answer.reading()
        if config.reader == "http":
            language, topics = offline[content_hash]
            reading = replace(reading, language=language, reasons=topics, intents={})
        new[content_hash] = reading
    if new:
        extraction.keep_readings(con, name, new)
    return len(new)
