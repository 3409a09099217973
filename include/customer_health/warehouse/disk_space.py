"""Stop before the disk is full: a step that begins with too little room would end in the middle."""

from __future__ import annotations

import shutil
from pathlib import Path

from customer_health.store_faults import StoreFullError

LEAST = 200_000_000
"""Bytes that must be free, however small the warehouse is."""

SHARE = 0.1
"""The part of the warehouse's size that must be free: a checkpoint writes changed blocks anew."""


def require_room(path: Path) -> None:
    """Look at the disk under a warehouse that is about to be written.

    Raises:
        StoreFullError: There is too little room; nothing was begun.
    """
    size = path.stat().st_size if path.exists() else 0
    needed = max(LEAST, int(size * SHARE))
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise StoreFullError(
            f"The disk under {path} is nearly full: {free / 1e6:,.0f} MB are free, {needed / 1e6:,.0f} MB are"
            " needed before a step begins. Nothing was begun.",
            hint="Free or add disk space (python -m customer_health retain removes what is old); the next "
            "try goes on.",
        )
