"""Files about an account or a person: landed answers, previews, reports, working copies."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from customer_health import storage
from customer_health.address_faults import asking, is_local, shown
from customer_health.settings import Settings
from customer_health.sources.asking.raw_files import address_of
from customer_health.sources.locate import Folder
from customer_health.storage import StoredFile
from customer_health.subject import Subject

if TYPE_CHECKING:
    import duckdb

# Made again from what is left: reduced signals, fetched copies, dlt's working files, folds, texts that wait.
WORKING = ("state", "cache", "dlt", "texts", "spill", "models/.folds", "models/.worth")
SHOWN = ("preview", "reports")
LANDING = "landing"
_READABLE = {".csv", ".eml", ".htm", ".html", ".json", ".jsonl", ".md", ".txt"}


def shown_files(settings: Settings, *subjects: Subject) -> list[tuple[str, StoredFile]]:
    """Return the previews and reports that mention a subject, each with its kind ("preview", "reports")."""
    return [
        (kind, file)
        for kind, folder in _shown(settings).items()
        for file in storage.files_below(folder)
        if file.path.suffix in _READABLE and _mentions(file.path, subjects)
    ]


def _shown(settings: Settings) -> dict[str, Path]:
    return {kind: settings.served[kind] for kind in SHOWN}


def erase_files(settings: Settings, con: duckdb.DuckDBPyConnection, *subjects: Subject) -> dict[str, int]:
    """Remove the subjects from every file that is ours; return the number of files by place.

    A table (CSV) loses its lines; another file that mentions one of them goes, with what lies beside it.

    Raises:
        StorageUnavailableError: A store at an address did not answer; a second run goes on.
    """
    places = places_of(settings)
    counts = dict.fromkeys(places.values(), 0)
    found = shown_files(settings, *subjects)
    beside = _by_stem(settings) if found else {}
    for kind, file in found:
        counts[places[kind]] += 1
        if file.path.suffix == ".csv" and kind == "reports":
            lines = storage.read(file.path).decode("utf-8", errors="replace").splitlines(keepends=True)
            storage.write(
                file.path, "".join(line for line in lines if not any(one.mentioned(line) for one in subjects))
            )
            continue
        for path in beside[kind, file.name.rpartition(".")[0]]:
            storage.remove(path)
    counts[places[LANDING]] = erase_landed(settings, con, *subjects)
    for name in WORKING:
        folder = settings.home / name
        if folder.exists():
            shutil.rmtree(folder)
    return counts


def places_of(settings: Settings) -> dict[str, str]:
    """Return how a receipt calls where files lie: "preview", or "preview at s3://bucket/health/preview"."""
    folders = {**_shown(settings), LANDING: _landing(settings)}
    return {kind: kind if is_local(at) else f"{kind} at {shown(at)}" for kind, at in folders.items()}


def _landing(settings: Settings) -> Path:
    return storage.place_of(address_of(settings.home, settings.landing))


def _by_stem(settings: Settings) -> dict[tuple[str, str], list[Path]]:
    """Files that belong together, as a message and its picture do: they differ by their ending."""
    found: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for kind, folder in _shown(settings).items():
        for file in storage.files_below(folder):
            stem = file.name
            while "." in PurePosixPath(stem).name.lstrip("."):
                stem = stem.rpartition(".")[0]
                found[kind, stem].append(file.path)
    return found


def landed_rows(settings: Settings, subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield the rows of landed answers that concern the subject."""
    system, root = storage.opened(address_of(settings.home, settings.landing))
    paths = _files(system, root, str(_landing(settings)))
    for path in paths:
        name = PurePosixPath(path).name
        if name.startswith("_seen-"):
            continue
        with asking(_landing(settings)):
            data = bytes(system.cat_file(path))
        rows = _lines(data) if name.endswith(".jsonl.gz") else _table(data).to_pylist()
        yield from (row for row in rows if subject.mentioned(_plain(row)))


def erase_landed(settings: Settings, con: duckdb.DuckDBPyConnection, *subjects: Subject) -> int:
    """Rewrite landed files without the subjects' rows, and let the loader take them as read.

    Without that it would load the changed file again, and lose a person's rows, which stay countable.
    """
    address, place = address_of(settings.home, settings.landing), _landing(settings)
    system, root = storage.opened(address)
    count = 0
    paths = _files(system, root, str(place))
    for path in paths:
        name = PurePosixPath(path).name
        with asking(place):
            before = bytes(system.cat_file(path))
        clean: Callable[[bytes, Subject], bytes]
        clean = _seen if name.startswith("_seen-") else _rows if name.endswith(".jsonl.gz") else _parquet
        after = before
        for one in subjects:
            after = clean(after, one)
        if after == before:
            continue
        count += 1
        if is_local(place):
            storage.write(Path(path), after)
        else:
            storage.put(system, path, after, str(place))
        source, _, inside = str(PurePosixPath(path).relative_to(PurePosixPath(root))).partition("/")
        if inside and not name.startswith("_seen-"):
            with asking(place):
                _take_as_read(settings, con, f"{address.rstrip('/')}/{source}", source, inside)
    return count


def _take_as_read(
    settings: Settings, con: duckdb.DuckDBPyConnection, place: str, source: str, name: str
) -> None:
    file = Folder(place, settings.home / "cache").file(name)
    con.execute(
        "UPDATE ops.files SET size = ?, modified = ?, sha256 = ? WHERE source = ? AND file = ?",
        [file.size, file.modified, file.sha256(), source, name],
    ).fetchall()


def _rows(data: bytes, subject: Subject) -> bytes:
    lines = gzip.decompress(data).splitlines()
    needles = [needle.encode() for needle in subject.needles]
    kept = [
        line
        for line in lines
        if not any(needle in line for needle in needles) or not subject.mentioned(json.loads(line))
    ]
    if len(kept) == len(lines):
        return data
    return gzip.compress(b"".join(line + b"\n" for line in kept), 1, mtime=0)


def _seen(data: bytes, subject: Subject) -> bytes:
    seen = json.loads(gzip.decompress(data))
    kept = {key: digest for key, digest in seen.items() if not subject.mentioned(key)}
    return data if len(kept) == len(seen) else gzip.compress(json.dumps(kept).encode(), 1, mtime=0)


def _parquet(data: bytes, subject: Subject) -> bytes:
    import pyarrow.parquet as pq

    table = _table(data)
    keep = [not subject.mentioned(_plain(row)) for row in table.to_pylist()]
    if all(keep):
        return data
    out = io.BytesIO()
    pq.write_table(table.filter(keep), out)
    return out.getvalue()


def _table(data: bytes) -> Any:
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(data))


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in gzip.decompress(data).splitlines() if line.strip())


def _plain(row: Any) -> Any:
    """Return a row as JSON would spell it, numbers included: an id may be kept as a number."""
    return json.loads(json.dumps(row, default=str))


def _files(system: Any, root: str, place: str) -> list[str]:
    found = storage.listed(system, root, place)
    return [path for path in sorted(found) if path.endswith((".jsonl.gz", ".parquet", ".json.gz"))]


def _mentions(path: Path, subjects: Sequence[Subject]) -> bool:
    text = storage.read(path).decode("utf-8", errors="replace")
    return any(
        any(needle in text for needle in one.needles) and _text_mentions(text, one) for one in subjects
    )


def _text_mentions(text: str, subject: Subject) -> bool:
    """Whether a file's text concerns the subject; a short id counts where it stands as a value of its own."""
    if subject.mentioned(text):
        return True
    return any(f'"{one}"' in text or f",{one}," in text for one in subject.ids)
