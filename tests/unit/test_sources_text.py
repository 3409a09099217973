"""Encodings and broken lines of text files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer_health.sources.text_files import BrokenLine, delimiter_of, encoding_of, records


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ("Müller Söhne", "cp1252"),
        ("Café Société, Größe, Ærø, año", "cp1252"),
        ("Żółć Łódź Gdańsk Kraków Świętokrzyskie", "cp1250"),
        ("Общество с ограниченной ответственностью Ромашка", "cp1251"),
        ("株式会社ひまわり、東京都千代田区", "cp932"),
        ("Müller, Żółć, Ромашка", "utf-8"),
        ("plain", "utf-8"),
    ],
)
def test_the_encodings_that_companies_export_are_recognised(
    tmp_path: Path, words: str, encoding: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"id,name\n1,{words}\n".encode(encoding))
    assert words.encode(encoding).decode(encoding_of(path)) == words


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_splits_the_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(delimiter.join(["id", '"name, full"', "day"]) + "\n")
    assert delimiter_of(path, "utf-8") == delimiter


def test_a_quoted_field_may_span_lines_and_an_inch_sign_is_no_quote() -> None:
    lines = ['1,"two\n', 'lines"\n', '2,5" pipe\n', "3,x\n"]
    assert list(records(iter(lines), ",", first_line=2)) == [
        (2, ["1", "two\nlines"]),
        (4, ["2", '5" pipe']),
        (5, ["3", "x"]),
    ]


@given(
    st.lists(
        st.sampled_from(["1,a\n", '2,"b"\n', '3,"open\n', '4,"x""y"\n', '5,6" wide\n', "7\n"]), max_size=30
    )
)
def test_every_good_line_survives_its_broken_neighbours(lines: list[str]) -> None:
    """A stray quote costs the line that it stands in and no other."""
    found = list(records(iter(lines), ",", first_line=1))
    broken = {item.number for item in found if isinstance(item, BrokenLine)}
    good = {number for item in found if not isinstance(item, BrokenLine) for number in [item[0]]}
    assert broken == {n for n, line in enumerate(lines, start=1) if "open" in line}
    assert good == {n for n, line in enumerate(lines, start=1) if "open" not in line}
