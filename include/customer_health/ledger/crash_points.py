"""Named places at which a process may die; tests kill it there, production passes through."""

from __future__ import annotations

from collections.abc import Callable

# Every place where dying leaves something half done. A test kills a process at each of them.
CRASH_POINTS = (
    "publish_before_commit",
    "publish_after_commit",
    "run_before_commit",
    "run_after_commit",
    "after_claim",
    "before_send",
    "after_send",
    "after_settle",
    "preview_before_rename",
    "preview_after_rename",
)

_armed: Callable[[str], None] | None = None


def arm(action: Callable[[str], None] | None) -> None:
    """Have `action(name)` called at every crash point of this process; None disarms."""
    global _armed  # one process, one saboteur
    _armed = action


def crash_point(name: str) -> None:
    """Mark a place at which a crash must do no harm. Does nothing unless a test armed it."""
    if _armed is not None:
        _armed(name)
