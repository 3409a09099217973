"""A remote system that keeps its own history, and can fail in every way that matters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from customer_health.effects.effect import Effect


class Remote:
    """A destination over an append-only file: what it holds is what really happened, no matter who asks.

    Args:
        folder: Where the history lies; several processes may share it.
        fault: Called before and after the change is made; may raise.
        idempotent: Whether a repeated key replaces instead of adding.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "slack",
        fault: Callable[[str, Effect], None] | None = None,
        *,
        idempotent: bool = False,
    ) -> None:
        self.name = name
        self.idempotent = idempotent
        self.path = folder / f"{name}.history"
        self.fault = fault or (lambda moment, effect: None)
        self.payloads: dict[str, Mapping[str, Any]] = {}

    def find(self, effect: Effect) -> str | None:
        """Look the key up in the history."""
        self.fault("find", effect)
        return effect.key if effect.key in self.history() else None

    def deliver(self, effect: Effect) -> str:
        """Append to the history."""
        self.fault("before", effect)
        self.payloads[effect.key] = effect.payload
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(effect.key) + "\n")
        self.fault("after", effect)
        return effect.key

    def history(self) -> list[str]:
        """Return every key that ever landed, repeats included."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
