"""Text files as they come: any encoding, any delimiter, with broken lines in them.

A line that cannot be read is reported with its number and the reading goes on with the next one, so that a
stray quote costs one line and not the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from customer_health.errors import ConfigurationError

_CHUNK = 1 << 20
_LINES_AT_ONCE = 5_000
_LONGEST_CELL = 64 << 20  # characters: a whole e-mail thread is read, a file without line ends is not
_LONGEST_RECORD = 200  # lines that one quoted record may span before its quote is taken for a stray one
_DELIMITERS = (",", ";", "\t", "|")
# What offices and databases write today. Among all that there are, three umlauts fit a dozen DOS code pages.
_PLAUSIBLE = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("cp932", "gb18030", "big5", "cp949", "koi8_r"),
)
_CLEARLY = 0.1  # lead in coherence that another encoding needs over Western European
_SEPARATOR = re.compile("\ufeff?sep=(\\\\t|.)\\s*$")
csv.field_size_limit(_LONGEST_CELL)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class BrokenLine:
    """A line that could not be read, and why."""

    number: int
    text: str
    reason: str


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, unpacking .gz on the way."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def encoding_of(path: Path, *, whole: bool = True) -> str:
    """Return the encoding of a text file: by its byte-order mark, as UTF-8 if it is, else by detection.

    Detection looks at the first mebibyte around the first byte that is not UTF-8. Where several encodings
    read it equally well, Western European wins: it is what spreadsheets export. Of a file that need not be
    looked at as a `whole`, the first mebibyte decides.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_bytes(path) as file:
        chunk = file.read(_CHUNK)
        for mark, name in _BOMS:
            if chunk.startswith(mark):
                return name
        if wide := _utf_16(chunk):
            return wide
        while chunk:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                return _detect(chunk)
            chunk = file.read(_CHUNK) if whole else b""
    return "utf-8"


def _utf_16(chunk: bytes) -> str | None:
    """Return the kind of UTF-16 without a mark: of Western text every second byte is zero."""
    sample = chunk[: 1 << 12]
    half = len(sample) // 2
    for name, zeros, letters in (
        ("utf-16-le", sample[1::2], sample[::2]),
        ("utf-16-be", sample[::2], sample[1::2]),
    ):
        if half > 8 and zeros.count(0) > 0.9 * half and b"\0" not in letters and b"\n" in letters:
            return name
    return None


def looks_binary(path: Path, encoding: str) -> bool:
    """Whether the file begins with bytes that no text in this encoding holds, such as an Excel workbook's."""
    if encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        return False
    with open_bytes(path) as file:
        return b"\0" in file.read(_CHUNK)


def _detect(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    # Long stretches of ASCII say nothing about the encoding and drown the few bytes that do.
    telling = b"\n".join(line for line in sample.splitlines() if not line.isascii())[:65536]
    matches = list(from_bytes(telling, cp_isolation=list(_PLAUSIBLE)))
    best = matches[0] if matches else None
    western = next((match for match in matches if "cp1252" in match.could_be_from_charset), None)
    if best is None or (western is not None and western.coherence >= best.coherence - _CLEARLY):
        return "cp1252"
    return best.encoding


def open_text(path: Path, encoding: str) -> io.TextIOWrapper:
    """Open for reading; bytes that the encoding lacks become U+FFFD instead of ending the load.

    Raises:
        ConfigurationError: There is no such encoding.
    """
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ConfigurationError(
            f"{path.name}: there is no encoding '{encoding}'.", hint="Try utf-8, cp1252 or utf-16."
        ) from None
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, errors="replace", newline="")


def header_line(lines: IO[str]) -> tuple[int, str]:
    """Return the header of a CSV file and how many lines stand before it: Excel's `sep=;` may be one."""
    head = lines.readline()
    if _SEPARATOR.match(head):
        return 1, lines.readline()
    return 0, head


def delimiter_of(path: Path, encoding: str) -> str:
    """Return the delimiter that the first line names, else that which splits the header into most fields."""
    with open_text(path, encoding) as file:
        header = file.readline()
    if named := _SEPARATOR.match(header):
        return "\t" if named[1] == "\\t" else named[1]
    return max(_DELIMITERS, key=lambda candidate: len(next(csv.reader([header], delimiter=candidate), [])))


def header_of(fields: list[str]) -> list[str]:
    """Return usable column names: trimmed, empty and repeated ones numbered.

    Of a repeated name even the first is numbered: which of them is meant is for the mapping to say.
    """
    names = [field.strip().lstrip("\ufeff") or f"column_{n}" for n, field in enumerate(fields, start=1)]
    return [f"{name}_{n}" if names.count(name) > 1 else name for n, name in enumerate(names, start=1)]


def records(
    lines: Iterator[str], delimiter: str, *, first_line: int
) -> Iterator[tuple[int, list[str]] | BrokenLine]:
    """Split lines into records, each with the number of its first line.

    Args:
        lines: Physical lines with their line ends.
        delimiter: One character.
        first_line: Number of the first of `lines` in its file.
    """
    number = first_line
    while chunk := list(islice(lines, _LINES_AT_ONCE)):
        if not any('"' in line for line in chunk):
            reader = csv.reader(chunk, delimiter=delimiter)
            for line in chunk:
                try:
                    yield number, next(reader)
                except csv.Error as error:  # one line that nobody can split; the reader goes on behind it
                    yield BrokenLine(number, line[:2000], f"the line cannot be split into fields: {error}")
                number += 1
            continue
        ahead = deque(chunk)
        while ahead:
            taken = [ahead.popleft()]
            if _is_open(taken[0], delimiter):
                taken += _rest_of_record(ahead, lines)
            fields = _parse(taken, delimiter)
            if fields is None:
                yield BrokenLine(number, taken[0], "a quote is opened and never closed")
                # Start over behind the broken line: what the stray quote swallowed is good.
                ahead.extendleft(reversed(taken[1:]))
                number += 1
            else:
                yield number, fields
                number += len(taken)


def _rest_of_record(ahead: deque[str], lines: Iterator[str]) -> list[str]:
    taken: list[str] = []
    while len(taken) < _LONGEST_RECORD:
        line = ahead.popleft() if ahead else next(lines, "")
        if not line:
            break
        taken.append(line)
        if line.count('"') % 2:
            break
    return taken


def _is_open(line: str, delimiter: str) -> bool:
    """Whether the record goes on in the next line: a quoted field begins and does not end."""
    if line.count('"') % 2 == 0:
        return False
    try:
        next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return True
    return False  # an inch sign inside an unquoted field


def _parse(lines: list[str], delimiter: str) -> list[str] | None:
    """Return the one record in these lines, or None when they are not one."""
    if len(lines) == 1 and _is_open(lines[0], delimiter):
        return None
    try:
        # Strict only over several lines: there an end inside a quoted field means that the quote was stray.
        found = list(csv.reader(lines, delimiter=delimiter, strict=len(lines) > 1))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None
