"""Write the best reading of every text where the signals find it.

`sentiment` is filled where the company brought none, `raw.text_topics` holds what the readings state; only
rows that differ are written. A reading belongs to the moment of its text, whenever it was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from customer_health.texts.extraction import SOURCES, TextSource
from customer_health.warehouse.contracts import literal
from customer_health.warehouse.raw import scalar
from customer_health.warehouse.tables import TEXT_TOPICS, TICKET_MESSAGES

if TYPE_CHECKING:
    import duckdb

    from customer_health.text_config import TextsConfig

# One angry thread is one trouble: what it says more often than this in a month adds nothing.
MOST_PER_TICKET = 3


@dataclass(frozen=True)
class Extracted:
    """What a run read.

    Attributes:
        texts: Rows with words.
        distinct: Different texts among them.
        read: Distinct texts read now; the others were read before.
        languages: Rows by language.
        topics: Statements in `raw.text_topics`.
        changed: Rows of it that were written or removed now.
    """

    texts: int
    distinct: int
    read: int
    languages: Mapping[str, int]
    topics: int
    changed: int


def fill(con: duckdb.DuckDBPyConnection, config: TextsConfig, readers: Sequence[str], read: int) -> Extracted:
    """Write the best reading of every text where signals find it; doing it twice changes nothing.

    Args:
        con: The warehouse, prepared.
        config: Its `keep_words` and `min_confidence` apply.
        readers: Readers to believe, the best first.
        read: Distinct texts read in this run, for the report.
    """
    rank = " ".join(f"WHEN {literal(name)} THEN {place}" for place, name in enumerate(readers))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE best_readings AS SELECT * EXCLUDE (rank) FROM ("
        f"SELECT *, CASE reader {rank} END AS rank FROM ops.text_readings) WHERE rank IS NOT NULL "
        "QUALIFY row_number() OVER (PARTITION BY hash ORDER BY (sentiment IS NULL), rank) = 1"
    )
    con.execute("BEGIN")
    try:
        for source in SOURCES:
            _fill_sentiment(con, source)
        topics, changed = _write_topics(con, config.min_confidence)
        if not config.keep_words:
            for source in SOURCES:
                con.execute(
                    f"UPDATE raw.{source.table} SET {source.words} = NULL WHERE _text_hash IN "
                    "(SELECT hash FROM best_readings)"
                )
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return _counted(con, read, topics, changed)


def _fill_sentiment(con: duckdb.DuckDBPyConnection, source: TextSource) -> None:
    """Fill what the company left empty, and what an earlier reader filled; its own values stay."""
    loud = "1"
    if source.table == TICKET_MESSAGES.name:
        loud = (
            "row_number() OVER (PARTITION BY ticket_id, date_trunc('month', occurred_at) "
            f"ORDER BY occurred_at, {source.key})"
        )
    con.execute(
        f"UPDATE raw.{source.table} t SET sentiment = w.sentiment, _read_by = w.reader FROM ("
        f"SELECT {source.key} AS id, reader, "
        f"CASE WHEN {loud} <= {MOST_PER_TICKET} THEN r.sentiment END AS sentiment "
        f"FROM raw.{source.table} m JOIN best_readings r ON r.hash = m._text_hash "
        f"WHERE m.sentiment IS NULL OR m._read_by IS NOT NULL) w "
        f"WHERE t.{source.key} = w.id AND (t._read_by IS DISTINCT FROM w.reader "
        "OR t.sentiment IS DISTINCT FROM w.sentiment)"
    )


def _write_topics(con: duckdb.DuckDBPyConnection, least: float) -> tuple[int, int]:
    """Write what is new, remove what is no longer said; what a vendor brought stays.

    Returns:
        Statements that stand, and rows that were written or removed for it.
    """
    said = " UNION ALL ".join(
        f"SELECT {source.key} AS source_id, account_id, occurred_at, known_at, _text_hash AS hash "
        f"FROM raw.{source.table} WHERE _text_hash IS NOT NULL"
        for source in SOURCES
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE topics_read AS "
        "SELECT source_id || ':' || topic AS topic_id, account_id, topic, confidence, source_id, "
        "occurred_at, known_at FROM ("
        "SELECT s.*, e.key AS topic, CAST(e.value AS DOUBLE) AS confidence FROM "
        f"({said}) s JOIN best_readings r USING (hash), json_each(r.topics) e) WHERE confidence >= {least!r}"
    )
    columns = ", ".join(TEXT_TOPICS.columns)
    standing = f"SELECT {columns} FROM raw.text_topics WHERE _source = 'texts'"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE topics_gone AS {standing} EXCEPT SELECT {columns} FROM topics_read"
    )
    removed = con.execute(
        "DELETE FROM raw.text_topics WHERE _source = 'texts' "
        "AND topic_id IN (SELECT topic_id FROM topics_gone)"
    ).fetchall()
    added = con.execute(
        f"INSERT INTO raw.text_topics ({columns}, _source, _file, _row, _load_id) "
        f"SELECT {columns}, 'texts', 'texts', row_number() OVER (ORDER BY topic_id) + "
        "(SELECT coalesce(max(_row), 0) FROM raw.text_topics WHERE _source = 'texts'), 'texts' "
        f"FROM (SELECT {columns} FROM topics_read EXCEPT {standing})"
    ).fetchall()
    return int(scalar(con, "SELECT count(*) FROM topics_read")), int(removed[0][0]) + int(added[0][0])


def _counted(con: duckdb.DuckDBPyConnection, read: int, topics: int, changed: int) -> Extracted:
    said = " UNION ALL ".join(
        f"SELECT _text_hash AS hash FROM raw.{source.table} WHERE _text_hash IS NOT NULL"
        for source in SOURCES
    )
    rows = con.execute(
        f"SELECT coalesce(r.language, 'unread'), count(*) FROM ({said}) "
        "LEFT JOIN best_readings r USING (hash) GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    distinct = int(scalar(con, f"SELECT count(DISTINCT hash) FROM ({said})"))
    languages = {str(language): int(many) for language, many in rows}
    return Extracted(sum(languages.values()), distinct, read, languages, topics, changed)
