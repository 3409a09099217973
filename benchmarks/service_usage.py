"""Memory and CPU of services that run as groups of processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping

import pandas as pd
import psutil

MEBI = 2**20


class Usage:
    """Watches services while the block runs; a service is a session of processes.

    Memory is the proportional set size, which divides shared pages among those who share them, so a sum over
    processes counts nothing twice. CPU includes children that have ended and were waited for.

    Args:
        leaders: Process id of each service's session leader; asked at every look.
        seconds: Between two looks.
    """

    def __init__(self, leaders: Callable[[], Mapping[str, int]], seconds: float = 1.0) -> None:
        self._leaders, self._seconds = leaders, seconds
        self._peaks: dict[str, float] = {}
        self._largest: dict[str, float] = {}
        self._all = 0.0
        self._done = threading.Event()

    def __enter__(self) -> Usage:
        self._before = self._cpu()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()
        after = self._cpu()
        self._spent = {name: after[name] - self._before.get(name, 0.0) for name in after}

    def table(self) -> pd.DataFrame:
        """Return CPU seconds, and the peak in MB of a service's processes together and of its largest one."""
        rows = [
            {
                "service": name,
                "cpu_s": self._spent.get(name, float("nan")),
                "peak_mb": peak,
                "largest_process_mb": self._largest[name],
            }
            for name, peak in self._peaks.items()
        ]
        return pd.DataFrame(rows, columns=["service", "cpu_s", "peak_mb", "largest_process_mb"])

    @property
    def peak_of_all(self) -> float:
        """MB of all services at the moment when they held most."""
        return self._all

    def _look(self) -> None:
        while not self._done.wait(self._seconds):
            together = 0.0
            for name, processes in self._processes().items():
                sizes = list(_sizes(processes))
                now = sum(shared for shared, _ in sizes)
                together += now
                self._peaks[name] = max(self._peaks.get(name, 0.0), now)
                # The kernel's own high-water mark, which a look between two peaks does not miss.
                most = max((peak for _, peak in sizes), default=0.0)
                self._largest[name] = max(self._largest.get(name, 0.0), most)
            self._all = max(self._all, together)

    def _processes(self) -> dict[str, list[psutil.Process]]:
        leaders = {leader: name for name, leader in self._leaders().items()}
        found: dict[str, list[psutil.Process]] = {name: [] for name in leaders.values()}
        for process in psutil.process_iter():
            try:
                name = leaders.get(os.getsid(process.pid))
            except OSError:
                continue
            if name is not None:
                found[name].append(process)
        return found

    def _cpu(self) -> dict[str, float]:
        spent = {}
        for name, processes in self._processes().items():
            spent[name] = sum(_seconds(processes))
        return spent


def _seconds(processes: Iterable[psutil.Process]) -> Iterable[float]:
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        yield times.user + times.system + times.children_user + times.children_system


def _sizes(processes: Iterable[psutil.Process]) -> Iterable[tuple[float, float]]:
    """Yield (proportional set size, highest resident size ever) in MB."""
    for process in processes:
        try:
            shared = process.memory_full_info().pss / MEBI
            with open(f"/proc/{process.pid}/status", encoding="ascii", errors="replace") as status:
                peak = next((line for line in status if line.startswith("VmHWM:")), "VmHWM: 0 kB")
        except (psutil.Error, OSError):
            continue
        yield shared, int(peak.split()[1]) / 1024
