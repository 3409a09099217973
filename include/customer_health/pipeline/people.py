"""Whom we know at every account, for the page."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from customer_health.progress import Progress, silent

if TYPE_CHECKING:
    import duckdb
    from sqlalchemy import Engine

    from customer_health.settings import Settings

_AT_ONCE = 10_000  # accounts whose people are held in memory together


def publish_people(
    settings: Settings,
    con: duckdb.DuckDBPyConnection,
    ledger: Engine,
    *,
    as_of: date,
    with_usage: bool,
    progress: Progress = silent,
) -> int:
    """Publish the champion graph of every account that was scored on a day; return for how many.

    A day that is filled in after a later one leaves the later one's graphs where they are.

    Args:
        settings: The company file says which titles are executives'.
        con: The warehouse.
        ledger: Where the page reads.
        as_of: The day.
        with_usage: Whether usage lies in `con`.
        progress: Told how far it is.
    """
    from customer_health.ledger import people_graphs, scores
    from customer_health.playbooks.champion_graph import read_graphs

    newest = people_graphs.newest_day(ledger)
    if newest is not None and newest > as_of:
        return 0
    accounts = scores.accounts_of(ledger, as_of)
    titles = settings.config.people.executive_title_patterns
    graphs: dict[str, dict[str, Any]] = {}
    for start in range(0, len(accounts), _AT_ONCE):
        progress(start, len(accounts), "looking whom we know")
        some = accounts[start : start + _AT_ONCE]
        found = read_graphs(con, some, as_of, titles, with_usage=with_usage)
        graphs |= {account: graph for account, graph in found.items() if graph["people"] or graph["ours"]}
    return people_graphs.publish(ledger, graphs, as_of)
