"""Helpers: processes that fit beside a training, from the end of its work, until they meet in the fold store.

A fit depends on nothing but what its key says: a training with helpers makes the same model, bit for bit, as
one without, and one whose helper dies goes on alone. They are programs of their own, because a daemonic
worker of Celery may have no children of `multiprocessing`, and a fork copies the locks of other threads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from threadpoolctl import threadpool_limits

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.model.data.training_data import TrainingData
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.training_work import TrainingWork

LEAST_ROWS = 20_000  # of the panel; below this a helper takes longer to start than it saves
SHARED = 2  # processes where the company file leaves it open: each holds the panel in memory
PERIOD = "/sys/fs/cgroup/cpu.max"
ENDS_WITHIN = 10.0  # seconds
Begin = Callable[[list[str]], None]


def cores(limit: Path = Path(PERIOD)) -> int:
    """How many cores this process may use: those of its affinity, and of its container's quota.

    Args:
        limit: Where a container's quota stands: microseconds of CPU, and of the period, or "max".
    """
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = limit.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return found
    return found if quota == "max" else max(min(found, int(quota) // int(period)), 1)


def helpers_for(config: ModelConfig, rows: int, available: int) -> int:
    """How many helpers a training gets.

    Args:
        config: `processes` of the company file counts the training itself, and is obeyed.
        rows: Of the panel.
        available: Cores.
    """
    if config.processes:
        return config.processes - 1
    return min(SHARED, available) - 1 if rows >= LEAST_ROWS else 0


@contextmanager
def helpers(
    panel: pd.DataFrame, outcomes: pd.DataFrame, config: CompanyConfig, *, as_of: date, store: FoldStore
) -> Iterator[Begin]:
    """Start the helpers of a training; they read their data, and end with the block.

    Yields:
        To be called with the signals that were refused: only then do they begin to fit.
    """
    count = helpers_for(config.model, len(panel), cores()) if store.folder else 0
    if not count or store.folder is None:
        yield lambda refused: None
        return
    store.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="helpers-", dir=store.folder) as made:
        folder = Path(made)
        hand_over(folder, panel, outcomes, config)
        started = [_start(folder, as_of, number, count, config.model.threads) for number in range(count)]

        def begin(refused: list[str]) -> None:
            for helper in started:
                _tell(helper, refused)

        try:
            # Matrix products of processes with a thread per core each wait for each other: on two cores a
            # training with a helper took 182 s so, and 34 s with one thread each.
            with threadpool_limits(limits=config.model.threads):
                yield begin
        finally:
            for helper in started:
                helper.kill()  # it writes whole files or none
                helper.communicate(timeout=ENDS_WITHIN)


def hand_over(folder: Path, panel: pd.DataFrame, outcomes: pd.DataFrame, config: CompanyConfig) -> None:
    """Write what a helper reads: a folder inside the store's, where its results go."""
    panel.to_parquet(folder / "panel.parquet")
    outcomes.to_parquet(folder / "outcomes.parquet")
    (folder / "config.json").write_text(config.model_dump_json(), encoding="utf-8")


def _start(folder: Path, as_of: date, number: int, count: int, threads: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder), as_of.isoformat(), str(number), str(count)],
        stdin=subprocess.PIPE,
        text=True,
        env=environment(threads),
    )


def environment(threads: int) -> dict[str, str]:
    """A helper has to find what this process found, however it was put on the path, and as few threads."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return {**os.environ, **limits, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _tell(helper: subprocess.Popen[str], refused: list[str]) -> None:
    assert helper.stdin is not None
    try:
        helper.stdin.write(json.dumps(refused) + "\n")
        helper.stdin.flush()
    except BrokenPipeError:  # it has died, and has said why on its standard error
        return


def help_out(folder: Path, as_of: date, number: int, count: int, refused: Callable[[], list[str]]) -> None:
    """Fit what the training has not come to yet.

    Args:
        folder: Of `hand_over`.
        as_of: The training date.
        number: Of this helper; each takes every `count`-th fit first, and then what the others left.
        count: Of helpers.
        refused: Returns the signals that were refused, once the training knows.
    """
    config = CompanyConfig.model_validate_json((folder / "config.json").read_text(encoding="utf-8"))
    panel, outcomes = (pd.read_parquet(folder / f"{name}.parquet") for name in ("panel", "outcomes"))
    data = TrainingData.of(panel, outcomes, config, as_of=as_of)
    features = data.features.without(config.model.distrusted_signals).without(refused())
    work = TrainingWork(features, config.model, pd.Timestamp(as_of), FoldStore(folder.parent))
    for turn in range(count):
        for stage in work.backwards(data):
            for fit in islice(stage, (number + turn) % count, None, count):
                fit()


def main(arguments: list[str]) -> None:
    """Work until all is done, or until the training has gone: then its end of the pipe is closed."""
    folder, as_of, number, count = arguments
    help_out(Path(folder), date.fromisoformat(as_of), int(number), int(count), _refused)


def _refused() -> list[str]:
    told = sys.stdin.readline()
    if not told:
        os._exit(0)
    threading.Thread(target=_leave_with_the_training, daemon=True).start()
    return list(json.loads(told))


def _leave_with_the_training() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
