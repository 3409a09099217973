"""The image itself: built, brought up by compose, broken on purpose and brought back, where an engine is.

One story, as in test_processes.py: two workers, of which only one has the volume; the other one is a project
of its own, as on another host, and has a disk of 260 MB. What docs/production.md and docs/runbook.md tell a
user to type is typed here.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from customer_health_airflow.dag_names import POOLS, WAREHOUSE_POOL
from tests.image.container_story import PROJECT, TAG, Story
from tests.image.containers import Containers, engine

CHAIN = ("ingest_sources", "build_signals", "score_accounts", "run_playbooks", "deliver_effects")
NEXT_TAG, NEXT_VERSION = f"{TAG}-next", "9.9.9"
PARTS = ("apiserver", "scheduler", "dag-processor", "triggerer", "worker", "cleanup")
STAYING = ("postgres", "redis", *(f"airflow-{part}" for part in PARTS))
COUNTS = "SELECT (SELECT count(*) FROM scores), (SELECT count(*) FROM outbox)"

pytestmark = [
    pytest.mark.skipif(
        not engine(), reason="no container engine with compose; test_processes.py runs the same files"
    ),
    pytest.mark.timeout(5400),
]


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Build, start both hosts, kill the worker that has the warehouse, let the chain end; remove it all."""
    with tempfile.TemporaryDirectory(prefix="customer-health-containers-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        company = {"name": "Small Ltd", "simulator": {"accounts": 150}}
        (folder / "company.yaml").write_text(yaml.safe_dump(company))
        story = Story(folder)
        try:
            story.here.compose("build", "airflow-worker", timeout=1800)
            # The worker that has the warehouse comes last, or the chain ends before it can be killed in it.
            story.here.up(*(f"airflow-{part}" for part in PARTS if part != "worker"))
            # docs/production.md, for another host
            story.elsewhere.compose("up", "--detach", "--wait", "--no-deps", "airflow-worker", timeout=600)
            story.here.compose("up", "--detach", "airflow-worker", timeout=300)
            story.here.until("the warehouse is in use", story.running, within=300)
            # As when memory ran out: the container ends by itself, and is started again.
            story.here.inside("airflow-worker", "sh", "-c", "kill -9 -1", expected=None)
            story.here.up()
            story.here.until("the chain has ended", story.ended, within=1200)
            yield story
        except BaseException:
            print(story.here.compose("logs", "--tail", "60", timeout=120, expected=None))
            raise
        finally:
            story.elsewhere.down()
            story.here.down()


def test_the_chain_began_by_itself_and_ended(story: Story) -> None:
    assert set(CHAIN) <= {task[0] for task in story.tasks if task[3] == "success"}


def test_the_task_whose_worker_was_killed_was_done_by_its_next_try(story: Story) -> None:
    dag, task, index, _, tried, _ = story.killed
    found = {tuple(one[:3]): (one[3], int(one[4])) for one in story.tasks}
    state, tries = found[(dag, task, index)]
    assert state == "success"
    assert tries > int(tried)
    assert story.here.containers()["airflow-worker"]["RestartCount"] == 1


def test_every_account_has_one_score_and_no_effect_was_delivered_twice(story: Story) -> None:
    [[scores, accounts]] = story.here.rows(
        "SELECT count(*), count(DISTINCT account_id) FROM scores", database="ledger"
    )
    assert int(scores) == int(accounts) > 100
    states = story.effects()
    assert states["delivered"] > 10
    assert set(states) <= {"delivered", "awaiting_approval", "pending"}
    twice = story.here.rows(
        "SELECT key FROM deliveries WHERE event = 'delivered' GROUP BY 1 HAVING count(*) > 1",
        database="ledger",
    )
    assert twice == []


def test_the_other_host_delivered_and_its_disk_holds_no_warehouse(story: Story) -> None:
    there = story.elsewhere.inside("airflow-worker", "ls", "/data").split()
    assert "warehouse.duckdb" not in there
    assert "succeeded in" in story.elsewhere.compose("logs", "airflow-worker", timeout=60)
    assert {task[5] for task in story.tasks if task[1] in ("load", "check_quality", "build", "score")} == {
        "warehouse"
    }


def test_every_container_is_healthy_and_contained(story: Story) -> None:
    found = story.here.containers()
    for name in STAYING:
        story.here.until(
            f"{name} is healthy",
            lambda name=name: story.here.containers()[name]["State"]["Health"]["Status"] == "healthy",
            within=300,
        )
        assert found[name]["RestartCount"] == int(name == "airflow-worker"), name
        settings = found[name]["HostConfig"]
        assert settings["SecurityOpt"] == ["no-new-privileges:true"]
        assert settings["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}
        if name.startswith("airflow"):
            assert settings["ReadonlyRootfs"]
            assert settings["CapDrop"] == ["ALL"]
            assert settings["PidsLimit"] == 512
            assert settings["Memory"] >= 512 * 2**20
    seen = story.here.inside(
        "airflow-worker", "sh", "-c", "grep -h Cap /proc/self/status; touch /opt/airflow/x", expected=1
    )
    assert seen.count("0000000000000000") == 5
    assert "Read-only file system" in seen


def test_the_doctor_answers_in_the_worker(story: Story) -> None:
    said = story.here.command("doctor", expected=None)
    assert "Every destination is ready" in said
    assert "The ledger answers" in said


def test_a_full_disk_is_noticed_before_a_step_writes_and_room_heals_it(story: Story) -> None:
    """On the other host's small volume, with a ledger of its own, so that nothing of the chain is touched."""
    night = ("python", "-m", "customer_health", "ingest")
    options = ("--no-TTY", "--env", "CUSTOMER_HEALTH_LEDGER_URL=sqlite:////data/own.db", "airflow-worker")
    elsewhere = story.elsewhere
    elsewhere.inside("airflow-worker", "dd", "if=/dev/zero", "of=/data/filler", "bs=1M", "count=120")
    said = elsewhere.compose("exec", *options, *night, timeout=300, expected=75)
    assert "nearly full" in said
    assert "Nothing was begun" in said
    elsewhere.compose("exec", *options, "python", "-m", "customer_health", "retain", timeout=300)
    elsewhere.inside("airflow-worker", "rm", "/data/filler")
    elsewhere.compose("exec", *options, *night, timeout=600)


def test_a_back_up_is_restored_into_empty_volumes(story: Story, tmp_path: Path) -> None:
    """The commands of docs/production.md: back up, take the volumes away, restore before the first start."""
    tmp_path.chmod(0o777)
    for parent in (tmp_path.parent, tmp_path.parent.parent):
        parent.chmod(0o755)
    folder = (
        "--volume",
        f"{tmp_path}:/back-ups",
        "--entrypoint",
        "python -m customer_health",
        "airflow-worker",
    )
    said = story.here.compose("run", "--rm", "--no-deps", *folder, "back-up", "/back-ups", timeout=300)
    assert "rows of the ledger" in said
    [made] = tmp_path.iterdir()

    other = Containers(f"{PROJECT}-restored", tmp_path.parent, story.variables, {})
    try:
        other.up("postgres")
        other.compose("run", "--rm", "--no-deps", *folder, "restore", f"/back-ups/{made.name}", timeout=300)
        assert other.rows(COUNTS, database="ledger") == story.here.rows(COUNTS, database="ledger")
        again = other.compose(
            "run", "--rm", "--no-deps", *folder, "restore", f"/back-ups/{made.name}", timeout=300, expected=2
        )
        assert "is not empty" in again
    finally:
        other.down()


def test_after_redis_and_postgres_were_stopped_everything_works_again(story: Story) -> None:
    here = story.here
    here.compose("kill", "redis", "postgres", timeout=60)
    here.until("the page has noticed", lambda: not story.airflow.healthy(), within=120)
    here.compose("start", "postgres", "redis", timeout=120)
    here.until("all parts are healthy again", story.airflow.healthy, within=600)
    before = story.effects()
    story.again("score_accounts", "score")
    assert story.effects() == before


def test_a_worker_whose_network_was_cut_goes_on_when_it_is_back(story: Story) -> None:
    network, worker = f"{PROJECT}_default", f"{PROJECT}-airflow-worker-1"
    _engine("network", "disconnect", network, worker)
    try:
        assert "does not answer" in story.here.command("doctor", expected=None)
    finally:
        _engine("network", "connect", "--alias", "airflow-worker", network, worker)
    story.again("score_accounts", "score")


def test_a_stopped_scheduler_is_seen_from_outside_and_started_again(story: Story) -> None:
    story.here.compose("stop", "airflow-scheduler", timeout=120)
    story.here.until("the page says so", lambda: not story.airflow.healthy(), within=120)
    story.here.compose("start", "airflow-scheduler", timeout=60)
    story.here.until("all parts are healthy again", story.airflow.healthy, within=300)


def test_a_new_version_keeps_what_was_there(story: Story) -> None:
    """The last test: it puts other containers in the place of all."""
    change = f"FROM customer-health:{TAG}\nRUN sed -i 's/^__version__.*/__version__ = \"{NEXT_VERSION}\"/'"
    change += " include/customer_health/__init__.py\n"
    _engine("build", "--tag", f"customer-health:{NEXT_TAG}", "-", given=change)
    larger = {"pool": WAREHOUSE_POOL, "slots": 3, "description": "", "include_deferred": False}
    story.airflow.call("PATCH", f"/api/v2/pools/{WAREHOUSE_POOL}", larger)
    before = story.here.rows(COUNTS, database="ledger")
    story.here.set_variables(story.variables | {"TAG": NEXT_TAG})
    story.here.up()
    version = story.here.inside(
        "airflow-worker", "python", "-c", "import customer_health; print(customer_health.__version__)"
    )
    assert version.strip() == NEXT_VERSION
    assert story.here.rows(COUNTS, database="ledger") == before
    assert "warehouse.duckdb" in story.here.inside("airflow-worker", "ls", "/data")
    pools = {
        pool["name"]: pool["slots"] for pool in story.airflow.call("GET", "/api/v2/pools?limit=100")["pools"]
    }
    assert pools[WAREHOUSE_POOL] == 3
    assert set(POOLS) <= set(pools)
    story.again("score_accounts", "score")


def _engine(*words: str, given: str | None = None) -> None:
    subprocess.run(["docker", *words], input=given, text=True, capture_output=True, check=True, timeout=300)
