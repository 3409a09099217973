"""Reading texts night after night: killed anywhere it goes on, and it reads and writes only what is new."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.world import PROVENANCE

from customer_health.text_config import TextsConfig
from customer_health.texts import extraction
from customer_health.texts.filling import Extracted, fill
from customer_health.warehouse.tables import INTERACTIONS, SURVEYS, TEXT_TOPICS, TICKET_MESSAGES

CONFIG = TextsConfig()
SAID = (
    "We want to cancel our subscription.", "Nobody answers our tickets.", "It has been down twice this week.",
    "Great work, we love it!", "Das Produkt ist viel zu langsam", "We are evaluating alternatives.",
    "How do I add a user?",
)  # fmt: skip
NIGHTS = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, len(SAID) - 1), st.integers(1, 28)), max_size=6),
    min_size=1,
    max_size=3,
)


class Killed(BaseException):
    pass


class Mortal:
    """A connection whose process dies at its n-th statement."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lives: int) -> None:
        self._con, self.lives = con, lives

    def execute(self, *statement: Any) -> Any:
        self.lives -= 1
        if self.lives < 0:
            raise Killed
        return self._con.execute(*statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)


def load(con: duckdb.DuckDBPyConnection, night: int, messages: Sequence[tuple[int, int, int]]) -> None:
    for number, (ticket, said, day) in enumerate(messages):
        moment = f"2026-02-{day:02d}"
        con.execute(
            "INSERT INTO raw.ticket_messages (message_id, ticket_id, account_id, author, text, occurred_at, "
            "known_at) VALUES (?, ?, ?, 'customer', ?, ?, ?)",
            [f"m{night}-{number}", f"t{ticket}", f"a{ticket % 2}", SAID[said], moment, moment],
        )


def read(con: Any) -> Extracted:
    extraction.prepare(con)
    many = extraction.read_offline(con, CONFIG)
    return fill(con, CONFIG, [extraction.reader_id(CONFIG)], many)


def state(con: duckdb.DuckDBPyConnection) -> list[Any]:
    columns = "topic_id, account_id, topic, confidence, source_id, occurred_at, known_at"
    return [
        con.execute(f"SELECT {columns} FROM raw.text_topics ORDER BY ALL").fetchall(),
        con.execute(
            "SELECT message_id, sentiment, _read_by FROM raw.ticket_messages ORDER BY ALL"
        ).fetchall(),
        con.execute("SELECT * FROM ops.text_readings ORDER BY ALL").fetchall(),
    ]


def fresh(path: str) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(path)
    con.execute("CREATE SCHEMA ops; CREATE SCHEMA raw")
    for table in (TICKET_MESSAGES, SURVEYS, INTERACTIONS, TEXT_TOPICS):
        columns = {name: column.type.value for name, column in table.columns.items()} | PROVENANCE
        con.execute(f"CREATE TABLE raw.{table.name} ({', '.join(map(' '.join, columns.items()))})")
    return con


@settings(max_examples=15, deadline=None)
@given(nights=NIGHTS, lives=st.integers(0, 40))
def test_nights_that_are_killed_anywhere_end_where_one_quiet_run_ends(
    nights: list[list[tuple[int, int, int]]], lives: int
) -> None:
    quiet = fresh(":memory:")
    for night, messages in enumerate(nights):
        load(quiet, night, messages)
    read(quiet)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "AT_ONCE", 2)
        path = str(Path(folder) / "warehouse.duckdb")
        con = fresh(path)
        for night, messages in enumerate(nights):
            load(con, night, messages)
            try:
                read(Mortal(con, lives))
            except Killed:
                con.close()
                con = duckdb.connect(path)
            if night % 2:
                read(con)
        read(con)
        assert state(con) == state(quiet)
        again = read(con)
        assert (again.read, again.changed) == (0, 0)
        con.close()


def test_a_night_writes_only_what_it_brought(tmp_path: Path) -> None:
    con = fresh(str(tmp_path / "warehouse.duckdb"))
    load(con, 0, [(0, 0, 1), (1, 1, 2), (2, 2, 3)])
    first = read(con)
    load(con, 1, [(0, 5, 4)])
    second = read(con)
    assert (first.read, second.read) == (3, 1)
    assert second.changed == second.topics - first.topics == 2  # a reason and an intent


def test_a_statement_goes_with_its_message(tmp_path: Path) -> None:
    con = fresh(str(tmp_path / "warehouse.duckdb"))
    load(con, 0, [(0, 0, 1), (1, 1, 2)])
    before = read(con).topics
    con.execute("DELETE FROM raw.ticket_messages WHERE message_id = 'm0-0'")
    after = read(con)
    assert after.changed == before - after.topics >= 1


def test_a_message_that_changes_hands_takes_its_statements_along(tmp_path: Path) -> None:
    con = fresh(str(tmp_path / "warehouse.duckdb"))
    load(con, 0, [(0, 0, 1)])
    read(con)
    con.execute("UPDATE raw.ticket_messages SET account_id = 'merged'")
    read(con)
    assert con.execute("SELECT DISTINCT account_id FROM raw.text_topics").fetchall() == [("merged",)]


def test_another_version_of_the_reader_reads_everything_again(tmp_path: Path) -> None:
    con = fresh(str(tmp_path / "warehouse.duckdb"))
    load(con, 0, [(0, 0, 1), (1, 1, 2)])
    read(con)
    own = TextsConfig(words={"zorkly": -3.0})
    extraction.prepare(con)
    assert extraction.read_offline(con, own) == 2
