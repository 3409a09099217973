"""Read the texts that lie in the warehouse, each distinct one once, and write down what they say.

Readings are kept by the hash of the text and the version of the reader, in parts that are committed as they
come: a run that is killed goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from customer_health.progress import Progress, silent
from customer_health.texts.offline import VERSION, OfflineReader, Reading
from customer_health.warehouse.tables import INTERACTIONS, SURVEYS, TICKET_MESSAGES

if TYPE_CHECKING:
    import duckdb

    from customer_health.text_config import TextsConfig

AT_ONCE = 2_000  # distinct texts per commit
_READINGS = """CREATE TABLE IF NOT EXISTS ops.text_readings (
    hash VARCHAR, reader VARCHAR, sentiment DOUBLE, language VARCHAR, topics VARCHAR)"""


@dataclass(frozen=True)
class TextSource:
    """A table that holds customers' words.

    Attributes:
        table: Canonical table.
        key: Its key column.
        words: The column with the words.
        by_customer: SQL condition: our own words are not read.
    """

    table: str
    key: str
    words: str
    by_customer: str = "true"


SOURCES = (
    TextSource(TICKET_MESSAGES.name, "message_id", "text", "author = 'customer'"),
    TextSource(SURVEYS.name, "survey_id", "text"),
    TextSource(INTERACTIONS.name, "interaction_id", "summary"),
)


def reader_id(config: TextsConfig) -> str:
    """Version of the offline reader with this company's words: another one reads everything again."""
    own = json.dumps([dict(config.words), sorted(config.competitors)], sort_keys=True)
    return f"{VERSION}-{hashlib.sha256(own.encode()).hexdigest()[:8]}"


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Give every text its hash, and make room for readings."""
    con.execute(_READINGS)
    for source in SOURCES:
        for column in ("_text_hash VARCHAR", "_read_by VARCHAR"):
            con.execute(f"ALTER TABLE raw.{source.table} ADD COLUMN IF NOT EXISTS {column}")
        con.execute(
            f"UPDATE raw.{source.table} SET _text_hash = sha256({source.words}) WHERE {source.by_customer} "
            f"AND trim({source.words}) <> '' AND _text_hash IS DISTINCT FROM sha256({source.words})"
        )


def read_offline(con: duckdb.DuckDBPyConnection, config: TextsConfig, progress: Progress = silent) -> int:
    """Read every distinct text that this version of the offline reader has not read yet.

    Returns:
        How many were read.
    """
    reader, name = OfflineReader(config.words, config.competitors), reader_id(config)
    waiting = _unread(con, name)
    for done in range(0, len(waiting), AT_ONCE):
        part = waiting[done : done + AT_ONCE]
        keep_readings(con, name, {text_hash: reader.read(text) for text_hash, text in part})
        progress(min(done + AT_ONCE, len(waiting)), len(waiting), "reading texts")
    return len(waiting)


def _unread(con: duckdb.DuckDBPyConnection, reader: str) -> list[tuple[str, str]]:
    parts = " UNION ALL ".join(
        f"SELECT _text_hash AS hash, {source.words} AS words FROM raw.{source.table} "
        f"WHERE _text_hash IS NOT NULL AND {source.words} IS NOT NULL"
        for source in SOURCES
    )
    return con.execute(
        f"SELECT hash, any_value(words) FROM ({parts}) WHERE hash NOT IN "
        "(SELECT hash FROM ops.text_readings WHERE reader = ?) GROUP BY hash ORDER BY hash",
        [reader],
    ).fetchall()


def keep_readings(con: duckdb.DuckDBPyConnection, reader: str, readings: Mapping[str, Reading]) -> None:
    """Keep readings by hash; those that are kept already are replaced."""
    import pyarrow as pa

    rows = pa.table(
        {
            "hash": pa.array(list(readings), pa.string()),
            "reader": pa.array([reader] * len(readings), pa.string()),
            "sentiment": pa.array([one.sentiment for one in readings.values()], pa.float64()),
            "language": pa.array([one.language for one in readings.values()], pa.string()),
            "topics": pa.array(
                [json.dumps({**one.reasons, **one.intents}, sort_keys=True) for one in readings.values()],
                pa.string(),
            ),
        }
    )
    con.register("readings_to_keep", rows)
    con.execute("BEGIN")
    try:
        con.execute(
            "DELETE FROM ops.text_readings WHERE reader = ? AND hash IN (SELECT hash FROM readings_to_keep)",
            [reader],
        )
        con.execute("INSERT INTO ops.text_readings SELECT * FROM readings_to_keep")
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    finally:
        con.unregister("readings_to_keep")


def recent_texts(con: duckdb.DuckDBPyConnection, since: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield the distinct texts written since a moment, newest first: hash, words, names to take out."""
    parts = " UNION ALL ".join(
        f"SELECT _text_hash AS hash, {source.words} AS words, account_id, occurred_at "
        f"FROM raw.{source.table} WHERE _text_hash IS NOT NULL AND {source.words} IS NOT NULL"
        for source in SOURCES
    )
    rows = con.execute(
        "SELECT hash, any_value(words), list(DISTINCT a.name), list(DISTINCT a.owner_email) "
        f"FROM ({parts}) t JOIN raw.accounts a USING (account_id) WHERE t.occurred_at >= ? "
        "GROUP BY hash ORDER BY max(t.occurred_at) DESC, hash",
        [since],
    ).fetchall()
    for text_hash, words, names, owners in rows:
        people = [part for owner in owners or () if owner for part in owner.partition("@")[0].split(".")]
        yield str(text_hash), str(words), tuple(name for name in [*(names or ()), *people] if name)
