"""What an account's own words state as of a day, with where they state it: for people, beside the score.

The evidence names the message, answer or call and its day. The words stay where they were written: a company
that keeps none in the warehouse (`texts.keep_words`) must not find them in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from customer_health.texts.extraction import SOURCES
from customer_health.texts.topics import INTENTS
from customer_health.warehouse.contracts import literal
from customer_health.warehouse.merges import survivors
from customer_health.warehouse.raw import has_table
from customer_health.warehouse.tables import TEXT_TOPICS

if TYPE_CHECKING:
    import duckdb

WINDOW = timedelta(days=180)  # as the signals that count them
MOST_EVIDENCE = 3


def stated_topics(con: duckdb.DuckDBPyConnection, as_of: date) -> Mapping[str, list[dict[str, Any]]]:
    """Return what each account states, by account: intents first, then the newest.

    Args:
        con: The warehouse.
        as_of: The day; a statement counts if it was made within half a year before it and known by then.

    Returns:
        Per topic its `kind` (intent or reason), number of `texts`, highest `confidence` (0 to 1), day of the
        `last` one, and `said_in`: the newest few with `table`, `id`, `on` and `confidence`.
    """
    if not has_table(con, TEXT_TOPICS.name):
        return {}
    cut = datetime.combine(as_of, time())
    rows = con.execute(_query(), {"cut": cut, "since": cut - WINDOW}).fetchall()
    found: dict[str, list[dict[str, Any]]] = {}
    for account, topic, texts, confidence, last, evidence in rows:
        found.setdefault(str(account), []).append(
            {
                "topic": topic,
                "kind": "intent" if topic in INTENTS else "reason",
                "texts": int(texts),
                "confidence": confidence,
                "last": last.date().isoformat(),
                "said_in": [{**one, "on": one["on"].date().isoformat()} for one in evidence[:MOST_EVIDENCE]],
            }
        )
    return {
        account: sorted(topics, key=lambda one: one["kind"] != "intent") for account, topics in found.items()
    }


def _query() -> str:
    where = " ".join(
        f"WHEN t.source_id IN (SELECT {source.key} FROM raw.{source.table}) THEN {literal(source.table)}"
        for source in SOURCES
    )
    return f"""
    WITH said AS (
        SELECT coalesce(s.account, t.account_id) AS account, t.topic, t.confidence, t.occurred_at,
               t.source_id, CASE {where} END AS said_in
        FROM raw.text_topics t LEFT JOIN ({survivors("$cut")}) s USING (account_id)
        WHERE t.occurred_at < $cut AND t.known_at < $cut AND t.occurred_at >= $since
    )
    SELECT account, topic, count(*), max(confidence), max(occurred_at),
           list({{'table': said_in, 'id': source_id, 'on': occurred_at, 'confidence': confidence}}
                ORDER BY occurred_at DESC, source_id)
    FROM said GROUP BY account, topic ORDER BY account, max(occurred_at) DESC, topic
    """
