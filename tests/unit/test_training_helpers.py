"""A training with helpers is the training without them: the same model to the last bit, in less time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.lib.model_worlds import CONFIG, MONTHS, SIZE, make_world, trained
from threadpoolctl import threadpool_info, threadpool_limits

from customer_health.company import CompanyConfig, ModelConfig
from customer_health.model import training_helpers
from customer_health.model.evaluation.fold_store import FoldStore
from customer_health.model.reports.training_report import Training
from customer_health.model.training import train
from customer_health.model.training_helpers import (
    LEAST_ROWS,
    cores,
    hand_over,
    help_out,
    helpers,
    helpers_for,
)

WITHIN = 120.0  # seconds for a process to start, or to notice that it is alone


def with_processes(count: int) -> CompanyConfig:
    return CONFIG.model_copy(update={"model": CONFIG.model.model_copy(update={"processes": count})})


def kept_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def everything(training: Training) -> str:
    """Every number and every file of a training, as text that tells the last bits apart."""
    champion, evaluation = training.champion, training.evaluation
    assert champion is not None
    assert champion.health is not None
    heads = {**champion.heads, **champion.others, "health": champion.health, "decision": champion.decision}
    files = {name: head.to_files() for name, head in heads.items() if head is not None}
    tables = [getattr(evaluation, name) for name in ("folds", "overall", "comparisons", "predictions")]
    return repr([training.model_id, training.summary(), files, [table.to_dict() for table in tables]])


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + WITHIN
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def test_what_helpers_have_fitted_makes_the_same_model_to_the_last_bit(tmp_path: Path) -> None:
    world, store, files = make_world(SIZE, MONTHS, seed=1), FoldStore(tmp_path), tmp_path / "helpers"
    files.mkdir()
    hand_over(files, world.panel, world.outcomes, CONFIG)
    help_out(files, world.as_of, 0, 2, list)  # it finds nobody else, and so does the work of both
    fitted = kept_in(tmp_path)

    helped = train(world.panel, world.outcomes, with_processes(1), as_of=world.as_of, store=store)

    assert everything(helped) == everything(trained())
    assert store.hits >= len(store.used), "the training fits nothing that a helper has fitted"
    assert kept_in(tmp_path) == fitted


def test_a_helper_is_a_process_that_ends_with_its_training(tmp_path: Path) -> None:
    world, store = make_world(60, 14, seed=1), FoldStore(tmp_path)
    with helpers(world.panel, world.outcomes, with_processes(2), as_of=world.as_of, store=store) as begin:
        (folder,) = tmp_path.glob("helpers-*")
        begin([])
        until(lambda: list(tmp_path.glob("*.npy")))
    assert not folder.exists()
    command = [sys.executable, "-m", training_helpers.__name__, str(tmp_path), "2026-01-01", "0", "1"]
    hand_over(tmp_path, world.panel, world.outcomes, CONFIG)
    lonely = subprocess.Popen(command, stdin=subprocess.PIPE, env=training_helpers.environment(threads=1))
    assert lonely.stdin is not None
    lonely.stdin.close()  # as if the training had been killed
    assert lonely.wait(WITHIN) == 0


def test_what_a_killed_training_left_goes_with_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "helpers-old").mkdir()
    (tmp_path / "helpers-old" / "panel.parquet").write_bytes(b"rows of customers")
    (tmp_path / "logistic-1.77.partial").write_bytes(b"half")
    store = FoldStore(tmp_path)
    store.text("logistic-2", lambda: "whole")

    store.prune()

    assert list(kept_in(tmp_path)) == ["logistic-2.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["logistic-2.txt"]


def test_a_helper_that_dies_costs_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(5, 2, seed=1)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    asked = with_processes(3)
    with helpers(world.panel, world.outcomes, asked, as_of=world.as_of, store=FoldStore(tmp_path)) as begin:
        time.sleep(0.2)
        begin(["usage_delta_28d"])


def test_the_company_file_counts_processes_else_a_large_company_gets_two_where_there_are_cores() -> None:
    open_question = ModelConfig()
    assert [helpers_for(open_question, LEAST_ROWS, available) for available in (1, 2, 16)] == [0, 1, 1]
    assert helpers_for(open_question, LEAST_ROWS - 1, 16) == 0
    assert [helpers_for(ModelConfig(processes=count), 1, 1) for count in (1, 4)] == [0, 3]


def test_a_container_has_the_cores_of_its_quota(tmp_path: Path) -> None:
    limit = tmp_path / "cpu.max"
    alone = cores(tmp_path / "none")
    assert alone >= 1
    for written, expected in (("max 100000\n", alone), ("100000 100000\n", 1), ("50000 100000\n", 1)):
        limit.write_text(written, encoding="ascii")
        assert cores(limit) == expected


def test_a_training_with_helpers_and_its_helpers_compute_with_one_thread_each(tmp_path: Path):
    """Two processes with a thread per core each took five times as long as with one thread each."""
    world = make_world(60, 24, seed=2)
    config = CompanyConfig()
    config = config.model_copy(update={"model": config.model.model_copy(update={"processes": 2})})
    given = training_helpers.environment(config.model.threads)
    assert {given[name] for name in given if name.endswith("_NUM_THREADS")} == {"1"}
    with threadpool_limits(limits=2):
        assert 2 in {pool["num_threads"] for pool in threadpool_info()}
        with helpers(world.panel, world.outcomes, config, as_of=world.as_of, store=FoldStore(tmp_path)):
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
