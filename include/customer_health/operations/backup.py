"""Back-up and restore of what cannot be computed again: ledger, warehouse, landed files, state, models.

The warehouse's lock is held throughout, so no step of the chain is in the middle of anything; deliveries go
on. The manifest is written last and names every file with its SHA-256: a folder without one is not a back-up,
and a restore touches nothing before every byte has been checked.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from customer_health import __version__, storage
from customer_health.address_faults import asking
from customer_health.errors import ConfigurationError, FatalError
from customer_health.ledger.engine import open_ledger
from customer_health.ledger.ledger_copy import dump_ledger, load_ledger
from customer_health.pipeline.step_result import Result
from customer_health.settings import Settings
from customer_health.warehouse.connect import open_warehouse

MANIFEST = "manifest.json"
FORMAT = 1
WAREHOUSE = "warehouse.duckdb"
FOLDERS = ("landing", "texts", "state", "models", "reports", "company")
"""Folders of CUSTOMER_HEALTH_HOME that are kept. Previews are not: they show what the ledger already says."""
_SCRATCH = ".back-up-"
STORED = ("models", "reports")
"""Those of them that may lie at CUSTOMER_HEALTH_STORAGE instead."""


def back_up(settings: Settings, target: str, *, now: datetime) -> Result:
    """Write a back-up into a new folder below `target`.

    Args:
        settings: Where things are.
        target: A folder, or any fsspec address (s3://bucket/back-ups).
        now: Names the folder.

    Raises:
        ConfigurationError: There is a back-up of this second already, or the warehouse is not a file.
        WarehouseBusyError: A step is at work; the same command works when it has finished.
    """
    place = f"{target.rstrip('/')}/{now:%Y%m%dT%H%M%SZ}"
    system, path = storage.opened(place)
    if storage.listed(system, path, place):
        raise ConfigurationError(f"{place} exists.", hint="Name another folder, or wait a second.")
    ledger = open_ledger(settings.ledger_url)
    with open_warehouse(settings.warehouse_url) as con:
        for left in settings.home.glob(f"{_SCRATCH}*"):  # of one that was killed; we hold the lock now
            shutil.rmtree(left, ignore_errors=True)
        # Beside the warehouse: in a container /tmp is a gigabyte of memory, and a ledger may be larger.
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=settings.home) as made:
            folder = Path(made)
            (folder / "ledger").mkdir()
            con.execute("CHECKPOINT")
            counts = dump_ledger(ledger, folder / "ledger")
            files = {path_: path_.relative_to(folder).as_posix() for path_ in (folder / "ledger").iterdir()}
            files |= {_warehouse_file(settings): WAREHOUSE} | _kept(settings) | _fetched(settings, folder)
            digests = {name: _digest(source) for source, name in files.items()}
            for source, name in files.items():
                storage.put(system, f"{path}/{name}", source, f"{place}/{name}")
    manifest = {
        "format": FORMAT,
        "version": __version__,
        "made_at": now.isoformat(),
        "rows": counts,
        "files": digests,
    }
    text = json.dumps(manifest, indent=1, sort_keys=True).encode()
    storage.put(system, f"{path}/{MANIFEST}", text, f"{place}/{MANIFEST}")
    size, rows = sum(digest["bytes"] for digest in digests.values()), sum(counts.values())
    return Result(
        "Back-up",
        {"files": len(digests), "bytes": size, "ledger_rows": rows},
        (f"{place}: {len(digests)} files, {size / 1e6:,.1f} MB, {rows:,} rows of the ledger.",),
    )


def restore(settings: Settings, source: str) -> Result:
    """Put a back-up where the settings point: an empty home and an empty ledger.

    Raises:
        ConfigurationError: There is something already, or the back-up is of a newer version.
        FatalError: A file is missing or damaged; nothing was changed.
    """
    system, path = storage.opened(source.rstrip("/"))
    manifest = _manifest(system, path, source)
    there = [name for name in (WAREHOUSE, *FOLDERS) if (settings.home / name).exists()]
    if settings.storage:
        there += [
            f"{kind} at {settings.storage}" for kind in STORED if storage.files_below(settings.served[kind])
        ]
    if there:
        raise ConfigurationError(
            f"{settings.home} is not empty: it holds {', '.join(there)}.",
            hint="Move them aside first; a restore overwrites nothing.",
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.home) as made:
        folder = Path(made)
        for name, digest in manifest["files"].items():
            _fetch(system, f"{path}/{name}", folder / name, digest, source)
        counts = load_ledger(open_ledger(settings.ledger_url), folder / "ledger")
        shutil.rmtree(folder / "ledger")
        for part in folder.iterdir():
            if settings.storage and part.name in STORED:
                for file in storage.files_below(part):
                    storage.write(settings.served[part.name] / file.name, storage.read(file.path))
            else:
                part.rename(settings.home / part.name)
    files, rows = len(manifest["files"]), sum(counts.values())
    return Result(
        "Restore",
        {"files": files, "ledger_rows": rows},
        (
            f"{source} of {manifest['made_at']}: {files} files, {rows:,} rows of the ledger.",
            "What was open then may have been sent since: its destination is asked before it is sent again.",
        ),
    )


def _manifest(system: Any, path: str, source: str) -> Mapping[str, Any]:
    try:
        with asking(source):
            manifest: dict[str, Any] = json.loads(system.cat_file(f"{path}/{MANIFEST}"))
    except (OSError, ValueError):
        raise FatalError(
            f"{source} has no readable {MANIFEST}.",
            hint="Name the folder of one back-up. Without a manifest it was never finished: use another.",
        ) from None
    if manifest["format"] > FORMAT:
        raise ConfigurationError(
            f"{source} is of a later version ({manifest['version']}).",
            hint=f"Restore it with that version; this is {__version__}.",
        )
    return manifest


def _fetch(system: Any, path: str, to: Path, digest: Mapping[str, Any], source: str) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with asking(source):
            system.get_file(path, str(to))
        found = _digest(to)["sha256"]
    except FileNotFoundError:
        found = "missing"
    if found != digest["sha256"]:
        raise FatalError(
            f"{path} is {'missing' if found == 'missing' else 'damaged'}; nothing was restored.",
            hint=f"Use a back-up other than {source}.",
        )


def _warehouse_file(settings: Settings) -> Path:
    path = Path(settings.warehouse_url.partition("://")[2].removeprefix("/"))
    if not path.exists():
        raise ConfigurationError(
            f"The warehouse {settings.warehouse_url} is not a file.",
            hint="Only the embedded warehouse is backed up here; another has means of its own.",
        )
    return path


def _kept(settings: Settings) -> dict[Path, str]:
    elsewhere = STORED if settings.storage else ()
    return {
        path: path.relative_to(settings.home).as_posix()
        for name in FOLDERS
        if name not in elsewhere
        for path in sorted((settings.home / name).rglob("*"))
        if path.is_file()
    }


def _fetched(settings: Settings, folder: Path) -> dict[Path, str]:
    """Models and reports at an address, copied into a working folder: what is digested is what is kept."""
    if not settings.storage:
        return {}
    return {
        storage.write(folder / kind / file.name, storage.read(file.path)): f"{kind}/{file.name}"
        for kind in STORED
        for file in storage.files_below(settings.served[kind])
    }


def _digest(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "bytes": path.stat().st_size}
