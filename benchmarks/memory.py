"""How much memory this very process holds.

Not by `getrusage`: its peak begins with that of the process which started this one.
"""

from __future__ import annotations

import threading
from pathlib import Path


def held(name: str) -> float:
    """GB by a line of /proc/self/status: VmHWM is the most ever, RssAnon is now, without mapped files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0]) / 2**20


class Memory:
    """Most memory that this process held, in GB, while the block ran.

    Attributes:
        whole: With mapped files, whose pages the system drops when it needs the room.
        own: Without them, looked at twenty times a second.
    """

    def __enter__(self) -> Memory:
        self.own, self._done = 0.0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()
        self.whole = held("VmHWM")

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self.own = max(self.own, held("RssAnon"))
